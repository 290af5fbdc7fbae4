#!/usr/bin/env python3
"""Runs the oracle's scripts many times over in one process: a JSON list a line on standard input, the script's name and its arguments; a
JSON list a line on standard output, its exit code and what it said. To start Python is most of what a small comparison costs.
"""

import contextlib
import importlib
import io
import json
import sys
import traceback


def run(script: str, arguments: list[str]) -> tuple[int, str]:
    said = io.StringIO()
    sys.argv = [script, *arguments]
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            code = importlib.import_module(script.removesuffix(".py")).main() or 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
            said.write("" if isinstance(end.code, int) or end.code is None else str(end.code))
        except Exception:
            code = 1
            traceback.print_exc(file=said)
    return code, said.getvalue()


if __name__ == "__main__":
    for line in sys.stdin:
        script, *arguments = json.loads(line)
        print(json.dumps(run(script, arguments)))
