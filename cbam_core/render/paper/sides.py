"""The two sides of a comparison: explanations of one image each, or means over images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

from cbam_core.render.paper.gates import Ground, ground_of
from cbam_core.render.paper.header import Seen
from cbam_core.render.paper.single import seen_of
from cbam_core.results.explanation import Explanation
from cbam_core.results.means import GateMeans


@dataclass(frozen=True, eq=False)
class Side:
    """One side of a comparison.

    Attributes:
        label: short name, such as ``"A"``.
        seen: what the network saw and said.
        ground: picture under the masks.
        input_size: (width, height) of the network's input.
    """

    label: str
    seen: Seen
    ground: Ground
    input_size: tuple[int, int]


def side_of(
    explanation: Explanation,
    label: str,
    *,
    truth: str | None = None,
    original: UInt8[np.ndarray, "h w 3"] | None = None,
) -> Side:
    """Take one side from an explanation.

    Raises:
        ImageError: `original` is not the image that was explained.
    """
    height, width = explanation.input_image.shape[:2]
    return Side(label, seen_of(explanation, truth), ground_of(explanation, original), (width, height))


def side_of_means(means: GateMeans, label: str, network: str, input_size: tuple[int, int]) -> Side:
    """Take one side from means over images, whose masks stand alone."""
    seen = Seen(network, None, means.classes, means.probabilities, count=means.count)
    return Side(label, seen, Ground(np.zeros((*input_size[::-1], 3), np.uint8)), input_size)
