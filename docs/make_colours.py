"""Add a colour table to `cbam_core/results/colours.json`, the one list for library, command line, pages and browser.

    python docs/make_colours.py NAME MATPLOTLIB AUTHOR

``NAME`` is ours, ``MATPLOTLIB`` the colour map that it is copied from, ``AUTHOR`` says whose it is and under which
licence. A table of that name is replaced. The tables are kept as data, so that nothing has to wait for matplotlib to
draw a picture. The lightness of a table must rise from end to end, which the tests check: then it survives
colour-blindness and a black-and-white print.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

TABLES = Path(__file__).resolve().parents[1] / "cbam_core" / "results" / "colours.json"


def main(name: str, matplotlib_name: str, author: str) -> None:
    """Write the file with one table more."""
    from matplotlib import colormaps

    rgb = np.asarray(colormaps[matplotlib_name](np.arange(256), bytes=True))[:, :3].astype(np.uint8)
    row = {"name": name, "matplotlib": matplotlib_name, "author": author, "rgb": rgb.tobytes().hex()}
    content = json.loads(TABLES.read_text(encoding="utf-8"))
    rows = {row["name"]: row for row in content["tables"]} | {name: row}
    text = json.dumps({**content, "tables": [*rows.values()]}, indent=1, ensure_ascii=False) + "\n"
    TABLES.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
