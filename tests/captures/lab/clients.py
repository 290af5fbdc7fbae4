"""The clients that the captures are made with: packaged ones by their command line, and a plain socket for the rest."""

import os
import socket
import struct
import subprocess
import tempfile
import time
from pathlib import Path

MX = "192.0.2.25"
ALICE, MALLORY, RELAY = "192.0.2.10", "192.0.2.20", "198.51.100.7"
ALICE6, MX6 = "2001:db8:1::10", "2001:db8:25::25"


def message(sender: str, to: str, ident: str | None, subject: str = "minutes", body: str = "See you at nine.\n", extra: str = "") -> str:
    """A message with LF line ends. No clock and no chance in it: made again, it is the same."""
    head = f"From: {sender}\nTo: {to}\nSubject: {subject}\nDate: Mon, 02 Mar 2026 09:00:00 +0000\n"
    if ident is not None:
        head += f"Message-ID: <{ident}>\n"
    return head + extra + "\n" + body


def crlf(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()


def dotted(text: str) -> bytes:
    """The text as DATA carries it: CRLF, dots doubled, and the end (RFC 5321 §4.5.2)."""
    lines = crlf(text).split(b"\r\n")
    return b"\r\n".join(b"." + line if line.startswith(b".") else line for line in lines) + b".\r\n"


def run(*command, stdin: str | bytes | None = None, ok=(0,), env: dict | None = None) -> str:
    """Runs a packaged client to its end."""
    given = stdin.encode() if isinstance(stdin, str) else stdin
    done = subprocess.run([str(part) for part in command], input=given, capture_output=True, timeout=60, env={**os.environ, **(env or {})})
    text = (done.stdout + done.stderr).decode("utf-8", "replace")
    if ok is not None and done.returncode not in ok:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {text}")
    return text


def swaks(text: str, *options, ok=(0,)) -> str:
    with tempfile.NamedTemporaryFile("wb", suffix=".eml") as file:
        file.write(crlf(text))
        file.flush()
        return run("swaks", "--data", f"@{file.name}", "--helo", "laptop.example.org", *options, ok=ok)


def msmtp(text: str, sender: str, recipients, *options, ok=(0,)) -> str:
    return run("msmtp", "-C", "/dev/null", "--from", sender, "--domain", "laptop.example.org", *options, "--", *recipients, stdin=text, ok=ok)


def curl(url: str, text: str, sender: str, recipients, *options, ok=(0,)) -> str:
    wanted = [part for recipient in recipients for part in ("--mail-rcpt", recipient)]
    with tempfile.NamedTemporaryFile("wb", suffix=".eml") as file:
        file.write(crlf(text))
        file.flush()
        return run("curl", "-sS", "-k", url, "--mail-from", sender, *wanted, "--upload-file", file.name, *options, ok=ok)


class Wire:
    """A client by hand: what goes into one write goes into one segment, as far as it fits."""

    def __init__(self, server: str = MX, port: int = 25, source: str | None = None, helo: str | None = "EHLO laptop.example.org"):
        family = socket.AF_INET6 if ":" in server else socket.AF_INET
        self.socket = socket.socket(family)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(20)
        if source is None:
            source = ALICE6 if family == socket.AF_INET6 else ALICE
        self.socket.bind((source, 0))
        self.socket.connect((server, port))
        self.lines = self.socket.makefile("rb")
        self.read()
        if helo:
            self.say(helo)

    def read(self, count: int = 1) -> list[str]:
        """Reads `count` replies, each to its last line."""
        got = []
        for _ in range(count):
            reply = b""
            while True:
                line = self.lines.readline()
                reply += line
                if len(line) < 4 or line[3:4] != b"-":
                    break
            got.append(reply.decode())
        return got

    def send(self, octets: bytes) -> None:
        self.socket.sendall(octets)

    def say(self, *lines: str, expect: str | None = None) -> list[str]:
        """Sends the lines in one write and reads a reply for each."""
        self.send("".join(line + "\r\n" for line in lines).encode())
        replies = self.read(len(lines))
        if expect is not None and not replies[-1].startswith(expect):
            raise RuntimeError(f"expected {expect}, got {replies}")
        return replies

    def mail(self, sender: str, recipients, text: str, expect: str = "250") -> None:
        """One transaction, step by step, by DATA."""
        self.say(f"MAIL FROM:<{sender}>")
        for recipient in recipients:
            self.say(f"RCPT TO:<{recipient}>")
        self.say("DATA", expect="354")
        self.end(dotted(text), expect)

    def end(self, octets: bytes, expect: str = "250") -> None:
        self.send(octets)
        reply = self.read()[0]
        if not reply.startswith(expect):
            raise RuntimeError(f"expected {expect}, got {reply}")

    def quit(self) -> None:
        self.say("QUIT", expect="221")
        self.close()

    def close(self) -> None:
        self.lines.close()
        self.socket.close()
        time.sleep(0.1)

    def reset(self) -> None:
        """Ends the connection with RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()


def peers() -> Path | None:
    """Where exim4, nullmailer and opensmtpd were unpacked, if they were."""
    return Path(os.environ["PEERS"]) if os.environ.get("PEERS") else None
