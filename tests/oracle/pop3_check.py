#!/usr/bin/env python3
"""Holds what Writ makes of captures of POP3 against the list of what is due: `pop3_check.py [--write] WRIT LIST CAPTURE...`.

The list has a line for each event, looked over against what the servers and clients of the captures did. Every capture is replayed under a
warrant for all client addresses, with everything of logins. Content is held against the octets that crossed the wire: all that either end
said after the greeting, but for lines that may be a password outside a login, which are overwritten.
"""

import base64
import collections
import subprocess
import sys
import tempfile
from pathlib import Path

import ber
import streams

WARRANT = """[[warrant]]
liid = "ALL"
authorization_country = "NL"
start = 1990-01-01T00:00:00Z
end = 2100-01-01T00:00:00Z
deliver = "iri+cc"
authentication_data = "full"
lemf = "lea-1"
targets = [{ ip = "0.0.0.0/0" }, { ip = "::/0" }]
"""


def replay(writ: str, capture: str) -> list[dict]:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "warrants.toml").write_text(WARRANT)
        subprocess.run([writ, "replay", capture, "--warrants", f"{folder}/warrants.toml", "--out", f"{folder}/out.etsi"], check=False, capture_output=True)
        return ber.read(Path(folder, "out.etsi").read_bytes())


def shown(record: dict) -> str:
    name = record["aaa"] or {"username": "-", "password": None}
    return (f"{record['event']} {record['type']} {record['status']} from {record['sender'] or '-'} to {','.join(record['recipients']) or '-'} id {record['message_id'] or '-'}"
            f" octets {record['client_octets']}+{record['server_octets']} as {name['username']}/{name['password'] or '-'}")


def events(capture: str, records: list[dict]) -> list[str]:
    mine = [record for record in records if record["kind"] == "iri" and record["server_port"] in (110, 995)]
    return [f"{Path(capture).name}: {shown(record)}" for record in mine]


def like(got: bytes, was: bytes) -> bool:
    return len(got) == len(was) and all(one == other or one == ord("*") for one, other in zip(got, was))


def content(capture: str, records: list[dict]) -> list[str]:
    """A session without an event has no port to know it by: content is looked for among all communications."""
    got: dict = collections.defaultdict(lambda: [b"", b""])
    for record in records:
        if record["kind"] == "cc":
            got[record["cin"]][record["direction"] == "to-target"] += base64.b64decode(record["content"])
    wrong = []
    for stream in streams.read(capture, {110}):
        if stream.server_port != 110 or stream.up.gap or stream.down.gap or not stream.whole:
            continue
        client, server = bytes(stream.up.octets), bytes(stream.down.octets)
        server = server[server.find(b"\n") + 1:] if server[:1] == b"+" else server
        if any(line.strip().upper() == b"STLS" for line in client.split(b"\n")):
            continue
        if (client or server) and not any(like(up, client) and like(down, server) for up, down in got.values()):
            wrong.append(f"{Path(capture).name}: {stream.client}: no content of {len(client)} and {len(server)} octets")
    return wrong


def capture_of(line: str) -> str:
    return line.split(":")[0]


def main() -> int:
    write = sys.argv[1] == "--write"
    writ, name, *captures = sys.argv[1 + write:]
    found, wrong = [], []
    for capture in captures:
        records = replay(writ, capture)
        found += events(capture, records)
        wrong += content(capture, records)
    if write:
        Path(name).write_text("\n".join(found) + "\n")
    due = Path(name).read_text().splitlines()
    for missing in (collections.Counter(due) - collections.Counter(found)).elements():
        wrong.append(f"missing {missing}")
    for extra in (collections.Counter(found) - collections.Counter(due)).elements():
        wrong.append(f"extra   {extra}")
    # Of each capture, whichever came first.
    if not wrong and sorted(due, key=capture_of) != sorted(found, key=capture_of):
        wrong.append("the events are in another order")
    for text in wrong:
        print(text)
    print(f"{len(captures)} captures, {len(found)} events, {len(wrong)} differences")
    return 1 if wrong or not found else 0


if __name__ == "__main__":
    sys.exit(main())
