#!/usr/bin/env python3
"""Holds the folder that a reference receiver filled against what was due: `store.py FOLDER WARRANTS.toml CAPTURE...`.

Each message that content was due of is there once for each warrant, octet for octet as it was sent, in a file that ends in .eml; no other
is, but for those named .incomplete.eml, which were never ended, and .partial.eml, of which BURL names a part that was not seen. Prints each difference; exit 1 if any. With --times N each message was sent N times over.
"""

import argparse
import collections
import hashlib
import sys
from pathlib import Path

import events


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder")
    options.add_argument("warrants")
    options.add_argument("captures", nargs="+")
    options.add_argument("--times", type=int, default=1)
    chosen = options.parse_args()
    warrants = {warrant.liid: warrant for warrant in events.load(chosen.warrants)}
    due = collections.Counter()
    names, refused, abandoned, parts = {}, set(), 0, 0
    for record in events.due(list(warrants.values()), chosen.captures):
        if record["event"] == "refused":
            refused.add(record["message_sha256"])
        abandoned += (record["event"] == "abandoned") * chosen.times
        if record["event"] not in ("send", "receive") or record.get("sent_too") or not warrants[record["liid"]].cc:
            continue
        # What BURL names is fetched elsewhere: there is no message on this wire, or a part of one.
        if record["by"] == "BURL":
            parts += chosen.times
        else:
            due[record["message_sha256"]] += chosen.times
            names[record["message_sha256"]] = f"{record['event']} {record['message_id']} from {record['sender']!r}"
    found, files = collections.Counter(), {}
    incomplete = 0
    for path in sorted(Path(chosen.folder).rglob("*.eml")):
        if path.name.endswith(".incomplete.eml"):
            incomplete += 1
            continue
        if path.name.endswith(".partial.eml"):
            parts -= 1
            continue
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        found[digest] += 1
        files[digest] = path
    wrong = 0
    for digest in refused:
        # What was refused at its end may have been on its way to the receiver by then.
        found[digest] = min(found[digest], due[digest])
    for digest in due.keys() | found.keys():
        if due[digest] != found[digest]:
            wrong += 1
            print(f"{found[digest]} times in the store, {due[digest]} due: {names.get(digest) or files[digest]}")
    if parts:
        wrong += 1
        print(f"{abs(parts)} messages {'fewer' if parts > 0 else 'more'} in parts than are due")
    if incomplete > abandoned:
        wrong += 1
        print(f"{incomplete} messages said to be incomplete, {abandoned} were begun and not ended")
    print(f"{sum(due.values())} messages due, {sum(found.values())} in the store, {wrong} differences")
    return 1 if wrong or not due else 0


if __name__ == "__main__":
    sys.exit(main())
