"""Writes the README's table from the sessions' own words: `python3 lab/readme.py`."""

from pathlib import Path

from sessions import KNOWN_GAPS, SESSIONS

FOLDER = Path(__file__).resolve().parent.parent
MARK = "| --- | --- |\n"

if __name__ == "__main__":
    readme = FOLDER / "README.md"
    head, _, _ = readme.read_text().partition(MARK)
    rows = "".join(f"| `{'known-gaps/' * (name in KNOWN_GAPS)}{name}.pcap` | {' '.join(session.__doc__.split())} |\n" for name, session in SESSIONS.items())
    readme.write_text(head + MARK + rows)
