"""Where cells of a map really look, measured by gradients at random inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

GATES = ("sigmoid", "sigmoid_", "hardsigmoid")
"""Functions whose results are held: gates are factors here, and no way to the image."""

AT_ONCE = 5
"""Random inputs in one batch."""


class Held(TorchFunctionMode):
    """Lets no gradient through gates."""

    def __torch_function__(
        self, func: Any, _types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        return result.detach() if getattr(func, "__name__", "") in GATES else result


class _ReachedError(Exception):
    """The last map that is wanted has been computed."""


def middle_cells(
    model: nn.Module, layers: Sequence[str], size: int, inputs: int
) -> dict[str, tuple[tuple[int, int], tuple[float, float]]]:
    """Measure the centre of the middle cell of each layer's map: the mean place of the gradient's magnitude.

    Args:
        model: network for RGB images, in eval mode.
        layers: paths of modules that return maps (B, C, H, W), in order of execution.
        size: width and height of the input in pixels, large enough for the field of the cell.
        inputs: number of random inputs.

    Returns:
        The cell (row, column) and its centre (row, column) in pixel-centre units, by layer.
    """
    generator = torch.Generator().manual_seed(0)
    kept: dict[str, Tensor] = {}
    handles = [
        model.get_submodule(name).register_forward_hook(partial(_keep, kept, name, name == layers[-1]))
        for name in layers
    ]
    masses = {name: torch.zeros(size, size, dtype=torch.float64) for name in layers}
    try:
        for start in range(0, inputs, AT_ONCE):
            images = torch.randn(min(AT_ONCE, inputs - start), 3, size, size, generator=generator).requires_grad_()
            try:
                with Held():
                    model(images)
            except _ReachedError:
                pass
            for name in layers:
                masses[name] += _influence(kept[name], images, generator)
    finally:
        for handle in handles:
            handle.remove()
    return {name: (_middle(kept[name]), _centre(masses[name])) for name in layers}


def _keep(kept: dict[str, Tensor], name: str, last: bool, _module: nn.Module, _inputs: Any, output: Tensor) -> None:
    kept[name] = output
    if last:
        raise _ReachedError


def _middle(features: Tensor) -> tuple[int, int]:
    return features.shape[2] // 2, features.shape[3] // 2


def _influence(features: Tensor, images: Tensor, generator: torch.Generator) -> Tensor:
    """Sum the magnitude of the gradient of the middle cell at each pixel (H, W), in a random mixture of channels."""
    row, column = _middle(features)
    mixture = torch.randn(features.shape[1], generator=generator)
    (gradient,) = torch.autograd.grad((features[:, :, row, column] * mixture).sum(), images, retain_graph=True)
    return gradient.double().abs().sum((0, 1))


def _centre(mass: Tensor) -> tuple[float, float]:
    places = torch.arange(len(mass), dtype=torch.float64)
    return float(mass.sum(1) @ places / mass.sum()), float(mass.sum(0) @ places / mass.sum())
