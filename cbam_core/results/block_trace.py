"""What a block of CBAM does with a feature map, step by step, in the maps and numbers of one image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from cbam_core.results.placement import Placement


@dataclass(frozen=True, eq=False)
class BlockTrace:
    """Steps of one block for one image; those of a gate that the block does not have are None.

    Attributes:
        block: name of the block.
        channels: number of channels C.
        features: strength of the feature map that enters (H, W): at each position the root mean square over channels.
        pooled: mean and maximum of each channel over all positions (2, C).
        weights: channel weights (C,).
        planes: mean and maximum over the weighted channels at each position (2, H, W).
        strength: strength of the weighted channels (H, W).
        mask: spatial mask (H, W).
        output: strength of the feature map that leaves (H, W).
        kernel: side of the kernel between planes and mask; None where it is unknown.
        placement: grid of the cells on the input; None where it is unknown.
    """

    block: str
    channels: int
    features: Float32[np.ndarray, "h w"]
    pooled: Float32[np.ndarray, "2 c"] | None
    weights: Float32[np.ndarray, " c"] | None
    planes: Float32[np.ndarray, "2 h w"] | None
    strength: Float32[np.ndarray, "h w"] | None
    mask: Float32[np.ndarray, "h w"] | None
    output: Float32[np.ndarray, "h w"]
    kernel: int | None
    placement: Placement | None

    @property
    def unpadded(self) -> int:
        """Number of positions at which the kernel lies inside the map, and so sees no zeros of the padding."""
        beyond = (self.kernel or 1) - 1
        rows, columns = (max(0, size - beyond) for size in self.features.shape)
        return int(rows * columns)

    @property
    def contrast(self) -> float | None:
        """Correlation, from -1 to 1, of the mask with the strength: below 0, it is low where features are strong.

        None without a mask, or where one of the two is the same everywhere.
        """
        if self.mask is None or self.strength is None:
            return None
        mask, strength = (one.astype(np.float64) - one.mean(dtype=np.float64) for one in (self.mask, self.strength))
        spread = float(np.sqrt((mask**2).sum() * (strength**2).sum()))
        return float((mask * strength).sum()) / spread if spread > 0 else None
