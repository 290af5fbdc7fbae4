"""Makes the captures of POP3, in `pop3/`: as `make.py`, with Dovecot's pop3d and a scripted server."""

from make import make_mailbox
from pop3_servers import Pop3Servers
from pop3_sessions import SESSIONS


def prepare(servers: Pop3Servers, session) -> None:
    servers.fill("alice", session.messages)


if __name__ == "__main__":
    make_mailbox(__doc__, "pop3", SESSIONS, Pop3Servers, prepare)
