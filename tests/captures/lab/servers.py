"""The servers that the captures are made with: Postfix, Dovecot for its SASL, and a scripted one."""

import base64
import hmac
import json
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

# name -> password, as Dovecot knows them. `alice` is there with and without her domain, as both occur.
USERS = {
    "alice@example.org": "wonderland-7",
    "alice": "wonderland-7",
    "mallory@example.org": "hunter2-mallory",
}

MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {home}/queue
data_directory = {home}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file_prefixes = {home}
maillog_file = {home}/postfix.log
myhostname = mail.example.org
mydestination =
mynetworks = 198.51.100.0/24
inet_interfaces = all
inet_protocols = all
disable_dns_lookups = yes
smtpd_peername_lookup = no
alias_maps =
virtual_mailbox_domains = example.org, xn--bcher-kva.example.org, bücher.example.org
virtual_mailbox_maps = regexp:{home}/mailboxes
virtual_transport = discard:
default_transport = discard:
local_transport = discard:
relay_transport = discard:
smtpd_delay_reject = no
smtpd_sender_restrictions = check_sender_access regexp:{home}/senders
smtpd_helo_restrictions = check_helo_access regexp:{home}/helos
smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination
header_checks = regexp:{home}/headers
smtpd_recipient_limit = 2000
smtpd_error_sleep_time = 0s
smtpd_client_connection_rate_limit = 0
smtpd_sasl_type = dovecot
smtpd_sasl_path = {home}/auth/socket
smtpd_sasl_security_options = noanonymous
smtpd_tls_cert_file = {home}/cert.pem
smtpd_tls_key_file = {home}/key.pem
smtputf8_enable = yes
strict_rfc821_envelopes = no
smtpd_data_restrictions =
smtpd_discard_ehlo_keywords =
"""

SUBMISSION = "\n    -o smtpd_sasl_auth_enable=yes -o smtpd_tls_security_level=may"

MASTER_CF = f"""\
192.0.2.25:25       inet n - n - - smtpd -o smtpd_tls_security_level=may
192.0.2.25:587      inet n - n - - smtpd{SUBMISSION}
192.0.2.25:2525     inet n - n - - smtpd{SUBMISSION}
192.0.2.25:465      inet n - n - - smtpd -o smtpd_tls_wrappermode=yes -o smtpd_sasl_auth_enable=yes
192.0.2.26:25       inet n - n - - smtpd -o smtpd_command_filter=regexp:{{home}}/no-ehlo
192.0.2.27:25       inet n - n - - smtpd -o smtpd_hard_error_limit=3 -o smtpd_discard_ehlo_keywords=chunking
[2001:db8:25::25]:25  inet n - n - - smtpd -o smtpd_tls_security_level=may
[2001:db8:25::25]:587 inet n - n - - smtpd{SUBMISSION}
pickup    unix n - n 60 1 pickup
cleanup   unix n - n - 0 cleanup
qmgr      unix n - n 300 1 qmgr
tlsmgr    unix - - n 1000? 1 tlsmgr
rewrite   unix - - n - - trivial-rewrite
bounce    unix - - n - 0 bounce
defer     unix - - n - 0 bounce
trace     unix - - n - 0 bounce
verify    unix - - n - 1 verify
flush     unix n - n 1000? 0 flush
proxymap  unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
discard   unix - - n - - discard
error     unix - - n - - error
retry     unix - - n - - error
anvil     unix - - n - 1 anvil
scache    unix - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
"""

MAPS = {
    "mailboxes": "/^(alice|bob|carol|postmaster|r\\.oberon|odd name|user[0-9]+|alice\\+.*|älice)@/ ok\n",
    "senders": "/^spammer@/ REJECT not from here\n",
    "helos": "/^banned\\./ REJECT go away\n",
    "headers": "/^Subject: .*refuse this/ REJECT content refused\n",
    "no-ehlo": "/^EHLO / XEHLO\n",
}

DOVECOT_CONF = """\
protocols =
base_dir = {home}/dovecot
state_dir = {home}/dovecot
log_path = {home}/dovecot.log
ssl = no
auth_mechanisms = plain login cram-md5 digest-md5 scram-sha-1 scram-sha-256 xoauth2 oauthbearer
auth_realms = example.org
auth_failure_delay = 0
passdb {{
  driver = passwd-file
  args = {home}/users
}}
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {home}/oauth2.conf
}}
userdb {{
  driver = static
  args = uid=65534 gid=65534 home=/nonexistent
}}
service auth {{
  unix_listener {home}/auth/socket {{
    mode = 0666
  }}
}}
"""


TOKEN_KEY = b"a key that is none, kept in the open"


def token(user: str) -> str:
    """A bearer token that the Dovecot here takes: a JWT by HS256 (RFC 7519)."""

    def part(octets: bytes) -> str:
        return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()

    claims = {"sub": user, "email": user, "iat": 1700000000, "exp": 4102444800}
    signed = part(json.dumps({"alg": "HS256", "typ": "JWT"}).encode()) + "." + part(json.dumps(claims).encode())
    return signed + "." + part(hmac.digest(TOKEN_KEY, signed.encode(), "sha256"))


class Processes:
    """Programs in a namespace, with their state under one folder that goes away with them."""

    def __init__(self, namespace: str, home: Path):
        self.namespace = namespace
        self.home = home
        self.running: list[subprocess.Popen] = []

    def within(self, *command: str) -> list[str]:
        return ["ip", "netns", "exec", self.namespace, *command]

    def _run(self, *command: str) -> None:
        log = open(self.home / "servers.log", "ab")
        self.running.append(subprocess.Popen(self.within(*command), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True))

    def _certify(self) -> None:
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-subj", "/CN=mail.example.org",
             "-keyout", self.home / "key.pem", "-out", self.home / "cert.pem"],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )

    @staticmethod
    def _await(*endpoints: tuple[str, int]) -> None:
        """Until each of them greets."""
        deadline = time.monotonic() + 20
        for address, port in endpoints:
            while True:
                try:
                    with socket.create_connection((address, port), timeout=1) as peer:
                        peer.recv(100)
                    break
                except OSError:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.1)

    def stop(self) -> None:
        for process in self.running:
            process.terminate()
        for process in self.running:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


class Servers(Processes):
    """All servers, in the server's namespace, with their state under one folder that goes away with them."""

    def start(self) -> None:
        home = self.home
        os.chmod(home, 0o755)
        for folder in ("queue", "data", "auth", "dovecot", "postfix", "tokens"):
            (home / folder).mkdir(exist_ok=True)
        os.chmod(home / "auth", 0o755)
        shutil.chown(home / "data", "postfix", "postfix")
        self._certify()
        for name, text in MAPS.items():
            (home / name).write_text(text)
        (home / "postfix/main.cf").write_text(MAIN_CF.format(home=home))
        (home / "postfix/master.cf").write_text(MASTER_CF.format(home=home))
        (home / "users").write_text("".join(f"{name}:{{PLAIN}}{password}\n" for name, password in USERS.items()))
        (home / "oauth2.conf").write_text(
            f"introspection_mode = local\nlocal_validation_key_dict = fs:posix:prefix={home}/tokens/\n"
        )
        key = home / "tokens/default/HS256/default"
        key.parent.mkdir(parents=True)
        key.write_text(base64.b64encode(TOKEN_KEY).decode())
        (home / "dovecot.conf").write_text(DOVECOT_CONF.format(home=home))
        self._run("dovecot", "-F", "-c", str(home / "dovecot.conf"))
        subprocess.run(
            ["ip", "netns", "exec", self.namespace, "postfix", "-c", str(home / "postfix"), "check"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False,
        )
        self._run("/usr/lib/postfix/sbin/master", "-c", str(home / "postfix"), "-d")
        self._run("python3", str(Path(__file__).parent / "scripted.py"), "192.0.2.28", "25", "587")
        self._await(("192.0.2.25", 25), ("192.0.2.28", 25), ("192.0.2.28", 587), ("2001:db8:25::25", 587))
        while not (home / "auth/socket").exists():
            time.sleep(0.1)
