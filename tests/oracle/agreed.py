#!/usr/bin/env python3
"""Verifies and decrypts PS-PDUs laid back to back as the manual describes it (docs/lemf.md), with OpenSSL's command for the ciphers and none of
Writ's code: `agreed.py FILE.etsi CIPHER KEY_FILE PUBLIC.pem`, CIPHER as OpenSSL names it. Prints what it found as JSON; ends with 1 at the first
thing that is wrong.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from ber import Value, value

HASHES = {1: "sha1", 2: "sha256", 3: "sha384", 4: "sha512"}
KINDS = {1: "IRI", 2: "CC"}


def number(octets: bytes) -> int:
    return int.from_bytes(octets, "big")


def head(identifier: int, contents: bytes) -> bytes:
    """Identifier and length in front of contents."""
    length = len(contents)
    if length < 128:
        return bytes([identifier, length]) + contents
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([identifier, 0x80 | len(octets)]) + octets + contents


def openssl(*arguments: str, octets: bytes = b"") -> bytes:
    done = subprocess.run(["openssl", *arguments], input=octets, capture_output=True, check=False)
    assert done.returncode == 0, f"openssl {arguments[0]}: {done.stderr.decode()}"
    return done.stdout


def tagged(whole: Value) -> dict[int, Value]:
    return {part.tag: part for part in whole.parts()}


class Delivery:
    """What came, by LIID, CIN, kind and number."""

    def __init__(self, cipher: str, key: str, public: str) -> None:
        self.cipher, self.key, self.public = cipher, key, public
        self.pdus: dict[tuple, bytes] = {}
        self.hashes: dict[tuple, bytes] = {}
        self.counter: int | None = None
        self.found = {"pdus": 0, "decrypted": 0, "hashes": 0, "signatures": 0, "payloads": 0}

    def take(self, octets: bytes, whole: Value) -> None:
        header, payload = (tagged(whole)[tag] for tag in (1, 2))
        fields = tagged(header)
        self.line = (fields[1].octets, number(tagged(fields[3])[1].octets))
        self.number = number(fields[4].octets)
        (chosen,) = payload.parts()
        self.found["pdus"] += 1
        if chosen.tag == 4:
            self.sealed(octets, tagged(chosen))
        elif chosen.tag in (0, 1):
            raise AssertionError("a payload in the clear")
        elif chosen.parts()[0].tag == 0:
            self.check(chosen.parts()[0])
        if self.counter is not None:
            self.counter += len(octets)

    def sealed(self, octets: bytes, container: dict[int, Value]) -> None:
        vector = (self.number.to_bytes(4, "big") * 4).hex()
        plain = openssl("enc", "-d", f"-{self.cipher}", "-K", self.key, "-iv", vector, octets=container[1].octets)
        inside, end = value(plain)
        assert end == len(plain), "OpenSSL took the padding off"
        fields = tagged(inside)
        counter = number(fields[0].octets)
        assert self.counter in (None, counter), f"byteCounter {counter}, expected {self.counter}"
        self.counter = counter
        (chosen,) = fields[1].parts()
        self.found["decrypted"] += 1
        self.found["payloads"] += len(chosen.parts())
        self.pdus[(*self.line, KINDS[chosen.tag + 1], self.number)] = octets

    def check(self, check: Value) -> None:
        fields = tagged(check)
        kind = KINDS[fields[2].octets[0]]
        included = [number(part.octets) for part in fields[0].parts()]
        if fields[1].octets == b"\x01":
            hashed = b"".join(self.pdus[(*self.line, kind, at)] for at in included)
            expected = hashlib.new(HASHES[fields[4].octets[0]], hashed).digest()
            assert fields[3].octets == expected, f"hash {self.number}"
            self.hashes[(*self.line, kind, self.number)] = head(0x30, check.octets)
            self.found["hashes"] += 1
            return
        empty = check.octets.replace(head(0x83, fields[3].octets), b"\x83\x00")
        signed = b"".join(self.hashes[(*self.line, kind, at)] for at in included) + head(0x30, empty)
        with tempfile.TemporaryDirectory() as folder:
            message, signature = Path(folder, "message"), Path(folder, "signature")
            message.write_bytes(signed)
            signature.write_bytes(fields[3].octets)
            # Ed25519 takes the message whole, ECDSA its SHA-256.
            how = ["-rawin"] if fields[5].octets == b"\x03" else ["-rawin", "-digest", "sha256"]
            files = ["-pubin", "-inkey", self.public, "-sigfile", str(signature), "-in", str(message)]
            openssl("pkeyutl", "-verify", *how, *files)
        self.found["signatures"] += 1


def main() -> None:
    octets = Path(sys.argv[1]).read_bytes()
    delivery = Delivery(sys.argv[2], Path(sys.argv[3]).read_text().strip(), sys.argv[4])
    at = 0
    while at < len(octets):
        whole, end = value(octets, at)
        delivery.take(octets[at:end], whole)
        at = end
    print(json.dumps(delivery.found))


if __name__ == "__main__":
    main()
