"""Rules of layers with windows: convolutions, pooling, padding, interpolation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cbam_core.gates.geometry.calls import Call
from cbam_core.gates.geometry.joins import LARGEST
from cbam_core.gates.geometry.positions import Axis, Positions, lost
from cbam_core.gates.geometry.windows import (
    Window,
    adaptive,
    as_sizes,
    continued,
    cubic,
    linear,
    nearest,
    padded,
    sliding,
    smoothed,
    through_windows,
    transposed,
)


def convolution(call: Call, positions: Positions) -> Positions:
    """Follow a convolution in any number of dimensions."""
    sizes = tuple(call.argument(1, "weight").shape[2:])
    count, shape = len(sizes), call.shape
    stride, dilation = (as_sizes(call.argument(at, name), count) for at, name in ((3, "stride"), (5, "dilation")))
    padding = call.argument(4, "padding", 0)
    if padding == "same":
        padding = tuple(gap * (size - 1) // 2 for gap, size in zip(dilation, sizes, strict=True))
    before = as_sizes(0 if padding == "valid" else padding, count)
    windows = {
        at - count: sliding(shape[at - count], sizes[at], stride[at], before[at], dilation[at]) for at in range(count)
    }
    return through_windows(positions, windows, shape, call.argument(6, "groups", 1))


def transposed_convolution(call: Call, positions: Positions) -> Positions:
    """Follow a transposed convolution in any number of dimensions."""
    sizes = tuple(call.argument(1, "weight").shape[2:])
    count, shape = len(sizes), call.shape
    stride, dilation = (as_sizes(call.argument(at, name), count) for at, name in ((3, "stride"), (7, "dilation")))
    before = as_sizes(call.argument(4, "padding", 0), count)
    windows = {
        at - count: transposed(shape[at - count], sizes[at], stride[at], before[at], dilation[at])
        for at in range(count)
    }
    return through_windows(positions, windows, shape, call.argument(6, "groups", 1))


def _pooling(call: Call, positions: Positions, at: int, *, dilated: bool, padded_too: bool = True) -> Positions:
    """Follow pooling whose window is the argument at a position, with its stride and padding after it."""
    count, shape = int(call.name[call.name.index("d", call.name.index("pool")) - 1]), call.shape
    sizes = as_sizes(call.argument(at, "kernel_size"), count)
    stride = call.argument(at + 1, "stride")
    strides = sizes if stride is None or stride in ((), []) else as_sizes(stride, count)
    before = as_sizes(call.argument(at + 2, "padding", 0) if padded_too else 0, count)
    gaps = as_sizes(call.argument(at + 3, "dilation", 1) if dilated else 1, count)
    windows = {
        one - count: sliding(shape[one - count], sizes[one], strides[one], before[one], gaps[one])
        for one in range(count)
    }
    return through_windows(positions, windows, shape)


def mean_pooling(call: Call, positions: Positions) -> Positions:
    """Follow average pooling."""
    return _pooling(call, positions, 1, dilated=False)


def max_pooling(call: Call, positions: Positions) -> Positions:
    """Follow maximum pooling."""
    return _pooling(call, positions, 1, dilated=True)


def power_pooling(call: Call, positions: Positions) -> Positions:
    """Follow pooling by a norm, whose first argument is the power."""
    return _pooling(call, positions, 2, dilated=False, padded_too=False)


def adaptive_pooling(call: Call, positions: Positions) -> Positions:
    """Follow pooling to a given size."""
    count, shape = int(call.name[call.name.index("pool") + 4]), call.shape
    return through_windows(positions, _shared_out(positions, shape, count), shape)


def _shared_out(positions: Positions, shape: tuple[int, ...], count: int) -> dict[int, Window]:
    return {at: adaptive(shape[at], positions.shape[at]) for at in range(-count, 0)}


def interpolation(call: Call, positions: Positions) -> Positions:
    """Follow interpolation in any of its modes."""
    shape = call.shape
    count = len(shape) - 2
    mode = call.argument(3, "mode", "nearest")
    if mode == "area":
        followed = through_windows(positions, _shared_out(positions, shape, count), shape)
    else:
        factors = _factors(call, count)
        corners = bool(call.argument(4, "align_corners", default=False))
        make = _interpolated(mode, corners, bool(call.argument(6, "antialias", default=False)))
        windows = {
            at: make(shape[at], _scale(positions.shape[at], shape[at], factors[at], corners=corners))
            for at in range(-count, 0)
        }
        followed = through_windows(positions, windows, shape)
    return Positions(shape, followed.axes, positions.gate)


def _factors(call: Call, count: int) -> tuple[float | None, ...]:
    """Return the factor by which each side grows, where torch computes with it rather than with sizes."""
    given = call.argument(2, "scale_factor")
    if given is None or call.argument(5, "recompute_scale_factor", default=False):
        return (None,) * count
    return tuple(given) if isinstance(given, list | tuple) else (float(given),) * count


def _scale(size: int, outputs: int, factor: float | None, *, corners: bool) -> float:
    if corners:
        return (size - 1) / (outputs - 1) if outputs > 1 else 0.0
    return size / outputs if factor is None else 1 / factor


def _interpolated(mode: str, corners: bool, antialias: bool) -> Callable[[int, float], Window]:
    if mode.startswith("nearest"):
        return lambda outputs, scale: nearest(outputs, scale, middle=mode == "nearest-exact")
    if antialias:
        return lambda outputs, scale: smoothed(outputs, scale, 2.0 if mode == "bicubic" else 1.0)
    make = cubic if mode == "bicubic" else linear
    return lambda outputs, scale: make(outputs, scale, corners=corners)


def padding(call: Call, positions: Positions) -> Positions:
    """Follow padding of the last dimensions, and cropping, which is negative padding; what is added goes on outside."""
    pad, shape = list(call.argument(1, "pad")), call.shape
    windows = {-1 - at: padded(shape[-1 - at], int(before)) for at, before in enumerate(pad[::2])}
    followed = through_windows(positions, windows, shape)
    return Positions(shape, followed.axes, positions.gate)


def patches(call: Call, positions: Positions) -> Positions:
    """Follow `unfold` of a map (B, C, H, W) into columns (B, C * taps, places)."""
    if len(positions.shape) != 4:
        return lost(call.shape)
    sizes = as_sizes(call.argument(1, "kernel_size"), 2)
    gaps, before, stride = (
        as_sizes(call.argument(at, name), 2, default)
        for at, name, default in ((2, "dilation", 1), (3, "padding", 0), (4, "stride", 1))
    )
    places = [
        (positions.shape[2 + at] + 2 * before[at] - gaps[at] * (sizes[at] - 1) - 1) // stride[at] + 1 for at in (0, 1)
    ]
    if np.prod(call.shape) > LARGEST or any({0, 1} & set(axis.along) for axis in positions.axes):
        return lost(call.shape)
    cells = [sliding(places[at], sizes[at], stride[at], before[at], gaps[at]).cells.T for at in (0, 1)]
    whole = (4, 1, positions.shape[1], *sizes, *places)
    axes = [_patched(axis, at, cells[at], whole, call.shape) for at, axis in enumerate(positions.axes)]
    return Positions(call.shape, (axes[0], axes[1]), root=positions.root)


def _patched(
    axis: Axis, at: int, cells: np.ndarray[Any, np.dtype[np.int64]], whole: tuple[int, ...], shape: tuple[int, ...]
) -> Axis:
    if not axis.along:
        return Axis(axis.table.reshape(4, 1, 1, 1), axis.step, axis.mixed)
    if axis.along != (2 + at,):
        return lost(shape).axes[0]
    taken = continued(axis.table.reshape(4, -1), cells)  # (4, taps, places)
    spread = taken.reshape(4, 1, 1, *(taken.shape[1] if side == at else 1 for side in (0, 1)),
                           *(taken.shape[2] if side == at else 1 for side in (0, 1)))  # fmt: skip
    table = np.broadcast_to(spread, whole).reshape(4, 1, shape[1], shape[2])
    return Axis(table, axis.step, axis.mixed)
