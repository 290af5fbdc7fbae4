"""A provider's mail server, as it is run: Postfix takes mail and submissions, Dovecot delivers it to Maildirs and serves them by POP3 and IMAP4.

Both keep logs, and Dovecot keeps what it said in each session after the login (`rawlog_dir`).
"""

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

ADDRESS = "192.0.2.25"
# Address -> password: made up, and found in no log and no handover but where a warrant says so.
USERS = {
    "alice@example.org": "wonderland-7",
    "bob@example.org": "builders-tea",
    "carol@example.org": "accounts-due",
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
inet_protocols = ipv4
disable_dns_lookups = yes
smtpd_peername_lookup = no
smtpd_client_port_logging = yes
smtpd_client_connection_rate_limit = 0
alias_maps =
virtual_mailbox_domains = example.org
virtual_mailbox_maps = regexp:{home}/mailboxes
virtual_transport = lmtp:unix:{home}/lmtp/socket
default_transport = discard:
smtpd_delay_reject = no
smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination
smtpd_sasl_type = dovecot
smtpd_sasl_path = {home}/auth/socket
smtpd_sasl_security_options = noanonymous
smtpd_tls_cert_file = {home}/cert.pem
smtpd_tls_key_file = {home}/key.pem
smtpd_tls_loglevel = 1
lmtp_connection_cache_on_demand = no
"""

MASTER_CF = """\
{address}:25  inet n - n - - smtpd
{address}:587 inet n - n - - smtpd -o smtpd_sasl_auth_enable=yes -o smtpd_tls_security_level=may
pickup    unix n - n 60 1 pickup
cleanup   unix n - n - 0 cleanup
qmgr      unix n - n 300 1 qmgr
rewrite   unix - - n - - trivial-rewrite
bounce    unix - - n - 0 bounce
defer     unix - - n - 0 bounce
trace     unix - - n - 0 bounce
proxymap  unix - - n - - proxymap
tlsmgr    unix - - n 1000? 1 tlsmgr
lmtp      unix - - n - - lmtp
discard   unix - - n - - discard
error     unix - - n - - error
retry     unix - - n - - error
anvil     unix - - n - 1 anvil
postlog   unix-dgram n - n - 1 postlogd
"""

DOVECOT_CONF = """\
protocols = imap pop3 lmtp
base_dir = {home}/dovecot
state_dir = {home}/dovecot
log_path = {home}/dovecot.log
log_timestamp = "%Y-%m-%d %H:%M:%S "
listen = {address}
ssl = yes
ssl_cert = <{home}/cert.pem
ssl_key = <{home}/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain login cram-md5 scram-sha-256
auth_failure_delay = 0
auth_verbose = yes
login_log_format_elements = user=<%u> method=%m rip=%r rport=%b lip=%l lport=%a mpid=%e %c session=<%{{session}}>
mail_location = maildir:~/Maildir
mail_plugins = $mail_plugins notify mail_log zlib
rawlog_dir = {home}/rawlog
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Sent {{
    auto = subscribe
    special_use = \\Sent
  }}
}}
protocol imap {{
  mail_plugins = $mail_plugins imap_zlib
  mail_max_userip_connections = 100
}}
protocol pop3 {{
  mail_max_userip_connections = 100
}}
plugin {{
  mail_log_events = save copy expunge delete
  mail_log_fields = uid box msgid size from
}}
service auth {{
  unix_listener {home}/auth/socket {{
    mode = 0666
  }}
}}
service lmtp {{
  unix_listener {home}/lmtp/socket {{
    mode = 0666
  }}
}}
passdb {{
  driver = passwd-file
  args = {home}/users
}}
userdb {{
  driver = static
  args = uid=65534 gid=65534 home={home}/mail/%u
}}
"""


class MailHost:
    """Both servers in a network namespace, with their state under `home`."""

    def __init__(self, namespace: str, home: Path):
        self.namespace = namespace
        self.home = home
        self.running: list[subprocess.Popen] = []

    def within(self, *command) -> list[str]:
        return ["ip", "netns", "exec", self.namespace, *map(str, command)]

    def _run(self, *command) -> None:
        log = open(self.home / "servers.log", "ab")
        self.running.append(subprocess.Popen(self.within(*command), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True))

    def start(self) -> None:
        home = self.home
        os.chmod(home, 0o755)
        for folder in ("queue", "data", "auth", "lmtp", "dovecot", "postfix", "mail", "rawlog"):
            (home / folder).mkdir()
        shutil.chown(home / "data", "postfix", "postfix")
        for folder in ("mail", "rawlog"):
            shutil.chown(home / folder, 65534, 65534)
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "3650", "-subj", "/CN=mail.example.org",
             "-keyout", home / "key.pem", "-out", home / "cert.pem"],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        names = "|".join(name.partition("@")[0] for name in USERS)
        (home / "mailboxes").write_text(f"/^({names})@example\\.org$/ ok\n")
        (home / "users").write_text("".join(f"{name}:{{PLAIN}}{password}\n" for name, password in USERS.items()))
        (home / "postfix/main.cf").write_text(MAIN_CF.format(home=home))
        (home / "postfix/master.cf").write_text(MASTER_CF.format(address=ADDRESS))
        (home / "dovecot.conf").write_text(DOVECOT_CONF.format(home=home, address=ADDRESS))
        self._run("dovecot", "-F", "-c", home / "dovecot.conf")
        subprocess.run(self.within("postfix", "-c", home / "postfix", "check"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        self._run("/usr/lib/postfix/sbin/master", "-c", home / "postfix", "-d")
        self._until("the SASL socket", (home / "auth/socket").exists)
        for port in (25, 587, 110, 143, 993, 995):
            self._until(f"port {port}", lambda: self._listens(port))

    def _listens(self, port: int) -> bool:
        said = subprocess.run(self.within("ss", "-Hltn", f"src {ADDRESS}:{port}"), capture_output=True, check=True).stdout
        return bool(said.strip())

    def _until(self, what: str, true) -> None:
        deadline = time.monotonic() + 20
        while not true():
            if time.monotonic() > deadline or any(process.poll() is not None for process in self.running):
                raise RuntimeError(f"the servers do not start: {what}")
            time.sleep(0.05)

    def delivered(self) -> bool:
        """Whether Postfix has nothing left to deliver."""
        queue = self.home / "queue"
        return not any(path.is_file() for part in ("incoming", "active", "deferred", "maildrop") for path in (queue / part).rglob("*"))

    def quiet(self) -> None:
        """Waits until all mail is delivered and all sessions are in the logs."""
        self._until("an empty queue", self.delivered)
        self._until("the end of all sessions", lambda: not self._established())

    def _established(self) -> bool:
        return bool(subprocess.run(self.within("ss", "-Htn", "state", "established"), capture_output=True, check=True).stdout.strip())

    def stop(self) -> None:
        for process in self.running:
            process.terminate()
        for process in self.running:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
