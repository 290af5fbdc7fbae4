"""An IMAP4 client by hand: it waits for each answer, sends what it is told in one write, and knows literals and DEFLATE."""

import base64
import hashlib
import hmac
import re
import socket
import struct
import time
import zlib

from clients import ALICE, ALICE6
from imap_servers import DOVECOT


class Literal:
    """Octets that go as a literal (RFC 3501 §4.3): `+` without waiting (RFC 7888), `~` binary (RFC 3516)."""

    def __init__(self, octets: bytes, plus: bool = False, binary: bool = False):
        self.octets = octets
        self.plus = plus
        self.head = f"{'~' if binary else ''}{{{len(octets)}{'+' if plus else ''}}}\r\n".encode()


class Imap:
    """One connection."""

    def __init__(self, server: str = DOVECOT, port: int = 143, source: str | None = None, tag: str = "a"):
        family = socket.AF_INET6 if ":" in server else socket.AF_INET
        self.socket = socket.socket(family)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(20)
        self.socket.bind((source or (ALICE6 if family == socket.AF_INET6 else ALICE), 0))
        self.socket.connect((server, port))
        self.held = b""
        self.deflate = self.inflate = None
        self.prefix, self.number = tag, 0
        self.greeting = self.response()

    def _more(self) -> None:
        got = self.socket.recv(65536)
        if not got:
            raise EOFError("the server closed")
        self.held += self.inflate.decompress(got) if self.inflate else got

    def response(self) -> bytes:
        """One response, the literals in it included."""
        out = b""
        while True:
            while b"\n" not in self.held:
                self._more()
            line, _, self.held = self.held.partition(b"\n")
            out += line + b"\n"
            literal = re.search(rb"\{(\d+)\}\r$", line)
            if not literal:
                return out
            while len(self.held) < int(literal[1]):
                self._more()
            out, self.held = out + self.held[:int(literal[1])], self.held[int(literal[1]):]

    def send(self, octets: bytes) -> None:
        if self.deflate:
            octets = self.deflate.compress(octets) + self.deflate.flush(zlib.Z_SYNC_FLUSH)
        self.socket.sendall(octets)

    def tag(self) -> str:
        self.number += 1
        return f"{self.prefix}{self.number}"

    def start(self, *parts, tag: str | None = None) -> str:
        """Sends a command of strings and literals, up to and with its end; waits for `+` where a literal must."""
        tag = tag or self.tag()
        out = f"{tag} ".encode()
        for part in parts:
            if isinstance(part, Literal):
                out += part.head
                if not part.plus:
                    self.send(out)
                    out = b""
                    self.until(b"+")
                out += part.octets
            else:
                out += part.encode()
        self.send(out + b"\r\n")
        return tag

    def until(self, start: bytes) -> list[bytes]:
        """Responses up to the first that begins so."""
        got = []
        while not got or not got[-1].startswith(start):
            got.append(self.response())
            if start == b"+" and re.match(rb"\S+ (NO|BAD) ", got[-1]):
                raise RuntimeError(f"no literal wanted: {got}")
        return got

    def done(self, tag: str, expect: str | None = "OK") -> list[bytes]:
        """Responses up to the tagged one."""
        got = self.until(f"{tag} ".encode())
        if expect is not None and not got[-1].startswith(f"{tag} {expect}".encode()):
            raise RuntimeError(f"expected {expect}: {got[-1]!r}")
        return got

    def say(self, *parts, expect: str | None = "OK", tag: str | None = None) -> list[bytes]:
        """One command, and what answers it."""
        return self.done(self.start(*parts, tag=tag), expect)

    def at_once(self, *commands: str) -> list[bytes]:
        """Commands in one write; waits until all are answered, in whatever order."""
        tags = [self.tag() for _ in commands]
        self.send("".join(f"{tag} {command}\r\n" for tag, command in zip(tags, commands)).encode())
        got, open_tags = [], set(tags)
        while open_tags:
            got.append(self.response())
            open_tags.discard(got[-1].split(b" ", 1)[0].decode())
        return got

    def login(self, user: str = "alice@example.org", password: str = "wonderland-7") -> "Imap":
        self.say(f"LOGIN {user} {password}")
        return self

    def authenticate(self, mechanism: str, *answers, initial: str | None = None, expect: str = "OK") -> list[bytes]:
        """AUTHENTICATE; each answer is octets, or makes them of the challenge. `initial` goes with the command (RFC 4959)."""
        tag = self.start(f"AUTHENTICATE {mechanism}" + (f" {initial}" if initial is not None else ""))
        for answer in answers:
            challenge = base64.b64decode(self.until(b"+")[-1][2:].strip() or b"")
            if callable(answer):
                answer = answer(challenge)
            self.send(answer if answer == b"*\r\n" else base64.b64encode(answer) + b"\r\n")
        return self.done(tag, expect)

    def compress(self) -> None:
        """COMPRESS DEFLATE (RFC 4978)."""
        self.say("COMPRESS DEFLATE")
        assert not self.held, "the server went on before it compressed"
        self.deflate, self.inflate = zlib.compressobj(6, zlib.DEFLATED, -15), zlib.decompressobj(-15)

    def logout(self) -> None:
        self.say("LOGOUT")
        self.close()

    def close(self) -> None:
        self.socket.close()
        time.sleep(0.1)

    def reset(self) -> None:
        """Ends the connection with RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()


def scram_sha_256(user: str, password: str):
    """The client's two messages of SCRAM-SHA-256 (RFC 7677) and its last, empty one."""
    first = f"n={user},r=fyko+d2lbbFgONRv9qkxdawL"

    def final(challenge: bytes) -> bytes:
        fields = dict(part.split("=", 1) for part in challenge.decode().split(","))
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(fields["s"]), int(fields["i"]))
        bare = f"c=biws,r={fields['r']}"
        key = hmac.digest(salted, b"Client Key", "sha256")
        signed = hmac.digest(hashlib.sha256(key).digest(), f"{first},{challenge.decode()},{bare}".encode(), "sha256")
        proof = bytes(a ^ b for a, b in zip(key, signed))
        return f"{bare},p={base64.b64encode(proof).decode()}".encode()

    return f"n,,{first}".encode(), final, b""


def cram_md5(user: str, password: str):
    """The answer of CRAM-MD5 (RFC 2195)."""
    return lambda challenge: f"{user} {hmac.new(password.encode(), challenge, 'md5').hexdigest()}".encode()
