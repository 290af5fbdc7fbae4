"""Makes each capture: starts the servers, and around each session a tcpdump in the servers' namespace."""

import argparse
import signal
import struct
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

from servers import Servers
from sessions import SESSIONS, Skip

FOLDER = Path(__file__).resolve().parent.parent
# 2026-03-02 09:00:00 UTC: every capture starts here, so that a warrant with fixed days covers it whenever it was made.
START = 1772442000


def path_of(name: str) -> Path:
    return FOLDER / f"{name}.pcap"


def restamp(raw: bytes) -> bytes:
    """Moves a little-endian microsecond pcap in time: its first packet is at START."""
    magic, = struct.unpack_from("<I", raw)
    assert magic == 0xA1B2C3D4, "tcpdump wrote another format"
    out = bytearray(raw)
    at, shift = 24, None
    while at < len(out):
        seconds, micros, length = struct.unpack_from("<III", out, at)
        shift = START * 1_000_000 - (seconds * 1_000_000 + micros) if shift is None else shift
        moment = seconds * 1_000_000 + micros + shift
        struct.pack_into("<II", out, at, *divmod(moment, 1_000_000))
        at += 16 + length
    return bytes(out)


def capture(namespace: str, to: Path, session) -> None:
    with tempfile.TemporaryDirectory(prefix="writora-") as folder:
        path = Path(folder) / "raw.pcap"
        tap = subprocess.Popen(
            ["ip", "netns", "exec", namespace, "tcpdump", "-i", "wo-srv", "-s", "0", "--immediate-mode", "-U", "-Z", "root", "-w", str(path),
             "--time-stamp-precision", "micro", "tcp"],
            stderr=subprocess.PIPE,
        )
        try:
            for line in tap.stderr:
                if b"listening on" in line:
                    break
            session()
            time.sleep(0.3)
        finally:
            tap.send_signal(signal.SIGINT)
            tap.wait(10)
        to.write_bytes(restamp(path.read_bytes()))


TABLE = "| --- | --- |\n"


def make_mailbox(words: str, folder: str, sessions: dict, servers_of, prepare) -> None:
    """The captures of a mailbox protocol, in a folder of their own, and its README's table from the sessions' own words."""
    options = argparse.ArgumentParser(description=words)
    options.add_argument("--server-namespace", required=True)
    options.add_argument("names", nargs="*", help="only these")
    chosen = options.parse_args()
    failed = []
    with tempfile.TemporaryDirectory(prefix="writora-") as home:
        servers = servers_of(chosen.server_namespace, Path(home))
        try:
            failed.append("the servers' start")
            servers.start()
            failed.clear()
            for name in chosen.names or sessions:
                prepare(servers, sessions[name])
                path = FOLDER / folder / f"{name}.pcap"
                try:
                    capture(chosen.server_namespace, path, sessions[name])
                    print(f"{name}: {path.stat().st_size} octets", flush=True)
                except Exception:
                    failed.append(name)
                    print(f"{name}: FAILED: {traceback.format_exc()}", flush=True)
        finally:
            servers.stop()
            if failed:
                for log in ("servers.log", f"dovecot-{folder}.log"):
                    path = Path(home) / log
                    if path.exists():
                        sys.stderr.write(f"--- {log}\n{path.read_text()[-5000:]}\n")
    readme = FOLDER / folder / "README.md"
    head = readme.read_text().partition(TABLE)[0]
    rows = (f"| `{name}.pcap` | {' '.join(session.__doc__.split())} |\n" for name, session in sessions.items())
    readme.write_text(head + TABLE + "".join(rows))
    sys.exit(1 if failed else 0)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--server-namespace", required=True)
    options.add_argument("names", nargs="*", help="only these")
    chosen = options.parse_args()
    wanted = chosen.names or list(SESSIONS)
    failed = []
    with tempfile.TemporaryDirectory(prefix="writora-") as home:
        servers = Servers(chosen.server_namespace, Path(home))
        try:
            failed.append("the servers' start")
            servers.start()
            failed.clear()
            for name in wanted:
                try:
                    capture(chosen.server_namespace, path_of(name), SESSIONS[name])
                    print(f"{name}: {path_of(name).stat().st_size} octets", flush=True)
                except Skip as reason:
                    print(f"{name}: SKIPPED: {reason}", flush=True)
                except Exception as error:
                    failed.append(name)
                    print(f"{name}: FAILED: {error!r}", flush=True)
        finally:
            servers.stop()
            if failed:
                for log in ("servers.log", "postfix.log", "dovecot.log"):
                    path = Path(home) / log
                    if path.exists():
                        sys.stderr.write(f"--- {log}\n{path.read_text()[-3000:]}\n")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
