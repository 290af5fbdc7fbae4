"""What happens in each capture of IMAP4: SESSIONS maps its name to the session. The docstring is what the README says of it."""

import base64
import imaplib
import os
import pty
import random
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from clients import ALICE, MALLORY, RELAY, Wire, crlf, message, run
from imap_clients import Imap, Literal, cram_md5, scram_sha_256
from imap_servers import DOVECOT, DOVECOT6, PREAUTH, SCRIPTED, SUBMISSION

A, B, M = "alice@example.org", "bob@example.org", "mallory@example.org"
PASSWORD, MALLORYS = "wonderland-7", "hunter2-mallory"
SESSIONS = {}
# Set by make_imap.py: `Mailbox` of alice and of mallory, filled anew before each session.
BOX = {}

PICTURE = base64.b64encode(bytes(range(256)) * 12)
MIXED = f"""MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="=-="

--=-=
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Größe und Maß (a closing paren), a {{12}} brace
a1 OK this is no answer
--=-=
Content-Type: application/octet-stream; name="picture.bin"
Content-Transfer-Encoding: base64

{chr(10).join(PICTURE[at:at + 76].decode() for at in range(0, len(PICTURE), 76))}
--=-=--
"""
MAILS = [
    crlf(message(B, A, "imap-1@example.org")),
    crlf(message("Bob Builder <bob@example.org>", A, "imap-2@example.org", subject="with a picture", extra=MIXED.partition("\n\n")[0] + "\n", body=MIXED.partition("\n\n")[2])),
    crlf(message(M, A, "imap-3@example.org", subject="=?utf-8?q?Gr=C3=BC=C3=9Fe?=", body="Third of four.\n")),
    crlf(message('"Carol, of \\"Accounts\\"" <carol@example.com>', f"{A}, {B}", "imap-4@example.com", subject="Re: minutes", body="Fourth of four.\n", extra="In-Reply-To: <imap-1@example.org>\n")),
]
MALLORYS_MAILS = [crlf(message(B, M, "imap-mallory@example.org", body="Not of any alice.\n"))]


def session(function):
    SESSIONS[function.__name__.replace("_", "-")] = function
    return function


# Clients that others wrote.


def curl(url: str, *options: str, user: str = f"{A}:{PASSWORD}", ok=(0,)) -> str:
    return run("curl", "-sS", "-k", "-u", user, *options, url, ok=ok)


@session
def curl_download():
    """curl to Dovecot: AUTHENTICATE PLAIN, then a message by sequence number and one by UID, each BODY[]."""
    curl(f"imap://{DOVECOT}/INBOX;MAILINDEX=1")
    curl(f"imap://{DOVECOT}/INBOX;UID=2")


@session
def curl_header():
    """curl to Dovecot: BODY[HEADER] of one message, BODY[TEXT] of another; AUTHENTICATE LOGIN the first time."""
    curl(f"imap://{DOVECOT}/INBOX/;UID=1/;SECTION=HEADER", "--login-options", "AUTH=LOGIN")
    curl(f"imap://{DOVECOT}/INBOX/;UID=4/;SECTION=TEXT")


@session
def curl_upload():
    """curl to Dovecot: APPEND."""
    with tempfile.NamedTemporaryFile("wb", suffix=".eml") as file:
        file.write(crlf(message(A, B, "imap-appended@example.org")))
        file.flush()
        curl(f"imap://{DOVECOT}/Sent", "--upload-file", file.name)


@session
def curl_starttls():
    """curl to Dovecot: CAPABILITY in the clear, STARTTLS, and the rest unseen."""
    curl(f"imap://{DOVECOT}/INBOX;UID=1", "--ssl-reqd")


@session
def imaps_993():
    """curl to Dovecot on 993: TLS from the first octet."""
    curl(f"imaps://{DOVECOT}/INBOX;UID=1")


@session
def ipv6():
    """curl to Dovecot over IPv6: BODY[] of one message."""
    curl(f"imap://[{DOVECOT6}]/INBOX;UID=3")


@session
def mallory_alone():
    """curl to Dovecot: another user's session from another address."""
    curl(f"imap://{DOVECOT}/INBOX;UID=1", "--interface", MALLORY, user=f"{M}:{MALLORYS}")


@session
def mbsync():
    """mbsync (isync) to Dovecot: everything pulled into a local Maildir, and one message pushed by APPEND; pipelined as it does."""
    with tempfile.TemporaryDirectory(prefix="writora-") as folder:
        for part in ("cur", "new", "tmp"):
            (Path(folder) / "mail/INBOX" / part).mkdir(parents=True)
        (Path(folder) / "mail/INBOX/cur/1772442000.1.laptop:2,S").write_text(message(A, B, "imap-pushed@example.org"))
        (Path(folder) / "rc").write_text(f"""IMAPStore far
Host {DOVECOT}
User {A}
Pass {PASSWORD}
SSLType None
AuthMechs LOGIN

MaildirStore near
Path {folder}/mail/
Inbox {folder}/mail/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns INBOX
Create None
SyncState *
""")
        run("mbsync", "-c", f"{folder}/rc", "-a", env={"HOME": folder})


def in_terminal(*command: str, home: str) -> None:
    """A program that wants a terminal."""
    main, side = pty.openpty()
    process = subprocess.Popen(command, stdin=side, stdout=side, stderr=side, env={**os.environ, "HOME": home, "TERM": "xterm"}, start_new_session=True)
    os.close(side)

    def drain():
        try:
            while os.read(main, 4096):
                pass
        except OSError:
            pass

    threading.Thread(target=drain, daemon=True).start()
    try:
        process.wait(30)
    finally:
        process.kill()
        os.close(main)


def mutt_opens(*settings: str) -> None:
    with tempfile.TemporaryDirectory(prefix="writora-") as folder:
        lines = [f'set imap_user="{A}"', f'set imap_pass="{PASSWORD}"', "set ssl_starttls=no", "set ssl_force_tls=no", "unset header_cache",
                 "set wait_key=no", f'set folder="{folder}"', f'set record="{folder}/sent"', "set pager_stop", "set quit=yes", "set delete=no", 'set imap_authenticators="login"', *settings,
                 'push "<first-entry><display-message><exit><next-undeleted><display-message><exit><quit>"']
        (Path(folder) / "muttrc").write_text("\n".join(lines) + "\n")
        in_terminal("mutt", "-F", f"{folder}/muttrc", "-f", f"imap://{DOVECOT}/INBOX", home=folder)


@session
def mutt():
    """mutt to Dovecot: the index by header fields, two messages read, LOGOUT."""
    mutt_opens()


@session
def mutt_deflate():
    """The same, with COMPRESS=DEFLATE."""
    mutt_opens("set imap_deflate=yes")


@session
def offlineimap():
    """offlineimap3 to Dovecot: all folders, every message into a local Maildir."""
    with tempfile.TemporaryDirectory(prefix="writora-") as folder:
        (Path(folder) / "rc").write_text(f"""[general]
accounts = a
metadata = {folder}/state
ui = quiet
[Account a]
localrepository = near
remoterepository = far
[Repository near]
type = Maildir
localfolders = {folder}/mail
[Repository far]
type = IMAP
remotehost = {DOVECOT}
remoteuser = {A}
remotepass = {PASSWORD}
ssl = no
starttls = no
auth_mechanisms = CRAM-MD5
""")
        run("offlineimap", "-c", f"{folder}/rc", "-o", "-1", env={"HOME": folder}, ok=None)


@session
def imaplib_session():
    """Python's imaplib to Dovecot: CRAM-MD5, SEARCH, FETCH (RFC822), UID FETCH, STORE, COPY, APPEND, EXPUNGE, LOGOUT."""
    with imaplib.IMAP4(DOVECOT) as peer:
        peer.login_cram_md5(A, PASSWORD)
        peer.select()
        _, found = peer.search(None, "ALL")
        for number in found[0].split()[:2]:
            peer.fetch(number, "(RFC822)")
        peer.uid("FETCH", "3:4", "(FLAGS BODY.PEEK[])")
        peer.store("1", "+FLAGS", r"(\Deleted)")
        peer.copy("2", "Archive")
        peer.append("Sent", r"(\Seen)", imaplib.Time2Internaldate(1772442000), crlf(message(A, B, "imap-appended@example.org")))
        peer.expunge()


# Logging in, by hand.


@session
def login_forms():
    """By hand, four connections to Dovecot: LOGIN with atoms, quoted strings, literals, and LITERAL+; each reads one message."""
    forms = [
        (f"login {A} {PASSWORD}",),
        (f'LOGIN "{A}" "{PASSWORD}"',),
        ("LOGIN ", Literal(A.encode()), " ", Literal(PASSWORD.encode())),
        ("Login ", Literal(A.encode(), plus=True), " ", Literal(PASSWORD.encode(), plus=True)),
    ]
    for number, form in enumerate(forms, 1):
        peer = Imap()
        peer.say(*form)
        peer.say("SELECT INBOX")
        peer.say(f"FETCH {number} BODY[]")
        peer.logout()


@session
def login_without_domain():
    """By hand to Dovecot: the login is `alice`; her mailbox is empty."""
    peer = Imap()
    peer.say(f"LOGIN alice {PASSWORD}")
    peer.say("SELECT INBOX")
    peer.logout()


def authenticated(mechanism: str, *answers, initial: str | None = None) -> None:
    peer = Imap()
    peer.authenticate(mechanism, *answers, initial=initial)
    peer.say("SELECT INBOX")
    peer.say("UID FETCH 1 (FLAGS BODY.PEEK[])")
    peer.logout()


PLAIN = f"\0{A}\0{PASSWORD}".encode()


@session
def authenticate_plain():
    """By hand to Dovecot: AUTHENTICATE PLAIN, its answer behind an empty challenge."""
    authenticated("PLAIN", PLAIN)


@session
def authenticate_plain_initial():
    """By hand to Dovecot: AUTHENTICATE PLAIN with its initial response (SASL-IR)."""
    authenticated("PLAIN", initial=base64.b64encode(PLAIN).decode())


@session
def authenticate_login():
    """By hand to Dovecot: AUTHENTICATE LOGIN by challenge."""
    authenticated("LOGIN", A.encode(), PASSWORD.encode())


@session
def authenticate_cram_md5():
    """By hand to Dovecot: AUTHENTICATE CRAM-MD5."""
    authenticated("CRAM-MD5", cram_md5(A, PASSWORD))


@session
def authenticate_scram_sha_256():
    """By hand to Dovecot: AUTHENTICATE SCRAM-SHA-256, with the server's last message answered by an empty line."""
    authenticated("SCRAM-SHA-256", *scram_sha_256(A, PASSWORD))


@session
def authenticate_xoauth2_refused():
    """By hand to the scripted server: XOAUTH2 refused by a challenge that carries the error; then EXTERNAL with an initial response."""
    peer = Imap(SCRIPTED)
    token = base64.b64encode(f"user={A}\x01auth=Bearer stale\x01\x01".encode()).decode()
    peer.authenticate("XOAUTH2", b"", initial=token, expect="NO")
    peer.authenticate("EXTERNAL", initial=base64.b64encode(A.encode()).decode())
    peer.say("SELECT INBOX")
    peer.say("FETCH 1 BODY[]")
    peer.logout()


@session
def failed_then_good():
    """By hand to Dovecot: LOGIN with a wrong password, AUTHENTICATE cancelled by `*`, one with a wrong password, one that succeeds."""
    peer = Imap()
    peer.say(f"LOGIN {A} queen-of-hearts", expect="NO")
    peer.authenticate("PLAIN", b"*\r\n", expect="BAD")
    peer.authenticate("PLAIN", f"\0{A}\0queen-of-hearts".encode(), expect="NO")
    peer.authenticate("PLAIN", PLAIN)
    peer.say("SELECT INBOX")
    peer.say("FETCH 1 BODY[]")
    peer.logout()


@session
def failed_and_gone():
    """By hand to Dovecot: a wrong password, then the client closes; then a LOGIN whose answer it does not wait for."""
    peer = Imap()
    peer.say(f"LOGIN {A} queen-of-hearts", expect="NO")
    peer.close()
    peer = Imap(SCRIPTED)
    peer.start(f"AUTHENTICATE PLAIN")
    peer.until(b"+")
    peer.reset()


# Reading, by hand.


def opened(mailbox: str = "INBOX", **where) -> Imap:
    peer = Imap(**where).login()
    peer.say(f"SELECT {mailbox}")
    return peer


@session
def fetch_items():
    """By hand to Dovecot: each form of FETCH in a command of its own, from BODY[] over BINARY[] and ENVELOPE down to flags alone."""
    peer = opened()
    for items in ("BODY[]", "RFC822", "BODY.PEEK[]", "BINARY.PEEK[]", "BINARY[2]", "BODY[HEADER]", "RFC822.HEADER", "RFC822.TEXT", "BODY[TEXT]",
                  "BODY[1]", "BODY[2.MIME]", "BODY.PEEK[HEADER.FIELDS (FROM MESSAGE-ID)]", "BODY[HEADER.FIELDS.NOT (SUBJECT)]", "ENVELOPE", "BODYSTRUCTURE",
                  "BODY", "FULL", "ALL", "FAST", "FLAGS", "(UID INTERNALDATE RFC822.SIZE)", "BINARY.SIZE[2]", "(FLAGS ENVELOPE BODY.PEEK[])"):
        peer.say(f"FETCH 2 {items}")
    peer.logout()


@session
def fetch_several():
    """By hand to Dovecot: several messages in one command; header and text of each; UIDs that are not there; sets, ranges and `*`."""
    peer = opened()
    peer.say("UID FETCH 1:4 (UID BODY.PEEK[])")
    peer.say("FETCH 1,3:4 (ENVELOPE BODY.PEEK[HEADER] BODY.PEEK[TEXT])")
    peer.say("UID FETCH 1:* (FLAGS)")
    peer.say("UID FETCH 900:901 (BODY[])")
    peer.say("FETCH * (RFC822)")
    peer.logout()


@session
def fetch_pipelined():
    """By hand to Dovecot: LOGIN, SELECT, three FETCH, NOOP and LOGOUT in one write."""
    peer = Imap()
    peer.at_once(f"LOGIN {A} {PASSWORD}", "SELECT INBOX", "FETCH 1 BODY[]", "UID FETCH 3 (BODY.PEEK[])", "FETCH 1:4 FLAGS", "NOOP", "LOGOUT")
    peer.close()


@session
def fetch_partial():
    """By hand to Dovecot: one message in ranges of 2048 octets to its end; then a range past the end, and a range of a part."""
    peer = opened()
    size = len(MAILS[1])
    for start in range(0, size, 2048):
        peer.say(f"UID FETCH 2 (BODY.PEEK[]<{start}.2048>)")
    peer.say("UID FETCH 2 (BODY[]<999999.2048>)")
    peer.say("UID FETCH 2 (BODY[2]<0.100>)")
    peer.say("UID FETCH 1 (BODY[]<0.999999>)")
    peer.logout()


@session
def fetch_refused():
    """By hand to Dovecot: FETCH before SELECT (BAD), of a message that is not there, with a wrong item; SELECT of no mailbox (NO)."""
    peer = Imap().login()
    peer.say("FETCH 1 BODY[]", expect="BAD")
    peer.say("SELECT Nowhere", expect="NO")
    peer.say("SELECT INBOX")
    peer.say("FETCH 17 BODY[]", expect="BAD")
    peer.say("FETCH 1 NOTHING", expect="BAD")
    peer.say("FETCH 1 BODY[]")
    peer.logout()


@session
def fetch_scripted():
    """By hand to the scripted server: a message in two responses with others' between them, literal8, NO after data, a quoted and a NIL body, an ENVELOPE of literals, BYE."""
    peer = Imap(SCRIPTED).login()
    peer.say("SELECT INBOX")
    peer.say("UID FETCH 2 (BODY.PEEK[HEADER] BODY[])")
    peer.say("FETCH 3 BINARY[]")
    peer.say("FETCH 4 BODY[]", expect="NO")
    peer.say("FETCH 6 BODY[]")
    peer.say("FETCH 7 BODY[]")
    peer.say("FETCH 9 ENVELOPE")
    peer.say("NOOP")
    peer.start("FETCH 8 BODY[]")
    peer.until(b"* BYE")
    peer.close()


@session
def same_tag():
    """By hand to the scripted server: every command has the same tag; then empty and unknown commands."""
    peer = Imap(SCRIPTED)
    for command in (f"LOGIN {A} {PASSWORD}", "SELECT INBOX", "FETCH 1 BODY[]", "NOOP"):
        peer.say(command, tag="x")
    peer.say("XYZZY and more", expect="BAD", tag="x")
    peer.say("LOGOUT", tag="x")
    peer.close()


@session
def large_300k():
    """By hand to Dovecot: BODY[] of 300 kB."""
    BOX["alice"].fill([*MAILS, large("imap-large@example.org")])
    peer = opened()
    peer.say("UID FETCH 5 (BODY[])")
    peer.logout()


def large(ident: str) -> bytes:
    chance = random.Random(7)
    lines = "\n".join(base64.b64encode(chance.randbytes(57)).decode() for _ in range(3900))
    return crlf(message(B, A, ident, subject="large", body=lines + "\n"))


@session
def rst_in_fetch():
    """By hand to the scripted server: one message is fetched; a second one cut off by RST inside its literal."""
    peer = Imap(SCRIPTED).login()
    peer.say("SELECT INBOX")
    peer.say("FETCH 1 BODY[]")
    peer.start("FETCH 5 BODY[]")
    try:
        while True:
            peer._more()
    except (EOFError, ConnectionError):
        pass
    peer.close()


@session
def rst_by_client():
    """By hand to Dovecot: the client resets the connection in the middle of a message of 300 kB."""
    BOX["alice"].fill([*MAILS, large("imap-large@example.org")])
    peer = opened()
    peer.start("UID FETCH 5 (BODY[])")
    while len(peer.held) < 100_000:
        peer._more()
    peer.reset()


@session
def fin_without_logout():
    """By hand to Dovecot: a message is fetched, then the client closes with no LOGOUT."""
    peer = opened()
    peer.say("FETCH 1 BODY[]")
    peer.close()


# Writing, by hand.


def appended(number: int) -> bytes:
    return crlf(message(A, B, f"imap-appended-{number}@example.org", body=f"Appended, number {number}.\n"))


@session
def append():
    """By hand to Dovecot: APPEND with a literal, with LITERAL+, with flags and date, into no mailbox (NO), and an empty one (NO)."""
    peer = Imap().login()
    peer.say("APPEND Sent ", Literal(appended(1)))
    peer.say("APPEND Sent (\\Seen \\Draft) \"02-Mar-2026 09:00:00 +0000\" ", Literal(appended(2), plus=True))
    peer.say("APPEND Nowhere ", Literal(appended(3), plus=True), expect="NO")
    peer.say("APPEND ", Literal(b"Sent", plus=True), " ($Forwarded) ", Literal(appended(4), plus=True))
    peer.logout()


@session
def multiappend():
    """By hand to Dovecot: three messages in one APPEND (RFC 3502), two of them with flags."""
    peer = Imap().login()
    peer.say("APPEND Sent (\\Seen) ", Literal(appended(1), plus=True), " ", Literal(appended(2)), " (\\Flagged) \"02-Mar-2026 09:00:00 +0000\" ", Literal(appended(3), plus=True))
    peer.logout()


@session
def append_binary():
    """By hand to Dovecot: APPEND of literal8 (RFC 3516) with NUL in it."""
    peer = Imap().login()
    mail = crlf(message(A, B, "imap-binary@example.org", extra="MIME-Version: 1.0\nContent-Type: application/octet-stream\nContent-Transfer-Encoding: binary\n", body=""))
    peer.say("APPEND Sent ", Literal(mail + bytes(range(256)), binary=True))
    peer.logout()


@session
def append_utf8():
    """By hand to the scripted server: ENABLE UTF8=ACCEPT, APPEND with UTF8 (~{n+} ...) (RFC 6855), LITERAL-."""
    peer = Imap(SCRIPTED).login()
    peer.say("ENABLE UTF8=ACCEPT")
    mail = crlf(message("älice@bücher.example.org", B, "imap-utf8@example.org"))
    peer.say("APPEND Sent UTF8 (", Literal(mail, plus=True, binary=True), ")")
    peer.say("APPEND Sent ", Literal(appended(1), plus=True))
    peer.logout()


@session
def catenate():
    """By hand to Dovecot: APPEND CATENATE (RFC 4469) of a text and of a part of a message by its URL; then one whose URL is wrong (NO)."""
    peer = opened()
    head = crlf(message(A, B, "imap-catenated@example.org", subject="forwarded", body="Look at this:\n"))
    validity = next(line.split(b"UIDVALIDITY ")[1].split(b"]")[0].decode() for line in peer.say("SELECT INBOX") if b"UIDVALIDITY" in line)
    peer.say("APPEND Sent (\\Seen) CATENATE (TEXT ", Literal(head, plus=True), f' URL "/INBOX;UIDVALIDITY={validity}/;UID=2/;SECTION=2" TEXT ', Literal(b"\r\n-- \r\nalice\r\n", plus=True), ")")
    peer.say("APPEND Sent CATENATE (TEXT ", Literal(head, plus=True), ' URL "/INBOX/;UID=99")', expect="NO")
    peer.logout()


@session
def urlauth():
    """By hand to Dovecot: GENURLAUTH for a message (RFC 4467), URLFETCH of it, and of a URL with a wrong token; RESETKEY."""
    peer = opened()
    got = peer.say(f'GENURLAUTH "imap://alice%40example.org@mail.example.org/INBOX/;UID=2;URLAUTH=user+alice%40example.org" INTERNAL')
    url = got[0].split(b" ", 2)[2].strip().decode().strip('"')
    peer.say(f'URLFETCH "{url}"')
    peer.say(f'URLFETCH ("{url}" BINARY BODYPARTSTRUCTURE)', expect=None)
    peer.say(f'URLFETCH "{url[:-4]}0000"')
    peer.say("RESETKEY INBOX")
    peer.logout()


def tickets(peer: Imap, user: str, *places: str) -> list[str]:
    """URLs that the submission server may fetch (RFC 4467 §6)."""
    name = user.replace("@", "%40")
    wanted = (f'"imap://{name}@mail.example.org/{place};URLAUTH=user+{name}" INTERNAL' for place in places)
    got = peer.say("GENURLAUTH " + " ".join(wanted))
    return [url.decode() for response in got[:-1] for url in response.decode().replace('"', " ").encode().split()[2:]]


def fetched(user: str, *urls: str) -> None:
    """What the submission server does for BURL, with the login that it was given: this Dovecot lets nobody else at a URL."""
    peer = Imap(source=RELAY, tag="s").login(user, MALLORYS if user == M else PASSWORD)
    peer.say("URLFETCH " + " ".join(f'"{url}"' for url in urls))
    peer.logout()


def submission(user: str) -> Wire:
    peer = Wire(SUBMISSION, 587, source=MALLORY if user == M else ALICE)
    peer.say("AUTH EXTERNAL " + base64.b64encode(user.encode()).decode(), expect="235")
    return peer


@session
def forward_without_download():
    """By hand to Dovecot and to a scripted submission server, which fetches from Dovecot: a draft by CATENATE sent by BURL; a message of BDAT, two BURL and BDAT (Lemonade, 7.4); one whose URL is fetched where the tap sees nothing; and mallory's."""
    peer = opened()
    head = crlf(message(A, B, "forward-1@example.org", subject="forwarded", extra='MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="=-="\n', body="--=-=\n\nLook at this:\n--=-=\n"))
    got = peer.say("APPEND Sent (\\Draft \\Seen) CATENATE (TEXT ", Literal(head, plus=True), ' URL "/INBOX/;UID=2/;SECTION=2.MIME" URL "/INBOX/;UID=2/;SECTION=2" TEXT ', Literal(b"\r\n--=-=--\r\n", plus=True), ")")
    draft = got[-1].split(b"APPENDUID ")[1].split(b"]")[0].split()[1].decode()
    whole, mime, part, unseen = tickets(peer, A, f"Sent/;UID={draft}", "INBOX/;UID=2/;SECTION=2.MIME", "INBOX/;UID=2/;SECTION=2", "INBOX/;UID=3")
    smtp = submission(A)
    smtp.say(f"MAIL FROM:<{A}>", f"RCPT TO:<{B}>", expect="250")
    smtp.send(f"BURL {whole} LAST\r\n".encode())
    fetched(A, whole)
    smtp.read()
    head = head.replace(b"forward-1", b"forward-2")
    smtp.say(f"MAIL FROM:<{A}>", f"RCPT TO:<{B}>", expect="250")
    smtp.end(b"BDAT %d\r\n" % len(head) + head)
    for url in (mime, part):
        smtp.send(f"BURL {url}\r\n".encode())
        fetched(A, url)
        smtp.read()
    smtp.end(b"BDAT 11 LAST\r\n\r\n--=-=--\r\n")
    smtp.say(f"MAIL FROM:<{A}>", f"RCPT TO:<{B}>", f"BURL {unseen} LAST", expect="250")
    smtp.quit()
    peer.say("UID STORE 2 +FLAGS.SILENT ($Forwarded)")
    peer.logout()
    peer = Imap(source=MALLORY).login(M, MALLORYS)
    peer.say("SELECT INBOX")
    hers, = tickets(peer, M, "INBOX/;UID=1")
    peer.logout()
    smtp = submission(M)
    smtp.say(f"MAIL FROM:<{M}>", f"RCPT TO:<{B}>", expect="250")
    smtp.send(f"BURL {hers} LAST\r\n".encode())
    fetched(M, hers)
    smtp.read()
    smtp.quit()


@session
def store_copy_move():
    """By hand to Dovecot: STORE and UID STORE, COPY, UID COPY with COPYUID, MOVE (RFC 6851), EXPUNGE, UID EXPUNGE, CLOSE."""
    peer = opened()
    peer.say("STORE 1 +FLAGS (\\Seen $Forwarded)")
    peer.say("UID STORE 2 FLAGS.SILENT (\\Answered)")
    peer.say("COPY 1 Archive")
    peer.say("UID COPY 2 Archive")
    peer.say("MOVE 1 Archive")
    peer.say("UID MOVE 2 Archive")
    peer.say("STORE 1 +FLAGS (\\Deleted)")
    peer.say("UID EXPUNGE 3")
    peer.say("EXPUNGE")
    peer.say("CLOSE")
    peer.logout()


# Extensions, by hand.


@session
def compress_deflate():
    """By hand to Dovecot: COMPRESS=DEFLATE after LOGIN (RFC 4978); FETCH, APPEND and LOGOUT inside."""
    peer = Imap().login()
    peer.compress()
    peer.say("SELECT INBOX")
    peer.say("UID FETCH 1:2 (BODY[])")
    peer.say("APPEND Sent ", Literal(appended(1)))
    peer.logout()


@session
def compress_pipelined():
    """By hand to Dovecot: inside DEFLATE, several commands in one write, then flags alone."""
    peer = Imap().login()
    peer.compress()
    peer.at_once("SELECT INBOX", "FETCH 1 BODY[]", "FETCH 2 (RFC822)", "FETCH 1:4 FLAGS")
    peer.logout()


@session
def idle():
    """By hand to Dovecot: IDLE (RFC 2177), a message arrives, DONE, and it is fetched; IDLE again, ended by the connection."""
    peer = opened()
    tag = peer.start("IDLE")
    peer.until(b"+")
    BOX["alice"].arrive(crlf(message(B, A, "imap-arrived@example.org", body="Just arrived.\n")))
    while not peer.response().endswith(b"EXISTS\r\n"):
        pass
    peer.send(b"DONE\r\n")
    peer.done(tag)
    peer.say("UID FETCH 5 (BODY.PEEK[])")
    peer.start("IDLE")
    peer.until(b"+")
    peer.close()


@session
def notify():
    """By hand to Dovecot: NOTIFY SET with FETCH items for new messages (RFC 5465): one arrives, and is told of with the next NOOP."""
    peer = opened()
    peer.say("NOTIFY SET (selected (MessageNew (UID FLAGS BODY.PEEK[HEADER.FIELDS (FROM MESSAGE-ID)]) MessageExpunge FlagChange)) (subtree INBOX (MessageNew MessageExpunge))")
    BOX["alice"].arrive(crlf(message(B, A, "imap-notified@example.org")))
    try:
        peer.socket.settimeout(4)
        peer.until(b"* 5 FETCH")
    except TimeoutError:
        pass
    peer.socket.settimeout(20)
    peer.say("NOOP")
    peer.say("NOTIFY NONE")
    peer.logout()


@session
def search_sort_thread():
    """By hand to Dovecot: SEARCH, with a literal, ESEARCH, SEARCHRES, WITHIN, CONTEXT, SORT, ESORT, THREAD."""
    peer = opened()
    peer.say("SEARCH ALL")
    peer.say("UID SEARCH FROM bob SINCE 1-Jan-2026")
    peer.say("SEARCH CHARSET UTF-8 SUBJECT ", Literal("Grüße".encode()))
    peer.say("SEARCH RETURN (MIN MAX COUNT ALL) UNSEEN")
    peer.say("SEARCH RETURN (SAVE) FROM bob")
    peer.say("FETCH $ (BODY.PEEK[HEADER])")
    peer.say("UID SEARCH OLDER 60")
    peer.say("SEARCH RETURN (UPDATE COUNT) ALL")
    peer.say("SORT (REVERSE DATE SUBJECT) UTF-8 ALL")
    peer.say("UID SORT RETURN (ALL) (ARRIVAL) UTF-8 ALL")
    peer.say("THREAD REFERENCES UTF-8 ALL")
    peer.say("UID THREAD ORDEREDSUBJECT UTF-8 ALL")
    peer.logout()


@session
def condstore_qresync():
    """By hand to Dovecot: CONDSTORE and QRESYNC (RFC 7162): FETCH CHANGEDSINCE, STORE UNCHANGEDSINCE, VANISHED in answer to SELECT, to FETCH and to EXPUNGE."""
    peer = Imap().login()
    peer.say("ENABLE CONDSTORE QRESYNC")
    got = peer.say("SELECT INBOX (CONDSTORE)")
    validity = next(line.split(b"UIDVALIDITY ")[1].split(b"]")[0].decode() for line in got if b"UIDVALIDITY" in line)
    peer.say("FETCH 1:* (FLAGS) (CHANGEDSINCE 1)")
    peer.say("UID FETCH 1:2 (MODSEQ BODY.PEEK[])")
    peer.say("UID STORE 2 (UNCHANGEDSINCE 100000) +FLAGS (\\Seen)")
    peer.say("UID STORE 1 +FLAGS.SILENT (\\Deleted)")
    peer.say("EXPUNGE")
    peer.say("UNSELECT")
    peer.say(f"SELECT INBOX (QRESYNC ({validity} 1 1:4))")
    peer.say("UID FETCH 1:* (FLAGS) (CHANGEDSINCE 1 VANISHED)")
    peer.logout()


@session
def folders():
    """By hand to Dovecot: CAPABILITY, ID, NAMESPACE, ENABLE, LIST, LIST-EXTENDED, SPECIAL-USE, STATUS, LSUB, CREATE, RENAME, DELETE, EXAMINE, UNSELECT, CHECK, an odd name in UTF-7 and as literal."""
    peer = Imap()
    peer.say("CAPABILITY")
    peer.say('ID ("name" "laptop" "version" NIL)')
    peer.login()
    peer.say("NAMESPACE")
    peer.say("ENABLE CONDSTORE")
    peer.say('LIST "" *')
    peer.say('LIST (SUBSCRIBED) "" ("INBOX" "S*") RETURN (SPECIAL-USE CHILDREN STATUS (MESSAGES UIDNEXT))')
    peer.say('LSUB "" "*"')
    peer.say("STATUS INBOX (MESSAGES UIDNEXT UNSEEN HIGHESTMODSEQ)")
    peer.say('CREATE "B&APw-cher"')
    peer.say("RENAME ", Literal(b"B&APw-cher"), " ", Literal(b"a \"quoted\" name", plus=True))
    peer.say('LIST "" *')
    peer.say('SUBSCRIBE "a \\"quoted\\" name"')
    peer.say('DELETE "a \\"quoted\\" name"')
    peer.say("EXAMINE INBOX")
    peer.say("CHECK")
    peer.say("UNSELECT")
    peer.logout()


@session
def metadata_quota_acl():
    """By hand to Dovecot: SETMETADATA and GETMETADATA with a literal (RFC 5464), GETQUOTAROOT, GETQUOTA, MYRIGHTS, GETACL, SETACL."""
    peer = opened()
    peer.say('SETMETADATA INBOX (/private/comment ', Literal(b"not a (message)", plus=True), ")")
    peer.say("GETMETADATA INBOX (/private/comment)")
    peer.say("GETQUOTAROOT INBOX")
    peer.say('GETQUOTA "User quota"')
    peer.say("MYRIGHTS INBOX")
    peer.say("SETACL Archive bob@example.org lr", expect=None)
    peer.say("GETACL Archive", expect=None)
    peer.logout()


@session
def convert():
    """By hand to the scripted server: UID CONVERT (RFC 5259), answered by CONVERTED with a literal8."""
    peer = Imap(SCRIPTED).login()
    peer.say("SELECT INBOX")
    peer.say('UID CONVERT 1 ("TEXT/PLAIN" ("CHARSET" "utf-8")) BINARY[1]')
    peer.logout()


@session
def preauth():
    """By hand to the scripted server: PREAUTH in its greeting, a message fetched; who it is of nobody says."""
    peer = Imap(PREAUTH)
    peer.say("SELECT INBOX")
    peer.say("FETCH 1 BODY[]")
    peer.logout()


@session
def webmail_unauthenticate():
    """By hand from a proxy to the scripted server: alice, then mallory, then alice on one connection, by UNAUTHENTICATE (RFC 8437)."""
    peer = Imap(SCRIPTED, source="198.51.100.7")
    for user, password in ((A, PASSWORD), (M, MALLORYS), (A, PASSWORD)):
        peer.login(user, password)
        peer.say("SELECT INBOX")
        peer.say("UID FETCH 1 (BODY[])")
        peer.say("APPEND Sent ", Literal(crlf(message(user, B, f"imap-sent.{user}")), plus=True))
        peer.say("UNAUTHENTICATE")
    peer.logout()


@session
def webmail_pipelined():
    """By hand from a proxy to the scripted server: the same with each user's commands in one write, UNAUTHENTICATE and the next LOGIN included."""
    peer = Imap(SCRIPTED, source="198.51.100.7")
    peer.at_once(f"LOGIN {A} {PASSWORD}", "SELECT INBOX", "FETCH 1 BODY[]", "UNAUTHENTICATE", f"LOGIN {M} {MALLORYS}", "SELECT INBOX", "FETCH 1 BODY[]",
                 "UNAUTHENTICATE", f"LOGIN {A} {PASSWORD}", "SELECT INBOX", "FETCH 9 BODY[]", "LOGOUT")
    peer.close()
