"""Has the conversations, with the servers' namespace and the clients' as they were made: `play.py HOME BEFORE SERVER LAPTOP OTHER RELAY`.

HOME becomes the mail host's, BEFORE a copy of its mail store from before anybody reads.
"""

import shutil
import sys
from pathlib import Path

from conversations import Host, reading_by_imap, reading_by_pop3, sending
from mailhost import MailHost


def main() -> None:
    home, before = Path(sys.argv[1]), Path(sys.argv[2])
    laptop, other, relay = map(Host, sys.argv[4:7])
    servers = MailHost(sys.argv[3], home)
    try:
        servers.start()
        sending(laptop, other, relay)
        servers.quiet()
        shutil.copytree(home / "mail", before)
        reading_by_pop3(laptop, other)
        reading_by_imap(laptop, other)
        servers.quiet()
    finally:
        servers.stop()


if __name__ == "__main__":
    main()
