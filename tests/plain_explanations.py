"""Explanations from plain numbers, with usual gates, for tests of figures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cbam_core.results.explanation import Block, Explanation, Gate
from cbam_core.results.frame import Frame
from cbam_core.results.kinds import Kind
from cbam_core.results.placement import Placement
from cbam_core.results.usual import Shares, UsualGate

Sizes = Sequence[tuple[str, int, int]]
"""Names of blocks, their channels, and cells along each side of their masks."""

TWO: Sizes = (("cbam1", 8, 8), ("cbam2", 16, 4))


def usual_of(name: str, kind: Kind, mean: np.ndarray) -> UsualGate:
    """Return usual values with this mean."""
    return UsualGate(name, kind, 1, mean, np.full_like(mean, 0.1), 0.02, Shares(0.2, 0.3, 0.5), 1000, "photos")


def block_with(name: str, channels: int, cells: int, rng: np.random.Generator, *, usual: bool = True) -> Block:
    """Make a CBAM block of seeded random values on an input of 32 pixels."""
    gates = []
    for kind, shape in (("channel", (channels,)), ("spatial", (cells, cells))):
        values, mean = rng.random((2, *shape), dtype=np.float32)
        full = f"{name}.{kind}"
        known = usual_of(full, kind, mean) if usual else None  # type: ignore[arg-type]
        gates.append(Gate(full, kind, 1, values, known))  # type: ignore[arg-type]
    step = 32 / cells
    return Block(name, tuple(gates), Placement(((step - 1) / 2,) * 2, (step, step)))


def explained(sizes: Sizes = TWO, *, seed: int = 0, usual: bool = True) -> Explanation:
    """Make an explanation of seeded random values: a frog with 70 %."""
    rng = np.random.default_rng(seed)
    return Explanation(
        classes=("cat", "dog", "frog"),
        probabilities=np.array([0.2, 0.1, 0.7], np.float32),
        input_image=rng.integers(0, 256, (32, 32, 3), dtype=np.uint8),
        frame=Frame((160, 120), (32, 32), (20.0, 0.0, 140.0, 120.0)),
        fit="crop",
        notes=(),
        blocks=tuple(block_with(*size, rng, usual=usual) for size in sizes),
        image_digest="ab" * 32,
        checkpoint="net",
        checkpoint_digest="cd" * 32,
    )
