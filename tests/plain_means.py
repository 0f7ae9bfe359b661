"""Means and deviations of gates by NumPy's own formulas, over explanations that all fit into memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from cbam_core.results.explanation import Block, Explanation, own_copy
from cbam_core.results.means import GateMeans


def means_of(explanations: Sequence[Explanation]) -> GateMeans:
    """Mean and standard deviation of every gate over at least one explanation of one network."""
    return GateMeans(
        count=len(explanations),
        blocks=_over(explanations, np.mean),
        deviation=_over(explanations, np.std),
        classes=explanations[0].classes,
        probabilities=own_copy(np.stack([one.probabilities for one in explanations]).astype(np.float64).mean(axis=0)),
        predicted=tuple(one.predicted for one in explanations),
    )


def _over(explanations: Sequence[Explanation], measure: Callable[..., np.ndarray]) -> tuple[Block, ...]:
    """Blocks whose gates are a measure over all explanations, taken cell by cell."""
    blocks = []
    for at, block in enumerate(explanations[0].blocks):
        columns = zip(*([gate.values for gate in one.blocks[at].gates] for one in explanations), strict=True)
        gates = tuple(
            replace(gate, values=own_copy(measure(column, axis=0, dtype=np.float64)))
            for gate, column in zip(block.gates, columns, strict=True)
        )
        blocks.append(replace(block, gates=gates))
    return tuple(blocks)
