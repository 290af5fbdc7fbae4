"""Makes the captures of POP3, in `pop3/`: as `make.py`, with Dovecot's pop3d and a scripted server."""

import argparse
import sys
import tempfile
import traceback
from pathlib import Path

from make import FOLDER, capture
from pop3_servers import Pop3Servers
from pop3_sessions import SESSIONS

TABLE = "| --- | --- |\n"


def write_table() -> None:
    """The README's table, from the sessions' own words."""
    readme = FOLDER / "pop3/README.md"
    head = readme.read_text().partition(TABLE)[0]
    readme.write_text(head + TABLE + "".join(f"| `{name}.pcap` | {' '.join(session.__doc__.split())} |\n" for name, session in SESSIONS.items()))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--server-namespace", required=True)
    options.add_argument("names", nargs="*", help="only these")
    chosen = options.parse_args()
    failed = []
    with tempfile.TemporaryDirectory(prefix="writora-") as home:
        servers = Pop3Servers(chosen.server_namespace, Path(home))
        try:
            failed.append("the servers' start")
            servers.start()
            failed.clear()
            for name in chosen.names or SESSIONS:
                servers.fill("alice", SESSIONS[name].messages)
                path = FOLDER / "pop3" / f"{name}.pcap"
                try:
                    capture(chosen.server_namespace, path, SESSIONS[name])
                    print(f"{name}: {path.stat().st_size} octets", flush=True)
                except Exception:
                    failed.append(name)
                    print(f"{name}: FAILED: {traceback.format_exc()}", flush=True)
        finally:
            servers.stop()
            if failed:
                for log in ("servers.log", "dovecot-pop3.log"):
                    path = Path(home) / log
                    if path.exists():
                        sys.stderr.write(f"--- {log}\n{path.read_text()[-5000:]}\n")
    write_table()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
