"""Mean masks: where a block looks on average, in a slice and in all images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float32, Float64, Int64

from cbam_core.atlas.answers import MeanMask
from cbam_core.atlas.cube import cells_of
from cbam_core.atlas.finite import is_finite, with_values
from cbam_core.atlas.gate import AtlasGate
from cbam_core.atlas.rows import in_parts
from cbam_core.atlas.slices import Where
from cbam_core.errors import AtlasError

if TYPE_CHECKING:
    from cbam_core.atlas.atlas import Atlas

Summed = tuple[Float64[np.ndarray, "h w"], Float64[np.ndarray, "h w"], int]


def mask(atlas: Atlas, block: str, where: Where) -> MeanMask:
    """Return the mean mask of a block or gate; see `Atlas.mask`."""
    gate = gate_with_positions(atlas, block)
    usual = atlas.remembered(f"mask {gate.name}", lambda: _mean_and_deviation(atlas, gate, None))
    found = usual if where is None else _mean_and_deviation(atlas, gate, where)
    left_out = 0 if is_finite(atlas, gate) else len(atlas.select(where)) - found[2]
    return MeanMask(gate.name, *found, *usual, gate.placement, left_out)


def gate_with_positions(atlas: Atlas, block: str) -> AtlasGate:
    """Return the first gate of a block that differs along rows or columns.

    Raises:
        AtlasError: there is no such block or gate, or none with rows or columns.
    """
    for gate in atlas.gates_of(block):
        if {"H", "W"} & set(gate.axes):
            return gate
    raise AtlasError(
        "atlas.no-mask",
        "{block} has no gate with rows and columns; those with are {gates}",
        block=block,
        gates=", ".join(gate.name for gate in atlas.gates if {"H", "W"} & set(gate.axes)) or "none of this atlas",
    )


def masks_of(gate: AtlasGate, values: Float32[np.ndarray, "n c"]) -> Float64[np.ndarray, "n h w"]:
    """Return the mask of each image: the mean over the channels, if the gate has any.

    Args:
        gate: a gate with rows or columns.
        values: its values, one row for each image.
    """
    shaped = values.astype(np.float64).reshape(len(values), *gate.shape)
    if "C" in gate.axes:
        shaped = shaped.mean(axis=1)
    if "W" not in gate.axes:
        return shaped[:, :, None]
    return shaped if "H" in gate.axes else shaped[:, None, :]


def _mean_and_deviation(atlas: Atlas, gate: AtlasGate, where: Where) -> Summed:
    cells = cells_of(atlas, where) if gate.kind == "spatial" and is_finite(atlas, gate) else None
    if cells is None:
        sums, squares, count = _sums(atlas, gate, with_values(atlas, gate, atlas.select(where)))
    else:
        sums, squares = (part[:, gate.columns].sum(axis=0).reshape(gate.shape) for part in (cells.total, cells.squares))
        count = int(cells.described.weights.sum())
    with np.errstate(invalid="ignore"):
        mean = sums / np.float64(count)
        variance = squares / np.float64(count) - mean * mean
    return mean, np.sqrt(np.maximum(variance, 0.0)), count


def _sums(atlas: Atlas, gate: AtlasGate, images: Int64[np.ndarray, " m"]) -> Summed:
    sums = squares = masks_of(gate, np.zeros((1, gate.size), np.float32))[0]
    finite = is_finite(atlas, gate)
    for _, rows in in_parts(atlas, gate.columns, images):
        part = masks_of(gate, rows if finite else np.where(np.isfinite(rows), rows, np.float32(np.nan)))
        sums = sums + part.sum(axis=0)
        squares = squares + (part * part).sum(axis=0)
    return sums, squares, len(images)
