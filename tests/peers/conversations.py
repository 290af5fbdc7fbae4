"""Who says what: clients that others wrote, each in its user's own network namespace, most of them at the same time."""

import os
import pty
import subprocess
import tempfile
import threading
from pathlib import Path

from mailhost import ADDRESS, USERS

ALICE, BOB, CAROL, MALLORY = USERS


def text(sender: str, to: str, ident: str, body: str = "See you at nine.\n") -> str:
    return f"From: {sender}\nTo: {to}\nSubject: minutes of {ident}\nDate: Mon, 02 Mar 2026 09:00:00 +0000\nMessage-ID: <{ident}>\n\n{body}"


class Host:
    """A user's computer: a namespace, and a home that goes away."""

    def __init__(self, namespace: str):
        self.namespace = namespace

    def run(self, *command, stdin: str = "", ok=(0,), files: dict[str, str] | None = None, terminal: bool = False) -> None:
        """Runs a client; `{home}` in its arguments and files is its home."""
        with tempfile.TemporaryDirectory(prefix="writpeers-") as home:
            for name, content in (files or {}).items():
                path = Path(home) / name
                if name.endswith("/"):
                    path.mkdir(parents=True)
                    continue
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(content.replace("{home}", home))
                path.chmod(0o600)
            words = ["ip", "netns", "exec", self.namespace, *(str(part).replace("{home}", home) for part in command)]
            environment = {**os.environ, "HOME": home, "TERM": "xterm"}
            code, said = in_terminal(words, environment) if terminal else piped(words, environment, stdin)
            if code not in ok:
                raise RuntimeError(f"{command[0]} ended with {code}: {said}")


def piped(words: list[str], environment: dict, stdin: str) -> tuple[int, str]:
    done = subprocess.run(words, input=stdin.encode(), capture_output=True, timeout=60, env=environment)
    return done.returncode, (done.stdout + done.stderr).decode("utf-8", "replace")


def in_terminal(words: list[str], environment: dict) -> tuple[int, str]:
    main, side = pty.openpty()
    process = subprocess.Popen(words, stdin=side, stdout=side, stderr=side, env=environment, start_new_session=True)
    os.close(side)
    said = bytearray()

    def drain() -> None:
        try:
            while got := os.read(main, 4096):
                said.extend(got)
        except OSError:
            pass

    threading.Thread(target=drain, daemon=True).start()
    try:
        process.wait(30)
    finally:
        process.kill()
        os.close(main)
    return process.returncode, said.decode("utf-8", "replace")[-2000:]


# Sending.


def swaks(host: Host, sender: str, recipients: list[str], ident: str, *options: str, ok=(0,), body: str = "See you at nine.\n") -> None:
    mail = text(sender, ", ".join(recipients), ident, body).replace("\n", "\r\n")
    host.run("swaks", "--server", ADDRESS, "--helo", "laptop.example.org", "--from", sender, "--to", ",".join(recipients), "--data", "@{home}/mail", *options,
             files={"mail": mail}, ok=ok)


def msmtp(host: Host, sender: str, recipients: list[str], ident: str) -> None:
    host.run("msmtp", "-C", "{home}/rc", "--from", sender, "--", *recipients, stdin=text(sender, recipients[0], ident),
             files={"rc": f"account default\nhost {ADDRESS}\nport 587\ndomain laptop.example.org\nauth login\nuser {sender}\npassword {USERS[sender]}\ntls off\n"})


def curl(host: Host, user: str, url: str, *options: str, ok=(0,), password: str | None = None, files: dict | None = None) -> None:
    host.run("curl", "-sS", "-u", f"{user}:{password or USERS[user]}", url, *options, ok=ok, files=files)


def curl_sends(host: Host, sender: str, recipients: list[str], ident: str, *options: str, body: str = "See you at nine.\n") -> None:
    wanted = [part for recipient in recipients for part in ("--mail-rcpt", recipient)]
    curl(host, sender, f"smtp://{ADDRESS}:587/laptop.example.org", "--mail-from", sender, *wanted, "-T", "{home}/mail", *options,
         files={"mail": text(sender, recipients[0], ident, body).replace("\n", "\r\n")})


# Reading by POP3.


def fetchmail(host: Host, user: str, *options: str) -> None:
    host.run("fetchmail", "-f", "{home}/rc", "--pidfile", "{home}/pid", "-i", "{home}/ids", "--nosyslog", *options, ok=(0, 1),
             files={"rc": f'poll {ADDRESS} protocol pop3 auth password user "{user}" password "{USERS[user]}" sslproto "" mda "cat"\n'})


def mpop(host: Host, user: str, *settings: str) -> None:
    host.run("mpop", "-C", "{home}/rc", ok=(0,),
             files={"mail/cur/": "", "mail/new/": "", "mail/tmp/": "",
                    "rc": f"account default\nhost {ADDRESS}\nuser {user}\npassword {USERS[user]}\ntls off\ndelivery maildir {{home}}/mail\n"
                          f"uidls_file {{home}}/uidls\nkeep on\n" + "".join(line + "\n" for line in settings)})


# Reading by IMAP4.


def mbsync(host: Host, user: str, pushed: str) -> None:
    """Pulls all of INBOX, pushes one message."""
    host.run("mbsync", "-c", "{home}/rc", "-a", files={
        "mail/INBOX/cur/1772442000.1.laptop:2,S": text(user, BOB, pushed), "mail/INBOX/new/": "", "mail/INBOX/tmp/": "",
        "rc": f"""IMAPStore far
Host {ADDRESS}
User {user}
Pass {USERS[user]}
SSLType None
AuthMechs LOGIN
DisableExtension COMPRESS=DEFLATE

MaildirStore near
Path {{home}}/mail/
Inbox {{home}}/mail/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns INBOX
Create None
SyncState *
"""})


def mutt(host: Host, user: str, *settings: str) -> None:
    """Reads the index and two messages."""
    lines = [f'set imap_user="{user}"', f'set imap_pass="{USERS[user]}"', "set ssl_starttls=no", "set ssl_force_tls=no", "unset header_cache",
             "set wait_key=no", "set pager_stop", "set quit=yes", "set delete=no", 'set imap_authenticators="login"', 'set folder="{home}"',
             'set record="{home}/sent"', *settings,
             'push "<first-entry><display-message><exit><last-entry><display-message><exit><quit>"']
    host.run("mutt", "-F", "{home}/rc", "-f", f"imap://{ADDRESS}/INBOX", files={"rc": "\n".join(lines) + "\n"}, terminal=True)


def offlineimap(host: Host, user: str) -> None:
    host.run("offlineimap", "-c", "{home}/rc", "-o", "-1", ok=(0, 1), files={"rc": f"""[general]
accounts = a
metadata = {{home}}/state
ui = quiet
[Account a]
localrepository = near
remoterepository = far
[Repository near]
type = Maildir
localfolders = {{home}}/mail
[Repository far]
type = IMAP
remotehost = {ADDRESS}
remoteuser = {user}
remotepass = {USERS[user]}
ssl = no
starttls = no
auth_mechanisms = CRAM-MD5
folderfilter = lambda name: name == 'INBOX'
"""})


def together(*conversations) -> None:
    """All at the same time; raises what the first that fails raises."""
    failed = []

    def one(conversation) -> None:
        try:
            conversation()
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=one, args=(conversation,)) for conversation in conversations]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


LONG = "".join(f"{line:06} a line of a long mail, with what else is said in it\n" for line in range(3000)) + ".\n..dots\n"


def sending(laptop: Host, other: Host, relay: Host) -> None:
    """Mail from everybody to everybody: alice and carol share a laptop, mallory has a computer of her own."""
    together(
        lambda: swaks(relay, "dave@example.com", [ALICE, BOB], "in-1@example.com"),
        lambda: swaks(relay, "dave@example.com", [CAROL], "in-2@example.com", "--pipeline"),
        lambda: swaks(relay, "dave@example.com", [MALLORY], "in-3@example.com"),
        lambda: swaks(relay, "dave@example.com", [ALICE, "nobody@example.org"], "in-4@example.com"),
        lambda: swaks(relay, "dave@example.com", ["nobody@example.org"], "in-5@example.com", ok=(24,)),
        lambda: swaks(relay, "dave@example.com", [ALICE], "in-6@example.com", body=LONG),
        lambda: msmtp(laptop, ALICE, [BOB, "erin@example.net"], "out-1@example.org"),
        lambda: msmtp(laptop, CAROL, [BOB], "out-2@example.org"),
        lambda: curl_sends(laptop, ALICE, [ALICE], "out-3@example.org", body="..two dots\n.one dot\nA note to myself.\n"),
        lambda: curl_sends(other, MALLORY, [BOB, CAROL], "out-4@example.org"),
        lambda: msmtp(other, MALLORY, [BOB], "out-5@example.org"),
        lambda: swaks(laptop, ALICE, [BOB], "out-6@example.org", "--port", "587", "--auth", "PLAIN", "--auth-user", ALICE, "--auth-password", "queen-of-hearts", ok=(28,)),
        lambda: swaks(laptop, ALICE, [CAROL], "out-7@example.org", "--port", "587", "--auth", "CRAM-MD5", "--auth-user", ALICE, "--auth-password", USERS[ALICE]),
        lambda: curl_sends(laptop, ALICE, [BOB], "out-8@example.org", "--ssl-reqd", "-k"),
    )


def reading_by_pop3(laptop: Host, other: Host) -> None:
    # A POP3 server lets one session at a time into a mailbox (RFC 1939 §4): one client after another for each user.
    def alice() -> None:
        fetchmail(laptop, ALICE, "--keep")
        mpop(laptop, ALICE)
        curl(laptop, ALICE, f"pop3://{ADDRESS}/1")
        curl(laptop, ALICE, f"pop3://{ADDRESS}/", "-X", "TOP 1 2")
        curl(laptop, ALICE, f"pop3://{ADDRESS}/99", ok=(8, 56))
        curl(laptop, ALICE, f"pop3://{ADDRESS}/1", "--ssl-reqd", "-k")
        curl(laptop, ALICE, f"pop3s://{ADDRESS}/1", "-k")
        curl(laptop, ALICE, f"pop3://{ADDRESS}/1", ok=(67,), password="queen-of-hearts")

    def carol() -> None:
        mpop(laptop, CAROL, "pipelining on")
        fetchmail(laptop, CAROL, "--nokeep")

    def mallory() -> None:
        mpop(other, MALLORY, "pipelining off")
        fetchmail(other, MALLORY, "--keep")

    together(alice, carol, mallory)


def reading_by_imap(laptop: Host, other: Host) -> None:
    together(
        lambda: mbsync(laptop, ALICE, "pushed-1@example.org"),
        lambda: mutt(laptop, ALICE),
        lambda: curl(laptop, ALICE, f"imap://{ADDRESS}/INBOX/;UID=1"),
        lambda: curl(laptop, ALICE, f"imap://{ADDRESS}/INBOX/;UID=2/;SECTION=HEADER"),
        lambda: curl(laptop, ALICE, f"imap://{ADDRESS}/Sent", "-T", "{home}/mail", files={"mail": text(ALICE, BOB, "saved-1@example.org").replace("\n", "\r\n")}),
        lambda: curl(laptop, ALICE, f"imap://{ADDRESS}/INBOX/;UID=1", ok=(67,), password="queen-of-hearts"),
        lambda: curl(laptop, ALICE, f"imap://{ADDRESS}/INBOX/;UID=1", "--ssl-reqd", "-k"),
        lambda: curl(laptop, ALICE, f"imaps://{ADDRESS}/INBOX/;UID=1", "-k"),
        lambda: offlineimap(laptop, CAROL),
        lambda: offlineimap(other, MALLORY),
        lambda: mbsync(other, MALLORY, "pushed-2@example.org"),
    )
    # Those who mark messages as read do it last: what they do is told to the others.
    mutt(laptop, ALICE, "set imap_deflate=yes")
    offlineimap(laptop, ALICE)
