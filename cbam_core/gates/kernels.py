"""Kernels of a network's spatial attention, as NumPy arrays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32
from torch import Tensor, nn

from cbam_core.gates.audit.foreign import foreign_slices
from cbam_core.gates.audit.reading import read
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


def spatial_kernels(model: nn.Module, input_size: tuple[int, int] | None = None) -> tuple[SpatialKernel, ...]:
    """Copy the kernels of all spatial gates that use mean and maximum; empty where there are none.

    Args:
        model: the network.
        input_size: (width, height) of its input in pixels, for gates that only a forward shows; None for those of this
            library's own modules alone.

    Raises:
        CaptureError: the model is compiled, scripted or exported.
    """
    own = tuple(
        SpatialKernel(site.block, _copied(layer.weight[0]))  # (1, 2, k, k) -> (2, k, k)
        for site in find_sites(model)
        if site.kind == "spatial"
        for layer in site.gated.modules()
        if isinstance(layer, nn.Conv2d) and layer.weight.shape[:2] == (1, 2)
    )
    return own if input_size is None else (*own, *_foreign_kernels(model, input_size))


def _foreign_kernels(model: nn.Module, input_size: tuple[int, int]) -> Iterator[SpatialKernel]:
    for cut in foreign_slices(model, input_size):
        reading = read(cut)
        if cut.site.kind == "spatial" and len(reading.layers) == 1 and set(reading.planes) == {"mean", "max"}:
            weight = reading.layers[0].weight
            if weight.shape[:2] == (1, 2) and weight.ndim == 4 and weight.shape[2] == weight.shape[3]:
                ordered = weight[0] if reading.planes == ("mean", "max") else weight[0].flip(0)
                yield SpatialKernel(cut.site.block, _copied(ordered))


def _copied(planes: Tensor) -> Float32[np.ndarray, "2 k k"]:
    array: np.ndarray = planes.detach().float().cpu().numpy().copy()
    return array
