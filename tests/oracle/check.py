#!/usr/bin/env python3
"""Holds `smtp.py` against tshark's own SMTP and IMF dissectors, as far as those go: `check.py CAPTURE...`. Says each difference; exit 1 if any.

tshark splits commands only where they stand alone in a segment, so the comparison is of what it does see: every MAIL and RCPT it names
must be one that the oracle read, every Message-ID must be one of a message, and every reply code must be there as often.
"""

import collections
import subprocess
import sys

from smtp import MAIL_PORTS, Dialogue, path, replies
from streams import read


def said(capture: str, *names: str) -> list[list[str]]:
    ports = ",".join(f"tcp.port=={port},smtp" for port in (587, 2525))
    command = ["tshark", "-r", capture, "-n", "-Y", "smtp || imf", "-T", "fields", "-E", "separator=/t", "-E", "aggregator=\x1f"]
    command += [part for rule in ports.split(",smtp") if rule for part in ("-d", rule.strip(",") + ",smtp")]
    for name in names:
        command += ["-e", name]
    rows = subprocess.run(command, capture_output=True, check=False).stdout.decode("utf-8", "replace").splitlines()
    return [row.split("\t") for row in rows]


def differences(capture: str) -> list[str]:
    found = []
    streams = [stream for stream in read(capture, MAIL_PORTS) if stream.server_port in MAIL_PORTS]
    dialogues = [Dialogue(stream, octets=True) for stream in streams]
    messages = [line for dialogue in dialogues for line in dialogue.run() if line["kind"] == "message"]
    paths = {name for dialogue in dialogues for name in dialogue.paths}
    identities = {name for message in messages for name in (message["message_id"], message["resent_message_id"])}
    whole = all(stream.whole and not stream.up.gap and not stream.down.gap for stream in streams)

    for verbs, arguments in said(capture, "smtp.req.command", "smtp.req.parameter"):
        for verb, argument in zip(verbs.split("\x1f"), arguments.split("\x1f")):
            # An argument cut off at the segment's end is tshark's doing.
            if verb.upper() in ("MAIL", "RCPT") and ">" in argument and path(argument.partition(":")[2]) not in paths and whole:
                found.append(f"tshark has {verb} {argument!r}, which the oracle has not")
    for row in said(capture, "imf.message_id"):
        for name in filter(None, row[0].split("\x1f")):
            # So is one where a BDAT command stands in the middle.
            if "BDAT" not in name and name.strip() not in identities:
                found.append(f"tshark has Message-ID {name!r}, which is of no message here")
    theirs = collections.Counter(code for row in said(capture, "smtp.response.code") for code in row[0].split("\x1f") if code)
    ours = collections.Counter(str(reply.code) for stream in streams for reply in replies(bytes(stream.down.octets)))
    if whole and theirs != ours and not any(d.session["starttls"] for d in dialogues):
        found.append(f"reply codes: tshark {dict(theirs - ours)} more, the oracle {dict(ours - theirs)} more")
    return found


def main() -> int:
    worst = 0
    for capture in sys.argv[1:]:
        for difference in differences(capture):
            print(f"{capture}: {difference}")
            worst = 1
    return worst


if __name__ == "__main__":
    sys.exit(main())
