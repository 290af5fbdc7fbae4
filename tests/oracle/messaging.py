"""Reads `MessagingIRI` and `MessagingCC` (TS 102 232-2 clause 8) into the words of docs/messaging-openapi.json, from values that `ber.py` took apart.

The tables are those of the standard's module. What must be there and is not, or is there and must not, is a fault.
"""

import base64
import ipaddress
from datetime import datetime, timezone

CATEGORIES = {
    "message": (0, ["", "deposit", "retrieve", "delete", "save", "slamdown", "calendar", "contact"]),
    "message-box": (1, ["unknown", "login", "logout", "lock", "unlock", "activate", "deactivate", "delete", "pin-change", "greeting-record", "greeting-change",
                        "greeting-delete", "greeting-enable", "greeting-disable", "notification-enable", "notification-disable", "disconnect", "connect",
                        "greeting-play", "language-change", "pin-security-enable", "pin-security-disable", "personal-operator-add",
                        "personal-operator-change", "personal-operator-remove", "additional-destination-add", "additional-destination-change",
                        "additional-destination-remove", "auto-play-enable", "auto-play-disable", "header-play-enable", "header-play-disable"]),
    "message-notification": (2, ["", "sms", "sms-deposit", "sms-slamdown", "sms-pin-reminder", "email", "fax-to-email", "mms", "generic"]),
    "call": (3, ["", "callout"]),
}
STATUSES = ["unknown", "not-applicable", "operation-failed", "operation-succeeded", "operation-cancelled", "operation-started", "operation-lost"]
TRIGGERS = ["unknown", "user", "user-agent", "system", "system-operator"]
QUALIFIERS = ["unknown-party", "originating-party", "terminating-party", "associated-party"]
VALIDITIES = ["unknown", "trusted", "untrusted"]
COPIES = ["unknown", "none", "cc", "bcc"]
IDENTITIES = ["msisdn", "e164-format", "email-address", "ip-address", "alphanumeric", "ip-address-and-port", "imsi", "imei", "fax-url", "tel-url", "modem-url",
              "sip-uri", "sips-uri", "nai"]
PROPERTIES = ["pincode", "priority", "greeting-type", "notification-type", "language", "message-identifier", "subject", "user-agent", "password",
              "message-status", "requested-reports", "expires", "message-date"]
WORDS = {
    "priority": ["", "low", "medium", "high", "private"],
    "greeting-type": ["", "general", "name", "personal", "absence", "number"],
    "notification-type": ["", "empty-call", "lost-call", "message-to-email", "read-report", "delivery-report", "allow-delivery-report",
                          "deny-delivery-report", "message-wait-indication", "voice-to-text", "new-message-sms", "new-message-outcall",
                          "new-message-reminder"],
    "message-status": ["indeterminate", "expired", "retrieved", "rejected", "deferred", "forwarded", "unrecognized", "unreachable", "read",
                       "deleted-without-being-read", "delivery-condition-not-met"],
    "requested-reports": ["none", "delivery", "read", "delivery-and-read"],
}


def word(words: list[str], value) -> str:
    number = value.number()
    if not 0 <= number < len(words) or not words[number]:
        raise ValueError(f"{number} is none of {words}")
    return words[number]


def digits(octets: bytes, filler: int | None) -> str:
    """Two to an octet, the first in the lower half."""
    halves = [half for octet in octets for half in (octet & 15, octet >> 4)]
    if filler is not None:
        while halves and halves[-1] == filler:
            halves.pop()
    if any(half > 9 for half in halves):
        raise ValueError("a digit above 9")
    return "".join(map(str, halves))


def msisdn(octets: bytes) -> str:
    """AddressString of MAP (TS 29.002)."""
    if octets[0] != 0x91 or not 1 <= len(octets) <= 9:
        raise ValueError("no international number of E.164 in an AddressString")
    return "+" + digits(octets[1:], 15)


def e164(octets: bytes) -> str:
    """Calling party number of ISUP (Q.763 3.10)."""
    if octets[0] & 0x7F != 4 or octets[1] >> 4 != 1 or len(octets) > 25:
        raise ValueError("no international number of E.164 in a party number")
    number = digits(octets[2:], None)
    return "+" + (number[:-1] if octets[0] & 0x80 else number)


def address(field) -> str:
    """`IPAddress`, always in binary here."""
    parts = field.fields({1: "type", 2: "value", 3: "assignment", 4: "prefix", 5: "mask", 6: "nat"})
    octets = parts["value"].only().octets
    if (parts["type"].number(), len(octets)) not in ((0, 4), (1, 16)):
        raise ValueError("iP-type and the address's size differ")
    if len(octets) == 16 and parts["prefix"].number() != 128:
        raise ValueError("iPv6PrefixLength is not 128")
    return str(ipaddress.ip_address(octets))


def identity(field) -> dict:
    chosen = field.only()
    name = IDENTITIES[chosen.tag]
    if name == "msisdn":
        return {name: msisdn(chosen.octets)}
    if name == "e164-format":
        return {name: e164(chosen.octets)}
    if name == "email-address":
        parts = chosen.parts()
        if len(parts) > 1023 or any((one.form, one.tag) != ("universal", 12) for one in parts):
            raise ValueError("no SEQUENCE (0..1023) OF UTF8String")
        return {name: [one.text() for one in parts]}
    if name == "ip-address":
        return {name: address(chosen)}
    if name == "ip-address-and-port":
        parts = chosen.fields({0: "address", 1: "port"})
        ip = ipaddress.ip_address(address(parts["address"]))
        return {name: f"[{ip}]:{parts['port'].number()}" if ip.version == 6 else f"{ip}:{parts['port'].number()}"}
    if name in ("imsi", "imei"):
        if not (len(chosen.octets) == 8 if name == "imei" else 3 <= len(chosen.octets) <= 8):
            raise ValueError(f"an {name} of {len(chosen.octets)} octets")
        return {name: digits(chosen.octets, 15)}
    return {name: chosen.text()}


def party(element) -> dict:
    if (element.form, element.tag) != ("universal", 16):
        raise ValueError("a party that is no SEQUENCE")
    parts = element.fields({0: "qualifier", 1: "identity", 2: "validity", 3: "copy"})
    out = {"qualifier": word(QUALIFIERS, parts["qualifier"]), "identity": identity(parts["identity"])}
    if "validity" in parts:
        out["validity"] = word(VALIDITIES, parts["validity"])
    if "copy" in parts:
        out["copy"] = word(COPIES, parts["copy"])
    return out


def moment(text: str) -> float:
    """`GeneralizedTime` as DER has it, and RFC 3339, in seconds."""
    if "-" in text:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    whole, _, fraction = text.removesuffix("Z").partition(".")
    if not text.endswith("Z") or fraction.endswith("0"):
        raise ValueError(f"{text} is no GeneralizedTime of DER")
    return datetime.strptime(whole, "%Y%m%d%H%M%S").replace(tzinfo=timezone.utc).timestamp() + float(f"0.{fraction or 0}")


def property_of(element) -> dict:
    name = PROPERTIES[element.tag]
    if element.form != "context":
        raise ValueError("a property without its tag")
    if name in WORDS:
        return {name: word(WORDS[name], element)}
    if name in ("expires", "message-date"):
        return {name: moment(element.text())}
    return {name: element.text()}


def iri(field) -> dict:
    """`MessagingIRI`."""
    parts = field.fields({0: "id", 1: "system_type", 2: "system", 3: "category", 4: "status", 5: "parties", 6: "trigger", 7: "properties", 8: "event",
                          9: "original", 10: "box", 11: "total"})
    category = None
    if "category" in parts:
        chosen = parts["category"].only()
        category = next({name: word(words, chosen)} for name, (tag, words) in CATEGORIES.items() if tag == chosen.tag)
    if parts["system_type"].number() != 1:
        raise ValueError("system-type is not unified-messaging")
    return {
        "messaging": True, "object_id": parts["id"].octets.hex(), "system": parts["system"].text() if "system" in parts else None, "event": category,
        "status": word(STATUSES, parts["status"]), "trigger": word(TRIGGERS, parts["trigger"]),
        "parties": [party(one) for one in parts["parties"].parts()] if "parties" in parts else [],
        "properties": [property_of(one) for one in parts["properties"].parts()] if "properties" in parts else [],
        "event_identifier": parts["event"].number() if "event" in parts else None,
        "original_message": base64.b64encode(parts["original"].octets).decode() if "original" in parts else None,
        "box": parts["box"].text() if "box" in parts else None, "total_recipient_count": parts["total"].number() if "total" in parts else None,
    }


def cc(field) -> dict:
    """`MessagingCC`. `end-of-sequence` is left out where it has its default, as DER wants it."""
    parts = field.fields({0: "id", 1: "event", 2: "content_id", 3: "number", 4: "end", 5: "type", 6: "content", 7: "encoding"})
    if "end" in parts and parts["end"].octets != b"\xff":
        raise ValueError("end-of-sequence that is not TRUE")
    return {
        "messaging": True, "object_id": parts["id"].octets.hex(), "event_identifier": parts["event"].number(),
        "id": parts["content_id"].number() if "content_id" in parts else None, "piece": parts["number"].number() if "number" in parts else None,
        "end": "end" in parts, "type": parts["type"].text(), "transfer_encoding": parts["encoding"].text() if "encoding" in parts else None,
        "content": base64.b64encode(parts["content"].octets).decode(),
    }
