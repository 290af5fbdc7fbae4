#!/usr/bin/env python3
"""Generated mail on a wire, at rising rates until packets are lost: `bench/live.py [--write FILE]`, as root.

trafgen on one end of a veth pair, each end in a network namespace of its own; `writ run` with AF_XDP on the other; `writ lemf` behind it. For each rate
a run of its own: packets sent, refused by the pair, read, lost by cause, the processor time of `writ run`, and how long PDUs took from the packet to the
LEMF's socket. Then one run at half of the highest rate without loss, for the latency by stages, and one at trafgen's fastest. In each the counters have
to sum to what was sent, exactly.

WRIT_PROFILE is the profile of the build, `release` unless set; WRIT_FRAMES and WRIT_RING are `frame_count` and `rx_ring`. Needs trafgen (netsniff-ng), iproute2, ethtool.
"""

import argparse
import contextlib
import os
import platform
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "oracle"))
import sums  # noqa: E402

PROFILE = os.environ.get("WRIT_PROFILE", "release")
TAP, WIRE = f"writbench-tap-{os.getpid()}", f"writbench-wire-{os.getpid()}"
CAUSES = ("ring_full", "no_frame", "too_long")
CONFIGURATION = """
warrants = "warrants.toml"
state = "state"
[handover]
operator_identifier = "BENCH"
[[lemf]]
name = "lea"
address = "127.0.0.1:41200"
[[interface]]
interface = "tap0"
other_traffic = "drop"
frame_count = {frames}
rx_ring = {ring}
[metrics]
listen = "127.0.0.1:41201"
"""
WARRANTS = """
[[warrant]]
liid = "L-1"
authorization_country = "NL"
start = 2020-01-01T00:00:00Z
end = 2100-01-01T00:00:00Z
deliver = "iri+cc"
lemf = "lea"
targets = [{ email = "alice@example.org" }]
"""


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


# What measured programs are started by.
FIRST: list[str] = []


def within(namespace: str, *command: str) -> list[str]:
    return ["ip", "netns", "exec", namespace, *command]


@contextlib.contextmanager
def pair(queues: int):
    """A veth pair between two namespaces, on which nobody speaks by himself."""
    try:
        for namespace in (TAP, WIRE):
            ip("netns", "add", namespace)
        sizes = ["numtxqueues", str(queues), "numrxqueues", str(queues)]
        ip("link", "add", "wire0", "netns", WIRE, *sizes, "type", "veth", "peer", "name", "tap0", "netns", TAP, *sizes)
        for namespace, interface in ((WIRE, "wire0"), (TAP, "tap0")):
            run = lambda *command, namespace=namespace: subprocess.run(within(namespace, *command), check=False, capture_output=True)
            run("sysctl", "-qw", f"net.ipv6.conf.{interface}.disable_ipv6=1")
            run("ip", "link", "set", interface, "arp", "off")
            run("ethtool", "-K", interface, "gso", "off", "tso", "off", "gro", "off", "tx", "off", "rx", "off")
            run("ip", "link", "set", "lo", "up")
            run("ip", "link", "set", interface, "up")
        yield
    finally:
        for namespace in (TAP, WIRE):
            subprocess.run(["ip", "netns", "del", namespace], check=False, capture_output=True)


class Appliance:
    """`writ run`, and an LEMF."""

    def __init__(self, writ: Path, work: Path):
        self.folder = Path(tempfile.mkdtemp(dir=work))
        (self.folder / "warrants.toml").write_text(WARRANTS)
        frames, ring = (int(os.environ.get(name, default)) for name, default in (("WRIT_FRAMES", "4096"), ("WRIT_RING", "2048")))
        (self.folder / "writ.toml").write_text(CONFIGURATION.format(frames=frames, ring=ring))
        log = (self.folder / "log").open("w")
        start = lambda *command: subprocess.Popen(within(TAP, *FIRST, str(writ), *command), stdout=log, stderr=log)
        self.lemf = start("lemf", "--listen", "127.0.0.1:41200", "--store", str(self.folder / "store"))
        self.run = start("run", "--config", str(self.folder / "writ.toml"))
        for _ in range(100):
            with contextlib.suppress(SystemExit, KeyError):
                if sum(value for _, value in self.page()["writ_delivery_connected"]) == 2:
                    return
            time.sleep(0.1)
        raise SystemExit(f"writ run does not come up: {(self.folder / 'log').read_text()[-2000:]}")

    def page(self) -> dict:
        got = subprocess.run(within(TAP, "curl", "-sf", "http://127.0.0.1:41201/metrics"), check=False, capture_output=True, text=True)
        return sums.page(got.stdout)

    def processor(self) -> float:
        """Seconds of processor time so far."""
        fields = Path(f"/proc/{self.run.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        for process in (self.run, self.lemf):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(40)
            except subprocess.TimeoutExpired:
                process.kill()


def total(page: dict, name: str, **labels: str) -> float:
    return sum(number for of, number in page[name] if all(of.get(key) == value for key, value in labels.items()))


def refused() -> int:
    got = subprocess.run(within(WIRE, "cat", "/sys/class/net/wire0/statistics/tx_dropped"), check=True, capture_output=True, text=True)
    return int(got.stdout)


def measure(writ: Path, traffic: Path, work: Path, rate: int | None, packets: int) -> dict:
    """One run; a rate of None is as fast as trafgen can."""
    appliance = Appliance(writ, work)
    try:
        before, busy = refused(), appliance.processor()
        command = ["trafgen", "--in", str(traffic), "--out", "wire0", "--num", str(packets), "-P", "1", "-q"]
        command += ["-b", f"{rate}pps"] if rate else []
        sent = subprocess.run(within(WIRE, *FIRST, *command), check=True, capture_output=True, text=True)
        took = re.search(r"(\d+) sec, (\d+) usec on CPU", sent.stdout + sent.stderr)
        seconds = int(took[1]) + int(took[2]) / 1e6 if took else float("nan")
        came = packets - (refused() - before)
        for _ in range(100):
            page = appliance.page()
            lost = {cause: total(page, "writ_queue_lost_packets_total", cause=cause) for cause in CAUSES}
            lost["inbox_full"] = total(page, "writ_lost_packets_total", cause="inbox_full")
            frames = total(page, "writ_frames_total")
            if total(page, "writ_xdp_packets_total") == came and frames + sum(lost.values()) == came:
                break
            time.sleep(0.1)
        else:
            raise SystemExit(f"of {came} packets {frames:.0f} were read and {lost} lost: they do not sum")
        # Until the LEMF has what was made of them.
        while total(page, "writ_delivery_queue_pdus") > 0:
            time.sleep(0.1)
            page = appliance.page()
        time.sleep(0.3)
        page = appliance.page()
        busy = appliance.processor() - busy
        stages = {(of["stage"], of["quantile"]): value for of, value in page["writ_stage_latency_seconds"] if "quantile" in of}
        pdus = total(page, "writ_stage_latency_seconds_count", stage="written")
        return {"rate": rate, "sent": packets, "seconds": seconds, "refused": packets - came, "read": frames, "lost": lost, "cpu": busy, "stages": stages, "pdus": pdus}
    finally:
        appliance.stop()


def micros(run: dict, stage: str, share: str) -> str:
    value = run["stages"].get((stage, share))
    return "-" if value is None else f"{value * 1e6:.0f}"


def row(run: dict) -> str:
    lost, asked = run["lost"], f"{run['rate']:,}" if run["rate"] else "as fast as it can"
    return (
        f"| {asked} | {run['sent'] / run['seconds']:,.0f} | {run['sent']:,} | {run['refused']:,} | {run['read']:,.0f} | {lost['ring_full']:,.0f} | "
        f"{lost['no_frame']:,.0f} | {lost['inbox_full']:,.0f} | {run['cpu'] * 1e9 / run['sent']:,.0f} | {run['pdus']:,.0f} | "
        f"{micros(run, 'written', '0.5')} | {micros(run, 'written', '0.99')} |"
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--write", type=Path, help="where the table is written to as well")
    options.add_argument("--seconds", type=float, default=3, help="of each run")
    options.add_argument("--first", type=int, default=25_000, help="packets a second of the first run")
    options.add_argument("--queues", type=int, default=1)
    options.add_argument("--urgent", action="store_true", help="Writ and trafgen before most else that the machine has to do (nice -n -15)")
    chosen = options.parse_args()
    if chosen.urgent:
        FIRST[:] = ["nice", "-n", "-15"]
    if os.geteuid():
        raise SystemExit("network namespaces and XDP need root")
    target = Path(os.environ.get("CARGO_TARGET_DIR", HERE.parent / "target"))
    if not os.environ.get("WRIT_BUILT"):
        subprocess.run(["cargo", "build", "--quiet", "--profile", PROFILE, "-p", "writ", "-p", "writ-bench"], cwd=HERE.parent, check=True)
    binaries = target / ("debug" if PROFILE == "dev" else PROFILE)
    with tempfile.TemporaryDirectory() as name, pair(chosen.queues):
        work = Path(name)
        traffic = work / "mail.cfg"
        arguments = ["--sessions", "60", "--concurrency", "4", "--octets", "25000", "--target-every", "10"]
        # The same ports twice, from other sequence numbers on: so each session is a new one, however often it is played.
        for seed in ("1", "2"):
            command = [binaries / "writ-traffic", work / f"{seed}.cfg", "--seed", seed, *arguments]
            made = subprocess.run(command, check=True, capture_output=True, text=True)
        traffic.write_text("".join((work / f"{seed}.cfg").read_text() for seed in ("1", "2")))
        rate, best, runs = chosen.first, None, []
        while True:
            runs.append(measure(binaries / "writ", traffic, work, rate, int(rate * chosen.seconds)))
            print(row(runs[-1]), flush=True)
            last = runs[-1]
            if sum(last["lost"].values()) + last["refused"] > 0:
                break
            best = last
            # trafgen cannot keep the rate: it is at its own limit.
            if last["sent"] / last["seconds"] < 0.8 * rate:
                break
            rate *= 2
        fastest = measure(binaries / "writ", traffic, work, None, int(rate * chosen.seconds))
        reached = min(best["rate"], best["sent"] / best["seconds"]) if best else chosen.first
        half = measure(binaries / "writ", traffic, work, int(reached / 2), int(reached / 2 * chosen.seconds))
        commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=HERE, check=True, capture_output=True, text=True).stdout.strip()
        model = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.M)
        load = os.getloadavg()[0]
        command = " ".join(["bench/live.py", *sys.argv[1:]])
        ring = f" with WRIT_FRAMES={os.environ['WRIT_FRAMES']} WRIT_RING={os.environ['WRIT_RING']}" if "WRIT_RING" in os.environ else ""
        lines = [
            f"Commit `{commit}`, {os.cpu_count()} cores of {model[1] if model else 'some processor'}, Linux {platform.release().split('-')[0]}, profile "
            f"`{PROFILE}`, {chosen.queues} queue(s), a load of {load:.1f} beside; `{command}`{ring}. Traffic: {made.stdout.strip()}; the same from other sequence numbers on, and both again and again.",
            "",
            "| rate asked for | packets/s sent | sent | refused by the pair | read | ring full | no frame | other's frames | ns of processor a packet | PDUs | p50 µs | p99 µs |",
            "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
            *map(row, [*runs, fastest]),
            "",
            f"From the packet to each stage at half load ({reached / 2:,.0f} packets a second), microseconds:",
            "",
            "| stage | p50 | p90 | p99 | p99.9 |",
            "| --- | --- | --- | --- | --- |",
            *(f"| {stage} | " + " | ".join(micros(half, stage, share) for share in ("0.5", "0.9", "0.99", "0.999")) + " |" for stage in ("read", "encoded", "queued", "written")),
            "",
            f"At trafgen's fastest {sum(fastest['lost'].values()) + fastest['refused']:,.0f} of {fastest['sent']:,} packets were lost.",
        ]
        text = "\n".join(lines) + "\n"
        print(text)
        if chosen.write:
            chosen.write.write_text(text)


if __name__ == "__main__":
    main()
