"""Thumbnails to choose from, as plain values: what each one is, and all of them as one image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Tile:
    """One thumbnail.

    Attributes:
        index: what choosing it returns.
        label: its name for screen readers and as a tool tip.
        class_: what the filter goes by.
    """

    index: int
    label: str
    class_: str


def lay_out_tiles(tiles: Sequence[np.ndarray], columns: int) -> np.ndarray:
    """Thumbnails of one size as one image, uint8 RGB (rows * H, columns * W, 3); what stays empty is black.

    Args:
        tiles: uint8 RGB (H, W, 3) each.
        columns: in a row.
    """
    height, width = tiles[0].shape[:2]
    rows = -(-len(tiles) // columns)
    sheet = np.zeros((rows * columns, height, width, 3), np.uint8)
    sheet[: len(tiles)] = np.stack(tiles)
    return sheet.reshape(rows, columns, height, width, 3).swapaxes(1, 2).reshape(rows * height, columns * width, 3)
