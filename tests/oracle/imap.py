"""IMAP4 (RFC 3501, RFC 9051) from the octets of both directions, read with none of Writ's code: commands with what answered them, and what was transferred.

The reading is simple because it is done afterwards, with both directions whole. It is used on captures, and on what a server wrote down of its sessions.
"""

import email.parser
import email.policy
import email.utils
import re
import zlib
from dataclasses import dataclass, field


@dataclass
class Command:
    """A command, its literals and continuations included, and what answered it."""

    tag: str
    verb: str
    octets: bytes
    literals: list[bytes] = field(default_factory=list)
    responses: list[bytes] = field(default_factory=list)
    result: str | None = None
    completion: bytes = b""


@dataclass
class Transfer:
    """One event of table C.1. `message` is the whole message, where it was sent or taken whole; `fields` what is known of a part of one."""

    event: str
    status: str
    command: Command
    number: int | None = None
    message: bytes | None = None
    fields: bytes = b""
    envelope: list | None = None
    parts: set = field(default_factory=set)


class Half:
    """One direction, cut into lines with their literals."""

    def __init__(self, octets: bytes):
        self.octets, self.at = octets, 0

    def line(self) -> bytes | None:
        end = self.octets.find(b"\n", self.at) + 1
        if not end:
            return None
        found, self.at = self.octets[self.at:end], end
        return found

    def take(self, count: int) -> bytes:
        found = self.octets[self.at:self.at + count]
        self.at += len(found)
        return found

    def whole(self) -> bytes | None:
        """A line and every literal in it, when what sends them waits for nobody."""
        out = b""
        while (line := self.line()) is not None:
            out += line
            literal = re.search(rb"\{(\d+)[+-]?\}\r?\n$", line)
            if not literal:
                return out
            out += self.take(int(literal[1]))
        return out or None

    def inflate(self) -> None:
        """What follows is compressed (RFC 4978)."""
        self.octets = self.octets[:self.at] + zlib.decompressobj(-15).decompress(self.octets[self.at:])


class Dialogue:
    """Both directions of a session."""

    def __init__(self, client: bytes, server: bytes, greeting: bool = True):
        self.up, self.down = Half(client), Half(server)
        self.commands: list[Command] = []
        self.open: list[Command] = []
        self.unasked: list[bytes] = []
        self.dark = False
        self.greeting = self.down.whole() if greeting else None
        while not self.dark and self._command():
            pass
        if not self.dark:
            while self._response() is not None:
                pass

    def _response(self) -> bytes | None:
        """Reads one response, and gives it to the command that it answers."""
        got = self.down.whole()
        if got is None:
            return None
        tag = got.split(b" ", 1)[0].decode("latin-1").strip()
        if tag == "+":
            return got
        if tag == "*":
            asked = re.match(rb"\* (\d+) FETCH ", got, re.I)
            mine = [command for command in self.open if not asked or command.verb in ("FETCH", "UID FETCH")]
            if asked and len(mine) > 1:
                # A server may answer several at once, and end them all afterwards (RFC 3501 §5.5): what was asked for tells.
                mine = [command for command in mine if asks_for(command, int(asked[1]), got)] or mine
            # What nobody asked for comes with the next best command (RFC 5465 §5.2).
            mine = mine or self.open
            (mine[0].responses if mine else self.unasked).append(got)
            return got
        for command in self.open:
            if command.tag == tag:
                words = got.split(b" ", 2)
                command.result, command.completion = words[1].decode("latin-1").strip().upper(), got
                self.open.remove(command)
                break
        return got

    def _goes_on(self, command: Command) -> bool:
        """Whether the server asked for more of the command, rather than to end it."""
        while command.result is None:
            got = self._response()
            if got is None:
                return False
            if got.startswith(b"+"):
                return True
        return False

    def _command(self) -> bool:
        line = self.up.line()
        if line is None:
            return False
        words = line.decode("latin-1").split()
        if len(words) < 2:
            return True
        verb = words[1].upper()
        if verb == "UID" and len(words) > 2:
            verb += " " + words[2].upper()
        command = Command(words[0], verb, line)
        self.commands.append(command)
        self.open.append(command)
        while literal := re.search(rb"\{(\d+)([+-]?)\}\r?\n$", line):
            if not literal[2] and not self._goes_on(command):
                return True
            command.literals.append(self.up.take(int(literal[1])))
            line = self.up.line()
            if line is None:
                return False
            command.octets += command.literals[-1] + line
        if verb in ("AUTHENTICATE", "IDLE"):
            while self._goes_on(command):
                line = self.up.line()
                if line is None:
                    return False
                command.octets += line
        elif verb in ("LOGIN", "UNAUTHENTICATE", "STARTTLS", "COMPRESS"):
            while command.result is None and self._response() is not None:
                pass
            if verb == "COMPRESS" and command.result == "OK":
                self.up.inflate()
                self.down.inflate()
            self.dark = verb == "STARTTLS" and command.result == "OK"
        return True

    def transfers(self) -> list[Transfer]:
        """What was downloaded and uploaded, in the order of the commands."""
        return [transfer for command in self.commands for transfer in transfers(command)]


def items(octets: bytes) -> list:
    """A parenthesized list (RFC 3501 §9) as nested lists of octets; NIL is None."""
    stack, at = [[]], 0
    while at < len(octets):
        letter = octets[at:at + 1]
        if letter == b"(":
            stack.append([])
            at += 1
        elif letter == b")":
            done = stack.pop()
            stack[-1].append(done)
            at += 1
        elif letter in b" \r\n":
            at += 1
        elif letter == b'"':
            end = at + 1
            while octets[end:end + 1] != b'"':
                end += 2 if octets[end:end + 1] == b"\\" else 1
            stack[-1].append(re.sub(rb"\\(.)", rb"\1", octets[at + 1:end]))
            at = end + 1
        elif literal := re.compile(rb"~?\{(\d+)[+-]?\}\r?\n").match(octets, at):
            stack[-1].append(octets[literal.end():literal.end() + int(literal[1])])
            at = literal.end() + int(literal[1])
        else:
            # An atom; what BODY and BINARY have in brackets belongs to them, whatever it holds.
            atom = re.compile(rb"(?:BODY|BINARY(?:\.SIZE)?)\[[^\]]*\](?:<\d+>)?|[^ ()\r\n\"]+", re.I).match(octets, at)
            stack[-1].append(None if atom[0].upper() == b"NIL" else atom[0])
            at = atom.end()
    # What was cut off is closed.
    while len(stack) > 1:
        done = stack.pop()
        stack[-1].append(done)
    return stack[0]


def asks_for(command: Command, number: int, response: bytes) -> bool:
    """Whether this FETCH is what asked for what the response has of that message."""
    words = command.octets.decode("latin-1").upper().replace(".PEEK[", "[")
    numbers = re.match(r"\S+ (UID )?FETCH ([\d:,*]+) ", words)
    if not numbers:
        return False
    pairs = items(response[response.index(b"FETCH ") + 6:])[0]
    names = pairs[::2]
    if numbers[1] and b"UID" in names:
        number = int(pairs[2 * names.index(b"UID") + 1])
    ranges = [part.partition(":") for part in numbers[2].replace("*", "4294967295").split(",")]
    if not any(int(low) <= number <= int(high or low) for low, _, high in ranges):
        return False
    asked = [re.sub(r"<\d+>", "", name.decode("latin-1").upper()) for name in names if name.upper() not in (b"UID", b"FLAGS", b"MODSEQ")]
    return all(name in words for name in asked) and bool(asked or "FLAGS" in words)


WHOLE = {b"BODY[]", b"RFC822", b"BINARY[]"}
HEADERS, TEXTS = {b"BODY[HEADER]", b"RFC822.HEADER"}, {b"BODY[TEXT]", b"RFC822.TEXT"}
STATUSES = {"OK": "succeeded", "NO": "failed", "BAD": "failed", None: "unknown"}


def transfers(command: Command) -> list[Transfer]:
    """The events of one command (table C.1, clause 6.4.1)."""
    status = STATUSES[command.result]
    if command.verb == "APPEND":
        return uploads(command, status)
    fetch = command.verb in ("FETCH", "UID FETCH")
    found = joined([transfer for response in command.responses if (transfer := carried(command, response, status if fetch else "succeeded"))])
    if not fetch or found:
        return found
    # Nothing was sent. Of a command that did not succeed, what it asked for is told.
    asked = re.search(rb"(?i) \(?(?:.* )?(?:BODY(?:\.PEEK)?\[\]|BINARY(?:\.PEEK)?\[\]|RFC822)[ )\r]", command.octets)
    return [Transfer("download" if asked and command.result != "OK" else "partial-download", status, command)]


def joined(found: list[Transfer]) -> list[Transfer]:
    """What several responses to one command sent of one message is one transfer of it."""
    one = {}
    for transfer in found:
        known = one.setdefault(transfer.number or id(transfer), transfer)
        if known is not transfer:
            known.parts |= transfer.parts
            whole = "download" in (known.event, transfer.event) or (HEADERS & known.parts and TEXTS & known.parts)
            known.event = "download" if whole else known.event
            known.message = known.message if known.message is not None else transfer.message
            known.fields, known.envelope = known.fields or transfer.fields, known.envelope or transfer.envelope
    return list(one.values())


def carried(command: Command, response: bytes, status: str) -> Transfer | None:
    """What one response transferred of one message, if it did."""
    if re.match(rb"\* \d+ CONVERTED ", response, re.I):
        # RFC 5259: content by another command. It has no row in table C.1.
        return Transfer("partial-download", status, command) if re.search(rb"\{\d+\}\r\n", response) else None
    if re.match(rb"\* URLFETCH ", response, re.I):
        return linked(command, response, status)
    head = re.match(rb"\* (\d+) FETCH ", response, re.I)
    if not head:
        return None
    literal = re.search(rb"\{(\d+)\}\r\n", response)
    cut = literal is not None and literal.end() + int(literal[1]) > len(response)
    pairs = (items(response[head.end():]) or [[]])[0]
    values = {name.upper(): value for name, value in zip(pairs[::2], pairs[1::2])}
    parts = {name: value for name, value in values.items() if name.startswith((b"BODY[", b"BINARY[")) or name in WHOLE | HEADERS | TEXTS | {b"ENVELOPE"}}
    parts = {name: value for name, value in parts.items() if value is not None}
    if not parts:
        return None
    one = Transfer("partial-download", status, command, int(head[1]), envelope=parts.get(b"ENVELOPE"), parts=set(parts))
    for name, value in parts.items():
        if name in WHOLE:
            one.event, one.message, one.fields = "download", None if cut else value, value
        elif re.match(rb"BODY\[(HEADER|\]<0>)|RFC822\.HEADER", name):
            one.fields = one.fields or value
    if cut and b"\r\n\r\n" not in one.fields:
        # What was sent whole is told; of the last field nobody knows.
        one.fields = b"".join(one.fields.splitlines(keepends=True)[:-1])
    if HEADERS & parts.keys() and TEXTS & parts.keys():
        one.event = "download"
    return one


def linked(command: Command, response: bytes, status: str) -> Transfer | None:
    """What URLFETCH (RFC 4467, RFC 5524) transferred: a message where the URL names no part of one."""
    literal = re.search(rb"\{(\d+)\}\r\n", response)
    if not literal:
        return None
    octets, url = response[literal.end():literal.end() + int(literal[1])], response.split()[2].upper()
    whole = b";SECTION=" not in url and b";PARTIAL=" not in url
    shows = whole or (b";SECTION=HEADER" in url and b";PARTIAL=" not in url)
    return Transfer("download" if whole else "partial-download", status, command, message=octets if whole else None, fields=octets if shows else b"")


def fetched(octets: bytes) -> dict[bytes, bytes]:
    """What a server said of URLs in a session, by URL."""
    found = {}
    for response in re.finditer(rb'(?m)^\* URLFETCH "?([^" ]+)"? \{(\d+)\}\r\n', octets):
        found[response[1]] = octets[response.end():response.end() + int(response[2])]
    return found


def uploads(command: Command, status: str) -> list[Transfer]:
    """One for each message of APPEND (RFC 3502). The mailbox's name may be a literal too."""
    literals = list(command.literals)
    if re.match(rb"\S+ APPEND ~?\{", command.octets, re.I):
        literals = literals[1:]
    if b" CATENATE (" in command.octets.split(b"\r\n", 1)[0].upper():
        return [Transfer("upload", status, command, message=None, fields=literals[0] if literals else b"")]
    return [Transfer("upload", status, command, message=literal, fields=literal) for literal in literals]


def described(transfer: Transfer) -> tuple[str | None, str | None]:
    """The sender's address and the Message-ID, from the header or from ENVELOPE (RFC 3501 §7.4.2)."""
    head = email.parser.HeaderParser(policy=email.policy.compat32).parsestr(transfer.fields.decode("utf-8", "replace"))
    sender, ident = head.get("From"), head.get("Message-ID") or head.get("Resent-Message-ID")
    if transfer.envelope:
        if sender is None and transfer.envelope[2]:
            first = transfer.envelope[2][0]
            sender = b"@".join(part for part in first[2:4] if part).decode("utf-8", "replace")
        if ident is None and transfer.envelope[9]:
            ident = transfer.envelope[9].decode("utf-8", "replace")
    if sender is not None:
        sender = email.utils.parseaddr(str(sender))[1] or None
    return sender, str(ident).strip() if ident else None
