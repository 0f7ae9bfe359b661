"""Draws the contact sheets of ``docs/readings.md``: bundled images in the three readings of their masks.

``python docs/make_readings.py`` writes ``docs/pictures/readings.png``, of both networks that ship. With ``--all
FOLDER`` it also writes one sheet for each network, of twenty images and all blocks.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import numpy as np
from PIL import Image, ImageDraw

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from cbam_core import explain, load_classifier  # noqa: E402
from cbam_core.data.samples import sample_sheet  # noqa: E402
from cbam_core.network import Classifier  # noqa: E402
from cbam_core.render.lettering import lettering  # noqa: E402
from cbam_core.render.overlay import cells_on_input, overlay  # noqa: E402
from cbam_core.results.explanation import Block  # noqa: E402
from cbam_core.results.look import Look, Reading  # noqa: E402

NETWORKS = ("cbam_cnn_cifar10", "cbam_resnet_cifar10")
EVERY_FIFTH = range(2, 100, 5)
"""Indices of twenty bundled images, two of each class."""
SHOWN = (2, 17, 31, 52, 67, 77)
"""Those of the sheet in the documents."""
BLOCKS = {"cbam_cnn_cifar10": (0, 1, 2), "cbam_resnet_cifar10": (1, 2, 4)}
"""Blocks of the sheet in the documents."""
NAMES = {"values": "as they are", "relative": "relative", "usual": "against usual"}
SIDE, GAP, HEAD = 64, 4, 46
TEXT, PAGE = "#1b2a30", "#ffffff"


def drawn(image: np.ndarray, block: Block, reading: Reading) -> Image.Image:
    """A block's mask over the image."""
    gate = block.gate("spatial")
    assert gate is not None
    assert block.placement is not None
    values = gate.read(reading)
    assert values is not None
    picture = overlay(image, values, cells_on_input(block.placement), Look(reading=reading, opacity=0.6), zoom=2)
    return Image.fromarray(picture)


def sheet(classifier: Classifier, indices: Sequence[int], blocks: Sequence[int] | None = None) -> Image.Image:
    """Images in rows; for each reading the chosen blocks in columns, all blocks by default."""
    explained = [explain(classifier, sample_sheet().images[index]) for index in indices]
    blocks = range(len(explained[0].blocks)) if blocks is None else blocks
    readings: tuple[Reading, ...] = get_args(Reading)
    group = len(blocks) * (SIDE + GAP) + 4 * GAP
    page = Image.new("RGB", (SIDE + 4 * GAP + len(readings) * group, HEAD + len(indices) * (SIDE + GAP)), PAGE)
    draw, text = ImageDraw.Draw(page), lettering(NAMES.values())
    for which, reading in enumerate(readings):
        left = SIDE + 4 * GAP + which * group
        text.write(draw, (left, 18), NAMES[reading], 15, colour=TEXT, heavy=True)
        for column, number in enumerate(blocks):
            text.write(
                draw,
                (left + column * (SIDE + GAP), 38),
                explained[0].blocks[number].name.removesuffix(".cbam"),
                12,
                colour=TEXT,
            )
            for row, one in enumerate(explained):
                at = left + column * (SIDE + GAP), HEAD + row * (SIDE + GAP)
                page.paste(drawn(one.input_image, one.blocks[number], reading), at)
    for row, one in enumerate(explained):
        small = Image.fromarray(np.asarray(one.input_image)).resize((SIDE, SIDE), Image.Resampling.NEAREST)
        page.paste(small, (0, HEAD + row * (SIDE + GAP)))
    return page


def main(every: Path | None) -> None:
    """Draw the sheets."""
    networks = {name: load_classifier(name) for name in NETWORKS}
    parts = [sheet(network, SHOWN, BLOCKS[name]) for name, network in networks.items()]
    page = Image.new("RGB", (parts[0].width, sum(part.height + 2 * GAP for part in parts)), PAGE)
    below = 0
    for part in parts:
        page.paste(part, (0, below))
        below += part.height + 2 * GAP
    page.save(ROOT / "docs" / "pictures" / "readings.png", optimize=True)
    for name, network in networks.items() if every else ():
        sheet(network, EVERY_FIFTH).save(every / f"{name}.png")


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--all", type=Path, help="folder of the sheets of all blocks")
    main(asked.parse_args().all)
