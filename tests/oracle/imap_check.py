#!/usr/bin/env python3
"""Holds what Writ makes of captures of IMAP4 against the oracle's reading of them: `imap_check.py WRIT CAPTURE...`. Prints each difference; exit 1 if any.

Every capture is replayed under a warrant for all client addresses, with everything of logins, and one for each user. Compared are each
event's fields, and the content octet for octet: under the address all that either end said after the greeting, under a user from the
login to the logoff, but for what another said.
"""

import base64
import collections
import functools
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import ber
import imap
import streams
from smtp import user_of

WARRANT = """[[warrant]]
liid = "{liid}"
authorization_country = "NL"
start = 1990-01-01T00:00:00Z
end = 2100-01-01T00:00:00Z
deliver = "iri+cc"
authentication_data = "full"
lemf = "lea-1"
targets = [{targets}]

"""


# Captures of which Writ is known to hand over less content than there is under an address, and what.
KNOWN_GAPS: dict[str, str] = {}


@dataclass
class Part:
    """What one user did in a session."""

    user: str | None
    events: list = field(default_factory=list)


def login(command: imap.Command) -> str | None:
    """The name in LOGIN, or in the answers of AUTHENTICATE."""
    if command.verb == "LOGIN":
        words = imap.items(command.octets.split(b" ", 2)[2])
        return words[0].decode("utf-8", "replace") if words and words[0] else None
    lines = command.octets.split(b"\r\n")
    words = lines[0].split()
    responses = words[3:4] + [line for line in lines[1:] if line]
    return user_of(words[2].decode("latin-1").upper(), responses, [])


def parts(dialogue: imap.Dialogue) -> list[Part]:
    """The session, cut where somebody else is in: what is said to nobody is nobody's."""
    found = [Part(None)]
    if dialogue.greeting is not None and dialogue.greeting.upper().startswith(b"* PREAUTH"):
        # Whoever it is has not logged in here.
        found[-1].events.append(("logon", "begin", "unknown", None, None))
    for command in dialogue.commands:
        part = found[-1]
        if command.verb in ("LOGIN", "AUTHENTICATE"):
            if command.result == "OK":
                found.append(Part(login(command), [("logon", "begin", "succeeded", None, None)]))
            elif command.result is None:
                part.events.append(("logon-attempt", "report", "unknown", None, None, login(command)))
            else:
                part.events.append(("logon-failure", "report", "failed", None, None, login(command)))
        elif command.verb == "UNAUTHENTICATE" and command.result == "OK":
            part.events.append(("logoff", "end", "succeeded", None, None))
            found.append(Part(None))
        part.events += [(transfer.event, "report", transfer.status, *imap.described(transfer)) for transfer in imap.transfers(command)]
    # Under an address there is content from the first try to log in on, and so an end.
    begun = any(event[0] == "logon" for event in found[-1].events)
    if found[-1].user is not None or begun or any(command.verb in ("LOGIN", "AUTHENTICATE") for command in dialogue.commands):
        found[-1].events.append(("logoff", "end", None, None, None))
    return found


@functools.cache
def dialogues(capture: str) -> list[tuple[streams.Stream, imap.Dialogue]]:
    return [(stream, imap.Dialogue(bytes(stream.up.octets), bytes(stream.down.octets))) for stream in streams.read(capture, {143}) if stream.server_port == 143]


def due(capture: str, target: str | None) -> dict[str, list]:
    """The events of a target by client, or of everybody."""
    found = {}
    for stream, dialogue in dialogues(capture):
        events = []
        for part in parts(dialogue):
            for event in part.events:
                who = event[5] if len(event) == 6 else part.user
                if target is None or who == target:
                    events.append((*event[:5], who))
        if events and not (dialogue.dark and target is None):
            found[stream.client] = events
    return found


def shown(event: tuple) -> str:
    name, kind, status, sender, ident, who = event
    return f"{name} {kind} {status or '*'} from {sender} id {ident} of {who}"


def same(one: tuple, other: tuple) -> bool:
    return all(a == b for a, b in zip(one, other)) or (one[2] is None and same((*one[:2], other[2], *one[3:]), other))


def compare(capture: str, liid: str, wanted: dict, records: list[dict]) -> list[str]:
    wrong = []
    got = collections.defaultdict(list)
    for record in records:
        if record["kind"] == "iri" and record["liid"] == liid and record["server_port"] == 143:
            client = f"[{record['client']}]:{record['client_port']}" if ":" in record["client"] else f"{record['client']}:{record['client_port']}"
            who = record["recipients"][0] if record["recipients"] else None
            got[client].append((record["event"], record["type"], record["status"], record["sender"], record["message_id"], who))
    for client in wanted.keys() | got.keys():
        left = list(got[client])
        for event in wanted.get(client, []):
            match = next((one for one in left if same(event, one)), None)
            if match is None:
                wrong.append(f"{Path(capture).stem} {liid} {client}: missing {shown(event)}")
            else:
                left.remove(match)
        wrong += [f"{Path(capture).stem} {liid} {client}: extra   {shown(event)}" for event in left]
    return wrong


def content(capture: str, records: list[dict]) -> list[str]:
    """Under the warrant for everybody's address: all octets of both ends after the greeting, inflated or not."""
    wrong = []
    got: dict = collections.defaultdict(lambda: [b"", b""])
    client_of = {record["cin"]: record["client_port"] for record in records if record["kind"] == "iri" and record["liid"] == "ALL"}
    for record in records:
        if record["kind"] == "cc" and record["liid"] == "ALL":
            got[client_of.get(record["cin"])][record["direction"] == "to-target"] += base64.b64decode(record["content"])
    for stream, dialogue in dialogues(capture):
        if dialogue.dark:
            continue
        start = len(dialogue.greeting or b"")
        for number, (half, raw, skip) in enumerate(((dialogue.up, stream.up, 0), (dialogue.down, stream.down, start))):
            mine = got[int(stream.client.rpartition(":")[2])][number]
            if mine not in (half.octets[skip:], bytes(raw.octets)[skip:]):
                wrong.append(f"{Path(capture).stem} {stream.client}: {len(mine)} octets of content {'of the server' if number else 'of the client'},"
                             f" {len(half.octets) - skip} due ({len(raw.octets) - skip} on the wire)")
    return wrong


def main() -> int:
    writ, wrong, count = sys.argv[1], [], 0
    for capture in sys.argv[2:]:
        users = sorted({part.user for _, dialogue in dialogues(capture) for part in parts(dialogue) if part.user})
        with tempfile.TemporaryDirectory() as folder:
            text = WARRANT.format(liid="ALL", targets='{ ip = "0.0.0.0/0" }, { ip = "::/0" }')
            for number, user in enumerate(users):
                text += WARRANT.format(liid=f"USER-{number}", targets=f'{{ {"email" if "@" in user else "login"} = "{user}" }}')
            Path(folder, "warrants.toml").write_text(text)
            subprocess.run([writ, "replay", capture, "--warrants", f"{folder}/warrants.toml", "--out", f"{folder}/out.etsi"], check=True, capture_output=True)
            records = ber.read(Path(folder, "out.etsi").read_bytes())
        for liid, target in [("ALL", None), *((f"USER-{number}", user) for number, user in enumerate(users))]:
            wanted = due(capture, target)
            count += sum(map(len, wanted.values()))
            here = [] if target is None and any(dialogue.dark for _, dialogue in dialogues(capture)) else compare(capture, liid, wanted, records)
            wrong += here
        missing = content(capture, records)
        if Path(capture).stem not in KNOWN_GAPS:
            wrong += missing
        elif not missing:
            wrong.append(f"{Path(capture).stem}: no gap any more")
    for text in wrong:
        print(text)
    print(f"{len(sys.argv) - 2} captures, {count} events due, {len(wrong)} differences")
    return 1 if wrong or not count else 0


if __name__ == "__main__":
    sys.exit(main())
