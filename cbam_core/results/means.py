"""Means of a network's gates over several images, as NumPy arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from cbam_core.results.explanation import Block


@dataclass(frozen=True, eq=False)
class GateMeans:
    """Means of the gates of several explanations of one network.

    Attributes:
        count: number of explanations, n.
        blocks: mean gates.
        deviation: standard deviations over the n explanations, in blocks of the same names and shapes.
        classes: names of the K classes.
        probabilities: mean probabilities, float32 (K,).
        predicted: predicted class of each, n names.
    """

    count: int
    blocks: tuple[Block, ...]
    deviation: tuple[Block, ...]
    classes: tuple[str, ...]
    probabilities: Float32[np.ndarray, " k"]
    predicted: tuple[str, ...]
