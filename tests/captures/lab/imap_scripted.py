"""A small IMAP4 server for what Dovecot does not speak, or not when asked: `imap_scripted.py ADDRESS PREAUTH-ADDRESS`, both on port 143.

UNAUTHENTICATE (RFC 8437), PREAUTH, UTF8=ACCEPT (RFC 6855), CONVERT (RFC 5259), AUTHENTICATE EXTERNAL and XOAUTH2; and what a server
may do but seldom does: two FETCH responses for one message, others' between them, NO after data, BYE and a reset inside a literal.
Each user's mailbox has the same messages, in the user's own name; message n is answered as `Session.fetch` has it for n.
"""

import base64
import re
import socket
import socketserver
import struct
import sys
import threading

from servers import USERS


def text(user: str, number: int) -> bytes:
    return (f"From: bob@example.net\r\nTo: {user}\r\nSubject: of {user.split('@')[0]}\r\nDate: Mon, 02 Mar 2026 09:00:00 +0000\r\n"
            f"Message-ID: <scripted-{number}.{user}>\r\n\r\nThis is for {user} alone, number {number}.\r\n").encode()


def literal(octets: bytes, binary: bool = False) -> bytes:
    return (b"~" if binary else b"") + b"{%d}\r\n" % len(octets) + octets


class Session(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True
    user: str | None = None

    def handle(self) -> None:
        offers = "IMAP4rev1 IMAP4rev2 SASL-IR LITERAL- BINARY CONVERT UNAUTHENTICATE UTF8=ACCEPT ENABLE UIDPLUS AUTH=EXTERNAL AUTH=XOAUTH2 AUTH=PLAIN"
        if self.server.preauth:
            self.user = "alice@example.org"
            self.wfile.write(f"* PREAUTH [CAPABILITY {offers}] welcome back\r\n".encode())
        else:
            self.wfile.write(f"* OK [CAPABILITY {offers}] scripted\r\n".encode())
        try:
            while command := self.command():
                if not self.answer(command):
                    return
        except ConnectionError:
            return

    def command(self) -> bytes:
        """A whole command, its literals included."""
        out = b""
        while line := self.rfile.readline(65536):
            out += line
            wanted = re.search(rb"\{(\d+)([+-]?)\}\r\n$", line)
            if not wanted:
                return out
            if not wanted[2]:
                self.wfile.write(b"+ go on\r\n")
            out += self.rfile.read(int(wanted[1]))
        return b""

    def say(self, *parts: str | bytes) -> None:
        self.wfile.write(b"".join(part.encode() if isinstance(part, str) else part for part in parts) + b"\r\n")

    def answer(self, command: bytes) -> bool:
        tag, _, rest = command.decode("latin-1").rstrip("\r\n").partition(" ")
        verb, _, rest = rest.partition(" ")
        match verb.upper():
            case "LOGIN":
                words = [word.strip('"') for word in rest.split(" ")]
                good = len(words) == 2 and USERS.get(words[0]) == words[1]
                self.user = words[0] if good else None
                self.say(tag, " OK hello" if good else " NO [AUTHENTICATIONFAILED] no")
            case "AUTHENTICATE":
                self.authenticate(tag, *rest.split(" "))
            case "UNAUTHENTICATE":
                self.user = None
                self.say(tag, " OK nobody now")
            case "ENABLE":
                self.say("* ENABLED ", rest)
                self.say(tag, " OK enabled")
            case "SELECT":
                self.say("* 9 EXISTS")
                self.say("* OK [UIDVALIDITY 1772442000] valid")
                self.say(tag, " OK [READ-WRITE] selected")
            case "UID" if rest.upper().startswith("FETCH "):
                return self.fetch(tag, *rest.split(" ", 2)[1:])
            case "FETCH":
                return self.fetch(tag, *rest.split(" ", 1))
            case "UID" if rest.upper().startswith("CONVERT "):
                self.say("* 1 CONVERTED (TAG \"", tag, "\") (UID 1 BINARY[1] ", literal(b"converted for " + self.user.encode(), True), ")")
                self.say(tag, " OK converted")
            case "APPEND":
                self.say(tag, " OK [APPENDUID 1772442000 10] taken")
            case "NOOP":
                self.say("* 10 EXISTS")
                self.say(tag, " OK nothing")
            case "LOGOUT":
                self.say("* BYE goodbye")
                self.say(tag, " OK gone")
                return False
            case _:
                self.say(tag, " BAD what?")
        return True

    def authenticate(self, tag: str, mechanism: str, initial: str | None = None) -> None:
        if initial is None:
            self.say("+ ")
            initial = self.rfile.readline(65536).decode().strip()
        given = b"" if initial == "=" else base64.b64decode(initial)
        match mechanism.upper():
            case "EXTERNAL":
                self.user = given.decode()
            case "PLAIN":
                name, password = given.decode().split("\0")[1:]
                self.user = name if USERS.get(name) == password else None
            case "XOAUTH2":
                # Refused as RFC 7628 §3.2.3 has it: the error as a challenge, an empty answer, then NO.
                self.say("+ eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIn0=")
                self.rfile.readline(65536)
        self.say(tag, " OK hello" if self.user else " NO [AUTHENTICATIONFAILED] no")

    def fetch(self, tag: str, numbers: str, items: str) -> bool:
        for number in range(int(numbers.split(":")[0]), int(numbers.split(":")[-1]) + 1):
            mail = text(self.user, number)
            body = f"* {number} FETCH (UID {number} BODY[] "
            match number:
                case 2:
                    # In two responses, with what nobody asked for between them.
                    head = mail.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
                    self.say("* 2 FETCH (UID 2 BODY[HEADER] ", literal(head), ")")
                    self.say("* 10 EXISTS")
                    self.say("* 7 FETCH (FLAGS (\\Seen))")
                    self.say(body, literal(mail), ")")
                case 3:
                    self.say("* 3 FETCH (UID 3 BINARY[] ", literal(mail.replace(b"alone", b"a\0lone"), True), ")")
                case 4:
                    self.say(body, literal(mail), ")")
                    self.say(tag, " NO [SERVERBUG] that went wrong")
                    return True
                case 5:
                    self.wfile.write(body.encode() + b"{%d}\r\n" % len(mail) + mail[:120])
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.connection.close()
                    return False
                case 6:
                    self.say(body, '"From: \\"Bob\\" <bob@example.net>")')
                case 7:
                    self.say(body, "NIL)")
                case 8:
                    self.say(body, literal(mail), ")")
                    self.say("* BYE shutting down")
                    return False
                case 9 if "ENVELOPE" in items:
                    self.say('* 9 FETCH (ENVELOPE ("Mon, 02 Mar 2026 09:00:00 +0000" ', literal(b'a "literal"\r\nsubject'), ' (("Bob \\"B\\" Builder" NIL "bob" ',
                             literal(b"example.net"), ")) NIL NIL NIL NIL NIL NIL ", literal(f"<scripted-9.{self.user}>".encode()), "))")
                case _:
                    self.say(body, literal(mail), ")")
        self.say(tag, " OK fetched")
        return True


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    preauth = False


if __name__ == "__main__":
    servers = [Server((address, 143), Session) for address in sys.argv[1:3]]
    servers[1].preauth = True
    for server in servers:
        threading.Thread(target=server.serve_forever).start()
