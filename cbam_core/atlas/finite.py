"""Which images have finite values: one without is left out of answers about that gate, as unreadable ones are of all.

A value that is finite in no image at all, such as one beyond what float16 holds, leaves no image out of the means of
its gate: it is NaN itself there, and the others are as they would be without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Int64

from cbam_core.atlas.gate import AtlasGate
from cbam_core.atlas.rows import in_parts

if TYPE_CHECKING:
    from cbam_core.atlas.atlas import Atlas

Mask = Bool[np.ndarray, " n"]


def is_finite(atlas: Atlas, gate: AtlasGate) -> bool:
    """Check that all values of a gate are finite in every image that was read."""
    return _found(atlas, gate) is None


def not_finite(atlas: Atlas, gate: AtlasGate) -> Int64[np.ndarray, " k"]:
    """Return the images that were read, and in which a value of a gate is NaN or infinite."""
    found = _found(atlas, gate)
    images: Int64[np.ndarray, " k"] = np.flatnonzero(atlas.ok & ~found[1] if found else np.zeros(0, bool))
    return images


def with_values(atlas: Atlas, gate: AtlasGate, images: Int64[np.ndarray, " m"]) -> Int64[np.ndarray, " k"]:
    """Return those of some images in which the values of a gate are finite; see the module for what that means."""
    found = _found(atlas, gate)
    return images if found is None else images[found[0][images]]


def comparable(atlas: Atlas, gates: Sequence[AtlasGate] | None = None) -> Mask:
    """Return which images were read, and have a distance to others: every value of the gates is finite.

    Args:
        atlas: the atlas.
        gates: the gates; None for all.
    """
    if gates is None:
        return atlas.remembered("comparable", lambda: comparable(atlas, atlas.gates))
    chosen = atlas.ok
    for gate in gates:
        found = _found(atlas, gate)
        chosen = chosen if found is None else chosen & found[1]
    return chosen


def _found(atlas: Atlas, gate: AtlasGate) -> tuple[Mask, Mask] | None:
    return atlas.remembered(f"finite {gate.name}", lambda: _look(atlas, gate))


def _look(atlas: Atlas, gate: AtlasGate) -> tuple[Mask, Mask] | None:
    """Find the images whose values are finite but for those that never are, and those with finite values alone."""
    tables = atlas.contents.tables
    if tables is not None and len(tables.groups.total) and np.isfinite(tables.groups.total[:, gate.columns]).all():
        return None
    images = np.flatnonzero(atlas.ok)
    ever, whole = np.zeros(gate.size, bool), np.zeros(len(atlas), bool)
    for part, rows in in_parts(atlas, gate.columns, images):
        finite = np.isfinite(rows)
        ever |= finite.any(axis=0)
        whole[images[part]] = finite.all(axis=1)
    if whole[images].all():
        return None
    usable = np.zeros(len(atlas), bool)
    for part, rows in in_parts(atlas, gate.columns, images):
        usable[images[part]] = (np.isfinite(rows) | ~ever).all(axis=1) & ever.any()
    return usable, whole
