#!/usr/bin/env python3
"""Holds what Writ makes of messages that are put together by BURL against the octets on the wire: `forward_check.py WRIT CAPTURE...`. Prints each
difference; exit 1 if any.

Each capture is replayed under a warrant for the address of each client of SMTP, and the same for IRI alone. The content is the client's
octets from the first MAIL to the last part, with what was fetched of each URL behind its command; of other clients' messages it has nothing.
"""

import base64
import collections
import email
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import ber
import imap
import streams

WARRANT = """[[warrant]]
liid = "{liid}"
authorization_country = "NL"
start = 1990-01-01T00:00:00Z
end = 2100-01-01T00:00:00Z
deliver = "{deliver}"
lemf = "lea-1"
targets = [{{ ip = "{address}" }}]

"""


def messages(client: bytes, fetched: dict[bytes, bytes]) -> tuple[bytes, list[str | None]]:
    """What is due of a client's octets, and the Message-IDs as far as they can be known."""
    at = client.index(b"MAIL ")
    due, idents, message, whole = b"", [], b"", True
    while at < len(client):
        end = client.index(b"\n", at) + 1
        line, at = client[at:end], end
        if line.upper().startswith(b"QUIT"):
            break
        due += line
        words = line.split()
        if words[0].upper() == b"MAIL":
            message, whole = b"", True
        elif words[0].upper() == b"BDAT":
            message, due, at = message + client[at:at + int(words[1])], due + client[at:at + int(words[1])], at + int(words[1])
        elif words[0].upper() == b"BURL":
            octets = fetched.get(words[1])
            if octets is None:
                whole &= bool(message)
            else:
                message += octets
                due += b'* URLFETCH "%s" {%d}\r\n%s\r\n' % (words[1], len(octets), octets)
        if words[-1].upper() == b"LAST":
            idents.append(email.message_from_bytes(message)["Message-ID"] if whole else None)
    return due, idents


def main() -> int:
    writ, wrong, count = sys.argv[1], [], 0
    for capture in sys.argv[2:]:
        found = streams.read(capture, {143, 587})
        fetched = collections.ChainMap(*(imap.fetched(bytes(stream.down.octets)) for stream in found if stream.server_port == 143))
        sent = {stream.client.rpartition(":")[0]: bytes(stream.up.octets) for stream in found if stream.server_port == 587}
        with tempfile.TemporaryDirectory() as folder:
            text = "".join(WARRANT.format(liid=f"{deliver.upper().replace('+', '-')}-{number}", deliver=deliver, address=address)
                           for number, address in enumerate(sent) for deliver in ("iri", "iri+cc"))
            Path(folder, "warrants.toml").write_text(text)
            subprocess.run([writ, "replay", capture, "--warrants", f"{folder}/warrants.toml", "--out", f"{folder}/out.etsi"], check=True, capture_output=True)
            records = ber.read(Path(folder, "out.etsi").read_bytes())
        cins = {(record["liid"], record["cin"]) for record in records if record["kind"] == "iri" and record["server_port"] == 587}
        for number, (address, octets) in enumerate(sent.items()):
            due, idents = messages(octets, fetched)
            for liid in (f"IRI-{number}", f"IRI-CC-{number}"):
                mine = [record for record in records if record["liid"] == liid and (liid, record["cin"]) in cins]
                got = [record["message_id"] for record in mine if record["kind"] == "iri" and record["event"] == "send"]
                content = b"".join(base64.b64decode(record["content"]) for record in mine if record["kind"] == "cc" and record["direction"] == "from-target")
                count += len(got)
                if got != idents:
                    wrong.append(f"{Path(capture).stem} {liid}: messages {got}, due {idents}")
                if content != (due if "CC" in liid else b""):
                    wrong.append(f"{Path(capture).stem} {liid}: {len(content)} octets of content that are not the {len(due)} due")
        if not re.search(rb"BURL ", b"".join(sent.values())) or not fetched:
            wrong.append(f"{Path(capture).stem}: nothing was fetched")
    for text in wrong:
        print(text)
    print(f"{count} messages, {len(wrong)} differences")
    return 1 if wrong or not count else 0


if __name__ == "__main__":
    sys.exit(main())
