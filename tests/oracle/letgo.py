#!/usr/bin/env python3
"""Holds a metrics page against encrypted sessions that were let go: `letgo.py PAGE CAPTURE...`, or, with --told, the PDUs in JSON
against what followed of a session. Prints each difference; exit 1 if any.

Each capture is one whole session that no warrant wants, without retransmissions.
"""

import argparse
import json
import sys
from pathlib import Path

import frames
import sums


def totals(page: str, captures: list[str]) -> int:
    metrics = sums.page(Path(page).read_text())

    def total(name: str, **labels: str) -> float:
        return sum(number for of, number in metrics[name] if all(of.get(key) == value for key, value in labels.items()))

    packets = [packet for capture in captures for packet in frames.read(capture)]
    up, aside = (total("writ_xdp_packets_total", verdict=verdict) for verdict in ("mail_redirected", "let_go"))
    octets = sum(total("writ_xdp_bytes_total", verdict=verdict) for verdict in ("mail_redirected", "let_go"))
    streams = total("writ_stream_bytes_total", outcome="delivered") + total("writ_let_go_stream_bytes_total")
    closed = total("writ_flows_closed_total", how="fin") + total("writ_flows_closed_total", how="reset")
    expected = {
        ("packets", sum(number for _, number in metrics["writ_xdp_packets_total"])): len(packets),
        ("packets, up and let go", up + aside): len(packets),
        ("octets", octets): sum(len(packet.frame()) for packet in packets),
        ("packets read", total("writ_queue_packets_total")): up,
        ("segments", total("writ_frames_total", **{"class": "segment"})): up,
        ("sessions let go", total("writ_flows_let_go_total")): len(captures),
        ("packets that came back with them", total("writ_let_go_packets_total")): aside,
        ("octets of streams", streams): sum(len(packet.payload) for packet in packets),
        ("sessions over", closed): len(captures),
        ("gaps", total("writ_stream_gaps_total")): 0,
        ("failures", total("writ_let_go_failures_total")): 0,
    }
    wrong = [f"{what}: {found:.0f}, sent {wanted}" for (what, found), wanted in expected.items() if found != wanted]
    # A session's first packets are read, and its end: about half of these.
    if aside < len(packets) / 3:
        wrong.append(f"of {len(packets)} packets only {aside:.0f} were let go")
    print("\n".join([*wrong, f"{aside:.0f} of {len(packets)} packets let go, {len(expected) + 1} sums, {len(wrong)} differences"]))
    return len(wrong)


def found(value: object, name: str) -> list:
    """All that stands under a name, however deep."""
    if isinstance(value, dict):
        return [inner for key, inner in value.items() if key == name] + [one for inner in value.values() for one in found(inner, name)]
    if isinstance(value, list):
        return [one for inner in value for one in found(inner, name)]
    return []


def told(pdus: str, capture: str) -> int:
    packets = frames.read(capture)
    client = packets[0].addresses[0]
    sent = {end: sum(len(packet.payload) for packet in packets if (packet.addresses[0] == client) == end) for end in (True, False)}
    lines = [json.loads(line) for line in Path(pdus).read_text().splitlines()]
    octets = [(found(line, "client-Octets-Sent"), found(line, "server-Octets-Sent")) for line in lines]
    ends = [(client[0], server[0]) for client, server in octets if client and server and (client[0] or server[0])]
    if ends != [(sent[True], sent[False])]:
        print(f"octets told {ends}, followed {[(sent[True], sent[False])]}")
        return 1
    print(f"octets told {ends[0]}")
    return 0


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--told", action="store_true")
    options.add_argument("found")
    options.add_argument("captures", nargs="+")
    chosen = options.parse_args()
    return 1 if (told(chosen.found, chosen.captures[0]) if chosen.told else totals(chosen.found, chosen.captures)) else 0


if __name__ == "__main__":
    sys.exit(main())
