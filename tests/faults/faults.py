"""The faults. Each is made to happen so many times while traffic plays, and gives the PDUs that were sent."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

from appliance import LEMF, Appliance, Unusable, run
from ledger import events

FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
# An LEMF that agrees to acknowledge PDUs (`optionResponse` under the header of the request), and then reads an octet a second.
SLOW = """
import socket, sys, threading, time

ACCEPTED = bytes.fromhex("a20aa208aa06a0028000a100")

def exactly(connection, octets):
    read = b""
    while len(read) < octets:
        read += connection.recv(octets - len(read)) or sys.exit()
    return read

def tagged(connection):
    tag, length = head = exactly(connection, 2)
    if length > 127:
        more = exactly(connection, length - 128)
        head, length = head + more, int.from_bytes(more, "big")
    return exactly(connection, length)

def serve(connection):
    request = tagged(connection)
    header = request[:request.rindex(bytes.fromhex("a2")) ]
    header = header[:header.rindex(bytes.fromhex("a2"))]
    connection.sendall(bytes([0x30, 0x81, len(header) + len(ACCEPTED)]) + header + ACCEPTED)
    while connection.recv(1):
        time.sleep(1)

host, port = sys.argv[1].split(":")
listener = socket.create_server((host, int(port)))
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""


def pause(shortest: float, longest: float) -> None:
    time.sleep(random.uniform(shortest, longest))


def finish(appliance: Appliance, of_disk: bool) -> int:
    """Lets everything arrive. PDUs that were sent: those ever on disk, or, where no process died, those that were made."""
    appliance.silence()
    time.sleep(0.5)
    appliance.until_delivered()
    code = appliance.terminate()
    assert code == 0, f"writ run ended with {code}"
    appliance.stop_lemf()
    return appliance.spooled() if of_disk else appliance.made()


def killed(appliance: Appliance, times: int) -> int:
    appliance.start_lemf()
    appliance.start()
    appliance.play()
    for count in range(times):
        pause(0.2, 1.5)
        appliance.kill()
        if count % 4 == 3:
            # The LEMF goes as well, and is back while the process runs.
            appliance.stop_lemf()
            appliance.start()
            pause(0.2, 0.8)
            appliance.start_lemf()
        else:
            appliance.start()
    pause(0.5, 1)
    return finish(appliance, of_disk=True)


def told(appliance: Appliance, sent: int, answered: list[str]) -> int:
    """Holds what was answered against what arrived: each event is there, and no event is there as two."""
    found = events(appliance.folder / "store")
    missing = [name for name in answered if not found[name]]
    again = sum(count - 1 for count in found.values())
    assert not missing, f"{len(missing)} of {len(answered)} events that were answered are lost: {missing[:5]}"
    assert len(answered) > 100, f"{len(answered)} events"
    print(f"events: {len(answered)} answered, 0 lost, {again} told as two", file=sys.stderr, flush=True)
    return sent


def killed_while_fed(appliance: Appliance, times: int) -> int:
    """Events are told to the ingest endpoint all the time, again until they are answered."""
    appliance.start_lemf()
    appliance.start()
    appliance.play(300)
    appliance.feed()
    for count in range(times):
        pause(0.5, 2)
        appliance.kill()
        if count % 4 == 3:
            appliance.stop_lemf()
            appliance.start()
            pause(0.5, 1)
            appliance.start_lemf()
        else:
            appliance.start()
    pause(0.5, 1)
    answered = appliance.answered()
    return told(appliance, finish(appliance, of_disk=True), answered)


def full_disk(appliance: Appliance, times: int) -> int:
    spool = appliance.folder / "spool"
    spool.mkdir()
    run("mount", "-t", "tmpfs", "-o", "size=4M", "tmpfs", str(spool))
    try:
        appliance.start_lemf()
        appliance.start()
        appliance.play()
        for _ in range(times):
            pause(0.5, 1)
            filler = spool / "of-somebody-else"
            subprocess.run(["dd", "if=/dev/zero", f"of={filler}", "bs=4096"], capture_output=True, check=False)
            pause(2, 3)
            assert appliance.metric("writ_spool_faults_total") > 0, "the disk was not full"
            filler.unlink()
        pause(1.5, 2)
        return finish(appliance, of_disk=False)
    finally:
        if appliance.running.poll() is None:
            appliance.kill()
        run("umount", str(spool))


def away(appliance: Appliance, times: int) -> int:
    appliance.start()
    appliance.play(6000)
    for _ in range(times):
        time.sleep(12)
        waiting, failures = appliance.metric("writ_spool_bytes"), appliance.metric("writ_delivery_connections_total")
        assert waiting > 1 << 20 and failures >= 10, f"{waiting} octets wait, {failures} attempts"
        appliance.start_lemf()
        pause(1, 2)
        if times > 1:
            appliance.stop_lemf()
    if times > 1:
        appliance.start_lemf()
    return finish(appliance, of_disk=False)


def octet_a_second(appliance: Appliance, times: int) -> int:
    appliance.start()
    appliance.play()
    for _ in range(times):
        slow = appliance.inside(appliance.lea, sys.executable, "-c", SLOW, LEMF)
        time.sleep(8)
        slow.kill()
        slow.wait()
        assert "the LEMF does not acknowledge PDUs" in appliance.said(), "it was not slow"
    appliance.start_lemf()
    pause(1, 2)
    return finish(appliance, of_disk=False)


def half_open(appliance: Appliance, times: int) -> int:
    appliance.start_lemf()
    appliance.start()
    appliance.play()
    for _ in range(times):
        pause(0.5, 1)
        before = appliance.metric("writ_delivery_connections_total")
        appliance.link("down")
        # TIME1 and TIME3 together are 4 s: the connection is given up.
        time.sleep(6)
        assert appliance.metric("writ_delivery_connections_total") > before, "nobody noticed"
        appliance.link("up")
        pause(2, 3)
    return finish(appliance, of_disk=False)


def clock_steps(appliance: Appliance, times: int) -> int:
    if not Path(FAKETIME).exists():
        raise Unusable("libfaketime is not installed")
    offset = appliance.folder / "offset"
    offset.write_text("+0")
    appliance.environment = {
        "LD_PRELOAD": FAKETIME,
        "FAKETIME_TIMESTAMP_FILE": str(offset),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
    appliance.start_lemf()
    appliance.start()
    appliance.play()
    for count in range(times):
        pause(0.5, 1)
        offset.write_text(("+86400", "-86400")[count % 2])
        pause(0.5, 1)
        if count % 2:
            # The numbers are kept by a process whose clock is behind what is on disk.
            appliance.kill()
            appliance.start()
    pause(0.5, 1)
    return finish(appliance, of_disk=True)


def other_format(appliance: Appliance, times: int) -> int:
    appliance.start()
    appliance.play()
    for _ in range(times):
        pause(0.5, 1)
        appliance.kill()
        segment = max(appliance.spools()[0].glob("*.segment"))
        octets = segment.read_bytes()
        segment.write_bytes(octets[:7] + b"2" + octets[8:])
        config = str(appliance.folder / "writ.toml")
        refused = subprocess.run(
            ["ip", "netns", "exec", appliance.tap, appliance.writ, "run", "--config", config],
            capture_output=True, text=True, timeout=30, check=False)
        told = [line for line in refused.stderr.splitlines() if "expected a spool of format 1, not 2" in line]
        assert refused.returncode and len(told) == 1 and segment.name in told[0], refused.stderr
        segment.write_bytes(octets)
        appliance.start()
    appliance.start_lemf()
    pause(0.5, 1)
    return finish(appliance, of_disk=True)


def power_lost(appliance: Appliance, times: int) -> int:
    appliance.start_lemf()
    appliance.start()
    appliance.play()
    for count in range(times):
        pause(0.5, 1.2)
        appliance.kill()
        for spool in appliance.spools():
            # Never synced, so gone; what was being written behind what was synced is there in part, or as anything.
            (spool / "taken").unlink(missing_ok=True)
            segments = sorted(spool.glob("*.segment"))
            if not segments:
                continue
            octets = segments[-1].read_bytes()
            last = octets.rfind(b"WREC")
            half = octets[last : last + max((len(octets) - last) // 2, 1)] if last > 0 else b"W"
            tail = (half, os.urandom(random.randrange(1, 5000)), bytes(4096))[count % 3]
            segments[-1].write_bytes(octets + tail)
        appliance.start()
    pause(0.5, 1)
    return finish(appliance, of_disk=True)
