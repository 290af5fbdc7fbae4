"""The POP3 servers of the captures: Dovecot's pop3d, and a scripted one for what it does not speak."""

import os
import shutil
import subprocess
from pathlib import Path

from clients import MX, MX6, crlf, message
from servers import Processes, USERS

SCRIPTED, BARE = "192.0.2.28", "192.0.2.27"
NOBODY = 65534

DOVECOT_CONF = """\
protocols = pop3
listen = {address} {address6}
base_dir = {home}/run
state_dir = {home}/run
log_path = {home}/dovecot-pop3.log
ssl = yes
ssl_cert = <{home}/cert.pem
ssl_key = <{home}/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain login cram-md5 digest-md5 scram-sha-256 apop
auth_realms = example.org
auth_failure_delay = 1 secs
mail_location = maildir:{home}/mail/%n
mail_max_userip_connections = 100
passdb {{
  driver = passwd-file
  args = {home}/users
}}
userdb {{
  driver = static
  args = uid=65534 gid=65534 home={home}/mail/%n
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
"""

FEW = [
    message("Bob <bob@example.org>", "alice@example.org", "first@example.org", subject="Friday", body="Friday at nine?\n\nBob\n"),
    message("carol@example.com (Carol)", "alice@example.org", "second@example.com", subject="Keys", body="They are at the desk.\n"),
    message('"Dave, of sales" <dave@example.com>', "alice@example.org", None, subject="Offer", body="Last chance.\n",
            extra="Resent-Message-ID: <resent@example.net>\n"),
]


class Pop3Servers(Processes):
    """Both, in the server's namespace, with their state under `home`."""

    def start(self) -> None:
        home = self.home
        os.chmod(home, 0o755)
        (home / "run").mkdir()
        self._certify()
        (home / "users").write_text("".join(f"{name}:{{PLAIN}}{password}\n" for name, password in USERS.items()))
        (home / "dovecot-pop3.conf").write_text(DOVECOT_CONF.format(home=home, address=MX, address6=MX6))
        self.fill("alice", FEW)
        self.fill("mallory", [])
        self._run("dovecot", "-F", "-c", str(home / "dovecot-pop3.conf"))
        self._run("python3", str(Path(__file__).parent / "pop3_scripted.py"), SCRIPTED, BARE)
        self._await(*((address, 110) for address in (MX, MX6, SCRIPTED, BARE)))

    def fill(self, user: str, messages: list[str]) -> None:
        """A mailbox with these messages and no others. Their order is that of the names."""
        box = self.home / "mail" / user
        shutil.rmtree(box, ignore_errors=True)
        for folder in ("cur", "new", "tmp"):
            (box / folder).mkdir(parents=True)
        for number, text in enumerate(messages, 1):
            (box / "new" / f"{1772442000 + number}.M{number}.mail").write_bytes(crlf(text))
        subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", str(self.home / "mail")], check=True)
