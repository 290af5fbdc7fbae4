"""What happens in each capture: SESSIONS maps its name to the session. The docstring is what the README says of it."""

import base64
import os
import random
import smtplib
import tempfile
import time
from pathlib import Path

from servers import token
from clients import (ALICE, ALICE6, MALLORY, MX, MX6, RELAY, Wire, crlf, curl, dotted, message, msmtp, peers, run, swaks)

A, B, C, M = "alice@example.org", "bob@example.org", "carol@example.org", "mallory@example.net"
NO_EHLO, STRICT, SCRIPTED = "192.0.2.26", "192.0.2.27", "192.0.2.28"
PASSWORD = "wonderland-7"
SESSIONS = {}


class Skip(Exception):
    """A client that this session needs is not to be had."""


def session(function):
    SESSIONS[function.__name__.replace("_", "-")] = function
    return function


# Mail to and through the MX.


@session
def plain():
    """swaks to Postfix: one message, one recipient, no pipelining."""
    swaks(message(M, A, "plain@example.net"), "--server", MX, "--from", M, "--to", A)


@session
def pipelined_two_recipients():
    """swaks --pipeline to Postfix: MAIL, two RCPT and DATA in one write."""
    swaks(message(M, f"{A}, {B}", "pipelined@example.net"), "--server", MX, "--from", M, "--to", f"{A},{B}", "--pipeline")


@session
def relay_three_senders():
    """smtplib from a relay: alice, then mallory, then alice again in one session; the second message concerns no alice."""
    with smtplib.SMTP(MX, 25, local_hostname="relay.example.net", source_address=(RELAY, 0)) as relay:
        relay.sendmail(A, [B], message(A, B, "relay-1@example.org", body="The first of three.\n"))
        relay.sendmail("mallory@example.org", [C], message("mallory@example.org", C, "relay-2@example.org", body="Not of any alice.\n"))
        relay.sendmail(A, [B, "dave@example.com"], message(A, B, "relay-3@example.org", body="The third of three.\n"))


@session
def rcpt_one_of_three_refused():
    """By hand: bob and alice accepted, nobody@example.org refused with 550 between them."""
    peer = Wire()
    peer.mail(M, [B, "nobody@example.org", A], message(M, B, "refused-one@example.net"))
    peer.quit()


@session
def rcpt_all_refused():
    """By hand: both recipients refused; DATA pipelined behind them gets 554 and no message follows; then QUIT."""
    peer = Wire()
    peer.say(f"MAIL FROM:<{M}>", "RCPT TO:<nobody@example.org>", "RCPT TO:<noone@example.org>", "DATA", expect="554")
    peer.quit()


@session
def mail_refused():
    """By hand: MAIL refused with 554, the pipelined RCPT and DATA with it; then another sender goes through."""
    peer = Wire()
    peer.say("MAIL FROM:<spammer@example.com>", f"RCPT TO:<{A}>", "DATA")
    peer.mail(M, [A], message(M, A, "after-refusal@example.net"))
    peer.quit()


@session
def content_refused():
    """By hand: the message is refused with 550 after its end; the next in the same session is accepted."""
    peer = Wire()
    peer.mail(M, [A], message(M, A, "content-refused@example.net", subject="please refuse this"), expect="550")
    peer.mail(M, [A], message(M, A, "content-accepted@example.net"))
    peer.quit()


@session
def rset_between():
    """By hand: a transaction given up by RSET after two recipients, then a whole one with another; EHLO as a second reset."""
    peer = Wire()
    peer.say(f"MAIL FROM:<{M}>")
    peer.say(f"RCPT TO:<{A}>")
    peer.say(f"RCPT TO:<{C}>")
    peer.say("RSET")
    peer.mail(M, [B], message(M, B, "after-rset@example.net"))
    peer.say(f"MAIL FROM:<{A}>")
    peer.say("EHLO laptop.example.org")
    peer.mail("dave@example.com", [C], message("dave@example.com", C, "after-ehlo@example.com"))
    peer.quit()


# Logging in.


def auth(mechanism: str):
    swaks(message(A, M, f"auth-{mechanism.lower()}@example.org"), "--server", MX, "--port", "587", "--from", A, "--to", M,
          "--auth", mechanism, "--auth-user", A, "--auth-password", PASSWORD)


@session
def auth_plain():
    """swaks, submission on 587: AUTH PLAIN with its initial response."""
    auth("PLAIN")


@session
def auth_login():
    """swaks, submission on 587: AUTH LOGIN by challenge."""
    auth("LOGIN")


@session
def auth_cram_md5():
    """swaks, submission on 587: AUTH CRAM-MD5."""
    auth("CRAM-MD5")


def auth_msmtp(mechanism: str, server: str = MX, password: str = PASSWORD):
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(f"""account default
host {server}
port 587
source_ip {ALICE}
domain laptop.example.org
from {A}
auth {mechanism}
user {A}
password {password}
tls off
""")
        file.flush()
        os.chmod(file.name, 0o600)
        run("msmtp", "-C", file.name, M, stdin=message(A, M, f"auth-{mechanism}@example.org"))


@session
def auth_digest_md5():
    """msmtp, submission on 587: AUTH DIGEST-MD5, with its last server challenge answered by an empty line."""
    auth_msmtp("digest-md5")


@session
def auth_scram_sha_256():
    """msmtp, submission on 587: AUTH SCRAM-SHA-256."""
    auth_msmtp("scram-sha-256")


@session
def auth_ntlm():
    """msmtp to the scripted server on 587: AUTH NTLM."""
    auth_msmtp("ntlm", SCRIPTED)


@session
def auth_oauthbearer_refused():
    """curl, submission on 587: AUTH OAUTHBEARER with a token that Dovecot does not take; its error comes as a challenge, then 535."""
    curl(f"smtp://{MX}:587/laptop.example.org", message(A, M, "oauthbearer@example.org"), A, [M], "--oauth2-bearer", "not-a-known-token",
         "--user", f"{A}:", ok=None)


@session
def auth_xoauth2():
    """msmtp, submission on 587: AUTH XOAUTH2 with a token that Dovecot takes."""
    auth_msmtp("xoauth2", password=token(A))


@session
def auth_oauthbearer():
    """msmtp, submission on 587: AUTH OAUTHBEARER with a token that Dovecot takes."""
    auth_msmtp("oauthbearer", password=token(A))


@session
def auth_xoauth2_challenged():
    """By hand to the scripted server: XOAUTH2 refused by a challenge that carries the error; then EXTERNAL, and a message."""
    peer = Wire(SCRIPTED, 587)
    token = base64.b64encode(f"user={A}\1auth=Bearer not-a-known-token\1\1".encode()).decode()
    peer.say(f"AUTH XOAUTH2 {token}", expect="334")
    peer.say("", expect="535")
    peer.say(f"AUTH EXTERNAL {base64.b64encode(A.encode()).decode()}", expect="235")
    peer.mail(A, [M], message(A, M, "external@example.org"))
    peer.quit()


@session
def auth_failed_then_good():
    """By hand, submission on 587: AUTH PLAIN with a wrong password, an AUTH LOGIN cancelled by `*`, AUTH PLAIN with the right one."""
    peer = Wire(MX, 587)
    peer.say("AUTH PLAIN " + base64.b64encode(f"\0{A}\0looking-glass".encode()).decode(), expect="535")
    peer.say("AUTH LOGIN", expect="334")
    peer.say("*", expect="501")
    peer.say("AUTH PLAIN", expect="334")
    peer.say(base64.b64encode(f"\0{A}\0{PASSWORD}".encode()).decode(), expect="235")
    peer.mail(A, [M], message(A, M, "second-try@example.org"))
    peer.quit()


@session
def auth_other_identity():
    """By hand, submission on 587: the login is `alice` without domain, the sender is another address."""
    peer = Wire(MX, 587)
    peer.say("AUTH PLAIN " + base64.b64encode(f"\0alice\0{PASSWORD}".encode()).decode(), expect="235")
    peer.mail("sales@example.org", [M], message("sales@example.org", M, "other-identity@example.org"))
    peer.quit()


# Encrypted sessions.


@session
def starttls():
    """curl on 587: EHLO in the clear, STARTTLS, and the rest unseen."""
    curl(f"smtp://{MX}:587/laptop.example.org", message(A, M, "starttls@example.org"), A, [M], "--ssl-reqd", "--user", f"{A}:{PASSWORD}")


@session
def smtps_465():
    """curl on 465: TLS from the first octet."""
    curl(f"smtps://{MX}:465", message(A, M, "smtps@example.org"), A, [M], "--user", f"{A}:{PASSWORD}")


# BDAT.


@session
def bdat_one_chunk():
    """By hand: the whole message in one BDAT LAST."""
    text = crlf(message(M, A, "bdat-one@example.net", body="One chunk.\n.\n.. dots are not doubled here\n"))
    peer = Wire()
    peer.say(f"MAIL FROM:<{M}>", f"RCPT TO:<{A}>")
    peer.end(f"BDAT {len(text)} LAST\r\n".encode() + text)
    peer.quit()


@session
def bdat_three_chunks():
    """By hand: three chunks, the second with lines that look like commands, the third empty; the head is split inside Message-ID."""
    text = crlf(message(M, A, "bdat-three@example.net", body="QUIT\nMAIL FROM:<fake@example.com>\nRCPT TO:<carol@example.org>\nDATA\n.\nRSET\n"))
    cut = text.index(b"bdat-three") + 4
    peer = Wire()
    peer.say(f"MAIL FROM:<{M}>", f"RCPT TO:<{A}>")
    for chunk, last in ((text[:cut], b""), (text[cut:], b""), (b"", b" LAST")):
        peer.end(b"BDAT %d%s\r\n" % (len(chunk), last) + chunk)
    peer.quit()


@session
def bdat_pipelined():
    """By hand: MAIL, RCPT, RCPT, BDAT and its octets, and the next message's MAIL, RCPT, BDAT, in one write; then QUIT."""
    first = crlf(message(M, A, "bdat-pipelined-1@example.net"))
    second = crlf(message("dave@example.com", B, "bdat-pipelined-2@example.com"))
    peer = Wire()
    peer.send(
        f"MAIL FROM:<{M}>\r\nRCPT TO:<{A}>\r\nRCPT TO:<nobody@example.org>\r\nBDAT {len(first)} LAST\r\n".encode() + first
        + f"MAIL FROM:<dave@example.com>\r\nRCPT TO:<{B}>\r\nBDAT {len(second)} LAST\r\n".encode() + second + b"QUIT\r\n"
    )
    peer.read(8)
    peer.close()


@session
def bdat_exim():
    """Exim as client to Postfix: MAIL, RCPT and BDAT as a real relay pipelines them."""
    where = peers()
    if where is None:
        raise Skip("PEERS names no folder with exim4")
    with tempfile.TemporaryDirectory(prefix="writora-") as folder:
        home = Path(folder)
        (home / "spool").mkdir()
        (home / "exim.conf").write_text(f"""spool_directory = {home}/spool
log_file_path = {home}/log-%s
primary_hostname = relay.example.net
keep_environment =
exim_path = {where}/usr/sbin/exim4
local_interfaces = 127.0.0.1
begin routers
mx:
  driver = manualroute
  route_list = * {MX}
  transport = out
begin transports
out:
  driver = smtp
  interface = {RELAY}
  hosts_avoid_tls = *
  hosts_try_chunking = *
  allow_localhost
""")
        for path in (home, home / "spool"):
            os.chown(path, 65533, 65533)
        # The binary looks its own user up at start, and the package that would create it conflicts with Postfix.
        (home / "passwd").write_text(Path("/etc/passwd").read_text() + "Debian-exim:x:65533:65533::/nonexistent:/usr/sbin/nologin\n")
        (home / "group").write_text(Path("/etc/group").read_text() + "Debian-exim:x:65533:\n")
        run("unshare", "-m", "sh", "-c", 'mount --bind "$0/passwd" /etc/passwd; mount --bind "$0/group" /etc/group; exec "$@"', home,
            where / "usr/sbin/exim4", "-C", home / "exim.conf", "-odf", "-f", M, A, B, stdin=message(M, A, "bdat-exim@example.net"))
        time.sleep(1)
        log = (home / "log-main").read_text()
        if "Completed" not in log:
            raise RuntimeError(log)


@session
def binarymime_nul():
    """By hand to the scripted server: BODY=BINARYMIME, two chunks with NUL, bare CR, bare LF and no line end at the end."""
    head = message(M, A, "binary@example.net", extra="MIME-Version: 1.0\nContent-Type: application/octet-stream\nContent-Transfer-Encoding: binary\n", body="")
    octets = crlf(head) + bytes(range(256)) * 2 + b"\r\n.\r\n\0\0\r\r\n\n\0"
    peer = Wire(SCRIPTED)
    peer.say(f"MAIL FROM:<{M}> BODY=BINARYMIME", f"RCPT TO:<{A}>")
    peer.end(b"BDAT %d\r\n" % 300 + octets[:300])
    peer.end(b"BDAT %d LAST\r\n" % (len(octets) - 300) + octets[300:])
    peer.quit()


@session
def burl():
    """By hand to the scripted server: a message by BURL LAST, whose octets are not on this wire."""
    peer = Wire(SCRIPTED, 587)
    peer.say("AUTH EXTERNAL =", expect="235")
    peer.mail(A, [B], message(A, B, "before-burl@example.org"))
    peer.say(f"MAIL FROM:<{A}>", f"RCPT TO:<{M}>", "BURL imap://alice@imap.example.org/Drafts;UIDVALIDITY=1/;UID=7;urlauth=submit+alice:internal:91 LAST",
             expect="250")
    peer.quit()


# Addresses and messages.


@session
def eightbit():
    """smtplib: BODY=8BITMIME and SIZE, a UTF-8 body, 8-bit octets across the whole range."""
    text = message(M, A, "eightbit@example.net", extra="MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n",
                   body="Grüße aus Köln, à bientôt, до встречи.\n")
    with smtplib.SMTP(MX, 25, local_hostname="laptop.example.net", source_address=(MALLORY, 0)) as peer:
        peer.sendmail(M, [A], crlf(text), mail_options=["BODY=8BITMIME", f"SIZE={len(crlf(text))}"])


@session
def smtputf8():
    """By hand: SMTPUTF8 with a non-ASCII local part, and the same domain once as U-label and once as A-label, upper case among them."""
    peer = Wire()
    sender, first, second = "jürgen@bücher.example.com", "älice@bücher.example.org", "Alice@XN--BCHER-KVA.Example.ORG"
    peer.say(f"MAIL FROM:<{sender}> BODY=8BITMIME SMTPUTF8", f"RCPT TO:<{first}>", f"RCPT TO:<{second}>")
    peer.say("DATA", expect="354")
    peer.end(dotted(message(sender, first, "utf8@xn--bcher-kva.example.com", subject="Grüße")))
    peer.quit()


@session
def null_sender():
    """By hand: a bounce, MAIL FROM:<>."""
    peer = Wire(source=RELAY)
    peer.mail("", [A], message("MAILER-DAEMON@example.net", A, "bounce@example.net", subject="Undelivered Mail Returned to Sender"))
    peer.quit()


@session
def source_route_and_quoted():
    """By hand: a source route, a quoted local part with a space, postmaster without domain, a plus tag, mixed case."""
    peer = Wire(source=RELAY)
    peer.say(f"MAIL FROM:<@relay.example.net,@hub.example.net:{M}>")
    peer.say("RCPT TO:<@mx.example.com:Alice@Example.ORG>")
    peer.say('RCPT TO:<"odd name"@example.org>')
    peer.say("RCPT TO:<alice+lists@example.org>")
    peer.say("RCPT TO:<Postmaster>")
    peer.say("DATA", expect="354")
    peer.end(dotted(message(M, A, "routes@example.net")))
    peer.quit()


@session
def dsn_parameters():
    """By hand to the scripted server: RET, ENVID, NOTIFY, ORCPT; 251, 252, 450 and 551 among the replies, over several lines each."""
    peer = Wire(SCRIPTED)
    peer.say(f"MAIL FROM:<{M}> RET=HDRS ENVID=QQ314159")
    peer.say(f"RCPT TO:<{A}> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Alice+40example.org")
    for name in ("forward", "doubtful", "busy", "gone"):
        peer.say(f"RCPT TO:<{name}@example.com> NOTIFY=NEVER")
    peer.say("DATA", expect="354")
    peer.end(dotted(message(M, A, "dsn@example.net")))
    peer.quit()


@session
def dot_stuffing():
    """msmtp: lines that begin with one, two and three dots, a line of one dot, an empty last line."""
    msmtp(message(A, B, "dots@example.org", body=".one\n..two\n...three\n.\n\n.\nend\n\n"), A, [B], "--host", MX, "--port", "25", "--source-ip", ALICE, "--tls=off")


@session
def bare_lf():
    """By hand: commands and the message with bare LF, and the end as Postfix takes it from such a client."""
    peer = Wire(helo=None)
    for line in ("EHLO laptop.example.org", f"MAIL FROM:<{M}>", f"RCPT TO:<{A}>", "DATA"):
        peer.send(line.encode() + b"\n")
        peer.read()
    peer.end(message(M, A, "bare-lf@example.net").encode() + b".\n")
    peer.send(b"QUIT\n")
    peer.read()
    peer.close()


def smuggled(server: str) -> Wire:
    """One write: a message with LF . CR LF in it, behind it what would be a second envelope and message, and QUIT."""
    first = crlf(message(M, B, "cover@example.net", body="Nothing to see.\n"))
    second = crlf(message(A, C, "smuggled@example.org", body="As if alice had sent it.\n"))
    peer = Wire(server)
    peer.say(f"MAIL FROM:<{M}>", f"RCPT TO:<{B}>")
    peer.say("DATA", expect="354")
    peer.send(first + b"\n.\r\n" + f"MAIL FROM:<{A}>\r\nRCPT TO:<{C}>\r\nDATA\r\n".encode() + second + b".\r\nQUIT\r\n")
    return peer


@session
def smuggled_taken():
    """By hand to Postfix, which takes LF . CR LF for the end of a message: what follows it in the same write is a second envelope and message."""
    peer = smuggled(MX)
    if [reply[:3] for reply in peer.read(6)] != ["250", "250", "250", "354", "250", "221"]:
        raise RuntimeError("this Postfix does not take it")
    peer.close()


@session
def smuggled_not_taken():
    """The same octets to the scripted server, which does not: one message, with what looks like an envelope in its body."""
    peer = smuggled(SCRIPTED)
    if [reply[:3] for reply in peer.read(2)] != ["250", "221"]:
        raise RuntimeError("the scripted server took it")
    peer.close()


@session
def lower_case():
    """By hand: commands in lower and mixed case, spaces where old clients put them, an address without angle brackets."""
    peer = Wire(helo="helo laptop.example.org")
    peer.say(f"mail from: <{M}>")
    peer.say(f"rCpT tO: {A}")
    peer.say("data  ", expect="354")
    peer.end(dotted(message(M, A, "lower@example.net")))
    peer.quit()


@session
def other_verbs():
    """By hand: VRFY, EXPN, NOOP, HELP, an unknown verb and an empty line, inside and outside a transaction."""
    peer = Wire()
    for line in ("VRFY alice", "EXPN staff", "NOOP", "HELP", "XYZZY now", ""):
        peer.say(line)
    peer.say(f"MAIL FROM:<{M}>")
    for line in ("NOOP still here", f"VRFY {A}", "PLUGH"):
        peer.say(line)
    peer.say(f"RCPT TO:<{A}>")
    peer.say(f"MAIL FROM:<{B}>")
    peer.say("NOOP")
    peer.say("DATA", expect="354")
    peer.end(dotted(message(M, A, "verbs@example.net")))
    peer.quit()


@session
def ehlo_refused():
    """swaks to a Postfix that does not know EHLO: HELO after it, and a message; then a session whose HELO is refused by policy."""
    swaks(message(M, A, "helo@example.net"), "--server", NO_EHLO, "--from", M, "--to", A)
    peer = Wire(helo=None)
    peer.say("EHLO banned.example.com")
    peer.say("HELO banned.example.com")
    peer.quit()


@session
def too_many_errors_421():
    """By hand: one message is accepted; then unknown verbs until Postfix says 421 and hangs up inside the next transaction."""
    peer = Wire(STRICT)
    peer.mail(M, [A], message(M, A, "before-421@example.net"))
    peer.say(f"MAIL FROM:<{M}>")
    peer.say(f"RCPT TO:<{A}>")
    for _ in range(5):
        if peer.say("BOGUS")[0].startswith("421"):
            break
    else:
        raise RuntimeError("no 421")
    peer.close()


@session
def hang_up_421_in_data():
    """By hand to the scripted server: 421 and a close in the middle of DATA."""
    peer = Wire(SCRIPTED)
    peer.say(f"MAIL FROM:<{M}>", f"RCPT TO:<{A}>")
    peer.say("DATA", expect="354")
    peer.end(dotted(message(M, A, "hang-up@example.net", body="hang up on this\n")), "421")
    peer.close()


@session
def rst_in_data():
    """By hand: a message accepted, then a second one cut off by RST in the middle of DATA."""
    peer = Wire()
    peer.mail(M, [A], message(M, A, "before-rst@example.net"))
    peer.say(f"MAIL FROM:<{M}>", f"RCPT TO:<{B}>")
    peer.say("DATA", expect="354")
    peer.send(crlf(message(M, B, "cut-off@example.net"))[:-10])
    time.sleep(0.1)
    peer.reset()


@session
def fin_without_quit():
    """By hand: a message accepted, then the client closes with no QUIT."""
    peer = Wire()
    peer.mail(M, [A], message(M, A, "no-quit@example.net"))
    peer.close()
    time.sleep(0.3)


@session
def ipv6():
    """curl over IPv6 to the MX, then an authenticated submission on 587 over IPv6."""
    curl(f"smtp://[{MX6}]:25/laptop.example.org", message(M, A, "ipv6-in@example.net"), M, [A])
    curl(f"smtp://[{MX6}]:587/laptop.example.org", message(A, M, "ipv6-out@example.org"), A, [M], "--user", f"{A}:{PASSWORD}",
         "--login-options", "AUTH=PLAIN")


@session
def recipients_1100():
    """By hand: 1100 recipients, pipelined in batches of 100, alice last."""
    peer = Wire()
    peer.say(f"MAIL FROM:<{M}>")
    names = [f"user{n}@example.org" for n in range(1, 1100)] + [A]
    for start in range(0, len(names), 100):
        peer.say(*(f"RCPT TO:<{name}>" for name in names[start:start + 100]))
    peer.say("DATA", expect="354")
    peer.end(dotted(message(M, "undisclosed-recipients:;", "many@example.net")))
    peer.quit()


@session
def large_ehlo():
    """By hand to the scripted server: an EHLO reply of 210 lines, over several segments."""
    peer = Wire(SCRIPTED, helo="EHLO lines-200.example.net")
    peer.mail(M, [A], message(M, A, "large-ehlo@example.net"))
    peer.quit()


@session
def message_ids():
    """By hand, one session: a folded Message-ID, none, a Resent-Message-ID before and after it, one only in the body, an empty head, lower case."""
    peer = Wire()
    head = f"From: {M}\nTo: {A}\nDate: Mon, 02 Mar 2026 09:00:00 +0000\n"
    for text in (
        head + "Subject: folded\nMessage-ID:\n <folded.far.away.to.the.next.line@example.net>\n\nbody\n",
        head + "Subject: none\n\nMessage-ID: <only-in-the-body@example.net>\n",
        "Resent-From: bob@example.org\nResent-Message-ID: <resent@example.org>\n" + head + "Message-ID: <original@example.net>\n\nbody\n",
        head + "Message-ID: <original-2@example.net>\nResent-Message-ID: <resent-2@example.org>\n\nbody\n",
        "\nno head at all\n",
        head + "message-id:   <lower-case@example.net>   \n\nbody\n",
        head + "Subject: parts\nMessage-ID: <outer@example.net>\nContent-Type: message/rfc822\n\nMessage-ID: <inner@example.net>\n\nbody\n",
        head + "X-Long: " + "x" * 3000 + "\nMessage-ID: <after-a-long-field@example.net>\n\nbody\n",
    ):
        peer.mail(M, [A], text)
    peer.quit()


@session
def port_2525():
    """swaks, submission on 2525."""
    swaks(message(A, M, "port-2525@example.org"), "--server", MX, "--port", "2525", "--from", A, "--to", M, "--auth", "PLAIN",
          "--auth-user", A, "--auth-password", PASSWORD)


@session
def large_300k():
    """curl: a message of 300 kB with an attachment in base64."""
    noise = random.Random(300).randbytes(220_000)
    body = "--b\nContent-Type: text/plain\n\nThe plan is attached.\n--b\nContent-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n\n"
    body += base64.encodebytes(noise).decode() + "--b--\n"
    text = message(A, B, "large@example.org", extra="MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n", body=body)
    curl(f"smtp://{MX}:587/laptop.example.org", text, A, [B], "--user", f"{A}:{PASSWORD}", "--login-options", "AUTH=PLAIN")


@session
def mutt():
    """mutt's own SMTP client, submission on 587."""
    with tempfile.TemporaryDirectory(prefix="writora-") as folder:
        rc = Path(folder) / "muttrc"
        rc.write_text(f"""set smtp_url="smtp://alice%40example.org@{MX}:587/"
set smtp_pass="{PASSWORD}"
set smtp_authenticators="plain"
set ssl_starttls=no
set ssl_force_tls=no
set from="{A}"
set realname="Alice"
set hostname="example.org"
set copy=no
set record=""
set use_envelope_from=yes
""")
        run("mutt", "-F", rc, "-s", "minutes", B, stdin="See you at nine.\n", env={"HOME": folder})


@session
def nullmailer():
    """nullmailer's SMTP client."""
    where = peers()
    if where is None:
        raise Skip("PEERS names no folder with nullmailer")
    text = f"{A}\n{B}\n\n" + message(A, B, "nullmailer@example.org")
    with tempfile.TemporaryDirectory(prefix="writora-") as folder:
        (Path(folder) / "message").write_text(text)
        run("sh", "-c", 'exec "$0" 3<"$1"', where / "usr/lib/nullmailer/smtp", Path(folder) / "message", stdin=f"host={MX}\nport=25\n\n",
            env={"HELOHOST": "laptop.example.org"})


@session
def opensmtpd():
    """OpenSMTPD's smtp(1)."""
    where = peers()
    if where is None:
        raise Skip("PEERS names no folder with opensmtpd")
    run(where / "usr/bin/smtp", "-F", A, "-H", "laptop.example.org", "-s", f"smtp+notls://{MX}:25", B, stdin=message(A, B, "opensmtpd@example.org"))


@session
def demo():
    """For the README: a relay's three mails of which one is alice's, her submission, a pipelined BDAT to her, IPv6, and TLS."""
    with smtplib.SMTP(MX, 25, local_hostname="relay.example.net", source_address=(RELAY, 0)) as relay:
        relay.sendmail("dave@example.com", [C], message("Dave <dave@example.com>", C, "demo-1@example.com", subject="Invoice 4471", body="Carol,\n\nthe invoice is paid.\n\nDave\n"))
        relay.sendmail("dave@example.com", [A, B], message("Dave <dave@example.com>", f"{A}, {B}", "demo-2@example.com", subject="Friday",
                       body="Alice, Bob,\n\nFriday at nine, the usual place. Bring the drawings.\n\nDave\n"))
        relay.sendmail(M, [B], message(M, B, "demo-3@example.net", subject="Offer", body="Bob,\n\nlast chance at this price.\n\nMallory\n"))
    time.sleep(0.4)
    swaks(message(f"Alice <{A}>", "dave@example.com", "demo-4@example.org", subject="Re: Friday", body="Dave,\n\nnine is fine. I have them with me.\n\nAlice\n"),
          "--server", MX, "--port", "587", "--from", A, "--to", "dave@example.com", "--auth", "PLAIN", "--auth-user", A, "--auth-password", PASSWORD)
    time.sleep(0.4)
    first = crlf(message(f"Carol <{C}>", A, "demo-5@example.org", subject="Keys", body="Alice,\n\nthe keys are at the desk.\n\nCarol\n"))
    second = crlf(message(f"Carol <{C}>", B, "demo-6@example.org", subject="Lunch", body="Bob,\n\nlunch tomorrow?\n\nCarol\n"))
    peer = Wire(source=MALLORY)
    peer.send(f"MAIL FROM:<{C}>\r\nRCPT TO:<{A}>\r\nBDAT {len(first)} LAST\r\n".encode() + first
              + f"MAIL FROM:<{C}>\r\nRCPT TO:<{B}>\r\nBDAT {len(second)} LAST\r\n".encode() + second + b"QUIT\r\n")
    peer.read(7)
    peer.close()
    time.sleep(0.4)
    curl(f"smtp://[{MX6}]:25/laptop.example.com", message("Erin <erin@example.com>", A, "demo-7@example.com", subject="Photos",
         body="Alice,\n\nthe photos follow tonight.\n\nErin\n"), "erin@example.com", [A])
    time.sleep(0.4)
    curl(f"smtps://{MX}:465", message(A, B, "demo-8@example.org", subject="Unseen"), A, [B], "--user", f"{A}:{PASSWORD}")
