"""What happened, from what the servers wrote down of it: Postfix's log, Dovecot's log and its own record of each session, and the Maildirs.

Nothing of it was read from the wire.
"""

import re
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "oracle"))

import imap  # noqa: E402


@dataclass
class Happening:
    """One event that a covered session has. What is None is not known to the servers, and is not compared."""

    event: str
    type: str
    status: str
    sender: str | None = None
    recipients: tuple | None = None
    total: int | None = None
    message_id: str | None = None
    # The least and the most octets that are plausible.
    client_octets: tuple = (0, 1 << 40)
    server_octets: tuple = (0, 1 << 40)
    # The whole message as the protocol carried it, where it was.
    message: bytes | None = None
    user: str | None = None


@dataclass
class Session:
    """A connection, as its server knew it."""

    protocol: str
    client: tuple
    server: tuple
    user: str | None = None
    happenings: list = field(default_factory=list)
    # Encrypted, from its first octet or from STARTTLS on.
    dark: bool = False


def crlf(octets: bytes) -> bytes:
    return octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def maildirs(mail: Path) -> list[bytes]:
    """Every message in the mail store, as a protocol sends it."""
    return [crlf(path.read_bytes()) for part in ("cur", "new") for path in mail.rglob(f"{part}/*") if path.is_file()]


def field_of(message: bytes, name: str) -> str | None:
    """A field of a head, unfolded."""
    head = re.sub(rb"\r?\n[ \t]", b" ", message.replace(b"\r\n", b"\n").partition(b"\n\n")[0])
    found = re.search(rb"(?im)^%s:[ \t]*(.*)$" % name.encode(), head)
    return found[1].decode("utf-8", "replace").strip() if found else None


def address_of(value: str | None) -> str | None:
    """The address in a From field."""
    if value is None:
        return None
    found = re.search(r"<([^>]*)>", value)
    return found[1] if found else value


END_OF = r"unknown\[(?P<ip>[^\]]+)\]:(?P<port>\d+)"


def smtp(log: str, server: str, stored: dict[str, bytes]) -> list[Session]:
    """Postfix's sessions. The server's port is not in its log: `ports` of what the SASL fields say would be a guess, so it is left open."""
    sessions: dict[tuple, Session] = {}
    mails: dict[str, dict] = defaultdict(lambda: {"to": []})
    order: dict[tuple, list] = defaultdict(list)
    for line in log.splitlines():
        if found := re.search(r"smtpd\[\d+\]: connect from " + END_OF, line):
            sessions[found["ip"], int(found["port"])] = Session("smtp", (found["ip"], int(found["port"])), (server, None))
        elif found := re.search(r"disconnect from " + END_OF + r" (.*)", line):
            session = sessions[found["ip"], int(found["port"])]
            if re.search(r"\behlo=[1-9]", line):
                session.happenings.insert(0, Happening("logon", "begin", "succeeded"))
            session.happenings.append(Happening("logoff", "end", "succeeded"))
        elif found := re.search(r"TLS connection established from " + END_OF, line):
            sessions[found["ip"], int(found["port"])].dark = True
        elif found := re.search(END_OF + r": SASL (\S+) authentication failed: .*sasl_username=(?P<user>\S+)", line):
            sessions[found["ip"], int(found["port"])].happenings.append(Happening("logon-failure", "report", "failed", user=found["user"]))
        elif found := re.search(r"smtpd\[\d+\]: (?P<id>[0-9A-F]+): client=" + END_OF + r"(?:, sasl_method=\S+, sasl_username=(?P<user>\S+))?$", line):
            where = found["ip"], int(found["port"])
            mails[found["id"]]["where"] = where
            sessions[where].user = found["user"] or sessions[where].user
            mark = Happening("send", "continue", "succeeded")
            mails[found["id"]]["mark"] = mark
            sessions[where].happenings.append(mark)
        elif found := re.search(r"cleanup\[\d+\]: ([0-9A-F]+): message-id=(\S+)", line):
            mails[found[1]]["message_id"] = found[2]
        elif found := re.search(r"qmgr\[\d+\]: ([0-9A-F]+): from=<([^>]*)>, size=(\d+), nrcpt=(\d+)", line):
            mails[found[1]].update(sender=found[2], count=int(found[4]), size=int(found[3]))
        elif found := re.search(r"(?:lmtp|discard)\[\d+\]: ([0-9A-F]+): to=<([^>]*)>,.* status=sent", line):
            mails[found[1]]["to"].append(found[2])
    for mail in mails.values():
        mark = mail.get("mark")
        if mark is None or "sender" not in mail:
            continue
        assert len(mail["to"]) == mail["count"], f"Postfix did not deliver {mail}"
        mark.sender, mark.recipients, mark.total, mark.message_id = mail["sender"], tuple(sorted(mail["to"])), len(mail["to"]), mail["message_id"]
        mark.message = stored.get(mail["message_id"])
        # Of a domain that is not delivered here nobody knows whether it got there (TS 102 232-2 clause 7.7).
        if not all(to.endswith("@example.org") for to in mail["to"]):
            mark.status = "unknown"
        if mark.message is not None:
            mark.client_octets = (len(mark.message) - 1500, len(mark.message) + 4000)
    for session in sessions.values():
        if session.dark:
            # The EHLO before STARTTLS was in the clear.
            session.happenings, session.user = [Happening("logon", "begin", "succeeded"), Happening("logoff", "end", "unknown")], None
    return list(sessions.values())


def without_stamps(path: Path) -> bytes:
    """A record of Dovecot's (`rawlog_dir`), without the time before each line."""
    return re.sub(rb"(?m)^\d{10}\.\d{6} ", b"", path.read_bytes())


def logins(log: str) -> tuple[dict[int, Session], list[Session]]:
    """Dovecot's sessions with a login, by process; and those without, or with nothing but refused ones."""
    refused: dict[str, list] = defaultdict(list)
    inside, outside = {}, []
    for line in log.splitlines():
        if found := re.search(r"auth: Info: [\w-]+\(([^,]*),[^,]*,<([^>]+)>\): (?:Password mismatch|unknown user)", line):
            refused[found[2]].append(found[1])
        elif found := re.search(r"(imap|pop3)-login: Info: (Login|Disconnected|Aborted login).*user=<([^>]*)>, method=([^,]*), rip=([^,]+), rport=(\d+), lip=([^,]+), lport=(\d+)"
                                r".*session=<([^>]+)>", line):
            protocol, what, user, _, rip, rport, lip, lport, ident = found.groups()
            session = Session("imap4" if protocol == "imap" else protocol, (rip, int(rport)), (lip, int(lport)))
            session.happenings += [Happening("logon-failure", "report", "failed", recipients=(name,), user=name) for name in refused[ident]]
            session.dark = ", TLS" in line
            if what == "Login":
                session.user = user
                session.happenings.append(Happening("logon", "begin", "succeeded", recipients=(user,)))
                inside[int(re.search(r"mpid=(\d+)", line)[1])] = session
            else:
                outside.append(session)
    return inside, outside


def pop3(client: bytes, server: bytes) -> list[Happening]:
    """What a session of POP3 transferred, after its login."""
    found, at = [], server.index(b"\n") + 1
    for command in client.splitlines(keepends=True):
        words = command.decode("utf-8", "replace").split()
        if not words:
            continue
        verb, start = words[0].upper(), at
        at = server.index(b"\n", at) + 1
        good = server[start:at].startswith(b"+OK")
        if good and (verb in ("RETR", "TOP", "CAPA") or (verb in ("LIST", "UIDL") and len(words) == 1)):
            at = at if server[at:at + 3] == b".\r\n" else server.index(b"\r\n.\r\n", at) + 2
            body, at = server[server.index(b"\n", start) + 1:at], at + 3
            mail = re.sub(rb"(?m)^\.", b"", body)
            if verb in ("RETR", "TOP"):
                found.append(Happening(
                    "download" if verb == "RETR" else "partial-download", "continue", "succeeded",
                    address_of(field_of(mail, "From")), total=1, message_id=field_of(mail, "Message-ID"),
                    client_octets=(len(command), len(command)), server_octets=(at - start, at - start), message=mail if verb == "RETR" else None))
        if verb == "QUIT":
            break
    return found


def imap4(client: bytes, server: bytes) -> list[Happening]:
    """What a session of IMAP4 transferred, after its login."""
    found = []
    for transfer in imap.Dialogue(client, server, greeting=False).transfers():
        sender, ident = imap.described(transfer)
        command = transfer.command
        least = len(transfer.message or transfer.fields) if transfer.event != "upload" else 0
        most = sum(map(len, command.responses)) + len(command.completion)
        found.append(Happening(transfer.event, "report", transfer.status, sender, total=1, message_id=ident, client_octets=(0, len(command.octets)),
                               server_octets=(least, most), message=transfer.message))
    return found


def access(log: str, rawlog: Path) -> list[Session]:
    """Dovecot's sessions of POP3 and IMAP4."""
    inside, outside = logins(log)
    for process, session in inside.items():
        if session.dark:
            # Whether anybody logs in cannot be seen.
            session.happenings, session.user = [Happening("logon", "begin", "unknown"), Happening("logoff", "end", "unknown")], None
            continue
        record = next(iter(rawlog.glob(f"*.{process}.*.in")))
        read = pop3 if session.protocol == "pop3" else imap4
        session.happenings += read(without_stamps(record), without_stamps(record.with_suffix(".out")))
        session.happenings.append(Happening("logoff", "end", "succeeded"))
        for happening in session.happenings:
            happening.recipients = happening.recipients or (session.user,)
            happening.total = 1
    return [*inside.values(), *outside]
