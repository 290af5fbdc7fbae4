#!/usr/bin/env python3
"""What a set of warrants must yield from a capture, from the oracle's reading of it alone: a line of JSON for each record that is due.

    events.py WARRANTS.toml CAPTURE...

The rules are those of TS 102 232-2 annex A and of the warrants' own words; `compare.py` holds what was delivered against them.
"""

import datetime
import ipaddress
import json
import sys
import tomllib
from pathlib import Path

from smtp import smtp

CAPTURES = Path(__file__).resolve().parent.parent / "captures"


def key(address: str) -> str:
    """An address as targets are compared: without case, its domain in ASCII (RFC 5890)."""
    local, at, domain = address.rpartition("@")
    if not at:
        local, domain = domain, ""
    try:
        domain = domain.encode("idna").decode()
    except UnicodeError:
        pass
    if len(local) > 1 and local[0] == local[-1] == '"':
        # A quoted string names the same mailbox as its content (RFC 5321 §4.1.2).
        local = local[1:-1].replace("\\", "")
    return (local + at + domain).lower()


def lines(capture: str) -> list[dict]:
    """The oracle's reading: for the captures in the tree the one that is kept there, for others a fresh one."""
    kept = CAPTURES / "expected" / f"{Path(capture).stem}.json"
    if Path(capture).resolve().parent == CAPTURES and kept.exists():
        return json.loads(kept.read_text())
    return smtp(capture)


def sessions(found: list[dict]) -> list[tuple[dict, list[dict]]]:
    grouped: list[tuple[dict, list[dict]]] = []
    for line in found:
        if line["kind"] == "session":
            grouped.append((line, []))
        else:
            grouped[-1][1].append(line)
    return grouped


class Warrant:
    """One `[[warrant]]`, and whom it covers."""

    def __init__(self, table: dict):
        self.liid = table["liid"]
        self.cc = table.get("deliver", "iri") == "iri+cc"
        self.cc_format = table.get("cc_format", "application")
        self.authentication = table.get("authentication_data", "none")
        self.start, self.end = (self.micros(table[name]) for name in ("start", "end"))
        targets = table["targets"]
        self.emails = {key(target["email"]) for target in targets if "email" in target}
        self.logins = {target["login"].lower() for target in targets if "login" in target}
        self.networks = [ipaddress.ip_network(target["ip"], strict=False) for target in targets if "ip" in target]

    @staticmethod
    def micros(moment: datetime.datetime) -> int:
        return round(moment.timestamp() * 1_000_000)

    def covers(self, time: int | None) -> bool:
        return time is not None and self.start <= time < self.end

    def address(self, client: str) -> bool:
        host = ipaddress.ip_address(client.rpartition(":")[0].strip("[]"))
        return any(host in network for network in self.networks)

    def login(self, user: str | None) -> bool:
        return user is not None and (user.lower() in self.logins or key(user) in self.emails)


def encrypted(dark: dict | None) -> dict:
    """The octets of an encrypted part, as the session's end tells them."""
    return {name: dark[name] for name in ("client_octets", "server_octets")} if dark else {}


def records(warrant: Warrant, session: dict, messages: list[dict]) -> list[dict]:
    """What is due under one warrant from one session."""
    due = []
    common = {"liid": warrant.liid, "client": session["client"], "server": session["server"]}
    by_address = warrant.address(session["client"])
    logins = [login for login in session["auth"] if login["result"] == "succeeded" and warrant.login(login["user"])]
    everything = by_address or bool(logins)
    given_up = [message for message in messages if message["kind"] == "abandoned"]
    messages = [message for message in messages if message["kind"] == "message"]
    accepted = [message for message in messages if message["accepted"]]
    sent = [message for message in accepted if everything or key(message["sender"]) in warrant.emails]
    tried = everything or any(key(message["sender"]) in warrant.emails for message in messages + given_up)
    helos = [helo for helo in session["helo"] if 200 <= helo["code"] < 300]
    helo = helos[0] if helos else None

    for login in session["auth"]:
        if login["result"] == "failed" and (by_address or warrant.login(login["user"])) and warrant.covers(login["time"]):
            due.append({**common, "event": "logon-failure", "type": "report", "time": login["time"]})
    if by_address:
        for refused in session["helo"]:
            if refused["code"] >= 500 and warrant.covers(refused["time"]):
                due.append({**common, "event": "logon-failure", "type": "report", "time": refused["time"], "optional": True})
    if (sent or everything) and helo and warrant.covers(helo["time"]):
        due.append({**common, "event": "logon", "type": "begin", "time": helo["time"], "login": bool(logins),
                    "client_octets": helo["client_octets"], "server_octets": helo["server_octets"],
                    # Where the client said HELO again before it was known to be a target, the later one is as good.
                    "others": [{name: other[name] for name in ("time", "client_octets", "server_octets")} for other in helos[1:]]})
        # Of what is encrypted nobody can say whose it is, unless the client's address does.
        dark = session["dark"] if by_address else None
        due.append({**common, "event": "logoff", "type": "end", "time": session["quit"], **encrypted(dark)})
    elif by_address and session["starttls"] == "implicit":
        dark = session["dark"]
        if dark and warrant.covers(dark["time"]):
            due.append({**common, "event": "logon", "type": "begin", "time": dark["time"], "client_octets": 0, "server_octets": 0})
            due.append({**common, "event": "logoff", "type": "end", "time": None, **encrypted(dark)})
    elif tried:
        if helo:
            due.append({**common, "event": "logon", "type": "begin", "time": helo["time"], "optional": True})
        due.append({**common, "event": "logoff", "type": "end", "time": None, "optional": True})
    for message in messages:
        if not warrant.covers(message["time"]):
            continue
        fields = {name: message[name] for name in ("sender", "recipients", "client_octets", "server_octets", "time", "message_id", "resent_message_id",
                                                   "client_sha256", "server_sha256", "message_sha256", "by")}
        fields = {**common, **fields, "total": len(message["recipients"]), "login": bool(logins)}
        received = any(key(name) in warrant.emails for name in message["recipients"])
        if not message["accepted"]:
            # No event (A.2.2, A.2.3). Its octets went over the wire before that was known, and may have been handed over by then.
            if everything or received or key(message["sender"]) in warrant.emails:
                side = "send" if everything or key(message["sender"]) in warrant.emails else "receive"
                due.append({**fields, "event": "refused", "type": side, "optional": True})
            continue
        if message in sent:
            due.append({**fields, "event": "send", "type": "continue"})
        if received:
            due.append({**fields, "event": "receive", "type": "report", "sent_too": message in sent})
    for message in given_up:
        sender = everything or key(message["sender"]) in warrant.emails
        if sender or any(key(name) in warrant.emails for name in message["recipients"]):
            due.append({**common, "event": "abandoned", "type": "send" if sender else "receive", "optional": True, "time": message["time"],
                        "login": bool(logins), "client_base64": message["client_base64"], "server_base64": message["server_base64"]})
    return sorted(due, key=lambda record: record["time"] or 0)


def believed(message: dict) -> dict:
    """The message as one takes it to be who does not see the server's replies."""
    if message["kind"] != "message":
        return message
    return {**message, "accepted": True, "recipients": message["recipients"] + message["refused"]}


def due(warrants: list[Warrant], captures: list[str], only_whole: bool = False, believing: bool = False) -> list[dict]:
    found = []
    for capture in captures:
        for session, messages in sessions(lines(capture)):
            if only_whole and (not session["whole"] or session["gap"]):
                continue
            if believing:
                messages = [believed(message) for message in messages]
            for warrant in warrants:
                found += records(warrant, session, messages)
    return found


def partial(captures: list[str]) -> set[str]:
    """The clients of sessions that the captures have not got whole."""
    found = (line for capture in captures for line in lines(capture))
    return {line["client"] for line in found if line["kind"] == "session" and (not line["whole"] or line["gap"])}


def load(path: str) -> list[Warrant]:
    return [Warrant(table) for table in tomllib.loads(Path(path).read_text())["warrant"]]


if __name__ == "__main__":
    for record in due(load(sys.argv[1]), sys.argv[2:]):
        sys.stdout.write(json.dumps(record, ensure_ascii=False) + "\n")
