#!/usr/bin/env python3
"""Writ and its peers on the same capture, one core each, in turn.

    bench/peers.py [--rounds 5] [--sessions 1000] [--write docs]

Each program reads the same generated capture (SMTP, POP3 and IMAP4; messages of 1 kB to 2 MB; 200 sessions at a time; one segment in 200
late) from the page cache, pinned to one core; a round is all of them once, in turn, so that what disturbs the machine disturbs all. What is
told is the time that a program ran on the core, the median of the rounds, reading the file and starting included. With --write the
table and the plot go into a folder; else the table is printed.

What each of them does differs, and is said in the table: none of the peers hands anything over.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
WARRANT = """[[warrant]]
liid = "BENCH-1"
authorization_country = "NL"
start = 2020-01-01T00:00:00Z
end = 2040-01-01T00:00:00Z
deliver = "iri+cc"
cc_format = "application"
authentication_data = "username"
lemf = "lea-1"
targets = [{targets}]
"""
NOBODY = '{ email = "nobody@example.org" }'
ALICE = '{ email = "alice@example.org" }, { login = "alice" }'
PAGE = """# Writ and its peers on one capture

`make bench-peers` writes this page and its plot. The capture is generated, each program has one core in turn, and what is told is its own time on the core, reading
the file included. None of the peers hands anything over.

{table}
<img src="peers.png" alt="Gbit/s of payload on one core">
"""
# Beyond the fields nothing is asked of it: SMTP's, as a user who looks for mail would.
TSHARK = ["tshark", "-n", "-r", "{capture}", "-T", "fields"]
TSHARK += [part for field in ("smtp.req.command", "smtp.req.parameter", "smtp.response.code", "imf.message_id") for part in ("-e", field)]


def programs(folder: Path, capture: Path, target: Path, concurrency: int) -> list[dict]:
    """What is run: name, what it does, command."""
    nids = folder / "nids"
    subprocess.run(["cc", "-O2", "-o", nids, HERE / "peers" / "nids_read.c", "-lnids"], check=True)
    (folder / "nobody.toml").write_text(WARRANT.replace("{targets}", NOBODY))
    (folder / "alice.toml").write_text(WARRANT.replace("{targets}", ALICE))
    writ = str(target / "writ")
    flows = folder / "flows"
    return [
        {
            "name": "writ, no target",
            "does": "reassembles, reads SMTP, POP3 and IMAP4, looks targets up",
            "command": [writ, "replay", capture, "--warrants", folder / "nobody.toml"],
        },
        {
            "name": "writ, 1% targets",
            "does": "the same, and hands IRI and CC over (to a file)",
            "command": [writ, "replay", capture, "--warrants", folder / "alice.toml", "--out", folder / "out.etsi"],
        },
        {"name": "libnids", "does": "reassembles", "command": [nids, capture, str(concurrency)]},
        {"name": "ndpiReader", "does": "tells protocols by a flow's first packets", "command": ["ndpiReader", "-q", "-i", capture]},
        {
            "name": "tcpflow",
            "does": "reassembles, and writes the streams to files (in memory)",
            "command": ["tcpflow", "-q", "-r", capture, "-o", flows],
            "before": lambda: shutil.rmtree(flows, ignore_errors=True),
        },
        {
            "name": "tshark",
            "does": "reassembles, and dissects; four fields of SMTP",
            "command": [part.replace("{capture}", str(capture)) for part in TSHARK],
        },
    ]


def on_core(program: dict, core: int) -> float:
    """Seconds on the core, the children's included."""
    program.get("before", lambda: None)()
    command = ["taskset", "-c", str(core), *map(str, program["command"])]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{program['name']} ended with {process.returncode}: {' '.join(command)}")
    return used.ru_utime + used.ru_stime


def said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout.strip()


def processor() -> str:
    names = [line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return f"{len(names)} cores of {names[0]}" if names else platform.machine()


def table(results: list[dict], made: dict, options) -> str:
    first = results[0]["seconds"]
    lines = [
        f"Commit `{said('git', 'rev-parse', '--short', 'HEAD')}`; {processor()}, Linux {platform.release()}; "
        f"`make bench-peers`; the median of {options.rounds} rounds.",
        "",
        f"{made['frames']} frames, {made['payload']} octets of payload, {options.sessions} sessions.",
        "",
        "| | does | seconds on the core | million packets a second | Gbit/s of payload | times as long as Writ |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for result in results:
        seconds = result["seconds"]
        lines.append(
            f"| {result['name']} | {result['does']} | {seconds:.3f} | {made['frames'] / seconds / 1e6:.2f} "
            f"| {made['payload'] * 8 / seconds / 1e9:.2f} | {seconds / first:.2f} |"
        )
    return "\n".join(lines) + "\n"


def plot(results: list[dict], made: dict, image: Path) -> None:
    rows = "\n".join(f'"{result["name"]}" {made["payload"] * 8 / result["seconds"] / 1e9:.4f}' for result in results)
    script = f"""
set terminal pngcairo size 900,420 font "sans,11"
set output "{image}"
set logscale y
set ylabel "Gbit/s of payload, one core"
set style fill solid 0.8
set boxwidth 0.6
set grid ytics
set yrange [0.01:*]
set xtics nomirror
$rows << END
{rows}
END
plot $rows using 2:xtic(1) with boxes notitle linecolor rgb "#30608f", \\
     $rows using 0:2:(sprintf("%.2f", $2)) with labels offset 0,0.7 notitle
"""
    subprocess.run(["gnuplot"], input=script, text=True, check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sessions", type=int, default=1000)
    parser.add_argument("--write", type=Path, metavar="FOLDER")
    options = parser.parse_args()
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
    concurrency = 200
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as name:
        folder = Path(name)
        capture = folder / "mail.pcap"
        shape = ["--sessions", str(options.sessions), "--concurrency", str(concurrency), "--octets", "1000", "--most-octets", "2000000"]
        shape += ["--protocols", "smtp,pop3,imap", "--target-every", "100", "--late-every", "200"]
        subprocess.run([target / "writ-traffic", capture, *shape], check=True, stdout=subprocess.DEVNULL)
        made = json.loads(said(str(target / "writ-rate"), str(capture), "--rounds", "1", "--json"))
        results = programs(folder, capture, target, concurrency)
        times = [[] for _ in results]
        for number in range(options.rounds):
            for program, taken in zip(results, times):
                taken.append(on_core(program, core=os.cpu_count() - 1))
                print(f"round {number + 1}: {program['name']} {taken[-1]:.3f} s", file=sys.stderr)
        for program, taken in zip(results, times):
            program["seconds"] = statistics.median(taken)
        text = table(results, made, options)
        print(text)
        if options.write:
            (options.write / "peers.md").write_text(PAGE.format(table=text))
            plot(results, made, options.write / "peers.png")


if __name__ == "__main__":
    main()
