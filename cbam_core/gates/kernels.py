"""Kernels of a network's spatial attention, as NumPy arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32
from torch import nn

from cbam_core.gates.finders import find_sites


@dataclass(frozen=True, eq=False)
class SpatialKernel:
    """Weights of the convolution whose output, after a sigmoid, is a block's spatial mask.

    Attributes:
        block: name of the block, such as ``"cbam1"``.
        planes: weights (2, k, k) over the mean (first) and the maximum (second) of the channels.
    """

    block: str
    planes: Float32[np.ndarray, "2 k k"]


def spatial_kernels(model: nn.Module) -> tuple[SpatialKernel, ...]:
    """Copy the kernels of all spatial gates that use mean and maximum; empty where there are none.

    Raises:
        CaptureError: the model is compiled, scripted or exported.
    """
    return tuple(
        SpatialKernel(site.block, layer.weight.detach().float().cpu().numpy()[0].copy())  # (1, 2, k, k) -> (2, k, k)
        for site in find_sites(model)
        if site.kind == "spatial"
        for layer in site.gated.modules()
        if isinstance(layer, nn.Conv2d) and layer.weight.shape[:2] == (1, 2)
    )
