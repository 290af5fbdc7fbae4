#!/usr/bin/env python3
"""Traffic for more than a worker can take, and whether every packet of it is in one counter.

`overload.py --write OUT.cfg CAPTURE...` makes a configuration of trafgen: each round has the packets of the captures, and some of each other kind.
`overload.py PAGE SENT` holds a metrics page against how many packets came to the interface, once workers have read what waits for them. Prints what
became of them, and each difference; exit 1 if any.
"""

import argparse
import struct
import sys
from pathlib import Path

import frames
import sums

ETHERNET = b"\x02\0\0\0\0\x02" + b"\x02\0\0\0\0\x01"


def ip(protocol: int, payload: bytes, source: int, fragment: int = 0) -> bytes:
    header = bytearray(struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 7, fragment, 64, protocol, 0, bytes([192, 0, 2, source]), bytes([198, 51, 100, 9])))
    struct.pack_into(">H", header, 10, frames.internet_sum(bytes(header)))
    return bytes(header) + payload


def others() -> list[bytes]:
    """One of each kind that is not a segment of a mail connection."""
    tcp = struct.pack(">HHIIBBHHH", 40_000, 25, 1, 0, 0x50, 0x10, 1024, 0, 0)
    ipv4 = ETHERNET + b"\x08\x00"
    impossible = bytearray(ip(6, tcp, 5))
    impossible[0] = 0x43
    return [
        ETHERNET + b"\x08\x06" + bytes(46),
        ipv4 + ip(17, bytes(26), 1),
        ipv4 + ip(6, b"\x1f\x90\x00\x50" + tcp[4:], 2) + bytes(6),
        # A first fragment, and a later one of another packet.
        ipv4 + ip(6, tcp + bytes(12), 3, 0x2000),
        ipv4 + ip(6, bytes(32), 4, 0x0040),
        ipv4 + bytes(impossible) + bytes(6),
        ETHERNET + b"\x81\x00\x00\x05" * 20 + b"\x08\x00" + ip(6, tcp, 6),
    ]


def write(out: str, captures: list[str]) -> None:
    played = [packet.frame() for capture in captures for packet in frames.read(capture)]
    some = others()
    every = max(1, len(played) // len(some))
    rows = []
    for at, frame in enumerate(played):
        rows.append(frame)
        if at % every == 0 and some:
            rows.append(some.pop())
    rows.extend(some)
    Path(out).write_text("".join("{" + ",".join(f"0x{octet:02x}" for octet in frame) + "}\n" for frame in rows))
    print(len(rows))


def check(page: str, sent: int) -> int:
    metrics = sums.page(Path(page).read_text())

    def total(name: str, **labels: str) -> float:
        if name not in metrics:
            raise SystemExit(f"{name} is not on the page")
        return sum(number for of, number in metrics[name] if all(of.get(key) == value for key, value in labels.items()))

    verdicts = {of["verdict"]: total("writ_xdp_packets_total", verdict=of["verdict"]) for of, _ in metrics["writ_xdp_packets_total"]}
    up = verdicts["mail_redirected"] + verdicts["fragment_redirected"]
    lost = {of["cause"]: total("writ_queue_lost_packets_total", cause=of["cause"]) for of, _ in metrics["writ_queue_lost_packets_total"]}
    read = total("writ_queue_packets_total")
    inbox = total("writ_lost_packets_total", cause="inbox_full") + total("writ_lost_packets_total", cause="given_up")
    expected = [
        ("the program's verdicts", sum(verdicts.values()), sent),
        ("what workers read and lost at their inboxes", total("writ_frames_total") + inbox, read),
        ("packets read and lost at queues", read + sum(lost.values()), up),
    ]
    wrong = [f"{what}: {found:.0f}, {wanted:.0f} expected" for what, found, wanted in expected if found != wanted]
    tell = {**{name: number for name, number in verdicts.items() if number}, **{f"lost by {cause}": number for cause, number in lost.items() if number}}
    tell |= {"read": read, "inbox_full": inbox, "carried": total("writ_frames_carried_total")}
    print(f"{sent} packets: " + ", ".join(f"{name} {number:.0f}" for name, number in tell.items()))
    print("\n".join([*wrong, f"{len(expected)} sums, {len(wrong)} differences"]))
    return len(wrong)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--write", action="store_true")
    options.add_argument("found")
    options.add_argument("rest", nargs="+")
    chosen = options.parse_args()
    if chosen.write:
        write(chosen.found, chosen.rest)
        return 0
    return 1 if check(chosen.found, int(chosen.rest[0])) else 0


if __name__ == "__main__":
    sys.exit(main())
