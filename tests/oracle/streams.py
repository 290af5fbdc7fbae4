"""TCP streams of a capture in order, by way of tshark: link layers, VLANs and IP fragments are tshark's work, the order of octets is done here."""

import subprocess
from dataclasses import dataclass, field

FIELDS = ["frame.number", "frame.time_epoch", "tcp.stream", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "tcp.srcport", "tcp.dstport",
          "tcp.seq_raw", "tcp.ack_raw", "tcp.flags", "tcp.len", "tcp.payload"]
FIN, SYN, RST, ACK = 1, 2, 4, 16


@dataclass
class Arrival:
    """Octets up to `end` were there once the packet of `time` (microseconds) was; that packet's sender had read up to `peer` of the other way."""

    end: int
    time: int
    peer: int | None


@dataclass
class Direction:
    """What one end sent, from its first octet to its end or the first octet that the capture lacks."""

    octets: bytearray = field(default_factory=bytearray)
    arrivals: list[Arrival] = field(default_factory=list)
    syn: bool = False
    gap: bool = False
    first: int | None = None
    early: dict = field(default_factory=dict)

    def packet(self, seq: int, flags: int, payload: bytes, missing: int, time: int, peer: int | None) -> None:
        if flags & SYN:
            self.syn, self.first, seq = True, (seq + 1) & 0xFFFFFFFF, (seq + 1) & 0xFFFFFFFF
        if self.first is None:
            self.first = seq
        if not payload:
            return
        # The offset of the segment, which may lie before or behind what is there, the 32 bits having wrapped any number of times.
        at = len(self.octets) + (((seq - self.first - len(self.octets)) + 0x80000000) & 0xFFFFFFFF) - 0x80000000
        if at < 0 and not self.syn and not self.arrivals:
            return
        self.early.setdefault(at, []).append((payload, missing))
        self.drain(time, peer)

    def drain(self, time: int, peer: int | None) -> None:
        moved = True
        while moved and not self.gap:
            moved = False
            for at in sorted(self.early):
                if at > len(self.octets):
                    break
                for payload, missing in self.early.pop(at):
                    fresh = payload[len(self.octets) - at:]
                    if fresh:
                        self.octets += fresh
                        self.arrivals.append(Arrival(len(self.octets), time, peer))
                        moved = True
                    if missing and at + len(payload) == len(self.octets):
                        # Cut off by the capture's snapshot length: what follows is not known.
                        self.gap = True
                break

    def at(self, offset: int) -> Arrival:
        """The arrival of the octet before `offset`."""
        low, high = 0, len(self.arrivals)
        while low < high:
            middle = (low + high) // 2
            if self.arrivals[middle].end < offset:
                low = middle + 1
            else:
                high = middle
        return self.arrivals[low]


@dataclass
class Stream:
    """One connection. `whole` says that both its SYN and its SYN-ACK were captured."""

    client: str
    server: str
    server_port: int
    up: Direction = field(default_factory=Direction)
    down: Direction = field(default_factory=Direction)
    ended: str = "open"
    last_time: int = 0
    end_time: int | None = None

    @property
    def whole(self) -> bool:
        return self.up.syn and self.down.syn


def endpoint(address: str, port: str) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def read(path: str, ports: set[int]) -> list[Stream]:
    """The streams of a capture with one end at one of `ports`, in the order of their first packet."""
    command = ["tshark", "-r", path, "-n", "-Y", "tcp && !icmp && !icmpv6", "-T", "fields", "-E", "occurrence=l", "-E", "separator=/t",
               "-o", "tcp.check_checksum:FALSE", "-o", "ip.check_checksum:FALSE"]
    for name in FIELDS:
        command += ["-e", name]
    # tshark ends with an error at a cut-off file, after it has said what it holds.
    rows = subprocess.run(command, capture_output=True, check=False).stdout.decode().splitlines()
    streams: dict[str, Stream] = {}
    for row in rows:
        cells = row.split("\t")
        _, epoch, number, ip_src, ip_dst, ip6_src, ip6_dst, sport, dport, seq, ack, flags, length, payload = cells
        if not {int(sport), int(dport)} & ports:
            continue
        seconds, _, fraction = epoch.partition(".")
        time = int(seconds) * 1_000_000 + int((fraction + "000000")[:6])
        bits, source, target = int(flags, 16), endpoint(ip_src or ip6_src, sport), endpoint(ip_dst or ip6_dst, dport)
        stream = streams.get(number)
        if stream is None:
            from_client = bits & (SYN | ACK) == SYN or (bits & (SYN | ACK) != SYN | ACK and int(dport) in ports)
            stream = Stream(source, target, int(dport)) if from_client else Stream(target, source, int(sport))
            streams[number] = stream
        up = source == stream.client
        mine, other = (stream.up, stream.down) if up else (stream.down, stream.up)
        octets = bytes.fromhex(payload)
        peer = None
        if bits & ACK and other.first is not None:
            peer = (int(ack) - other.first) & 0xFFFFFFFF
        mine.packet(int(seq), bits, octets, int(length or 0) - len(octets), time, peer)
        stream.last_time = time
        if bits & RST and stream.ended == "open":
            stream.ended, stream.end_time = "rst", time
        elif bits & FIN and stream.ended == "open":
            stream.ended, stream.end_time = "fin", time
    for stream in streams.values():
        for direction in (stream.up, stream.down):
            direction.gap = direction.gap or any(at > len(direction.octets) for at in direction.early)
    return list(streams.values())
