"""Ethernet frames with IPv4 or IPv6 and TCP, taken apart and put together again with sound lengths and checksums, and the pcap files they are in."""

import struct
from dataclasses import dataclass, replace
from pathlib import Path


def internet_sum(octets: bytes) -> int:
    """RFC 1071."""
    if len(octets) % 2:
        octets += b"\0"
    total = sum(struct.unpack(f">{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


@dataclass(frozen=True)
class Packet:
    """One TCP segment: its time in microseconds, and the headers and payload that it came in."""

    time: int
    link: bytes
    ip: bytes
    tcp: bytes
    payload: bytes

    @property
    def six(self) -> bool:
        return self.ip[0] >> 4 == 6

    @property
    def addresses(self) -> tuple[bytes, bytes]:
        return (self.ip[8:24], self.ip[24:40]) if self.six else (self.ip[12:16], self.ip[16:20])

    @property
    def direction(self) -> tuple:
        source, target = self.addresses
        return source, target, self.tcp[:4]

    @property
    def flow(self) -> frozenset:
        source, target = self.addresses
        return frozenset({(source, self.tcp[:2]), (target, self.tcp[2:4])})

    @property
    def sequence(self) -> int:
        return struct.unpack_from(">I", self.tcp, 4)[0]

    @property
    def flags(self) -> int:
        return self.tcp[13]

    def segment(self, sequence: int, payload: bytes, flags: int | None = None) -> "Packet":
        """The same packet with other octets in it."""
        tcp = bytearray(self.tcp)
        struct.pack_into(">I", tcp, 4, sequence & 0xFFFFFFFF)
        if flags is not None:
            tcp[13] = flags
        return replace(self, tcp=bytes(tcp), payload=payload)

    def acknowledging(self, number: int) -> "Packet":
        tcp = bytearray(self.tcp)
        struct.pack_into(">I", tcp, 8, number & 0xFFFFFFFF)
        return replace(self, tcp=bytes(tcp))

    def datagram(self) -> bytes:
        """The IP packet."""
        tcp, ip = bytearray(self.tcp), bytearray(self.ip)
        length = len(tcp) + len(self.payload)
        source, target = self.addresses
        tcp[16:18] = b"\0\0"
        pseudo = source + target + (struct.pack(">IxxxB", length, 6) if self.six else struct.pack(">xBH", 6, length))
        struct.pack_into(">H", tcp, 16, internet_sum(pseudo + bytes(tcp) + self.payload))
        if self.six:
            struct.pack_into(">H", ip, 4, length)
        else:
            struct.pack_into(">H", ip, 2, len(ip) + length)
            ip[10:12] = b"\0\0"
            struct.pack_into(">H", ip, 10, internet_sum(bytes(ip)))
        return bytes(ip) + bytes(tcp) + self.payload

    def frame(self) -> bytes:
        return self.link + self.datagram()


def packet(time: int, frame: bytes) -> Packet:
    """Takes a frame apart."""
    kind = frame[12:14]
    ip = frame[14:]
    if kind == b"\x08\x00":
        size, total = (ip[0] & 15) * 4, struct.unpack_from(">H", ip, 2)[0]
        protocol = ip[9]
    elif kind == b"\x86\xdd":
        size, total = 40, 40 + struct.unpack_from(">H", ip, 4)[0]
        protocol = ip[6]
    else:
        raise ValueError(f"ethertype {kind.hex()}")
    if protocol != 6:
        raise ValueError(f"protocol {protocol}")
    tcp = ip[size:total]
    offset = (tcp[12] >> 4) * 4
    return Packet(time, frame[:14], ip[:size], tcp[:offset], tcp[offset:])


def read(path: str) -> list[Packet]:
    """A classic little-endian microsecond pcap of Ethernet, as tcpdump writes it."""
    raw = Path(path).read_bytes()
    if raw[:4] != b"\xd4\xc3\xb2\xa1" or struct.unpack_from("<I", raw, 20)[0] != 1:
        raise ValueError("expected a little-endian microsecond pcap of Ethernet")
    at, found = 24, []
    while at < len(raw):
        seconds, micros, length = struct.unpack_from("<III", raw, at)
        found.append(packet(seconds * 1_000_000 + micros, raw[at + 16:at + 16 + length]))
        at += 16 + length
    return found


def write(path: str, records: list[tuple[int, bytes]], link: int = 1, order: str = "<", nano: bool = False) -> None:
    """A classic pcap in the byte order and resolution asked for."""
    with open(path, "wb") as file:
        file.write(struct.pack(order + "IHHiIII", 0xA1B23C4D if nano else 0xA1B2C3D4, 2, 4, 0, 0, 262144, link))
        for time, frame in records:
            seconds, micros = divmod(time, 1_000_000)
            file.write(struct.pack(order + "IIII", seconds, micros * 1000 if nano else micros, len(frame), len(frame)) + frame)
