"""Pictures that stand above one another in a tile: an image and its mask, or an image before and after a change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int, UInt8

from cbam_core.atlas.masks import masks_of
from cbam_core.render.colours import colourise
from cbam_core.render.overlay import Cells, cells_on_input, upsample
from cbam_core.results.placement import Placement

if TYPE_CHECKING:
    from cbam_core.atlas.atlas import Atlas
    from cbam_core.atlas.gate import AtlasGate

SIDE = 96
"""Pixels of a picture's side about: enough that the cells of a mask have sharp edges."""

FEWEST_CELLS = 6
"""Cells along each side of a mask that shows where it is high."""

FEW_IMAGES = 200
"""Images on which it is measured how much masks vary."""

OPACITY = 0.65
"""Share of a mask's colour over its image."""


def enlarged(pictures: UInt8[np.ndarray, "n s s 3"], side: int = SIDE) -> UInt8[np.ndarray, "n t t 3"]:
    """Small pictures with every pixel as a square of pixels, about so large."""
    zoom = max(1, side // pictures.shape[1])
    return pictures.repeat(zoom, axis=1).repeat(zoom, axis=2)


def above(upper: UInt8[np.ndarray, "n h w 3"], lower: UInt8[np.ndarray, "n h w 3"]) -> UInt8[np.ndarray, "n t w 3"]:
    """Pictures above others of the same width."""
    return np.concatenate([upper, lower], axis=1)


def gates_with_masks(atlas: Atlas, block: str | None) -> list[AtlasGate]:
    """The gates of a block, or of all blocks, that have rows and columns, in order of execution."""
    return [gate for gate in atlas.gates_of(block) if {"H", "W"} <= set(gate.axes)]


def most_varied(atlas: Atlas, gates: Sequence[AtlasGate]) -> AtlasGate:
    """The gate whose masks vary most from image to image, among those that have enough cells to see where.

    Args:
        atlas: the atlas.
        gates: some of its gates, with rows and columns, at least one.
    """
    fine = [gate for gate in gates if min(gate.shape[-2:]) >= FEWEST_CELLS] or gates
    return max(fine, key=lambda gate: _variation(atlas, gate))


def _variation(atlas: Atlas, gate: AtlasGate) -> float:
    """Standard deviation of a mask's cells over a few images, on average, remembered.

    Of masks that need not lie in [0, 1] it is a share of their mean.
    """

    def make() -> float:
        images = atlas.select()
        some = images[np.linspace(0, len(images) - 1, min(len(images), FEW_IMAGES)).astype(np.int64)]
        if not len(some):
            return 0.0
        found = masks(atlas, gate, some)
        scale = 1.0 if gate.squashed else max(1e-6, abs(float(found.mean())))
        return float(found.std(axis=0).mean()) / scale

    return atlas.remembered(f"variation {gate.name}", make)


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
