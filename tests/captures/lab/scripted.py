"""A small SMTP server for what neither Postfix nor another packaged server speaks, or does only by accident.

`scripted.py ADDRESS PORT...`. It takes BINARYMIME and CHUNKING, AUTH EXTERNAL and NTLM, BURL, answers EHLO with as many lines as the
client's name asks for (`lines-60.example.net`), answers 251 and 252, and splits replies over lines. It keeps no mail.
"""

import base64
import re
import socketserver
import struct
import sys
import threading
import time


class Session(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True

    def reply(self, *lines: str) -> None:
        code = lines[0][:3]
        out = [lines[0][:3] + ("-" if len(lines) > 1 else " ") + lines[0][4:]]
        for number, line in enumerate(lines[1:], 2):
            out.append(code + (" " if number == len(lines) else "-") + line)
        self.wfile.write("".join(line + "\r\n" for line in out).encode())

    def handle(self) -> None:
        self.reply("220 scripted.example.com ESMTP", "of few words")
        self.transaction = False
        self.chunks = 0
        try:
            while line := self.rfile.readline(65536):
                if not self.command(line.rstrip(b"\r\n").decode("utf-8", "replace")):
                    return
        except ConnectionError:
            return

    def command(self, line: str) -> bool:
        verb, _, rest = line.partition(" ")
        match verb.upper():
            case "EHLO":
                count = re.match(r"lines-(\d+)", rest)
                extra = [f"X-FEATURE-{n} {'lorem ' * (n % 9)}".rstrip() for n in range(int(count[1]) if count else 0)]
                self.reply("250 scripted.example.com greets you", *extra, "PIPELINING", "SIZE 40000000", "8BITMIME",
                           "BINARYMIME", "CHUNKING", "BURL imap", "AUTH EXTERNAL NTLM XOAUTH2", "ENHANCEDSTATUSCODES", "DSN")
            case "HELO":
                self.reply("250 scripted.example.com")
            case "MAIL":
                self.transaction, self.recipients, self.chunks = True, 0, 0
                self.reply("250 2.1.0 sender", "noted")
            case "RCPT":
                if "forward" in rest:
                    self.recipients += 1
                    self.reply("251 2.1.5 User not local; will forward to <forwarded@example.net>")
                elif "doubtful" in rest:
                    self.recipients += 1
                    self.reply("252 2.1.5 Cannot VRFY user, but will take the message")
                elif "busy" in rest:
                    self.reply("450 4.2.1 mailbox busy", "try again")
                elif "gone" in rest:
                    self.reply("551 5.1.6 User not local; please try <elsewhere@example.net>")
                else:
                    self.recipients += 1
                    self.reply("250 2.1.5 recipient", "noted", "too")
            case "DATA":
                if not self.transaction or not self.recipients:
                    self.reply("503 5.5.1 out of order")
                    return True
                self.reply("354 go on", "with a dot at the end")
                size, before = 0, b"\r\n"
                # As RFC 5321 §4.1.1.4 has it and not as many servers do: a dot after a bare LF ends nothing.
                while (text := self.rfile.readline(1 << 20)) != b".\r\n" or not before.endswith(b"\r\n"):
                    if not text:
                        return False
                    size, before = size + len(text), text
                    if b"hang up on this" in text:
                        self.reply("421 4.3.2 shutting down")
                        return False
                self.transaction = False
                self.reply("250 2.0.0 taken", f"{size} octets")
            case "BDAT":
                size, last = int(rest.split()[0]), rest.upper().endswith("LAST")
                left = size
                while left:
                    got = self.rfile.read(min(left, 65536))
                    if not got:
                        return False
                    left -= len(got)
                if not self.transaction or not self.recipients:
                    self.reply("503 5.5.1 out of order")
                elif last:
                    self.transaction = False
                    self.reply("250 2.0.0 taken", "whole")
                else:
                    self.reply(f"250 2.0.0 {size} octets")
            case "BURL":
                # As long as it takes to fetch: that is played by hand meanwhile, from another address.
                time.sleep(0.6 if "@mail.example.org" in rest else 0)
                if not self.transaction:
                    self.reply("503 5.5.1 out of order")
                elif rest.upper().endswith("LAST"):
                    self.transaction = False
                    self.reply("250 2.6.0 fetched and taken")
                else:
                    self.reply("250 2.6.0 fetched")
            case "RSET":
                self.transaction = False
                self.reply("250 2.0.0 forgotten")
            case "VRFY":
                self.reply("252 2.5.2 cannot say")
            case "EXPN":
                self.reply("250 Alice <alice@example.org>", "Bob <bob@example.org>")
            case "NOOP":
                self.reply("250 2.0.0 idle")
            case "HELP":
                self.reply("214 2.0.0 see", "RFC 5321")
            case "AUTH":
                mechanism, _, initial = rest.partition(" ")
                if mechanism.upper() == "EXTERNAL":
                    if not initial:
                        self.wfile.write(b"334 \r\n")
                        self.rfile.readline(65536)
                    self.reply("235 2.7.0 hello")
                elif mechanism.upper() == "NTLM":
                    # A type 2 message: signature, target name `EXAMPLE`, flags, and a server challenge. Any answer is taken.
                    if not initial:
                        self.wfile.write(b"334 \r\n")
                        self.rfile.readline(65536)
                    challenge = b"NTLMSSP\0" + struct.pack("<IHHII8s8x", 2, 14, 14, 40, 0x00000201, bytes(range(1, 9))) + "EXAMPLE".encode("utf-16-le")
                    self.wfile.write(b"334 " + base64.b64encode(challenge) + b"\r\n")
                    self.rfile.readline(65536)
                    self.reply("235 2.7.0 hello")
                elif mechanism.upper() == "XOAUTH2":
                    # RFC 7628 §3.2.3 and its like: the error as a challenge, an empty answer, then the refusal.
                    self.wfile.write(b"334 eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIn0=\r\n")
                    self.rfile.readline(65536)
                    self.reply("535 5.7.8 not with this token")
                else:
                    self.reply("504 5.5.4 unknown mechanism")
            case "QUIT":
                self.reply("221 2.0.0 goodbye")
                return False
            case _:
                self.reply("500 5.5.2 what?")
        return True


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


if __name__ == "__main__":
    servers = [Server((sys.argv[1], int(port)), Session) for port in sys.argv[2:]]
    threads = [threading.Thread(target=server.serve_forever) for server in servers]
    for thread in threads:
        thread.start()
