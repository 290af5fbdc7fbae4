#!/usr/bin/env python3
"""The same session as another tap would have seen it: `mutate.py KIND IN.pcap OUT.pcap [--seed N]`. KINDS says what each does to it."""

import argparse
import random
import struct
from dataclasses import replace
from pathlib import Path

import frames
from frames import Packet

SYN, FIN, RST = 2, 1, 4
KINDS = {}


def kind(function):
    KINDS[function.__name__.replace("_", "-")] = function
    return function


def timed(packets: list[Packet], order: list[Packet]) -> list[Packet]:
    """The packets in another order, at the times of the old one."""
    times = sorted(packet.time for packet in packets)
    if len(order) != len(packets):
        times = [times[min(len(times) - 1, at * len(times) // len(order))] for at in range(len(order))]
    return [replace(packet, time=time) for packet, time in zip(order, times)]


# The same octets of TCP in other packets: nothing that is handed over may change but times.


@kind
def reorder(packets: list[Packet], chance: random.Random) -> list[Packet]:
    """Runs of packets of one direction, in any order."""
    out, run = [], []
    for packet in packets:
        if run and (packet.direction != run[-1].direction or packet.flags & (SYN | FIN | RST) or len(run) > 12):
            chance.shuffle(run)
            out += run
            run = []
        if packet.flags & (SYN | FIN | RST):
            out.append(packet)
        else:
            run.append(packet)
    chance.shuffle(run)
    return timed(packets, out + run)


@kind
def shuffle(packets: list[Packet], chance: random.Random) -> list[Packet]:
    """Both directions: after the handshake, each packet up to three places from where it was, as two taps joined together give."""
    out, flows = [], {}
    keyed = []
    for at, packet in enumerate(packets):
        flows[packet.flow] = flows.get(packet.flow, 0) + 1
        # Handshakes stay, and so does the end: a new connection may use the same ports after it.
        fixed = flows[packet.flow] <= 3 or packet.flags & (FIN | RST)
        keyed.append((at if fixed else at + chance.uniform(0, 3), at, packet))
    last = {}
    for place, at, packet in sorted(keyed, key=lambda one: one[:2]):
        out.append(packet)
        last[packet.flow] = place
    return timed(packets, out)


@kind
def duplicate(packets: list[Packet], chance: random.Random) -> list[Packet]:
    """Every packet twice, the second up to four packets later."""
    keyed = [(at, packet) for at, packet in enumerate(packets)]
    keyed += [(at + chance.uniform(0.1, 4), packet) for at, packet in enumerate(packets)]
    return timed(packets, [packet for _, packet in sorted(keyed, key=lambda one: one[0])])


def split(packets: list[Packet], size) -> list[Packet]:
    out = []
    for packet in packets:
        at = 0
        while len(packet.payload) - at > 0:
            piece = packet.payload[at:at + size()]
            last = at + len(piece) == len(packet.payload)
            out.append(packet.segment(packet.sequence + at, piece, packet.flags if last else packet.flags & ~(FIN | RST)))
            at += len(piece)
        if not packet.payload:
            out.append(packet)
    return out


@kind
def one_octet(packets: list[Packet], chance: random.Random) -> list[Packet]:
    """One octet a segment."""
    return split(packets, lambda: 1)


@kind
def small(packets: list[Packet], chance: random.Random) -> list[Packet]:
    """Segments of 1 to 90 octets."""
    return split(packets, lambda: chance.randint(1, 90))


@kind
def overlap(packets: list[Packet], chance: random.Random) -> list[Packet]:
    """Each segment begins with octets that the one before it ended with."""
    out, sent = [], {}
    for packet in split(packets, lambda: chance.randint(20, 400)):
        start, octets = sent.get(packet.direction, (packet.sequence, b""))
        if packet.flags & SYN:
            start, octets = (packet.sequence + 1) & 0xFFFFFFFF, b""
        if packet.payload and (packet.sequence - start) & 0xFFFFFFFF == len(octets):
            back = min(len(octets), chance.randint(0, 120))
            out.append(packet.segment(packet.sequence - back, octets[len(octets) - back:] + packet.payload))
            octets += packet.payload
        else:
            out.append(packet)
        sent[packet.direction] = (start, octets)
    return out


@kind
def wrap(packets: list[Packet], chance: random.Random) -> list[Packet]:
    """Sequence numbers that pass 2^32 a few octets into each direction."""
    shift, out = {}, []
    for packet in packets:
        if packet.flags & SYN or packet.direction not in shift:
            shift[packet.direction] = (0xFFFFFFFF - chance.randint(10, 60) - packet.sequence) & 0xFFFFFFFF
        source, target, ports = packet.direction
        other = shift.get((target, source, ports[2:] + ports[:2]))
        moved = packet.segment(packet.sequence + shift[packet.direction], packet.payload)
        if packet.flags & 16 and other is not None:
            moved = moved.acknowledging(struct.unpack_from(">I", packet.tcp, 8)[0] + other)
        # Selective acknowledgements would still name the old numbers: timestamps and the rest of the options go with them.
        tcp = bytearray(moved.tcp[:20])
        tcp[12] = 5 << 4
        out.append(replace(moved, tcp=bytes(tcp)))
    return out


@kind
def keep_alive(packets: list[Packet], chance: random.Random) -> list[Packet]:
    """Keep-alive probes, with and without an octet of rubbish, one before the next sequence number (RFC 9293 §3.8.4)."""
    out, following = [], {}
    for packet in packets:
        before = following.get(packet.direction)
        if before is not None and packet.payload and not packet.flags & (SYN | FIN | RST):
            out.append(packet.segment(before - 1, chance.choice([b"", b"\0"]), 16))
        out.append(packet)
        following[packet.direction] = packet.sequence + len(packet.payload) + bool(packet.flags & SYN)
    return timed(packets, out)


# Packets with another outside.


def tagged(packet: Packet, tags: bytes) -> Packet:
    return replace(packet, link=packet.link[:12] + tags + packet.link[12:])


@kind
def vlan(packets: list[Packet], chance: random.Random) -> list[Packet]:
    """An 802.1Q tag."""
    return [tagged(packet, b"\x81\x00\x20\x2a") for packet in packets]


@kind
def qinq(packets: list[Packet], chance: random.Random) -> list[Packet]:
    """An 802.1ad tag and an 802.1Q tag."""
    return [tagged(packet, b"\x88\xa8\x00\x64\x81\x00\x20\x2a") for packet in packets]


@kind
def fragment(packets: list[Packet], chance: random.Random) -> list[tuple[int, bytes]]:
    """Every datagram that can be cut into IP fragments is, and every third has its fragments in reverse."""
    out = []
    for number, packet in enumerate(packets):
        whole, head = packet.datagram(), len(packet.ip)
        body, size, pieces = whole[head:], chance.choice([8, 16, 64, 512]), []
        # Too many fragments of one datagram are themselves something to be wary of.
        size = max(size, -(-len(body) // 40) + 7 & ~7)
        for at in range(0, len(body), size):
            piece, more = body[at:at + size], at + size < len(body)
            if packet.six:
                ip = bytearray(whole[:head])
                ip[6] = 44
                struct.pack_into(">H", ip, 4, 8 + len(piece))
                pieces.append(bytes(ip) + struct.pack(">BBHI", 6, 0, at | more, number + 1) + piece)
            else:
                ip = bytearray(whole[:head])
                struct.pack_into(">HHH", ip, 2, head + len(piece), number + 1 & 0xFFFF, (at // 8) | (0x2000 if more else 0))
                ip[10:12] = b"\0\0"
                struct.pack_into(">H", ip, 10, frames.internet_sum(bytes(ip)))
                pieces.append(bytes(ip) + piece)
        if number % 3 == 2:
            pieces.reverse()
        out += [(packet.time, packet.link + piece) for piece in pieces]
    return out


@kind
def bad_checksums(packets: list[Packet], chance: random.Random) -> list[tuple[int, bytes]]:
    """TCP checksums as a host with offloading shows them: wrong."""
    out = []
    for packet in packets:
        frame = bytearray(packet.frame())
        at = len(packet.link) + len(packet.ip) + 16
        frame[at] ^= 0x5A
        out.append((packet.time, bytes(frame)))
    return out


# Less than all of it.


@kind
def one_sided_client(packets: list[Packet], chance: random.Random) -> list[Packet]:
    """Only what clients sent."""
    return [packet for packet in packets if struct.unpack_from(">H", packet.tcp, 2)[0] in (25, 465, 587, 2525)]


@kind
def one_sided_server(packets: list[Packet], chance: random.Random) -> list[Packet]:
    """Only what servers sent."""
    return [packet for packet in packets if struct.unpack_from(">H", packet.tcp, 0)[0] in (25, 465, 587, 2525)]


@kind
def mid_stream(packets: list[Packet], chance: random.Random) -> list[Packet]:
    """Every connection from its eighth packet on."""
    seen, out = {}, []
    for packet in packets:
        seen[packet.flow] = seen.get(packet.flow, 0) + 1
        if seen[packet.flow] > 7:
            out.append(packet)
    return out


@kind
def lost(packets: list[Packet], chance: random.Random) -> list[Packet]:
    """One packet of the client with octets in it is missing, the handshake apart."""
    with_octets = [at for at, packet in enumerate(packets) if packet.payload and struct.unpack_from(">H", packet.tcp, 2)[0] in (25, 587, 2525)]
    away = chance.choice(with_octets[1:] or with_octets)
    return packets[:away] + packets[away + 1:]


# The same frames in another file.

LINKS = {
    "raw": (101, lambda packet: packet.datagram()),
    "null": (0, lambda packet: struct.pack("<I", 30 if packet.six else 2) + packet.datagram()),
    "sll": (113, lambda packet: struct.pack(">HHH8s", 0, 1, 6, packet.link[6:12]) + packet.link[12:14] + packet.datagram()),
    "sll2": (276, lambda packet: packet.link[12:14] + struct.pack(">HIHBB8s", 0, 2, 1, 0, 6, packet.link[6:12]) + packet.datagram()),
}
FORMATS = {"nanoseconds": {"nano": True}, "big-endian": {"order": ">"}, "big-endian-nanoseconds": {"order": ">", "nano": True}}


def pcapng(path: str, records: list[tuple[int, bytes]]) -> None:
    """One section, one interface, enhanced packet blocks."""

    def block(number: int, body: bytes) -> bytes:
        body += b"\0" * (-len(body) % 4)
        return struct.pack("<II", number, len(body) + 12) + body + struct.pack("<I", len(body) + 12)

    with open(path, "wb") as file:
        file.write(block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)))
        file.write(block(1, struct.pack("<HHI", 1, 0, 262144)))
        for time, frame in records:
            file.write(block(6, struct.pack("<IIIII", 0, time >> 32, time & 0xFFFFFFFF, len(frame), len(frame)) + frame))


def mutate(name: str, source: str, target: str, seed: int) -> None:
    packets = frames.read(source)
    if name == "cut-off":
        raw = Path(source).read_bytes()
        Path(target).write_bytes(raw[:len(raw) * 2 // 3 - seed % 7])
        return
    if name in LINKS:
        link, outside = LINKS[name]
        frames.write(target, [(packet.time, outside(packet)) for packet in packets], link)
        return
    records = [(packet.time, packet.frame()) for packet in packets]
    if name in FORMATS:
        frames.write(target, records, **FORMATS[name])
        return
    if name == "pcapng":
        pcapng(target, records)
        return
    made = KINDS[name](packets, random.Random(seed))
    frames.write(target, [one if isinstance(one, tuple) else (one.time, one.frame()) for one in made])


NAMES = [*KINDS, *LINKS, *FORMATS, "pcapng", "cut-off"]

def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("kind", choices=NAMES)
    options.add_argument("source")
    options.add_argument("target")
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    mutate(chosen.kind, chosen.source, chosen.target, chosen.seed)


if __name__ == "__main__":
    main()
