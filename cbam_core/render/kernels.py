"""Drawing kernels: range of the colours, readable text on them, and a description for screen readers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from jaxtyping import Float, Float32

DARK_INK, LIGHT_INK = "#000000", "#ffffff"
"""Text colours; softer ones would not be readable on orange and blue."""

WORDS: Mapping[str, str] = {
    "kernel": "Spatial kernel of {block}, {size}×{size}. Over the mean of the channels: weights from {mean_low:+.4f} "
    "to {mean_high:+.4f}; over their maximum: from {max_low:+.4f} to {max_high:+.4f}.",
}
"""Words of a description; pass a translation with the same keys."""


def reach(kernels: Iterable[Float[np.ndarray, "*shape"]]) -> float:
    """Return the largest absolute weight, the end of a scale for all of them; 0.0 for none."""
    ends = [float(np.abs(known).max()) for kernel in kernels if (known := kernel[np.isfinite(kernel)]).size]
    return max(ends, default=0.0)


def ink_on(rgb: tuple[int, int, int]) -> str:
    """Return the text colour with the higher contrast on a background, as WCAG 2 defines it."""
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in np.array(rgb) / 255]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return DARK_INK if luminance > 0.179 else LIGHT_INK


def describe_kernel(block: str, planes: Float32[np.ndarray, "2 k k"], *, words: Mapping[str, str] = WORDS) -> str:
    """Describe a block's kernel in one sentence.

    Args:
        block: name of the block.
        planes: weights over mean and maximum.
        words: words with the template of the sentence.
    """
    mean, largest = planes
    return words["kernel"].format(
        block=block,
        size=planes.shape[-1],
        mean_low=float(mean.min()),
        mean_high=float(mean.max()),
        max_low=float(largest.min()),
        max_high=float(largest.max()),
    )
