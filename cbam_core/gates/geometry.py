"""Locating every block's map on the network's input, by following the geometry of one forward."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from cbam_core.gates.finders import find_sites
from cbam_core.gates.sites import Site
from cbam_core.gates.watcher import FeatureWatcher
from cbam_core.nn.registry import input_channels
from cbam_core.results.placement import Pair, Placement


def place(model: nn.Module, input_size: tuple[int, int]) -> dict[str, Placement]:
    """Locate the cells of every block's maps on the input.

    Runs one forward of a black image in this thread. Convolutions, pooling, padding and interpolation change the grid;
    any other operation that keeps the map's size keeps the grid; where branches join, the first one counts.

    Args:
        model: a network in eval mode.
        input_size: (width, height) in pixels.

    Returns:
        The placement of each block by its name; blocks whose map could not be followed from the input are left out.

    Raises:
        CaptureError: the model is compiled, scripted or exported.
        ModelError: the model does not accept this size.
    """
    parameter = next(model.parameters(), torch.empty(0))
    shape = (1, input_channels(model), input_size[1], input_size[0])
    image = torch.zeros(shape, device=parameter.device, dtype=parameter.dtype)
    grids = _Grids()
    grids.put(image, Placement((0.0, 0.0), (1.0, 1.0)))
    found: dict[str, Placement] = {}

    def record(site: Site, features: Tensor) -> None:
        grid = grids.get(features)
        if grid is not None:
            found.setdefault(site.block, grid)

    with FeatureWatcher(model, find_sites(model), entering=record, mode=grids), torch.no_grad():
        model(image)
    return found


class _Grids(TorchFunctionMode):
    """Grid of every tensor of the forward that runs inside; torch applies such a mode to its own thread only."""

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[int, tuple[Tensor, Placement]] = {}  # keeping the tensor keeps its id unique

    def put(self, tensor: Tensor, grid: Placement) -> None:
        self._known[id(tensor)] = (tensor, grid)

    def get(self, tensor: Tensor) -> Placement | None:
        known = self._known.get(id(tensor))
        return known[1] if known else None

    def __torch_function__(
        self, func: Any, _types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        result = func(*args, **kwargs)
        sources = [t for t in _tensors((*args, *kwargs.values())) if id(t) in self._known]
        if not sources:
            return result
        for output in _tensors([result]):
            if output.ndim == 4 and id(output) not in self._known:
                grid = self._after(func, args, kwargs, sources, output)
                if grid is not None:
                    self.put(output, grid)
        return result

    def _after(
        self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], sources: list[Tensor], output: Tensor
    ) -> Placement | None:
        rule = _RULES.get(getattr(func, "__name__", ""))
        if rule is not None:
            return self._known[id(sources[0])][1].after(*rule(args, kwargs, sources[0], output))
        source = next((t for t in sources if t.shape[2:] == output.shape[2:]), None)
        return None if source is None else self._known[id(source)][1]


def _tensors(values: Any) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from _tensors(value)


Step = tuple[Pair, Pair, Pair]
"""Window, stride and padding of a layer, as `Placement.after` takes them."""


def _pair(value: Any) -> Pair:
    if isinstance(value, int):
        return float(value), float(value)
    return float(value[0]), float(value[-1])


def _argument(args: tuple[Any, ...], kwargs: dict[str, Any], position: int, name: str, default: Any) -> Any:
    value = args[position] if len(args) > position else kwargs.get(name)
    return default if value is None else value


def _convolution(args: tuple[Any, ...], kwargs: dict[str, Any], _source: Tensor, _output: Tensor) -> Step:
    weight: Tensor = _argument(args, kwargs, 1, "weight", None)
    stride = _pair(_argument(args, kwargs, 3, "stride", 1))
    padding = _argument(args, kwargs, 4, "padding", 0)
    dilation = _pair(_argument(args, kwargs, 5, "dilation", 1))
    window = (dilation[0] * (weight.shape[2] - 1) + 1, dilation[1] * (weight.shape[3] - 1) + 1)
    if padding == "same":
        padding = ((window[0] - 1) // 2, (window[1] - 1) // 2)
    elif padding == "valid":
        padding = 0
    return window, stride, _pair(padding)


def _mean_pooling(args: tuple[Any, ...], kwargs: dict[str, Any], _source: Tensor, _output: Tensor) -> Step:
    window = _pair(_argument(args, kwargs, 1, "kernel_size", 1))
    stride = _argument(args, kwargs, 2, "stride", None)
    return window, _pair(stride) if stride else window, _pair(_argument(args, kwargs, 3, "padding", 0))


def _max_pooling(args: tuple[Any, ...], kwargs: dict[str, Any], source: Tensor, output: Tensor) -> Step:
    window, stride, padding = _mean_pooling(args, kwargs, source, output)
    dilation = _pair(_argument(args, kwargs, 4, "dilation", 1))
    return (dilation[0] * (window[0] - 1) + 1, dilation[1] * (window[1] - 1) + 1), stride, padding


def _share(source: Tensor, output: Tensor) -> Pair:
    return source.shape[2] / output.shape[2], source.shape[3] / output.shape[3]


def _adaptive_pooling(_args: tuple[Any, ...], _kwargs: dict[str, Any], source: Tensor, output: Tensor) -> Step:
    """Treat each output cell as an equal share of the input."""
    share = _share(source, output)
    return share, share, (0.0, 0.0)


def _interpolation(args: tuple[Any, ...], kwargs: dict[str, Any], source: Tensor, output: Tensor) -> Step:
    """Treat as adaptive pooling, except for modes that start in the middle of the first cell."""
    share = _share(source, output)
    if _argument(args, kwargs, 4, "align_corners", default=False) and min(output.shape[2:]) > 1:
        ends = [(size - 1) / (new - 1) for size, new in zip(source.shape[2:], output.shape[2:], strict=True)]
        return (1.0, 1.0), (ends[0], ends[1]), (0.0, 0.0)
    if _argument(args, kwargs, 3, "mode", "nearest") == "nearest":  # takes the first cell of each group
        return (min(share[0], 1.0), min(share[1], 1.0)), share, (0.0, 0.0)
    return share, share, (0.0, 0.0)


def _padding(args: tuple[Any, ...], kwargs: dict[str, Any], _source: Tensor, _output: Tensor) -> Step:
    left, _, *rest = _argument(args, kwargs, 1, "pad", (0, 0))
    return (1.0, 1.0), (1.0, 1.0), (float(rest[0]) if rest else 0.0, float(left))


_RULES: dict[str, Callable[[tuple[Any, ...], dict[str, Any], Tensor, Tensor], Step]] = {
    "conv2d": _convolution,
    "max_pool2d": _max_pooling,
    "max_pool2d_with_indices": _max_pooling,
    "avg_pool2d": _mean_pooling,
    "adaptive_avg_pool2d": _adaptive_pooling,
    "adaptive_max_pool2d": _adaptive_pooling,
    "interpolate": _interpolation,
    "pad": _padding,
}
