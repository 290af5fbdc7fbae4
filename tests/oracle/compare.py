#!/usr/bin/env python3
"""Holds what was delivered against what was due: `compare.py FILE.etsi WARRANTS.toml CAPTURE...`. Prints each difference; exit 1 if any.

    --no-times      times are not compared (the capture's packets were moved about)
    --only-whole    sessions whose start or some octets the capture lacks are left out, on both sides
    --at-most       what was read lacks octets of the captures: nothing is required, and nothing may be there that was not said on the wire;
                    where the replies are missing, what was refused cannot be told from what was accepted
"""

import argparse
import base64
import hashlib
import sys
from collections import defaultdict
from pathlib import Path

import ber
import events
import streams

FIELDS = ("sender", "recipients", "total", "client_octets", "server_octets")


def endpoint(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def identity(record: dict) -> set:
    """The Message-ID that may stand in the record: the message's or, where it was resent, that one."""
    return {record["message_id"], record["resent_message_id"]} if record["resent_message_id"] else {record["message_id"]}


def abridged(due: list[str], got: list[str]) -> bool:
    """Past 1023 the list is cut; which of the later ones takes the last place is the sender's choice."""
    return len(due) > 1023 and len(got) == 1023 and got[:1022] == due[:1022] and got[1022] in due[1022:]


def fits(due: dict, got: dict, times: bool) -> list[str]:
    """How a delivered record differs from a due one."""
    wrong = []
    for other in due.get("others", []):
        if got["time"] == other["time"]:
            due = {**due, **other}
    if due["type"] != got["type"]:
        wrong.append(f"type {got['type']}, due {due['type']}")
    for name in FIELDS:
        if name in due and got[name] != due[name] and not (name == "recipients" and abridged(due[name], got[name])):
            wrong.append(f"{name} {got[name]!r:.200}, due {due[name]!r:.200}")
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
        if record["event"] in ("refused", "abandoned"):
            continue
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
    cin_of, content = {}, defaultdict(bytearray)
    for record in got:
        if record["kind"] == "iri":
            cin_of[record["liid"], record["cin"]] = (endpoint(record["client"], record["client_port"]), endpoint(record["server"], record["server_port"]))
    for record in got:
        if record["kind"] == "cc":
            content[record["liid"], record["cin"], record["direction"]] += base64.b64decode(record["content"])
            if not warrants[record["liid"]].cc:
                wrong.append(f"{record['liid']}: content under a warrant for IRI alone")
    messages, refused, begun = defaultdict(list), defaultdict(set), defaultdict(list)
    logins = {(record["liid"], record["client"], record["server"]) for record in due if record.get("login")}
    for record in due:
        # A message from a target to itself is two events and one content.
        if record["event"] in ("send", "receive", "refused", "abandoned") and not record.get("sent_too") and warrants[record["liid"]].cc:
            messages[record["liid"], record["client"], record["server"]].append(record)
            if record["event"] == "refused":
                refused[record["liid"]] |= {record["client_sha256"], record["server_sha256"]}
            if record["event"] == "abandoned":
                begun[record["liid"]] += [base64.b64decode(record["client_base64"]), base64.b64decode(record["server_base64"])]
    for (liid, cin), ends in cin_of.items():
        if warrants[liid].cc_format != "application":
            continue
        mine = messages.get((liid, *ends), [])
        sides = {"from-target": [], "to-target": []}
        for message in mine:
            send = "send" in (message["event"], message["type"])
            for name, side in (("client", "from-target" if send else "to-target"), ("server", "to-target" if send else "from-target")):
                if message["event"] == "abandoned":
                    sides[side].append(base64.b64decode(message[f"{name}_base64"]))
                else:
                    sides[side].append((message[f"{name}_octets"], message[f"{name}_sha256"], message["event"] == "refused"))
        login = (liid, *ends) in logins
        for side, pieces in sides.items():
            octets = content.pop((liid, cin, side), b"")
            if not matches(octets, pieces, login):
                due_octets = sum(piece[0] for piece in pieces if not isinstance(piece, bytes) and not piece[2])
                wrong.append(f"{liid} {ends} {side}: {len(octets)} octets of content that are not the {due_octets} due")
    # A message that was refused, or never ended, has no record, only octets that were on their way.
    wrong += [f"{liid} CIN {cin} {side}: {len(octets)} octets of content in a communication of no record"
              for (liid, cin, side), octets in content.items()
              if warrants[liid].cc_format == "application" and hashlib.sha256(octets).hexdigest() not in refused[liid]
              and not any(whole.startswith(octets) for whole in begun[liid])]
    return wrong


def matches(octets: bytes, pieces: list, login: bool) -> bool:
    """Whether the octets are these pieces in their order. Those of refused messages may be there or not, of abandoned ones any head."""
    if login:
        # The exchange stands before them. It is as long as it was, and compared elsewhere; the first transaction shows where it ends.
        return any(matches(octets[at:], pieces, False) for at in range(len(octets) + 1))
    if not pieces:
        return not octets
    first, rest = pieces[0], pieces[1:]
    if isinstance(first, bytes):
        common = next((at for at, (one, other) in enumerate(zip(first, octets)) if one != other), min(len(first), len(octets)))
        return any(matches(octets[at:], rest, False) for at in range(common, -1, -1))
    size, digest, optional = first
    if hashlib.sha256(octets[:size]).hexdigest() == digest and matches(octets[size:], rest, False):
        return True
    return optional and matches(octets, rest, False)


def compare_numbers(got: list[dict]) -> list[str]:
    """Sequence numbers count from 0 without a hole for each (LIID, CIN), IRI and CC apart; a CIN is of one connection."""
    wrong, numbers, owners, others = [], defaultdict(list), {}, defaultdict(int)
    for record in got:
        if record["kind"] == "tri":
            # Segment flags and messages to the LEMF stand between, and count along.
            others[record["liid"], record["cin"]] += 1
            continue
        numbers[record["liid"], record["cin"], record["kind"]].append(record["sequence"])
        if record["kind"] == "iri":
            ends = (record["client"], record["client_port"], record["server"], record["server_port"])
            if owners.setdefault((record["liid"], record["cin"]), ends) != ends:
                wrong.append(f"{record['liid']} CIN {record['cin']}: of two connections")
        if record["qualifier"] != "interception":
            wrong.append(f"{record['liid']}: time stamp is qualified {record['qualifier']!r}")
    for (liid, cin, kind), found in numbers.items():
        rising = all(one < other for one, other in zip(found, found[1:]))
        if not rising or found[-1] + 1 - len(found) > others[liid, cin]:
            wrong.append(f"{liid} CIN {cin} {kind}: sequence numbers {found[:20]}")
    return wrong


def of_smtp(got: list[dict], captures: list[str]) -> list[dict]:
    """What is left when sessions of POP3 and IMAP4 are taken away: those have readers of their own."""
    others = {110, 143, 993, 995}
    if not any(streams.read(capture, others) for capture in captures):
        return got
    told = {(record["liid"], record["cin"]): record["server_port"] for record in got if record["kind"] == "iri"}
    return [record for record in got if told.get((record["liid"], record["cin"]), 110) not in others]


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
    got = of_smtp(ber.read(Path(chosen.delivered).read_bytes()), chosen.captures)
    due = events.due(list(warrants.values()), chosen.captures, chosen.only_whole, chosen.at_most)
    if chosen.only_whole:
        partial = events.partial(chosen.captures)
        away = {(record["liid"], record["cin"]) for record in got if record["kind"] == "iri"
                and endpoint(record["client"], record["client_port"]) in partial}
        # So is content that came before its first record, where the record never came.
        told = {(record["liid"], record["cin"]) for record in got if record["kind"] == "iri"}
        got = [record for record in got if (record["liid"], record["cin"]) not in away
               and (not partial or record["kind"] != "cc" or (record["liid"], record["cin"]) in told)]
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
