#!/usr/bin/env python3
"""The expectations of the captures in the tree: `expect.py` writes them, `expect.py --check` says which differ from what the oracle reads."""

import json
import sys
from pathlib import Path

from smtp import smtp

CAPTURES = Path(__file__).resolve().parent.parent / "captures"


def text(capture: Path) -> str:
    return "[\n" + ",\n".join(json.dumps(line, ensure_ascii=False) for line in smtp(str(capture))) + "\n]\n"


def main() -> int:
    worst = 0
    for capture in sorted(CAPTURES.glob("*.pcap")):
        expected = CAPTURES / "expected" / f"{capture.stem}.json"
        if "--check" not in sys.argv:
            expected.parent.mkdir(exist_ok=True)
            expected.write_text(text(capture))
        elif not expected.exists() or expected.read_text() != text(capture):
            print(f"{expected.name}: not what the oracle reads from {capture.name}")
            worst = 1
    return worst


if __name__ == "__main__":
    sys.exit(main())
