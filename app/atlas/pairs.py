"""Pictures that stand above one another in a tile: an image and its mask, or an image before and after a change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int, UInt8

from cbam_core.atlas.masks import masks_of
from cbam_core.render.colours import colourise
from cbam_core.render.overlay import Cells, cells_on_input, upsample
from cbam_core.results.placement import Placement

if TYPE_CHECKING:
    from cbam_core.atlas.atlas import Atlas
    from cbam_core.atlas.layout import AtlasGate

SIDE = 96
"""Pixels of a picture's side about: enough that the cells of a mask have sharp edges."""

OPACITY = 0.65
"""Share of a mask's colour over its image."""


def enlarged(pictures: UInt8[np.ndarray, "n s s 3"], side: int = SIDE) -> UInt8[np.ndarray, "n t t 3"]:
    """Small pictures with every pixel as a square of pixels, about so large."""
    zoom = max(1, side // pictures.shape[1])
    return pictures.repeat(zoom, axis=1).repeat(zoom, axis=2)


def above(upper: UInt8[np.ndarray, "n h w 3"], lower: UInt8[np.ndarray, "n h w 3"]) -> UInt8[np.ndarray, "n t w 3"]:
    """Pictures above others of the same width."""
    return np.concatenate([upper, lower], axis=1)


def gate_of_masks(atlas: Atlas, block: str | None) -> AtlasGate | None:
    """The gate whose mask stands for a block, or for all blocks; None where none has rows and columns."""
    return next((gate for gate in atlas.gates_of(block) if {"H", "W"} <= set(gate.axes)), None)


def masks(atlas: Atlas, gate: AtlasGate, images: Int[np.ndarray, " n"]) -> Float[np.ndarray, "n h w"]:
    """Masks of some images; the mean over the channels, if the gate has any."""
    return masks_of(gate, atlas.contents.values[images, gate.columns].astype(np.float32))


def range_of(found: Float[np.ndarray, "n h w"]) -> tuple[float, float]:
    """The least and the greatest value of some masks; 0 to 1 where all are the same."""
    low, high = float(found.min()), float(found.max())
    return (low, high) if high > low else (0.0, 1.0)


def masked(
    pictures: UInt8[np.ndarray, "n s s 3"],
    found: Float[np.ndarray, "n h w"],
    cells: Cells,
    limits: tuple[float, float],
) -> UInt8[np.ndarray, "n s s 3"]:
    """Masks in colours over their images.

    Args:
        pictures: the images.
        found: the masks.
        cells: positions of their cells on the pictures.
        limits: values at the ends of the colours.
    """
    low, high = limits
    size = (pictures.shape[2], pictures.shape[1])
    values = np.stack([upsample(mask, cells, size) for mask in found])
    mixed = (1 - OPACITY) * pictures + OPACITY * colourise((values - low) / (high - low))
    return np.rint(mixed).astype(np.uint8)


def cells_on_picture(gate: AtlasGate, input_size: tuple[int, int], side: int) -> Cells:
    """Positions of a mask's cells on a picture of the network's input.

    Args:
        gate: the mask's gate; where its place is not known, its cells share out the picture.
        input_size: width and height of the input.
        side: width and height of the picture.
    """
    width, height = input_size
    rows, columns = gate.shape[-2:]
    placement = gate.placement or Placement.stretched((rows, columns), (height, width))
    found = cells_on_input(placement)
    across, down = side / width, side / height
    return Cells(x0=found.x0 * across, y0=found.y0 * down, dx=found.dx * across, dy=found.dy * down)


def input_size_of(atlas: Atlas, side: int) -> tuple[int, int]:
    """Width and height of the network's input; those of the thumbnails where the atlas does not say it."""
    width, height = atlas.facts.get("network", {}).get("input_size", (side, side))
    return int(width), int(height)
