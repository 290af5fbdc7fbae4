#!/usr/bin/env python3
"""Sessions written packet by packet, for what is too large to keep or too many to make: `synth.py OUT.pcap --sessions N --octets N [--open]`.

Each session is one message of that many octets from `sender-N@example.net` to alice@example.org. With --open none of them ends.
"""

import argparse
import struct

import frames
from frames import Packet

START = 1772442000_000_000
LINK = bytes.fromhex("02005e10000202005e1000010800")
SEGMENT = 1448


class Connection:
    """One TCP connection, as frames in order."""

    def __init__(self, number: int, time: int):
        self.client = bytes([198, 51, 100, 1 + number % 250])
        self.ports = (1024 + number // 250 % 60000, 25)
        self.time, self.sent, self.out = time, [1000, 5000], []

    def packet(self, side: int, flags: int, payload: bytes = b"") -> None:
        source, target = (self.client, b"\xc0\0\2\x19") if side == 0 else (b"\xc0\0\2\x19", self.client)
        ports = self.ports if side == 0 else self.ports[::-1]
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 0, 0, 0x4000, 64, 6, 0, source, target)
        tcp = struct.pack(">HHIIBBHHH", *ports, self.sent[side] & 0xFFFFFFFF, self.sent[1 - side] & 0xFFFFFFFF if flags & 16 else 0, 0x50, flags, 65535, 0, 0)
        self.out.append((self.time, Packet(self.time, LINK, ip, tcp, payload).frame()))
        self.sent[side] += len(payload) + bool(flags & 3)
        self.time += 10

    def say(self, side: int, octets: bytes) -> None:
        for at in range(0, len(octets), SEGMENT):
            self.packet(side, 0x18, octets[at:at + SEGMENT])
        self.packet(1 - side, 0x10)

    def session(self, number: int, octets: int, whole: bool) -> list[tuple[int, bytes]]:
        self.packet(0, 0x02)
        self.packet(1, 0x12)
        self.packet(0, 0x10)
        self.say(1, b"220 mail.example.org ESMTP\r\n")
        head = f"From: sender-{number}@example.net\r\nTo: alice@example.org\r\nMessage-ID: <{number}@example.net>\r\n\r\n".encode()
        line = b"The quick brown fox jumps over the lazy dog, again and again and again.\r\n"
        text = head + line * max(0, (octets - len(head)) // len(line)) + b".\r\n"
        turns = [(b"EHLO relay.example.net\r\n", b"250-mail.example.org\r\n250 PIPELINING\r\n"), (f"MAIL FROM:<sender-{number}@example.net>\r\n".encode(), b"250 2.1.0 Ok\r\n"),
                 (b"RCPT TO:<alice@example.org>\r\n", b"250 2.1.5 Ok\r\n"), (b"DATA\r\n", b"354 Go on\r\n"), (text, b"250 2.0.0 Ok\r\n"), (b"QUIT\r\n", b"221 2.0.0 Bye\r\n")]
        for command, reply in turns if whole else turns[:3]:
            self.say(0, command)
            self.say(1, reply)
        if whole:
            self.packet(1, 0x11)
            self.packet(0, 0x11)
            self.packet(1, 0x10)
        return self.out


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("target")
    options.add_argument("--sessions", type=int, default=1)
    options.add_argument("--octets", type=int, default=25_000)
    options.add_argument("--open", action="store_true")
    chosen = options.parse_args()
    time, records = START, []
    for number in range(chosen.sessions):
        records += Connection(number, time).session(number, chosen.octets, not chosen.open)
        time = records[-1][0] + 10
    frames.write(chosen.target, records)


if __name__ == "__main__":
    main()
