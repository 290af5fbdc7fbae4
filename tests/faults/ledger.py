"""What arrived: each PDU once, every sequence from 0 without a gap, no number twice for different PDUs."""

import re
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "oracle"))
import ber  # noqa: E402

# The choices of `Payload` and, in `tRIPayload`, what has a number of HI3's sequence.
IRI, CC, TRI, ENCRYPTED = 0, 1, 2, 4
SEGMENT_FLAGS = (5, 6)


@dataclass
class Arrived:
    """What a store holds."""

    distinct: int
    twice: int
    gaps: int
    reused: int


def pdus(octets: bytes) -> list[bytes]:
    """The PDUs of a store, one after the other."""
    found, at = [], 0
    while at < len(octets):
        length, head = octets[at + 1], 2
        if length & 0x80:
            head += length & 0x7F
            length = int.from_bytes(octets[at + 2 : at + head], "big")
        found.append(octets[at : at + head + length])
        at += head + length
    return found


def identity(pdu: bytes) -> tuple:
    """LIID, CIN, interface and number; the interface is None where it is encrypted."""
    header, payload = ber.values(pdu)[0].parts()
    fields = {part.tag: part for part in header.parts()}
    communication = {part.tag: part for part in fields[3].parts()}
    cin = communication[1].number() if 1 in communication else None
    kind = payload.only()
    is_hi3 = kind.tag == CC or kind.tag == TRI and kind.only().tag in SEGMENT_FLAGS
    interface = None if kind.tag == ENCRYPTED else "hi3" if is_hi3 else "hi2"
    return fields[1].octets, cin, interface, fields[4].number()


def stored(store: Path) -> list[bytes]:
    file = store / "pdus.etsi"
    return pdus(file.read_bytes()) if file.exists() else []


def events(store: Path) -> Counter:
    """How many PDUs, of those that differ, have the content of each event."""
    return Counter(name.decode() for pdu in set(stored(store)) for name in re.findall(rb"EVENT-([0-9]+-[0-9]+);", pdu))


def arrived(store: Path) -> Arrived:
    everything = stored(store)
    distinct = set(everything)
    identities = [identity(pdu) for pdu in distinct]
    # Where some are encrypted, the two sequences of a communication cannot be told apart: they are looked at together.
    sequences = 2 if any(interface is None for _, _, interface, _ in identities) else 1
    numbers: dict[tuple, Counter] = defaultdict(Counter)
    for liid, cin, interface, number in identities:
        if cin is not None:
            numbers[liid, cin, interface if sequences == 1 else None][number] += 1
    gaps = reused = 0
    for found in numbers.values():
        # Without a gap there are as many PDUs of each number as there are sequences that come so far.
        counts = [found[number] for number in range(max(found) + 1)]
        gaps += sum(max(after - before, 0) for before, after in zip([sequences, *counts], counts)) + counts.count(0)
        reused += sum(max(count - sequences, 0) for count in counts)
    return Arrived(len(distinct), len(everything) - len(distinct), gaps, reused)
