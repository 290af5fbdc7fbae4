"""Holds what a receiver was handed against what the servers wrote down: `account.py STORE HOME BEFORE`. Prints each difference; exit 1 if any.

STORE is the receiver's, HOME that of the mail host, BEFORE a copy of its mail store from before anybody read.
"""

import base64
import collections
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from ledger import Happening, Session, access, crlf, field_of, maildirs, smtp
from mailhost import ADDRESS, USERS

import ber


@dataclass
class Warrant:
    """As in `warrants.toml` beside this file."""

    liid: str
    email: str | None = None
    ip: str | None = None
    password: bool = False
    content: bool = True
    # Whether the names of logins go along.
    names: bool = True

    def due(self, session: Session) -> list[Happening]:
        """What of a session is handed over."""
        if self.ip is not None:
            if session.client[0] != self.ip:
                return []
            # In a mailbox's session there is content from the first try to log in on, and so an end, whoever was let in.
            tried = any(one.event == "logon-failure" for one in session.happenings)
            nobody = session.protocol != "smtp" and tried and not any(one.event == "logoff" for one in session.happenings)
            return session.happenings + [Happening("logoff", "end", "unknown")] * nobody
        if session.protocol != "smtp":
            if session.user == self.email:
                return session.happenings
            return [one for one in session.happenings if one.user == self.email]
        sent = [one for one in session.happenings if one.event == "send"]
        mine = [one for one in sent if session.user == self.email or one.sender == self.email]
        ends = [one for one in session.happenings if one.event in ("logon", "logoff")] if mine else []
        failures = [one for one in session.happenings if one.event == "logon-failure" and one.user == self.email]
        received = [Happening("receive", "report", "succeeded" if one.status == "succeeded" else "unknown", one.sender, one.recipients, one.total, one.message_id,
                              one.client_octets, one.server_octets, one.message) for one in sent if self.email in one.recipients]
        return failures + ends + mine + received


WARRANTS = [
    Warrant("ALICE", email="alice@example.org"),
    Warrant("LAPTOP", ip="192.0.2.10", password=True),
    Warrant("CAROL", email="carol@example.org", content=False, names=False),
]


def shown(record: dict) -> str:
    """An event in one line, as both sides have it."""
    return (f"{record['event']} {record['type']} {record['status']} from {record['sender']} to {','.join(record['recipients'])} of {record['total']}"
            f" id {record['message_id']} octets {record['client_octets']}+{record['server_octets']}")


def due_line(one: Happening) -> str:
    recipients = ",".join(one.recipients) if one.recipients else "*"
    return (f"{one.event} {one.type} {one.status} from {one.sender or '*'} to {recipients} of {one.total or '*'}"
            f" id {one.message_id or '*'} octets {span(one.client_octets)}+{span(one.server_octets)}")


def span(octets: tuple) -> str:
    return str(octets[0]) if octets[0] == octets[1] else f"{octets[0]}..{octets[1]}"


def fits(one: Happening, record: dict) -> list[str]:
    """What of a record is not as the servers have it."""
    wrong = [name for name in ("event", "type", "status") if getattr(one, name) != record[name]]
    for name in ("sender", "message_id"):
        # A transfer without them has none; of logons the servers' logs do not say.
        said = getattr(one, name)
        transferred = one.event not in ("logon", "logoff", "logon-failure")
        if (said is not None or transferred) and said != record[name]:
            wrong.append(name)
    if one.recipients is not None and tuple(sorted(record["recipients"])) != one.recipients:
        wrong.append("recipients")
    if one.total is not None and record["total"] != one.total:
        wrong.append("total")
    for name in ("client_octets", "server_octets"):
        least, most = getattr(one, name)
        if not least <= record[name] <= most:
            wrong.append(name)
    return wrong


def pair(due: list[Happening], got: list[dict]) -> list[str]:
    """Each due event with the record that fits it best; what is left over on either side."""
    differences = []
    left = list(got)
    open_due = []
    for one in due:
        match = next((record for record in left if not fits(one, record)), None)
        if match is None:
            open_due.append(one)
        else:
            left.remove(match)
    for one in open_due:
        near = min((record for record in left if record["event"] == one.event), key=lambda record: len(fits(one, record)), default=None)
        if near is None:
            differences.append(f"missing: {due_line(one)}")
        else:
            left.remove(near)
            differences.append(f"differs in {', '.join(fits(one, near))}:\n      due {due_line(one)}\n      got {shown(near)}")
    return differences + [f"extra:   {shown(record)}" for record in left]


def authentication(warrant: Warrant, session: Session, record: dict) -> list[str]:
    """What a record says of the login, against what the server knew of it."""
    wrong, aaa = [], record["aaa"]
    failed = record["event"] == "logon-failure"
    users = {one.user for one in session.happenings if one.event == "logon-failure"} if failed else {session.user}
    due = warrant.names and record["event"] != "logoff" and users != {None} and (session.protocol != "smtp" or record["event"] in ("send", "logon-failure"))
    if due and aaa is None:
        wrong.append("names nobody")
    if aaa is not None and (not warrant.names or aaa["username"] not in users or aaa["result"] != ("failed" if failed else "succeeded")):
        wrong.append(f"names {aaa['username']}, {aaa['result']}; due {', '.join(map(str, users))}")
    if record["event"] in ("send", "receive") and record["validity"] != ("validated" if session.user else "nonvalidated"):
        wrong.append(f"the sender is {record['validity']}")
    return [f"{record['event']} {text}" for text in wrong]


def events(sessions: list[Session], got: list[dict]) -> tuple[list[str], int]:
    """Every event, session by session."""
    wrong, count = [], 0
    piles = collections.defaultdict(list)
    for record in got:
        if record["kind"] == "iri":
            piles[record["liid"], record["protocol"], record["client"], record["client_port"]].append(record)
    for warrant in WARRANTS:
        for session in sessions:
            due = warrant.due(session)
            mine = piles.pop((warrant.liid, session.protocol, *session.client), [])
            count += len(due)
            for record in mine:
                if (record["server"], record["server_port"]) != (session.server[0], session.server[1] or record["server_port"]):
                    wrong.append(f"{warrant.liid}: server {record['server']}:{record['server_port']} of {session.client}, due {session.server}")
            where = f"{warrant.liid} {session.protocol} {session.client[0]}:{session.client[1]} ({session.user or 'nobody'})"
            wrong += [f"{where}\n    {text}" for text in pair(due, mine)]
            wrong += [f"{where}\n    {text}" for record in mine for text in authentication(warrant, session, record)]
    wrong += [f"{' '.join(map(str, where))}: of no session that the servers know:\n    " + "\n    ".join(map(shown, records)) for where, records in piles.items()]
    return wrong, count


def messages(store: Path, sessions: list[Session], got: list[dict], stored: list[bytes]) -> tuple[list[str], int]:
    """Every message that was transferred whole is in the receiver's store, octet for octet, and no other."""
    wrong, count = [], 0
    # A client's port alone tells no session: it may go to two servers at once.
    ends = {(record["liid"], record["cin"]): (record["protocol"], record["client"], record["client_port"]) for record in got if record["kind"] == "iri"}
    found = collections.defaultdict(list)
    for path in sorted((store / "messages").glob("*.eml")):
        # LIID-CIN@OPERATOR@ELEMENT-NUMBER.
        liid, cin = re.match(r"(.+?)-([0-9]+)@.*-[0-9]+", path.name).groups()
        if path.name.endswith((".incomplete.eml", ".partial.eml", ".refused.eml")):
            continue
        found[liid, ends.get((liid, int(cin)))].append(path)
    kept = collections.Counter(stored)
    for warrant in WARRANTS:
        for session in sessions:
            files = found.pop((warrant.liid, (session.protocol, *session.client)), [])
            whole = [one for one in warrant.due(session) if one.event in ("send", "receive", "download", "upload") and one.message is not None and warrant.content]
            # What alice sends herself is two events and one message.
            if session.protocol == "smtp":
                whole = list({one.message_id: one for one in whole}.values())
            where = f"{warrant.liid} {session.protocol} {session.client[0]}:{session.client[1]}"
            for one in whole:
                count += 1
                if session.protocol == "smtp":
                    # The store has the servers' trace fields before it (RFC 5321 §4.4).
                    same = [path for path in files if one.message.endswith(b"\r\n" + path.read_bytes()) and field_of(path.read_bytes(), "Message-ID") == one.message_id]
                else:
                    if not kept[crlf(one.message)]:
                        wrong.append(f"{where}: {one.event} of {one.message_id}: the server sent what is not in its store")
                    same = [path for path in files if path.read_bytes() == one.message]
                if not same:
                    near = [path.name for path in files if field_of(path.read_bytes(), "Message-ID") == one.message_id]
                    wrong.append(f"{where}: {one.event} of {one.message_id}, {len(one.message)} octets: not in the receiver's store" + (f" but differently as {near}" if near else ""))
                else:
                    files.remove(same[0])
            wrong += [f"{where}: {path.name}, {path.stat().st_size} octets, is of no transfer that the servers know" for path in files
                      if not (session.protocol == "smtp" and any(one.event == "send" and one.message is None for one in warrant.due(session)))]
    return wrong + [f"{path.name}: of no session that the servers know" for files in found.values() for path in files], count


def secrets(got: list[dict]) -> list[str]:
    """Whose passwords and names may be where."""
    wrong = []
    for warrant in WARRANTS:
        octets = b"".join(base64.b64decode(record["content"]) for record in got if record["kind"] == "cc" and record["liid"] == warrant.liid)
        told = " ".join(str(record.get("aaa")) for record in got if record["kind"] == "iri" and record["liid"] == warrant.liid)
        if not warrant.content and octets:
            wrong.append(f"{warrant.liid}: content under a warrant for IRI alone")
        # SASL carries a name and a password in base64 (RFC 4616, RFC 4648 §4).
        clear = octets + b"".join(base64.b64decode(word + b"=" * (-len(word) % 4)) for word in re.findall(rb"[A-Za-z0-9+/]{12,}", octets) if len(word) % 4 != 1)
        for user, password in USERS.items():
            in_content, in_iri = password.encode() in clear, password in told
            allowed = warrant.password and user.startswith(("alice", "carol"))
            if (in_content or in_iri) and not allowed:
                wrong.append(f"{warrant.liid}: the password of {user} was handed over")
            if allowed and not (in_content and in_iri):
                wrong.append(f"{warrant.liid}: the password of {user} is due {'in content' if not in_content else 'in IRI'}")
        if warrant.liid == "ALICE" and b"mallory" in octets + told.encode():
            wrong.append(f"{warrant.liid}: mallory is in it")
        if any(record["kind"] == "iri" and record["client"] == "192.0.2.20" and record["event"] != "receive" for record in got if record["liid"] == warrant.liid):
            wrong.append(f"{warrant.liid}: a session from mallory's computer")
    return wrong


def main() -> int:
    store, home, before = map(Path, sys.argv[1:4])
    stored = maildirs(before) + maildirs(home / "mail")
    sessions = smtp((home / "postfix.log").read_text(), ADDRESS, {field_of(mail, "Message-ID"): mail for mail in stored})
    sessions += access((home / "dovecot.log").read_text(), home / "rawlog")
    got = ber.read((store / "pdus.etsi").read_bytes())
    wrong, count = events(sessions, got)
    more, whole = messages(store, sessions, got, stored)
    wrong += more + secrets(got)
    for text in wrong:
        print(text)
    print(f"{len(sessions)} sessions, {count} events due, {whole} whole messages due, {len(wrong)} differences")
    return 1 if wrong or not count else 0


if __name__ == "__main__":
    sys.exit(main())
