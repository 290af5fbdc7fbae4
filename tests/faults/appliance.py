"""An appliance between a tap and an LEMF, each in a network namespace of its own: `writ run`, `writ lemf`, and traffic without end."""

import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
CAPTURE = HERE.parent / "captures" / "demo.pcap"
LEMF = "10.77.0.2:41100"
KEY = "5a" * 32

WARRANTS = """
[[warrant]]
liid = "FAULT-A"
authorization_country = "NL"
start = 2020-01-01T00:00:00Z
end = 2090-01-01T00:00:00Z
deliver = "iri+cc"
lemf = "lea-1"
targets = [{ email = "alice@example.org" }, { login = "alice" }]
[[warrant]]
liid = "FAULT-B"
authorization_country = "NL"
start = 2020-01-01T00:00:00Z
end = 2090-01-01T00:00:00Z
deliver = "iri"
lemf = "lea-1"
targets = [{ email = "bob@example.org" }]
[[warrant]]
liid = "FAULT-M"
authorization_country = "NL"
start = 2020-01-01T00:00:00Z
end = 2090-01-01T00:00:00Z
deliver = "iri+cc"
lemf = "lea-1"
targets = [{ msisdn = "+31612345678" }]
"""

CONFIGURATION = """
warrants = "warrants.toml"
state = "state"
[handover]
operator_identifier = "TEST"
[[lemf]]
name = "lea-1"
address = "{lemf}"
retry = 1
buffer = 1048576
keep_alive = {{ time1 = 2, time2 = 1, time3 = 2 }}
{acknowledgement}
spool = {{ folder = "spool", key = "key", sync_interval = 0.02 }}
[[interface]]
interface = "wft"
other_traffic = "drop"
[metrics]
listen = "127.0.0.1:41101"
{agreement}
"""

ENDPOINT = "127.0.0.1:41102"
INGEST = f"""
[ingest]
listen = "{ENDPOINT}"
client_ca = "ca.pem"
certificate = "server.pem"
key = "server.key"
"""

ACKNOWLEDGEMENT = "acknowledgement = { pdus = 64, interval = 0.1, answer = 3 }"


class Unusable(Exception):
    """What the machine does not have."""


def run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unusable(f"{' '.join(command)}: {done.stderr.strip()}")


class Appliance:
    """Use it with `with`. Everything that it started ends with it."""

    def __init__(self, writ: str, folder: Path, acknowledged: bool = True, agreement: str = "", keys: tuple[str, ...] = (), ingest: bool = False):
        self.writ, self.folder, self.keys = writ, folder, keys
        name = f"wf{os.getpid()}-{random.randrange(1 << 16):x}"
        self.tap, self.gen, self.lea = f"{name}-tap", f"{name}-gen", f"{name}-lea"
        self.running = self.lemf = self.traffic = self.feeder = None
        self.environment: dict[str, str] = {}
        acknowledgement = ACKNOWLEDGEMENT if acknowledged else ""
        folder.mkdir(parents=True)
        (folder / "warrants.toml").write_text(WARRANTS)
        text = CONFIGURATION.format(lemf=LEMF, acknowledgement=acknowledgement, agreement=agreement) + (INGEST if ingest else "")
        (folder / "writ.toml").write_text(text)
        (folder / "key").write_text(KEY)
        (folder / "key").chmod(0o400)
        if ingest:
            self.certificates()

    def certificates(self) -> None:
        """An authority, and what it signs for both ends of the ingest endpoint."""
        for name in ("ca", "server", "client"):
            end = ["-addext", "basicConstraints=critical,CA:FALSE", "-CA", str(self.folder / "ca.pem"), "-CAkey", str(self.folder / "ca.key")]
            run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "9", "-subj", f"/CN={name}",
                "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(self.folder / f"{name}.key"), "-out", str(self.folder / f"{name}.pem"),
                *([] if name == "ca" else end))
            (self.folder / f"{name}.key").chmod(0o600)

    def feed(self) -> None:
        """Begins to tell events to the ingest endpoint."""
        feeder = str(HERE / "feeder.py")
        self.feeder = self.inside(
            self.tap, sys.executable, "-B", feeder, ENDPOINT, str(self.folder), log=str(self.folder / "feeder.log"))

    def answered(self) -> list[str]:
        """The events that were answered, once no new one is begun."""
        self.feeder.send_signal(signal.SIGTERM)
        code = self.feeder.wait(60)
        assert code == 0, (self.folder / "feeder.log").read_text()[-2000:]
        return (self.folder / "answered").read_text().split()

    def __enter__(self) -> "Appliance":
        try:
            for namespace in (self.tap, self.gen, self.lea):
                run("ip", "netns", "add", namespace)
                run("ip", "-n", namespace, "link", "set", "lo", "up")
            for near, far, name in ((self.tap, self.gen, "wf"), (self.tap, self.lea, "wl")):
                run("ip", "link", "add", f"{name}t", "netns", near, "type", "veth", "peer", "name", f"{name}g", "netns", far)
                for namespace, end in ((near, f"{name}t"), (far, f"{name}g")):
                    self.inside(namespace, "sysctl", "-qw", f"net.ipv6.conf.{end}.disable_ipv6=1").wait()
                    if name == "wf":
                        run("ip", "-n", namespace, "link", "set", end, "arp", "off")
                        self.inside(namespace, "ethtool", "-K", end, "gso", "off", "tso", "off", "gro", "off", "tx", "off").wait()
                    run("ip", "-n", namespace, "link", "set", end, "up")
            run("ip", "-n", self.tap, "addr", "add", "10.77.0.1/24", "dev", "wlt")
            run("ip", "-n", self.lea, "addr", "add", "10.77.0.2/24", "dev", "wlg")
        except Unusable:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in (self.feeder, self.traffic, self.running, self.lemf):
            if process and process.poll() is None:
                process.kill()
                process.wait()
        for namespace in (self.tap, self.gen, self.lea):
            subprocess.run(["ip", "netns", "del", namespace], capture_output=True, check=False)

    def inside(self, namespace: str, *command: str, log: str = "/dev/null", **environment: str) -> subprocess.Popen:
        with open(log, "ab") as out:
            inside = ["ip", "netns", "exec", namespace, *command]
            return subprocess.Popen(inside, stdout=out, stderr=out, env={**os.environ, **environment})

    def start(self) -> None:
        """Starts `writ run` and waits until it serves metrics."""
        log = str(self.folder / "run.log")
        config = str(self.folder / "writ.toml")
        self.running = self.inside(self.tap, self.writ, "run", "--config", config, log=log, **self.environment)
        for _ in range(200):
            if self.running.poll() is not None:
                said = Path(log).read_text()
                if re.search(r"AF_XDP|XDP.*(not supported|permitted)|Operation not (supported|permitted)", said, re.IGNORECASE):
                    raise Unusable(f"no AF_XDP here: {said.splitlines()[-1]}")
                raise AssertionError(f"writ run ended: {said[-2000:]}")
            if self.page():
                return
            time.sleep(0.05)
        raise AssertionError("writ run does not come up")

    def kill(self) -> None:
        self.running.kill()
        self.running.wait()

    def terminate(self) -> int:
        self.running.send_signal(signal.SIGTERM)
        return self.running.wait(60)

    def start_lemf(self, *options: str) -> None:
        self.lemf = self.inside(
            self.lea, self.writ, "lemf", "--listen", LEMF, "--store", str(self.folder / "store"), *self.keys, *options,
            log=str(self.folder / "lemf.log"))

    def stop_lemf(self) -> None:
        self.lemf.send_signal(signal.SIGTERM)
        self.lemf.wait(60)

    def play(self, packets: int = 3000) -> None:
        """Begins to play the capture over and over, with new addresses each time, so many packets a second."""
        self.traffic = self.inside(
            self.gen, "tcpreplay", "-q", "--intf1=wfg", f"--pps={packets}", "--loop=1000000", "--unique-ip", str(CAPTURE))

    def silence(self) -> None:
        self.traffic.kill()
        self.traffic.wait()

    def link(self, state: str) -> None:
        """The LEMF's end of the line: `down` drops everything, and tells nobody."""
        run("ip", "-n", self.lea, "link", "set", "wlg", state)

    def page(self) -> str:
        address = "http://127.0.0.1:41101/metrics"
        done = subprocess.run(
            ["ip", "netns", "exec", self.tap, "curl", "-sf", "-m", "2", address], capture_output=True, text=True, check=False)
        return done.stdout

    def metric(self, name: str) -> int:
        lines = re.findall(rf"^{name}(?:{{.*}})? (\d+)$", self.page(), re.MULTILINE)
        return sum(map(int, lines))

    def until_delivered(self, seconds: int = 90) -> None:
        """Waits until nothing waits any more."""
        for _ in range(seconds * 5):
            time.sleep(0.2)
            page = self.page()
            waits = re.findall(r"^writ_(?:spool_pdus|delivery_queue_pdus){.*} (\d+)$", page, re.MULTILINE)
            if waits and not any(map(int, waits)):
                return
        raise AssertionError(f"still waiting: {waits}; {(self.folder / 'run.log').read_text()[-1500:]}")

    def said(self) -> str:
        """What `writ run` has logged."""
        return (self.folder / "run.log").read_text()

    def made(self) -> int:
        """PDUs that the process which ended last had made, as it says at its end."""
        said = (self.folder / "run.log").read_text().rstrip().splitlines()[-1]
        return sum(map(int, re.findall(r" hi[23]\.(?:iri|cc|tri)=(\d+)", said)))

    def spools(self) -> list[Path]:
        return [self.folder / "spool" / "lea-1" / interface for interface in ("hi2", "hi3")]

    def spooled(self) -> int:
        """PDUs that were ever put on disk, once the LEMF has them all: the positions that the logs have come to."""
        return sum(int.from_bytes((spool / "taken").read_bytes()[:8], "little") for spool in self.spools())
