#!/usr/bin/env python3
"""Reads PS-PDUs laid back to back (TS 102 232-1, TS 102 232-2), with none of Writ's code: `ber.py FILE.etsi` prints a line of JSON a PDU.

Nothing here knows ASN.1 beyond tag, length and value; the tables below say which number is which field. It wants what a sender
must send (definite lengths, tags in order, nothing unknown), so that it finds fault where a liberal receiver would not.
"""

import base64
import ipaddress
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import messaging


class Fault(Exception):
    """Octets that no sender may send."""


@dataclass
class Value:
    """One tag, length, value. `tag` is the number, `form` the class: `universal`, `context`."""

    form: str
    tag: int
    constructed: bool
    octets: bytes

    def parts(self) -> list["Value"]:
        if not self.constructed:
            raise Fault(f"[{self.tag}] is primitive, expected constructed")
        return values(self.octets)

    def fields(self, known: dict[int, str], ordered: bool = True) -> dict[str, "Value"]:
        """The parts by name."""
        found, before = {}, -1
        for part in self.parts():
            if part.form != "context" or part.tag not in known:
                raise Fault(f"{part.form} {part.tag} inside [{self.tag}], expected one of {sorted(known)}")
            if ordered and part.tag <= before:
                raise Fault(f"[{part.tag}] after [{before}] inside [{self.tag}]")
            before = part.tag
            found[known[part.tag]] = part
        return found

    def only(self) -> "Value":
        """The one value inside: an explicit tag, as on every CHOICE."""
        parts = self.parts()
        if len(parts) != 1:
            raise Fault(f"[{self.tag}] holds {len(parts)} values, expected 1")
        return parts[0]

    def number(self) -> int:
        if self.constructed or not self.octets:
            raise Fault(f"[{self.tag}] is no INTEGER")
        if len(self.octets) > 1 and (self.octets[0], self.octets[1] >> 7) in ((0, 0), (255, 1)):
            raise Fault(f"[{self.tag}] is an INTEGER longer than it need be")
        return int.from_bytes(self.octets, "big", signed=True)

    def text(self) -> str:
        if self.constructed:
            raise Fault(f"[{self.tag}] is a constructed string")
        return self.octets.decode("utf-8")


def value(octets: bytes, at: int = 0) -> tuple[Value, int]:
    """The value that starts at `at`, and where it ends."""
    if at + 2 > len(octets):
        raise Fault("octets end inside a tag")
    first, at = octets[at], at + 1
    form = ("universal", "application", "context", "private")[first >> 6]
    tag = first & 31
    if tag == 31:
        tag = 0
        while True:
            octet, at = octets[at], at + 1
            tag = tag << 7 | octet & 127
            if octet < 128:
                break
    length, at = octets[at], at + 1
    if length == 128:
        raise Fault("a length is indefinite")
    if length > 128:
        count = length & 127
        length = int.from_bytes(octets[at:at + count], "big")
        if length < 128 or length < 1 << 8 * (count - 1):
            raise Fault("a length is longer than it need be")
        at += count
    if at + length > len(octets):
        raise Fault(f"a value of {length} octets in {len(octets) - at}")
    return Value(form, tag, bool(first & 32), octets[at:at + length]), at + length


def values(octets: bytes) -> list[Value]:
    found, at = [], 0
    while at < len(octets):
        one, at = value(octets, at)
        found.append(one)
    return found


def named(table: dict[int, str], number: int) -> str:
    if number not in table:
        raise Fault(f"{number} is none of {table}")
    return table[number]


EVENTS = {1: "send", 2: "receive", 3: "download", 4: "logon-attempt", 5: "logon", 6: "logon-failure", 7: "logoff", 8: "partial-download", 9: "upload"}
PROTOCOLS = {1: "smtp", 2: "pop3", 3: "imap4", 4: "webmail", 255: "undefined"}
STATUSES = {1: "unknown", 2: "failed", 3: "succeeded"}
IRI_TYPES = {1: "begin", 2: "end", 3: "continue", 4: "report"}
DIRECTIONS = {0: "from-target", 1: "to-target", 2: "indeterminate", 3: "combined", 4: "not-applicable"}
FORMATS = {1: "ip-packet", 2: "application"}
TRI = {0: "integrity-check", 1: "test", 2: "padding", 3: "keep-alive", 4: "keep-alive-response", 5: "first-segment", 6: "last-segment",
       7: "cin-reset", 8: "operator-message"}
QUALIFIERS = {0: "unknown", 1: "interception", 2: "mediation", 3: "aggregation"}


def moment(stamp: Value) -> int:
    """`MicroSecondTimeStamp` in microseconds."""
    parts = stamp.fields({0: "seconds", 1: "micros"})
    micros = parts["micros"].number()
    if not 0 <= micros < 1_000_000:
        raise Fault(f"{micros} microseconds")
    return parts["seconds"].number() * 1_000_000 + micros


def address(field: Value) -> str:
    """`IPAddress`."""
    parts = field.fields({1: "type", 2: "value", 3: "assignment", 4: "prefix", 5: "mask", 6: "nat"})
    inside = parts["value"].only()
    if inside.tag != 1:
        return inside.text()
    if (parts["type"].number(), len(inside.octets)) not in ((0, 4), (1, 16)):
        raise Fault("iP-type and the address's size differ")
    if len(inside.octets) == 16 and ("prefix" not in parts or parts["prefix"].number() != 128):
        raise Fault("iPv6PrefixLength is not 128")
    return str(ipaddress.ip_address(inside.octets))


def aaa(field: Value) -> dict:
    """`AAAInformation`."""
    chosen = field.only()
    if chosen.tag == 1:
        parts = chosen.fields({0: "username", 1: "method", 2: "challenge", 3: "response", 4: "result"})
        method = named({1: "undefined", 2: "cram-md5", 3: "digest-md5"}, parts["method"].number()) if "method" in parts else None
    else:
        parts = chosen.fields({0: "username", 1: "password", 2: "result"})
        method = None
    out = {"username": parts["username"].text(), "method": method}
    out["result"] = named({1: "unknown", 2: "failed", 3: "succeeded"}, parts["result"].number()) if "result" in parts else None
    for name in ("challenge", "response", "password"):
        out[name] = parts[name].octets.decode("latin-1") if name in parts else None
    return out


def email_iri(field: Value) -> dict:
    """`EmailIRI`."""
    parts = field.fields({0: "id", 1: "event", 2: "client", 3: "server", 4: "client_port", 5: "server_port", 6: "server_octets", 7: "client_octets",
                          8: "protocol", 9: "sender", 10: "recipients", 11: "status", 12: "total", 13: "message_id", 14: "national", 15: "asn1",
                          16: "aaa", 17: "validity"})
    recipients = [one.text() for one in parts["recipients"].parts()] if "recipients" in parts else []
    if any(one.form != "universal" or one.tag != 12 for one in (parts["recipients"].parts() if "recipients" in parts else [])):
        raise Fault("a recipient that is no UTF8String")
    if len(recipients) > 1023:
        raise Fault(f"{len(recipients)} recipients")
    return {
        "object_id": parts["id"].octets.hex(), "event": named(EVENTS, parts["event"].number()), "protocol": named(PROTOCOLS, parts["protocol"].number()),
        "client": address(parts["client"]) if "client" in parts else None, "server": address(parts["server"]) if "server" in parts else None,
        "client_port": parts["client_port"].number() if "client_port" in parts else None,
        "server_port": parts["server_port"].number() if "server_port" in parts else None,
        "client_octets": parts["client_octets"].number(), "server_octets": parts["server_octets"].number(),
        "sender": parts["sender"].text() if "sender" in parts else None, "recipients": recipients,
        "total": parts["total"].number() if "total" in parts else None, "status": named(STATUSES, parts["status"].number()),
        "message_id": parts["message_id"].octets.decode("utf-8", "replace") if "message_id" in parts else None,
        "aaa": aaa(parts["aaa"]) if "aaa" in parts else None,
        "validity": named({0: "validated", 1: "nonvalidated"}, parts["validity"].number()) if "validity" in parts else None,
    }


def payloads(sequence: Value, contents: str) -> list[dict]:
    """The elements of `iRIPayloadSequence` or `cCPayloadSequence`."""
    found = []
    for element in sequence.parts():
        if (element.form, element.tag) != ("universal", 16):
            raise Fault("an element of a payload sequence that is no SEQUENCE")
        parts = element.fields({0: "first", 1: "time", 2: "contents", 3: "micros", 4: "qualifier"})
        inside = parts["contents"].only()
        if inside.tag not in (1, 14):
            raise Fault(f"contents [{inside.tag}], expected e-mail or messaging")
        is_mail = inside.tag == 1
        time = moment(parts["micros"]) if "micros" in parts else None
        if contents == "iri":
            out = {"kind": "iri", "type": named(IRI_TYPES, parts["first"].number()) if "first" in parts else None,
                   **(email_iri(inside) if is_mail else messaging.iri(inside))}
        elif not is_mail:
            out = {"kind": "cc", "direction": named(DIRECTIONS, parts["first"].number()) if "first" in parts else None, **messaging.cc(inside)}
        else:
            mail = inside.fields({0: "id", 1: "format", 2: "content"})
            out = {"kind": "cc", "direction": named(DIRECTIONS, parts["first"].number()) if "first" in parts else None,
                   "object_id": mail["id"].octets.hex(), "format": named(FORMATS, mail["format"].number()),
                   "content": base64.b64encode(mail["content"].octets).decode()}
        found.append({**out, "payload_time": time})
    return found


def pdu(whole: Value) -> list[dict]:
    """One `PS-PDU`: a line for each payload in it."""
    if (whole.form, whole.tag) != ("universal", 16):
        raise Fault("a PDU that is no SEQUENCE")
    outer = whole.fields({1: "header", 2: "payload"})
    header = outer["header"].fields({0: "domain", 1: "liid", 2: "country", 3: "communication", 4: "sequence", 5: "time", 6: "point", 7: "micros", 8: "qualifier"})
    communication = header["communication"].fields({0: "network", 1: "cin", 2: "country"})
    network = communication["network"].fields({0: "operator", 1: "element"})
    common = {
        "liid": header["liid"].text(), "country": header["country"].text() if "country" in header else None,
        "operator": network["operator"].text(), "element": network["element"].text() if "element" in network else None,
        "cin": communication["cin"].number() if "cin" in communication else None, "sequence": header["sequence"].number(),
        "time": moment(header["micros"]) if "micros" in header else None, "domain": header["domain"].octets.hex(),
        "qualifier": named(QUALIFIERS, header["qualifier"].number()) if "qualifier" in header else None,
    }
    payload = outer["payload"].only()
    if payload.tag in (0, 1):
        return [{**common, **one} for one in payloads(payload, "iri" if payload.tag == 0 else "cc")]
    if payload.tag != 2:
        raise Fault(f"payload [{payload.tag}]")
    return [{**common, "kind": "tri", "what": named(TRI, payload.only().tag)}]


def read(octets: bytes) -> list[dict]:
    """Every payload of a file of PDUs."""
    return [line for whole in values(octets) for line in pdu(whole)]


def main() -> None:
    for line in read(Path(sys.argv[1]).read_bytes()):
        sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
