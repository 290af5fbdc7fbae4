#!/usr/bin/env python3
"""A warrants file whose targets are every address, login and client of the captures, each under a warrant of its own.

    warrants.py CAPTURE... [--deliver iri+cc] [--cc-format application] [--authentication-data username] [--lemf lea-1] > W.toml
"""

import argparse
import json
import sys

from events import key, lines


def people(captures: list[str]) -> list[tuple[str, str]]:
    addresses, logins, clients = {}, {}, {}
    for capture in captures:
        for line in lines(capture):
            if line["kind"] == "session":
                if line["helo"]:
                    clients[line["client"].rpartition(":")[0].strip("[]")] = None
                for login in line["auth"]:
                    if login["user"]:
                        logins.setdefault(login["user"].lower(), login["user"])
            else:
                for name in [line["sender"], *line["recipients"], *line.get("refused", [])]:
                    if "@" in name:
                        addresses.setdefault(key(name), name)
    return [*(("email", name) for name in addresses.values()), *(("login", name) for name in logins.values()), *(("ip", name) for name in clients)]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("captures", nargs="+")
    options.add_argument("--deliver", default="iri+cc")
    options.add_argument("--cc-format", default="application")
    options.add_argument("--authentication-data", default="username")
    options.add_argument("--lemf", default="lea-1")
    options.add_argument("--start", default="1990-01-01T00:00:00Z")
    options.add_argument("--end", default="2100-01-01T00:00:00Z")
    options.add_argument("--most", type=int, default=100_000, help="this many targets at most, from both ends of the list")
    chosen = options.parse_args()
    targets = people(chosen.captures)
    if len(targets) > chosen.most:
        targets = targets[:chosen.most // 2] + targets[-(chosen.most // 2):]
    for number, (kind, name) in enumerate(targets, 1):
        sys.stdout.write(f"""[[warrant]]
liid = "MAIL-{number:04}"
authorization_country = "NL"
start = {chosen.start}
end = {chosen.end}
deliver = "{chosen.deliver}"
cc_format = "{chosen.cc_format}"
authentication_data = "{chosen.authentication_data}"
lemf = "{chosen.lemf}"
targets = [{{ {kind} = {json.dumps(name, ensure_ascii=False)} }}]

""")


if __name__ == "__main__":
    main()
