#!/usr/bin/env python3
"""Holds what was delivered against what was due: `compare.py FILE.etsi WARRANTS.toml CAPTURE...`. Prints each difference; exit 1 if any.

    --no-times      times are not compared (the capture's packets were moved about)
    --only-whole    of sessions whose start or some octets the capture lacks, nothing is required; what is delivered of them must still be true
    --at-most       what is delivered lacks octets of the captures: nothing is required, and nothing else may be there
"""

import argparse
import base64
import hashlib
import sys
from collections import defaultdict
from pathlib import Path

import ber
import events

FIELDS = ("sender", "recipients", "total", "client_octets", "server_octets")


def endpoint(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def identity(record: dict) -> set:
    """The Message-ID that may stand in the record: the message's or, where it was resent, that one."""
    return {record["message_id"], record["resent_message_id"]} if record["resent_message_id"] else {record["message_id"]}


def fits(due: dict, got: dict, times: bool) -> list[str]:
    """How a delivered record differs from a due one."""
    wrong = []
    if due["type"] != got["type"]:
        wrong.append(f"type {got['type']}, due {due['type']}")
    for name in FIELDS:
        expected = due.get(name)
        if name in due and got[name] != (expected[:1023] if name == "recipients" else expected):
            wrong.append(f"{name} {got[name]!r:.200}, due {expected!r:.200}")
    if "message_id" in due and got["message_id"] not in identity(due):
        wrong.append(f"Message-ID {got['message_id']!r}, due {due['message_id']!r}")
    if times and due["time"] is not None and got["time"] != due["time"]:
        wrong.append(f"time {got['time']}, due {due['time']}")
    return wrong


def compare_iri(due: list[dict], got: list[dict], times: bool) -> list[str]:
    """One-to-one, by warrant, connection and event, in the order of time."""
    wrong = []
    piles: dict[tuple, tuple[list, list]] = defaultdict(lambda: ([], []))
    for record in due:
        piles[record["liid"], record["client"], record["server"], record["event"]][0].append(record)
    for record in got:
        where = (record["liid"], endpoint(record["client"], record["client_port"]), endpoint(record["server"], record["server_port"]), record["event"])
        piles[where][1].append(record)
    for where, (wanted, found) in piles.items():
        required = [record for record in wanted if not record.get("optional")]
        if not len(required) <= len(found) <= len(wanted):
            wrong.append(f"{where}: {len(found)} delivered, {len(required)} to {len(wanted)} due")
            continue
        wanted = wanted if len(found) == len(wanted) else required
        for one, other in zip(wanted, found):
            wrong += [f"{where}: {text}" for text in fits(one, other, times)]
    return wrong


def compare_at_most(due: list[dict], got: list[dict]) -> list[str]:
    """Where octets are missing: every record delivered is of a message that there was, whatever else of it is known."""
    wrong = []
    for record in got:
        if record["event"] not in ("send", "receive"):
            continue
        ends = (endpoint(record["client"], record["client_port"]), endpoint(record["server"], record["server_port"]))
        if not any((one["liid"], one["client"], one["server"], one["event"]) == (record["liid"], *ends, record["event"]) and one["sender"] == record["sender"]
                   and set(record["recipients"]) <= set(one["recipients"]) and record["message_id"] in (identity(one) | {None}) for one in due):
            wrong.append(f"{record['liid']} {ends}: {record['event']} of a message that there was not")
    return wrong


def compare_cc(due: list[dict], got: list[dict], warrants: dict) -> list[str]:
    """The content of each communication: exactly the octets of its transactions, each way; before them, AUTH where login made the match."""
    wrong = []
    cin_of, content = {}, defaultdict(bytes)
    for record in got:
        if record["kind"] == "iri":
            cin_of[record["liid"], record["cin"]] = (endpoint(record["client"], record["client_port"]), endpoint(record["server"], record["server_port"]))
    for record in got:
        if record["kind"] == "cc":
            content[record["liid"], record["cin"], record["direction"]] += base64.b64decode(record["content"])
            if not warrants[record["liid"]].cc:
                wrong.append(f"{record['liid']}: content under a warrant for IRI alone")
    messages = defaultdict(list)
    for record in due:
        # A message from a target to itself is two events and one content.
        if record["event"] in ("send", "receive") and not record.get("sent_too") and warrants[record["liid"]].cc:
            messages[record["liid"], record["client"], record["server"]].append(record)
    for (liid, cin), ends in cin_of.items():
        if warrants[liid].cc_format != "application":
            continue
        mine = messages.get((liid, *ends), [])
        sides = {"from-target": [], "to-target": []}
        for message in mine:
            up, down = ("from-target", "to-target") if message["event"] == "send" else ("to-target", "from-target")
            sides[up].append((message["client_octets"], message["client_sha256"], message["login"]))
            sides[down].append((message["server_octets"], message["server_sha256"], message["login"]))
        for side, pieces in sides.items():
            octets = content.pop((liid, cin, side), b"")
            total = sum(size for size, _, _ in pieces)
            login = any(login for _, _, login in pieces)
            if len(octets) < total or (len(octets) != total and not login):
                wrong.append(f"{liid} {ends} {side}: {len(octets)} octets of content, due {total}")
                continue
            # Where a login made the match the exchange goes along, ahead of the transactions.
            at = len(octets) - total
            for size, digest, _ in pieces:
                if hashlib.sha256(octets[at:at + size]).hexdigest() != digest:
                    wrong.append(f"{liid} {ends} {side}: content at {at} differs from the transaction's octets")
                at += size
    wrong += [f"{liid} CIN {cin} {side}: {len(octets)} octets of content in a communication of no record"
              for (liid, cin, side), octets in content.items() if cin is not None and warrants[liid].cc_format == "application"]
    return wrong


def compare_numbers(got: list[dict]) -> list[str]:
    """Sequence numbers count from 0 without a hole for each (LIID, CIN), IRI and CC apart; a CIN is of one connection."""
    wrong, numbers, owners = [], defaultdict(list), {}
    for record in got:
        if record["kind"] in ("iri", "cc"):
            numbers[record["liid"], record["cin"], record["kind"]].append(record["sequence"])
        if record["kind"] == "iri":
            ends = (record["client"], record["client_port"], record["server"], record["server_port"])
            if owners.setdefault((record["liid"], record["cin"]), ends) != ends:
                wrong.append(f"{record['liid']} CIN {record['cin']}: of two connections")
        if record["kind"] != "tri" and record["qualifier"] != "interception":
            wrong.append(f"{record['liid']}: time stamp is qualified {record['qualifier']!r}")
    for (liid, cin, kind), found in numbers.items():
        distinct = sorted(set(found))
        if found != sorted(found) or distinct[0] != 0 or len(distinct) != len(found):
            # Segment flags stand between, and count along.
            wrong.append(f"{liid} CIN {cin} {kind}: sequence numbers {found[:20]}")
    return wrong


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("delivered")
    options.add_argument("warrants")
    options.add_argument("captures", nargs="+")
    options.add_argument("--no-times", action="store_true")
    options.add_argument("--only-whole", action="store_true")
    options.add_argument("--at-most", action="store_true")
    chosen = options.parse_args()
    warrants = {warrant.liid: warrant for warrant in events.load(chosen.warrants)}
    due = events.due(list(warrants.values()), chosen.captures)
    if chosen.only_whole:
        whole = events.due(list(warrants.values()), chosen.captures, only_whole=True)
        for record in due:
            record["optional"] = record.get("optional", False) or record not in whole
    got = ber.read(Path(chosen.delivered).read_bytes())
    iri = [record for record in got if record["kind"] == "iri"]
    if chosen.at_most:
        wrong = compare_at_most(due, iri)
    else:
        wrong = compare_iri(due, iri, not chosen.no_times)
        wrong += compare_cc(due, [record for record in got if record["kind"] != "tri"], warrants)
    wrong += compare_numbers(got)
    for text in wrong:
        print(text)
    required = sum(not record.get("optional") for record in due)
    print(f"{required} records due, {len(iri)} delivered, {sum(record['kind'] == 'cc' for record in got)} pieces of content, {len(wrong)} differences")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
