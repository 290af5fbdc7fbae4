#!/usr/bin/env python3
"""What SMTP a capture holds, read with none of Writ's code: a line of JSON for each session and each message.

    smtp.py CAPTURE [--ports 25,465,587,2525] [--octets]

The reading is simple because it is done afterwards, with both directions whole: the n-th command has the n-th reply (RFC 5321 §4.1.1,
RFC 2920), and the reply says whether content follows. No time-outs, no guesses as to which came first.
"""

import argparse
import base64
import copy
import hashlib
import json
import re
import struct
import sys
from dataclasses import dataclass

from streams import Stream, read

MAIL_PORTS = {25, 465, 587, 2525}


@dataclass
class Reply:
    code: int
    start: int
    end: int
    lines: list[bytes]


def replies(octets: bytes) -> list[Reply]:
    """Cuts what the server sent into replies, multi-line ones whole (RFC 5321 §4.2.1)."""
    found, start, at, lines = [], 0, 0, []
    while (end := octets.find(b"\n", at) + 1) > 0:
        line = octets[at:end]
        at = end
        lines.append(line)
        if re.match(rb"\d{3}-", line):
            continue
        if re.match(rb"\d{3}", line):
            found.append(Reply(int(line[:3]), start, end, lines))
        start, lines = end, []
    return found


def path(argument: str) -> str:
    """The mailbox in `<@a,@b:user@host> PARAMETERS` (RFC 5321 §4.1.2), as it was written."""
    argument = argument.strip()
    if argument.startswith("<"):
        quoted, out, escaped = False, "", False
        for letter in argument[1:]:
            if letter == ">" and not quoted:
                break
            quoted ^= letter == '"' and not escaped
            escaped = letter == "\\" and not escaped
            out += letter
    else:
        out = argument.split(" ")[0]
    if out.startswith("@"):
        out = out.partition(":")[2]
    return out.strip()


def undot(content: bytes, line_end: bytes) -> bytes:
    """The message in DATA's octets: doubled dots halved, the end taken off (RFC 5321 §4.5.2). What ends a line is what the server took."""
    lines = content.split(line_end)
    # The last is what follows the final line end: nothing. The one before it is the dot.
    return line_end.join(line[1:] if line.startswith(b".") else line for line in lines[:-2] + [b""])


def fields(message: bytes, name: bytes) -> list[str]:
    """The bodies of the head's fields of that name, unfolded (RFC 5322 §2.2.3)."""
    head = re.split(rb"(?:^|\n)\r?\n", message, maxsplit=1)[0]
    unfolded = re.sub(rb"\r?\n([ \t])", rb"\1", head)
    pattern = rb"(?im)^" + re.escape(name) + rb"[ \t]*:([^\r\n]*)"
    return [match.decode("utf-8", "replace").strip() for match in re.findall(pattern, unfolded)]


def user_of(mechanism: str, responses: list[bytes], challenges: list[bytes]) -> str | None:
    """The name that a SASL exchange gives away."""
    plain = []
    for response in responses:
        if response == b"*":
            # Cancelled (RFC 4954 §4).
            continue
        try:
            plain.append(b"" if response == b"=" else base64.b64decode(response))
        except ValueError:
            plain.append(b"")
    if not plain:
        return None
    match mechanism:
        case "PLAIN":
            parts = plain[0].split(b"\0")
            name = parts[1] if len(parts) == 3 else None
        case "LOGIN":
            name = plain[0]
        case "CRAM-MD5":
            name = plain[0].rpartition(b" ")[0]
        case "DIGEST-MD5":
            found = re.search(rb'username="([^"]*)"', plain[0])
            name = found[1] if found else None
        case "EXTERNAL":
            name = plain[0] or None
        case "NTLM":
            last = plain[-1]
            name = None
            if last.startswith(b"NTLMSSP\0\3"):
                length, _, offset = struct.unpack_from("<HHI", last, 36)
                flags, = struct.unpack_from("<I", last, 60)
                name = last[offset:offset + length]
                return name.decode("utf-16-le" if flags & 1 else "latin-1", "replace")
        case "XOAUTH2":
            found = re.search(rb"user=([^\1]*)", plain[0] or b"")
            name = found[1] if found else None
        case _ if mechanism.startswith("SCRAM-"):
            found = re.search(rb"(?:^|,)n=([^,]*)", plain[0].split(b",", 2)[-1])
            name = found[1] if found else None
        case "OAUTHBEARER":
            found = re.search(rb"a=([^,\1]*)", plain[0])
            name = found[1] if found else None
        case _:
            name = None
    return None if name is None else name.decode("utf-8", "replace")


class Dialogue:
    """One session, read from its first command to the last that can be read."""

    def __init__(self, stream: Stream, octets: bool):
        self.stream, self.with_octets = stream, octets
        self.client, self.server = bytes(stream.up.octets), bytes(stream.down.octets)
        self.replies, self.at, self.said = replies(self.server), 0, 0
        self.session = {
            "kind": "session", "client": stream.client, "server": stream.server, "whole": stream.whole,
            "gap": stream.up.gap or stream.down.gap, "greeting": None, "helo": [], "auth": [], "starttls": None, "quit": None,
            "ended": stream.ended, "end_time": stream.end_time, "commands": {},
            # Octets of both ends since the encryption began, and when they did.
            "dark": None,
        }
        self.messages: list[dict] = []
        self.given_up: list[dict] = []
        self.transaction: dict | None = None
        # Every path that a MAIL or RCPT named, whatever became of it.
        self.paths: list[str] = []

    def reply(self) -> Reply | None:
        if self.said >= len(self.replies):
            return None
        self.said += 1
        return self.replies[self.said - 1]

    def line(self) -> tuple[int, bytes] | None:
        end = self.client.find(b"\n", self.at) + 1
        if end == 0:
            return None
        start, self.at = self.at, end
        return start, self.client[start:end]

    def when(self, reply: Reply) -> int:
        return self.stream.down.at(reply.end).time

    def dark(self, up: int, down: int) -> None:
        starts = [side.at(start + 1).time for side, start in ((self.stream.up, up), (self.stream.down, down)) if len(side.octets) > start]
        if starts:
            self.session["dark"] = {"time": min(starts), "client_octets": len(self.client) - up, "server_octets": len(self.server) - down}

    def run(self) -> list[dict]:
        if self.client[:1] == b"\x16" or (self.stream.server_port == 465 and self.server[:3] != b"220"):
            self.session["starttls"] = "implicit"
            self.dark(0, 0)
            return [self.session]
        greeting = self.reply()
        self.session["greeting"] = greeting.code if greeting else None
        while (got := self.line()) is not None and self.command(*got):
            pass
        self.give_up(len(self.client), len(self.server))
        return [self.session, *self.messages, *self.given_up]

    def give_up(self, up: int, down: int) -> None:
        """A transaction that came to nothing. Its octets up to here are told whole: some of them may have been handed over."""
        mail, self.transaction = self.transaction, None
        if mail is not None:
            self.given_up.append({
                "kind": "abandoned", "client": self.stream.client, "server": self.stream.server, "time": mail["mail_time"],
                "sender": mail["sender"], "recipients": mail["recipients"],
                "client_base64": base64.b64encode(self.client[mail["up"]:up]).decode(),
                "server_base64": base64.b64encode(self.server[mail["down"]:down]).decode(),
            })

    def command(self, start: int, line: bytes) -> bool:
        text = line.decode("utf-8", "replace").strip()
        verb, _, rest = text.partition(" ")
        verb = verb.upper()
        if verb == "BDAT":
            return self.chunk(rest)
        reply = self.reply()
        if reply is None:
            return False
        self.session["commands"][verb] = self.session["commands"].get(verb, 0) + 1
        done = 200 <= reply.code < 300
        if verb in ("MAIL", "RCPT"):
            self.paths.append(path(text[4:].partition(":")[2]))
        if verb in ("EHLO", "HELO"):
            self.session["helo"].append({"verb": verb, "code": reply.code, "time": self.when(reply), "client_octets": len(line),
                                         "server_octets": reply.end - reply.start})
            if done:
                self.give_up(self.at, reply.end)
        elif verb == "MAIL" and done:
            self.give_up(start, reply.start)
            self.transaction = {"sender": self.paths[-1], "recipients": [], "refused": [], "up": start, "down": reply.start,
                                "content": b"", "by": None, "mail_time": self.when(reply)}
        elif verb == "RCPT" and self.transaction:
            self.transaction["recipients" if done else "refused"].append(self.paths[-1])
        elif verb == "DATA" and reply.code == 354:
            return self.content()
        elif verb == "BURL" and self.transaction:
            self.transaction["by"] = "BURL"
            if rest.upper().endswith("LAST"):
                self.finish(reply)
        elif verb == "AUTH":
            self.auth(rest, line, reply)
        elif verb in ("RSET", "QUIT") and done:
            self.give_up(self.at, reply.end)
        elif verb == "STARTTLS" and reply.code == 220:
            self.session["starttls"] = self.when(reply)
            self.dark(self.at, reply.end)
            return False
        if verb == "QUIT" and done:
            self.session["quit"] = self.when(reply)
        return True

    def content(self) -> bool:
        """DATA's content. Its end is CR LF . CR LF; some servers take a bare LF on either side of the dot, and what they answer shows it."""
        ends = [match.end() for match in re.compile(rb"(?:(?<=\n)|\A)\.\r?\n").finditer(self.client, self.at)]
        strict = [end for end in ends if self.is_strict(end)]
        if not ends or self.said >= len(self.replies):
            return False
        known = self.stream.down.at(self.replies[self.said].end).peer
        # What the server had read when it answered: the end lies within.
        ends = [end for end in ends if known is None or end <= known][: len(ends)]
        strict = [end for end in strict if end in ends][:1]
        loose = [end for end in ends if not strict or end < strict[0]][:8]
        chosen = next((end for end in [*strict, *loose] if len(strict) + len(loose) == 1 or self.fits(end)), None)
        chosen = chosen or next(iter([*strict, *loose]), None)
        if chosen is None:
            return False
        self.end_content(chosen)
        return True

    def is_strict(self, end: int) -> bool:
        return self.client.endswith(b".\r\n", 0, end) and (end - 3 == self.at or self.client.endswith(b"\r\n", 0, end - 3))

    def end_content(self, end: int) -> None:
        if self.transaction:
            self.transaction["by"] = "DATA"
            self.transaction["content"] = undot(self.client[self.at:end], b"\r\n" if self.is_strict(end) else b"\n")
        self.at = end
        self.finish(self.reply())

    def fits(self, end: int) -> bool:
        """Whether with this end every command has its reply and every reply its command, and QUIT the one that it gets."""
        rest = copy.deepcopy(self, {id(self.stream): self.stream, id(self.replies): self.replies})
        rest.end_content(end)
        while (got := rest.line()) is not None and rest.command(*got):
            pass
        quits = rest.session["commands"].get("QUIT", 0)
        return rest.said == len(rest.replies) and bool(rest.session["quit"]) == bool(quits)

    def chunk(self, rest: str) -> bool:
        """BDAT: its octets follow whatever the server says (RFC 3030 §2)."""
        words = rest.split()
        size = int(words[0]) if words and words[0].isascii() and words[0].isdigit() and int(words[0]) < 1 << 63 else 0
        reply = self.reply()
        if reply is None or self.at + size > len(self.client):
            return False
        self.session["commands"]["BDAT"] = self.session["commands"].get("BDAT", 0) + 1
        if self.transaction:
            self.transaction["by"] = "BDAT"
            self.transaction["content"] += self.client[self.at:self.at + size]
        self.at += size
        if len(words) > 1 and words[1].upper() == "LAST":
            self.finish(reply)
        return True

    def finish(self, reply: Reply) -> None:
        """The reply that ends a transaction, one way or the other."""
        mail, self.transaction = self.transaction, None
        if mail is None:
            return
        up, down = self.client[mail["up"]:self.at], self.server[mail["down"]:reply.end]
        identities = fields(mail["content"], b"Message-ID")
        resent = fields(mail["content"], b"Resent-Message-ID")
        made = {
            "kind": "message", "client": self.stream.client, "server": self.stream.server, "whole": self.stream.whole,
            "accepted": 200 <= reply.code < 300, "code": reply.code, "by": mail["by"], "time": self.when(reply), "mail_time": mail["mail_time"],
            "sender": mail["sender"], "recipients": mail["recipients"], "refused": mail["refused"],
            "message_id": identities[0] if identities else None, "resent_message_id": resent[0] if resent else None,
            "client_octets": len(up), "server_octets": len(down),
            "client_sha256": hashlib.sha256(up).hexdigest(), "server_sha256": hashlib.sha256(down).hexdigest(),
            "message_octets": len(mail["content"]), "message_sha256": hashlib.sha256(mail["content"]).hexdigest(),
            "authenticated": next((login["user"] for login in reversed(self.session["auth"]) if login["result"] == "succeeded"), None),
        }
        if self.with_octets:
            made |= {"client_base64": base64.b64encode(up).decode(), "server_base64": base64.b64encode(down).decode(),
                     "message_base64": base64.b64encode(mail["content"]).decode()}
        self.messages.append(made)

    def auth(self, rest: str, line: bytes, reply: Reply) -> None:
        """AUTH with all its challenges (RFC 4954 §4)."""
        mechanism, _, initial = rest.partition(" ")
        responses = [initial.strip().encode()] if initial.strip() else []
        challenges, start = [], reply.start
        up = self.at - len(line)
        while reply.code == 334:
            challenges.append(reply.lines[0][4:].strip())
            got, after = self.line(), self.reply()
            if got is None or after is None:
                return
            responses.append(got[1].strip())
            reply = after
        result = "succeeded" if reply.code == 235 else "failed"
        self.session["auth"].append({
            "mechanism": mechanism.upper(), "user": user_of(mechanism.upper(), responses, challenges), "result": result, "code": reply.code,
            "time": self.when(reply), "client_octets": self.at - up, "server_octets": reply.end - start,
        })


def smtp(capture: str, ports: set[int] = MAIL_PORTS, octets: bool = False) -> list[dict]:
    """Every session and message of a capture; a session first, then its messages."""
    return [line for stream in read(capture, ports) if stream.server_port in ports for line in Dialogue(stream, octets).run()]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("capture")
    options.add_argument("--ports", default=",".join(map(str, sorted(MAIL_PORTS))))
    options.add_argument("--octets", action="store_true", help="the octets of each transaction too, in base64")
    chosen = options.parse_args()
    for line in smtp(chosen.capture, {int(port) for port in chosen.ports.split(",")}, chosen.octets):
        sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
