"""A small POP3 server for what Dovecot does not speak: LANG, UTF8, XTND, and bare line feeds.

`scripted_pop3.py ADDRESS BARE-ADDRESS`. At the second address it ends its lines with a bare LF. It takes any login, and has one message.
"""

import socketserver
import sys
import threading

MESSAGE = ["From: Erin <erin@example.com>", "To: alice@example.org", "Subject: photos", "Message-ID: <scripted@example.com>", "",
           "They follow tonight.", ".", "..", "Erin"]


class Session(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True

    def say(self, *lines: str) -> None:
        end = self.server.line_end
        self.wfile.write("".join(line + end for line in lines).encode())

    def handle(self) -> None:
        self.say("+OK ready <1896.697170952@scripted.example.com>")
        while line := self.rfile.readline(65536):
            if not self.command(line.decode("utf-8", "replace").strip()):
                return

    def command(self, line: str) -> bool:
        verb, _, rest = line.partition(" ")
        listing = None
        match verb.upper():
            case "CAPA":
                listing = ["USER", "UIDL", "TOP", "PIPELINING", "RESP-CODES", "UTF8 USER", "LANG", "STLS"]
            case "LANG" if not rest:
                listing = ["en English", "nl Nederlands"]
            case "LIST" | "UIDL" if not rest:
                listing = ["1 220"]
            case "RETR" | "TOP":
                listing = MESSAGE if rest.startswith("1") else None
                if listing is None:
                    self.say("-ERR no such message")
                    return True
            case "XTND":
                listing = ["1 photos"]
            case "QUIT":
                self.say("+OK bye")
                return False
            case "STLS" | "AUTH":
                self.say("-ERR not here")
                return True
        self.say(f"+OK {verb.lower()}")
        if listing is not None:
            self.say(*("." + text if text.startswith(".") else text for text in listing), ".")
        return True


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def main() -> None:
    for address, line_end in zip(sys.argv[1:], ("\r\n", "\n")):
        server = Server((address, 110), Session)
        server.line_end = line_end
        threading.Thread(target=server.serve_forever).start()


if __name__ == "__main__":
    main()
