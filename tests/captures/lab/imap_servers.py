"""The IMAP4 servers of the captures: Dovecot's imapd, and a scripted one for what it does not speak."""

import os
import shutil
import subprocess
from pathlib import Path

from servers import Processes, USERS

DOVECOT, DOVECOT6 = "192.0.2.30", "2001:db8:25::30"
SCRIPTED, PREAUTH = "192.0.2.31", "192.0.2.32"
# Takes messages by BURL.
SUBMISSION = "192.0.2.33"

DOVECOT_CONF = """\
protocols = imap
base_dir = {home}/dovecot-imap
state_dir = {home}/dovecot-imap
log_path = {home}/dovecot-imap.log
listen = {address} {address6}
ssl = yes
ssl_cert = <{home}/cert.pem
ssl_key = <{home}/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain login cram-md5 digest-md5 scram-sha-1 scram-sha-256
auth_failure_delay = 0
mail_location = maildir:~/Maildir
mail_plugins = $mail_plugins quota acl zlib
mail_attribute_dict = file:%h/attributes
imap_metadata = yes
imap_urlauth_host = mail.example.org
mailbox_idle_check_interval = 1 s
protocol imap {{
  mail_plugins = $mail_plugins imap_quota imap_acl imap_zlib
  mail_max_userip_connections = 100
}}
service imap-login {{
  process_min_avail = 1
}}
plugin {{
  acl = vfile
  quota = maildir:User quota
  quota_rule = *:storage=10M
}}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Sent {{
    auto = create
    special_use = \\Sent
  }}
  mailbox Archive {{
    auto = create
  }}
}}
passdb {{
  driver = passwd-file
  args = {home}/imap-users
}}
userdb {{
  driver = static
  args = uid=65534 gid=65534 home={home}/mail/%u
}}
"""


class ImapServers(Processes):
    """Both, in the server's namespace, with their state under `home`."""

    def start(self) -> None:
        home = self.home
        os.chmod(home, 0o755)
        for address in (f"{DOVECOT}/24", f"{SCRIPTED}/24", f"{PREAUTH}/24", f"{SUBMISSION}/24", f"{DOVECOT6}/64"):
            extra = ["nodad"] if ":" in address else []
            subprocess.run(self.within("ip", "address", "add", address, "dev", "wo-srv", *extra), check=True)
        self._certify()
        (home / "imap-users").write_text("".join(f"{name}:{{PLAIN}}{password}\n" for name, password in USERS.items()))
        (home / "mail").mkdir()
        shutil.chown(home / "mail", 65534, 65534)
        (home / "dovecot-imap.conf").write_text(DOVECOT_CONF.format(home=home, address=DOVECOT, address6=DOVECOT6))
        self._run("dovecot", "-F", "-c", str(home / "dovecot-imap.conf"))
        self._run("python3", str(Path(__file__).parent / "imap_scripted.py"), SCRIPTED, PREAUTH)
        self._run("python3", str(Path(__file__).parent / "scripted.py"), SUBMISSION, "587")
        self._await((SUBMISSION, 587), *((address, 143) for address in (DOVECOT, DOVECOT6, SCRIPTED, PREAUTH)))


class Mailbox:
    """A user's INBOX on the disk of the server, as a Maildir: always the same when it is filled anew."""

    def __init__(self, home: Path, user: str):
        self.folder = home / "mail" / user

    def _put(self, where: str, name: str, octets: bytes) -> None:
        # Written elsewhere and moved in, as every deliverer to a Maildir does it.
        made, path = self.folder / "Maildir/tmp" / name, self.folder / "Maildir" / where / name
        made.write_bytes(octets)
        shutil.chown(made, 65534, 65534)
        os.utime(made, (1772442000, 1772442000))
        made.rename(path)

    def fill(self, messages: list[bytes]) -> None:
        """Empties it and puts these in, the first as UID 1, unseen."""
        shutil.rmtree(self.folder, ignore_errors=True)
        for part in ("", "Maildir", "Maildir/cur", "Maildir/new", "Maildir/tmp"):
            (self.folder / part).mkdir()
            shutil.chown(self.folder / part, 65534, 65534)
        for number, octets in enumerate(messages, 1):
            self._put("cur", f"1772442000.{number:05}.mail:2,", octets)

    def arrive(self, octets: bytes) -> None:
        """Delivers one more."""
        self._put("new", "1772442060.90000.mail", octets)
