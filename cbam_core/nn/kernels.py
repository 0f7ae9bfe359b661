"""What a network's spatial attention has learnt: the kernel of every block, as plain numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32
from torch import nn

from cbam_core.nn.cbam import SpatialAttention


@dataclass(frozen=True, eq=False)
class SpatialKernel:
    """The convolution of one `SpatialAttention`; its sigmoid is the spatial mask.

    Attributes:
        block: the block that it belongs to, such as ``"cbam1"``.
        planes: weights (2, k, k) over the mean (first) and the maximum (second) of the channels.
    """

    block: str
    planes: Float32[np.ndarray, "2 k k"]


def spatial_kernels(model: nn.Module) -> tuple[SpatialKernel, ...]:
    """The kernels of all spatial attention, copied, in the network's order; none where there is none."""
    found = []
    for name, module in model.named_modules():
        if isinstance(module, SpatialAttention):
            weights = module.conv.weight.detach().float().cpu().numpy()[0].copy()  # (1, 2, k, k) -> (2, k, k)
            found.append(SpatialKernel(name.rpartition(".")[0] or name, weights))
    return tuple(found)
