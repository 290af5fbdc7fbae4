"""Makes the captures of IMAP4, in `imap/`: as `make.py`, with Dovecot's imapd and a scripted server."""

import argparse
import sys
import tempfile
import traceback
from pathlib import Path

from imap_servers import ImapServers, Mailbox
from imap_sessions import BOX, MAILS, MALLORYS_MAILS, SESSIONS
from make import FOLDER, capture

TABLE = "| --- | --- |\n"


def write_table() -> None:
    """The README's table, from the sessions' own words."""
    readme = FOLDER / "imap/README.md"
    head = readme.read_text().partition(TABLE)[0]
    readme.write_text(head + TABLE + "".join(f"| `{name}.pcap` | {' '.join(session.__doc__.split())} |\n" for name, session in SESSIONS.items()))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--server-namespace", required=True)
    options.add_argument("names", nargs="*", help="only these")
    chosen = options.parse_args()
    failed = []
    with tempfile.TemporaryDirectory(prefix="writora-") as home:
        servers = ImapServers(chosen.server_namespace, Path(home))
        try:
            failed.append("the servers' start")
            servers.start()
            failed.clear()
            BOX.update(alice=Mailbox(Path(home), "alice@example.org"), mallory=Mailbox(Path(home), "mallory@example.org"))
            for name in chosen.names or SESSIONS:
                BOX["alice"].fill(MAILS)
                BOX["mallory"].fill(MALLORYS_MAILS)
                path = FOLDER / "imap" / f"{name}.pcap"
                try:
                    capture(chosen.server_namespace, path, SESSIONS[name])
                    print(f"{name}: {path.stat().st_size} octets", flush=True)
                except Exception:
                    failed.append(name)
                    print(f"{name}: FAILED: {traceback.format_exc()}", flush=True)
        finally:
            servers.stop()
            if failed:
                for log in ("servers.log", "dovecot-imap.log"):
                    path = Path(home) / log
                    if path.exists():
                        sys.stderr.write(f"--- {log}\n{path.read_text()[-5000:]}\n")
    write_table()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
