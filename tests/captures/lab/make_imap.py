"""Makes the captures of IMAP4, in `imap/`: as `make.py`, with Dovecot's imapd and a scripted server."""

from imap_servers import ImapServers, Mailbox
from imap_sessions import BOX, MAILS, MALLORYS_MAILS, SESSIONS
from make import make_mailbox


def prepare(servers: ImapServers, _session) -> None:
    BOX.update(alice=Mailbox(servers.home, "alice@example.org"), mallory=Mailbox(servers.home, "mallory@example.org"))
    BOX["alice"].fill(MAILS)
    BOX["mallory"].fill(MALLORYS_MAILS)


if __name__ == "__main__":
    make_mailbox(__doc__, "imap", SESSIONS, ImapServers, prepare)
