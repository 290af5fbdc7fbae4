"""What happens in each capture of POP3: SESSIONS maps its name to the session. The docstring is what the README says of it."""

import poplib
import random
import socket
import struct
import tempfile
import time
from pathlib import Path

from clients import ALICE, ALICE6, MALLORY, MX, MX6, message, run
from pop3_servers import BARE, FEW, SCRIPTED

A, M = "alice@example.org", "mallory@example.org"
PASSWORD, PASSWORD_OF_MALLORY = "wonderland-7", "hunter2-mallory"
SESSIONS = {}


def session(*messages: str):
    """A session; the messages are in alice's mailbox before it."""

    def register(function):
        function.messages = list(messages) or FEW
        SESSIONS[function.__name__.replace("_", "-")] = function
        return function

    return register


def curl(url: str, *options, user: str = A, password: str = PASSWORD, ok=(0,)) -> str:
    return run("curl", "-sS", "-k", url, "--user", f"{user}:{password}", *options, ok=ok)


def mpop(mechanism: str, *options, user: str = A, ok=(0,)) -> str:
    with tempfile.TemporaryDirectory(prefix="writora-") as folder:
        box = Path(folder) / "box"
        return run("mpop", "-C", "/dev/null", f"--host={MX}", f"--user={user}", f"--auth={mechanism}", f"--passwordeval=echo {PASSWORD}",
                   "--tls=off", f"--delivery=mbox,{box}", f"--uidls-file={folder}/uidls", "--keep=off", *options,
                   ok=ok, env={"HOME": folder})


def fetchmail(*options: str, protocol: str = "pop3", also: str = "", ok=(0, 1)) -> str:
    with tempfile.TemporaryDirectory(prefix="writora-") as folder:
        rc = Path(folder) / "rc"
        rc.write_text(f'poll {MX} protocol {protocol} {also} username "{A}" password "{PASSWORD}" sslproto "" mda "/bin/cat"\n')
        rc.chmod(0o600)
        return run("fetchmail", "-f", rc, "--nosyslog", "-v", *options, ok=ok, env={"HOME": folder, "FETCHMAILHOME": folder})


class Hand:
    """A client by hand: what goes into one write goes into one segment, as far as it fits."""

    def __init__(self, server: str = MX, source: str = ALICE):
        self.socket = socket.create_connection((server, 110), timeout=20, source_address=(source, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.lines = self.socket.makefile("rb")
        self.lines.readline()

    def send(self, *lines: str) -> None:
        self.socket.sendall("".join(line + "\r\n" for line in lines).encode())

    def read(self, multi: bool = False) -> bytes:
        line = self.lines.readline()
        if multi and line.startswith(b"+OK"):
            while self.lines.readline().strip(b"\r\n") != b".":
                pass
        return line

    def say(self, line: str, expect: str | None = "+OK", multi: bool = False) -> None:
        self.send(line)
        answer = self.read(multi).decode()
        if expect is not None and not answer.startswith(expect):
            raise RuntimeError(f"expected {expect}, got {answer}")

    def log_in(self, user: str = A, password: str = PASSWORD) -> None:
        self.say(f"USER {user}")
        self.say(f"PASS {password}")

    def quit(self) -> None:
        self.say("QUIT")
        self.close()

    def close(self) -> None:
        self.lines.close()
        self.socket.close()
        time.sleep(0.1)

    def reset(self) -> None:
        """Ends the connection with RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()


@session()
def user_pass():
    """fetchmail: USER and PASS; three messages downloaded with RETR and deleted."""
    fetchmail("--auth", "password", "--fetchall")


@session()
def failed_then_good():
    """poplib: PASS with a wrong password, then with the right one, in one session; one message."""
    peer = poplib.POP3(MX, 110, timeout=20)
    peer.user(A)
    try:
        peer.pass_("wonderland-8")
    except poplib.error_proto:
        pass
    peer.user(A)
    peer.pass_(PASSWORD)
    peer.retr(1)
    peer.quit()


@session()
def apop():
    """fetchmail: APOP; three messages downloaded with RETR and kept."""
    fetchmail("--keep", protocol="apop")


@session()
def auth_plain():
    """curl: AUTH PLAIN by an empty challenge; RETR 1."""
    curl(f"pop3://{MX}/1", "--login-options", "AUTH=PLAIN")


@session()
def auth_plain_initial():
    """curl: AUTH PLAIN with its initial response; RETR 2."""
    curl(f"pop3://{MX}/2", "--login-options", "AUTH=PLAIN", "--sasl-ir")


@session()
def auth_login():
    """curl: AUTH LOGIN by challenge; the login has no domain; LIST."""
    curl(f"pop3://{MX}/", "--login-options", "AUTH=LOGIN", user="alice")


@session()
def auth_cram_md5():
    """fetchmail: AUTH CRAM-MD5; three messages, each by a TOP of more lines than there are, and deleted."""
    fetchmail("--auth", "cram-md5")


@session()
def auth_digest_md5():
    """mpop: AUTH DIGEST-MD5, with its last server challenge answered by an empty line; three messages as above, kept."""
    mpop("digest-md5", "--keep=on")


@session()
def auth_scram_sha_256():
    """mpop: AUTH SCRAM-SHA-256; three messages with RETR, pipelined as mpop does, and deleted."""
    mpop("scram-sha-256")


@session()
def auth_refused():
    """curl: AUTH PLAIN with a wrong password; nothing else."""
    curl(f"pop3://{MX}/1", "--login-options", "AUTH=PLAIN", "--sasl-ir", password="wonderland-8", ok=None)


@session()
def auth_by_hand():
    """By hand: AUTH alone, which lists; AUTH PLAIN cancelled by `*`; an AUTH LOGIN of which all is sent ahead; QUIT."""
    peer = Hand()
    peer.say("AUTH", multi=True)
    peer.say("AUTH PLAIN", "+ ")
    peer.say("*", "-ERR")
    peer.send("AUTH LOGIN", "YWxpY2VAZXhhbXBsZS5vcmc=", "d29uZGVybGFuZC03", "STAT")
    for _ in range(4):
        peer.read()
    peer.quit()


@session()
def all_verbs():
    """poplib: CAPA, USER, PASS, STAT, LIST and UIDL with and without a number, TOP, RETR, DELE, RSET, NOOP, QUIT."""
    peer = poplib.POP3(MX, 110, timeout=20)
    peer.capa()
    peer.user(A)
    peer.pass_(PASSWORD)
    peer.stat()
    peer.list()
    peer.list(2)
    peer.uidl()
    peer.uidl(2)
    peer.top(1, 0)
    peer.top(2, 1)
    peer.retr(3)
    peer.dele(3)
    peer.rset()
    peer.noop()
    peer.retr(3)
    peer.quit()


@session()
def refusals():
    """By hand: STAT before the login; RETR and TOP of no message; LANG, UTF8, XTND and an unknown verb; lower case; spaces."""
    peer = Hand()
    peer.say("STAT", "-ERR")
    peer.say("user alice@example.org")
    peer.say("pAsS wonderland-7")
    for line in ("RETR 9", "TOP 9 0", "LANG", "LANG nl", "UTF8", "XTND XLST", "XYZZY 1"):
        peer.say(line, "-ERR")
    peer.say("retr 1", multi=True)
    peer.say("PASS wonderland-7", "-ERR")
    peer.quit()


@session()
def pipelined():
    """By hand: CAPA, USER, PASS and all that follows in one write, QUIT included."""
    peer = Hand()
    peer.send("CAPA", f"USER {A}", f"PASS {PASSWORD}", "STAT", "UIDL", "RETR 1", "TOP 2 0", "RETR 9", "RETR 3", "DELE 1", "QUIT")
    for multi in (True, False, False, False, True, True, True, True, True, False, False):
        peer.read(multi)
    peer.close()


@session()
def getmail():
    """getmail: USER and PASS, UIDL, three messages with RETR, DELE."""
    with tempfile.TemporaryDirectory(prefix="writora-") as folder:
        (Path(folder) / "getmailrc").write_text(
            f"[retriever]\ntype = SimplePOP3Retriever\nserver = {MX}\nusername = {A}\npassword = {PASSWORD}\n"
            f"[destination]\ntype = MDA_external\npath = /bin/true\nallow_root_commands = true\n[options]\ndelete = true\n"
        )
        run("getmail", "--getmaildir", folder, "--rcfile", "getmailrc", env={"HOME": folder})


@session()
def fin_without_quit():
    """By hand: one message downloaded and deleted; then the client closes with no QUIT."""
    peer = Hand()
    peer.log_in()
    peer.say("RETR 1", multi=True)
    peer.say("DELE 1")
    peer.close()


@session(FEW[0], message("Bob <bob@example.org>", A, "cut-off@example.org", body="".join(
    f"{number:05} a line that is there so that the message is not sent at once\n" for number in range(8000))))
def rst_in_message():
    """By hand: a message downloaded, then RST in the middle of the next, of 500 kB, of which a part is read."""
    peer = Hand()
    peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    peer.log_in()
    peer.say("RETR 1", multi=True)
    peer.send("RETR 2")
    for _ in range(100):
        peer.lines.readline()
    peer.reset()


@session()
def broken_off():
    """By hand, three sessions: USER and an end; USER, PASS with a wrong password and an RST before the answer; QUIT before any login."""
    peer = Hand()
    peer.say(f"USER {A}")
    peer.close()
    peer = Hand()
    peer.say(f"USER {A}")
    peer.send("PASS wonderland-8")
    time.sleep(0.2)
    peer.reset()
    time.sleep(1.2)
    peer = Hand()
    peer.quit()


@session(message(A, A, "dots@example.org", body=".\n..\n...\n.x\n\n.\n+OK\n-ERR\nQUIT\n"), FEW[1])
def dot_stuffing():
    """curl, with an AUTH DIGEST-MD5 that it gives up before its CRAM-MD5: a message with lines that begin with one, two and three dots, a line of one dot, and lines that look like responses; then another."""
    curl(f"pop3://{MX}/1", "--next", "-sS", "-k", f"pop3://{MX}/2", "--user", f"{A}:{PASSWORD}")


def attachment() -> str:
    chance = random.Random(7)
    lines = "\n".join("".join(chance.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", k=76)) for _ in range(3900))
    return message("Bob <bob@example.org>", A, "large@example.org", body=lines + "\n",
                   extra='MIME-Version: 1.0\nContent-Type: application/octet-stream; name="plan.bin"\nContent-Transfer-Encoding: base64\n')


@session(attachment())
def large_300k():
    """curl, the same logins: a message of 300 kB with an attachment in base64."""
    curl(f"pop3://{MX}/1", "--output", "/dev/null")


@session()
def stls():
    """curl: CAPA in the clear, STLS, and the rest unseen."""
    curl(f"pop3://{MX}/1", "--ssl-reqd")


@session()
def pop3s_995():
    """curl on 995: TLS from the first octet."""
    curl(f"pop3s://{MX}/1")


@session()
def ipv6():
    """curl over IPv6: the logins as curl chooses them, one given up and one that succeeds; RETR 1."""
    curl(f"pop3://[{MX6}]/1", "--interface", ALICE6)


@session()
def two_people():
    """By hand: mallory from her own address, then alice from hers, one session each; mallory's mailbox is empty."""
    for source, user, password in ((MALLORY, M, PASSWORD_OF_MALLORY), (ALICE, A, PASSWORD)):
        peer = Hand(source=source)
        peer.log_in(user, password)
        peer.say("STAT")
        peer.say("LIST", multi=True)
        if user == A:
            peer.say("TOP 1 0", multi=True)
        peer.quit()


@session()
def lang_utf8():
    """By hand to the scripted server: UTF8, LANG with and without an argument, XTND with a list, an STLS and an AUTH refused, TOP."""
    peer = Hand(SCRIPTED)
    peer.say("CAPA", multi=True)
    peer.say("STLS", "-ERR")
    peer.say("UTF8")
    peer.say("LANG", multi=True)
    peer.say("LANG nl")
    peer.say("AUTH PLAIN AGFsaWNlAHdvbmRlcmxhbmQtNw==", "-ERR")
    peer.log_in("älice@example.org")
    peer.say("XTND XLST", multi=True)
    peer.say("TOP 1 2", multi=True)
    peer.quit()


@session()
def bare_lf():
    """By hand to the scripted server with bare LF: USER, PASS, LIST, RETR, QUIT."""
    peer = Hand(BARE)
    peer.log_in()
    peer.say("LIST", multi=True)
    peer.say("RETR 1", multi=True)
    peer.quit()
