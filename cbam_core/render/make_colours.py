"""Write `colours.json`, the colour tables that Python and the browser share.

    python -m cbam_core.render.make_colours

The tables are kept as data, so that nothing has to wait for matplotlib to draw a picture. They are:

- viridis, magma: Nathaniel Smith and Stéfan van der Walt, 2015, for matplotlib; released under CC0.
- cividis: J. R. Nuñez, C. R. Anderton, R. S. Renslow, *Optimizing colormaps with consideration for color
  vision deficiency to enable accurate interpretation of scientific data*, PLoS ONE 13(7), 2018.
- greys: black to white in equal sRGB steps.

All four rise in lightness from end to end, so they survive colour-blindness and a black-and-white print.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

SOURCES = {"viridis": "viridis", "magma": "magma", "cividis": "cividis", "greys": "gray"}
"""Our name of each table, and matplotlib's."""


def main() -> None:
    """Write the file beside this script."""
    from matplotlib import colormaps

    tables = {}
    for name, theirs in SOURCES.items():
        rgb = np.asarray(colormaps[theirs](np.arange(256), bytes=True))[:, :3]
        tables[name] = rgb.astype(np.uint8).tobytes().hex()
    content = {
        "about": "256 RGB colours each, two hexadecimal digits a value; written by make_colours.py",
        "authors": {
            "viridis": "N. Smith, S. van der Walt, 2015 (CC0)",
            "magma": "N. Smith, S. van der Walt, 2015 (CC0)",
            "cividis": "J. R. Nuñez, C. R. Anderton, R. S. Renslow, 2018, doi 10.1371/journal.pone.0199239",
            "greys": "equal steps of sRGB",
        },
        "tables": tables,
    }
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    Path(__file__).with_name("colours.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
