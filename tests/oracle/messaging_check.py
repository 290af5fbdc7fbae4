#!/usr/bin/env python3
"""Holds a delivery of unified messaging against what the messaging system said: `messaging_check.py FILE.etsi SAID.json`. Says each difference; exit 1
if any; else how many events, contents and fields agreed.

SAID.json: `warrants` says of each LIID whether it gives `content` and `secrets`; `items` are what was said, in its order, each once, by a target that
acts, in one session, and covered by all of the warrants.
"""

import base64
import json
import re
import struct
import sys
from pathlib import Path

from ber import read
from messaging import moment

DIRECTIONS = {"deposit": "from-target", "retrieve": "to-target", "sms-pin-reminder": "to-target", "greeting-record": "from-target", "greeting-play": "to-target",
              "save": "not-applicable"}
STATIC = {0: "audio/PCMU", 8: "audio/PCMA"}


def number(text: str) -> str:
    return "+" + re.sub(r"^00", "", re.sub(r"\D", "", text.replace("(0)", "")))


def due_party(party: dict) -> dict:
    (kind, value), = party["identity"].items()
    return {**party, "identity": {kind: number(value) if kind in ("msisdn", "e164-format") else value}}


def due_properties(properties: list[dict], warrant: dict) -> list[dict]:
    found = []
    for one in properties:
        (name, value), = one.items()
        if name == "subject" and not warrant["content"] or name in ("pincode", "password") and not warrant["secrets"]:
            continue
        found.append({name: moment(value) if name in ("expires", "message-date") else value})
    return found


def payloads(rtp: dict) -> list[tuple[str, bytes]]:
    """Type and payload of each run of packets of one type, in the order of their numbers (RFC 3550)."""
    names = STATIC | {one["number"]: one["type"] for one in rtp.get("payload_types", [])}
    packets = {}
    for text in rtp["packets"]:
        octets = base64.b64decode(text)
        packets[struct.unpack(">H", octets[2:4])[0]] = (octets[1] & 127, octets[12 + 4 * (octets[0] & 15):])
    runs = []
    for _, (kind, payload) in sorted(packets.items()):
        if runs and runs[-1][0] == kind and kind in STATIC:
            runs[-1] = (kind, runs[-1][1] + payload)
        else:
            runs.append((kind, payload))
    return [(names[kind], payload) for kind, payload in runs]


def due(said: dict, warrant: dict) -> tuple[list[dict], list[dict]]:
    """The IRI and the contents that one warrant must yield."""
    iris, contents, events, legs = [], [], {}, {}

    def content(event: tuple, time: str, direction: str, **fields) -> None:
        if warrant["content"]:
            contents.append({"event_identifier": event[0], "time": round(moment(time) * 1e6), "direction": direction, "id": None, "piece": None,
                             "end": False, "transfer_encoding": None, **fields})

    def piece(event: tuple, time: str, one: dict) -> None:
        known = {key: one[key] for key in ("id", "end", "transfer_encoding", "type") if key in one}
        content(event, time, DIRECTIONS[event[1]], **known, piece=one.get("sequence"), content=one["data"])

    for item in said["items"]:
        if "of" not in item:
            event = (len(events) + 1, next(iter(item["event"].values())) if "event" in item else None)
            events[item["id"]] = event
            iris.append({
                "time": round(moment(item["time"]) * 1e6), "system": item["system"], "event": item.get("event"), "status": item["status"],
                "trigger": item["trigger"], "parties": [due_party(one) for one in item.get("parties", [])],
                "properties": due_properties(item.get("properties", []), warrant), "event_identifier": event[0],
                "original_message": item.get("original_message") if warrant["content"] else None, "box": item.get("box"),
                "total_recipient_count": item.get("total_recipient_count"),
                "type": {"connect": "begin", "disconnect": "end"}.get(event[1], "continue"),
            })
            for one in item.get("contents", []):
                piece(event, item["time"], one)
        elif "content" in item:
            piece(events[item["of"]], item["time"], item["content"])
        else:
            rtp = item["rtp"]
            leg = 0 if rtp["from"] == "user" else 1
            runs = payloads(rtp)
            for at, (kind, payload) in enumerate(runs):
                legs[leg] = legs.get(leg, -1) + 1
                content(events[item["of"]], item["time"], ["from-target", "to-target"][leg], id=leg, piece=legs[leg], type=kind,
                        end=rtp.get("end", False) and at + 1 == len(runs), content=base64.b64encode(payload).decode())
    return iris, contents


def joined(lines: list[dict]) -> list[dict]:
    """Contents, each put together from the segments between flags."""
    found, segments = [], None
    for line in lines:
        if line["kind"] == "tri":
            if line["what"] == "first-segment":
                segments = []
            elif segments:
                whole = b"".join(base64.b64decode(one["content"]) for one in segments)
                found.append({**segments[0], "content": base64.b64encode(whole).decode()})
                segments = None
        elif segments is None:
            found.append(line)
        else:
            segments.append(line)
    return found


def key_of(party: dict) -> str:
    """Parties are a SET: in any order."""
    return json.dumps(party, sort_keys=True)


def main() -> int:
    lines, said = read(Path(sys.argv[1]).read_bytes()), json.loads(Path(sys.argv[2]).read_text("utf-8"))
    differences, counts = [], {"events": 0, "contents": 0, "fields": 0}
    for liid, warrant in said["warrants"].items():
        of = [line for line in lines if line["liid"] == liid]
        hi2 = sorted((line for line in of if line["kind"] == "iri"), key=lambda line: line["sequence"])
        hi3 = sorted((line for line in of if line["kind"] in ("cc", "tri")), key=lambda line: line["sequence"])
        if len({line["cin"] for line in of}) != 1:
            differences.append(f"{liid}: more than one CIN")
        for what, theirs, ours in zip(("events", "contents"), (hi2, joined(hi3)), due(said, warrant), strict=True):
            if len(theirs) != len(ours):
                differences.append(f"{liid}: {len(theirs)} {what}, expected {len(ours)}")
            for at, (line, expected) in enumerate(zip(theirs, ours, strict=False)):
                if not line.get("messaging") or line["object_id"] != "050214" + ("03" if what == "events" else "04"):
                    differences.append(f"{liid}, {what} {at}: object id {line.get('object_id')}")
                for field, value in expected.items():
                    found = line[field]
                    if field == "parties":
                        found, value = sorted(found, key=key_of), sorted(value, key=key_of)
                    counts["fields"] += 1
                    if found != value:
                        differences.append(f"{liid}, {what} {at}, {field}: {str(found)[:200]}, expected {str(value)[:200]}")
                counts[what] += 1
    print("\n".join(differences) or json.dumps(counts))
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
