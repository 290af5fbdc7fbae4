#!/usr/bin/env python3
"""Holds a metrics page against what was sent: `sums.py PAGE WARRANTS.toml CAPTURE... [--other N]`. Prints each difference; exit 1 if any.

Every packet of the captures was played once, each a mail port's; N packets besides were not mail.
"""

import argparse
import collections
import re
import sys
from pathlib import Path

import events
import frames


def page(text: str) -> dict[str, list[tuple[dict, float]]]:
    """Prometheus' text format: name -> samples."""
    found = collections.defaultdict(list)
    for line in text.splitlines():
        match = re.fullmatch(r"([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)", line)
        if match:
            found[match[1]].append((dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match[2] or "")), float(match[3])))
    return found


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("page")
    options.add_argument("warrants")
    options.add_argument("captures", nargs="+")
    options.add_argument("--other", type=int, default=0)
    chosen = options.parse_args()
    metrics = page(Path(chosen.page).read_text())

    def total(name: str, **labels: str) -> float:
        if name not in metrics:
            raise SystemExit(f"{name} is not on the page")
        return sum(number for of, number in metrics[name] if all(of.get(key) == value for key, value in labels.items()))

    packets = [packet for capture in chosen.captures for packet in frames.read(capture)]
    warrants = events.load(chosen.warrants)
    sessions = [session for capture in chosen.captures for session, _ in events.sessions(events.lines(capture))]
    lines = [line for capture in chosen.captures for line in events.lines(capture) if line["kind"] == "message"]
    due = [record for record in events.due(warrants, chosen.captures) if not record.get("optional")]
    logins = [login for session in sessions for login in session["auth"]]
    # How soon a worker lets an encrypted session go depends on how soon it is given its packets.
    up = total("writ_xdp_packets_total", verdict="mail_redirected")
    expected = {
        ("mail packets", up + total("writ_xdp_packets_total", verdict="let_go")): len(packets),
        ("mail octets", sum(total("writ_xdp_bytes_total", verdict=verdict) for verdict in ("mail_redirected", "let_go"))): sum(
            len(packet.frame()) for packet in packets
        ),
        ("other packets dropped", total("writ_xdp_packets_total", verdict="other_dropped")): chosen.other,
        ("packets read", total("writ_queue_packets_total")): up,
        ("packets lost in queues", total("writ_queue_lost_packets_total")): 0,
        ("segments", total("writ_frames_total", **{"class": "segment"})): up,
        ("sessions", total("writ_sessions_total", protocol="smtp")): len(sessions),
        ("sessions encrypted from the start", total("writ_encrypted_sessions_total", how="smtps")): sum(one["starttls"] == "implicit" for one in sessions),
        ("sessions encrypted by STARTTLS", total("writ_encrypted_sessions_total", how="starttls")): sum(isinstance(one["starttls"], int) for one in sessions),
        ("messages accepted", total("writ_messages_total", outcome="accepted")): sum(line["accepted"] for line in lines),
        ("messages refused", total("writ_messages_total", outcome="refused")): sum(not line["accepted"] for line in lines),
        ("logins accepted", total("writ_logins_total", outcome="accepted")): sum(login["result"] == "succeeded" for login in logins),
        ("PDUs lost", total("writ_lost_pdus_total")): 0,
        ("records lost", total("writ_lost_records_total")): 0,
    }
    wrong = 0
    for (what, found), wanted in expected.items():
        if found != wanted:
            wrong += 1
            print(f"{what}: {found:.0f}, sent {wanted}")
    # Optional records may stand beside the due ones.
    if total("writ_pdus_total", kind="iri") < len(due):
        wrong += 1
        print(f"IRI PDUs: {total('writ_pdus_total', kind='iri'):.0f}, due {len(due)}")
    people = {key for warrant in warrants for key in warrant.emails | warrant.logins} | {warrant.liid for warrant in warrants}
    text = Path(chosen.page).read_text().lower()
    named = sum(1 for name in people if name.lower() in text)
    if named:
        wrong += 1
        print(f"{named} targets or LIIDs are named on the page")
    print(f"{len(expected) + 2} sums, {wrong} differences")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
