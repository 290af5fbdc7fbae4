#!/usr/bin/env python3
"""Makes each fault happen to a real `writ run`, and prints a table of what became of the PDUs.

    tests/faults/run.py WRIT [--quick] [--only NAME]

Root; namespaces of its own. Exit 77 and a line that begins with SKIPPED where it cannot be run, 1 where something was lost.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import faults
from appliance import Appliance, Unusable
from ledger import arrived

AGREED = """
[[agreement]]
lemf = "lea-1"
[agreement.aggregate]
delay = 0.2
[agreement.integrity]
hash_pdus = 5
[agreement.encryption]
cipher = "aes-256-cbc"
key_file = "key"
"""

# Name, what happens, how, function, how often, how often with --quick, what the appliance is made with.
FAULTS = [
    ("kill", "kill -9", "SIGKILL 0.2 to 1.5 s after each start; each fourth time the LEMF goes as well", faults.killed, 30, 3, {}),
    ("kill-tcp", "kill -9, without acknowledgement of PDUs", "the same", faults.killed, 30, 0, {"acknowledged": False}),
    ("kill-agreed", "kill -9, with aggregation, integrity and encryption", "the same", faults.killed, 30, 2, {"agreement": AGREED}),
    ("kill-ingest", "kill -9 while events are told to the ingest endpoint",
     "8 connections, each event told again until it is answered; SIGKILL 0.5 to 2 s after each start; each fourth time the LEMF goes as well",
     faults.killed_while_fed, 20, 3, {"ingest": True}),
    ("disk", "the disk is full", "a file system of 4 MiB that somebody else fills, for 2 to 3 s", faults.full_disk, 5, 1, {}),
    ("away", "the LEMF is away for a day", "nobody listens for 12 s, `retry` at 1 s for 30 s and `buffer` at its least: 12 attempts, and more waits than memory holds",
     faults.away, 3, 1, {}),
    ("slow", "the LEMF reads an octet a second", "for 8 s, twice what TIME1 and TIME3 are together", faults.octet_a_second, 3, 0, {}),
    ("half-open", "a half-open connection", "the LEMF's end of the line is down for 6 s, and drops everything", faults.half_open, 4, 0, {}),
    ("clock", "the clock steps", "a day on, a day back, in turn (libfaketime), and SIGKILL after each step back", faults.clock_steps, 8, 2, {}),
    ("format", "a spool of another version", "its format changed on disk; refused with one line, then changed back", faults.other_format, 4, 1, {}),
    ("power", "the machine loses power", "SIGKILL; behind what was synced half a record, octets at random or zeros; what is not synced is gone",
     faults.power_lost, 12, 3, {}),
]


def verified(writ: str, store: Path, keys: tuple[str, ...]) -> bool:
    """Whether the integrity checks that arrived hold for what did."""
    done = subprocess.run([writ, "decode", str(store / "pdus.etsi"), *keys], capture_output=True, text=True, check=False)
    return done.returncode == 0 and ", 0 missing, 0 altered, 0 forged, 0 not verifiable" in done.stderr


def main() -> int:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("writ")
    arguments.add_argument("--quick", action="store_true")
    arguments.add_argument("--only")
    given = arguments.parse_args()
    if os.getuid():
        print("SKIPPED: faults: not root")
        return 77
    writ, lost = os.path.realpath(given.writ), False
    print("| fault | how | times | PDUs sent | lost | twice |\n| --- | --- | --- | --- | --- | --- |")
    for name, what, how, fault, times, quick_times, made_with in FAULTS:
        times = quick_times if given.quick else times
        if given.only not in (None, name) or not times:
            continue
        with tempfile.TemporaryDirectory(prefix="writ-faults-") as folder:
            keys = ("--key-file", f"{folder}/{name}/key") if "agreement" in made_with else ()
            try:
                with Appliance(writ, Path(folder) / name, keys=keys, **made_with) as appliance:
                    sent = fault(appliance, times)
                found = arrived(Path(folder) / name / "store")
                sound = not keys or verified(writ, Path(folder) / name / "store", keys)
            except Unusable as why:
                print(f"SKIPPED: faults: {name}: {why}", flush=True)
                if name == "kill":
                    return 77
                continue
            gone = sent - found.distinct
            print(f"| {what} | {how} | {times} | {sent} | {gone} | {found.twice} |", flush=True)
            if gone or found.gaps or found.reused or not sent or not sound:
                lost = True
                print(f"FAILED: {name}: {found}", flush=True)
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
