"""Writes the README's table from the sessions' own words: `python3 lab/readme.py`."""

from pathlib import Path

from sessions import SESSIONS

FOLDER = Path(__file__).resolve().parent.parent
MARK = "| --- | --- |\n"

if __name__ == "__main__":
    readme = FOLDER / "README.md"
    head, _, _ = readme.read_text().partition(MARK)
    rows = "".join(f"| `{name}.pcap` | {' '.join(session.__doc__.split())} |\n" for name, session in SESSIONS.items())
    readme.write_text(head + MARK + rows)
