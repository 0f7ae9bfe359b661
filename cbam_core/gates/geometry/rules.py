"""What each torch function does to positions, by its name; what has no rule makes them unknown."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor

from cbam_core.gates.geometry import layers
from cbam_core.gates.geometry.calls import Call, tensors
from cbam_core.gates.geometry.joins import add_up_dimension, contraction, join, product
from cbam_core.gates.geometry.moves import concatenated, moved, written
from cbam_core.gates.geometry.positions import Axis, Positions, lost, reduce

Rule = Callable[[Call, Positions], Positions | list[Positions]]
"""Function of a call and of the positions of its first tensor, which depends on the image."""


def follow(call: Call) -> list[Positions]:
    """Return the positions of the tensors that a call returned.

    Args:
        call: a call in which a tensor that depends on the image takes part.
    """
    rule = _RULES.get(call.name) or (_pointwise if _is_pointwise(call.name) else None)
    first = call.positions
    if rule is None or (first is None and call.name not in _OF_SEVERAL and rule is not _pointwise):
        return [lost(shape) for shape in call.shapes]
    found = rule(call, first if first is not None else call.operands[0])
    results = found if isinstance(found, list) else [found]
    return [
        one if one.shape == shape else lost(shape)
        for one, shape in zip([*results, *results[-1:] * (len(call.shapes) - len(results))], call.shapes, strict=True)
    ]


@cache
def _is_pointwise(name: str) -> bool:
    """Whether torch itself says that a function works on each element alone."""
    packet = getattr(torch.ops.aten, name, None)
    if packet is None:
        return False
    return any(torch.Tag.pointwise in getattr(packet, overload).tags for overload in packet.overloads())


def _pointwise(call: Call, _first: Positions) -> Positions:
    operands = call.operands
    if call.name in _PRODUCTS:
        operands = [one for one in operands if not one.gate] or operands
    followed = join(operands, call.shape)
    return Positions(call.shape, followed.axes, followed.gate or call.name in _SQUASHING)


def _kept(call: Call, positions: Positions) -> Positions:
    """Follow what changes values by statistics or storage, but not their places."""
    gate = positions.gate or call.name in _SQUASHING
    return Positions(call.shape, positions.axes, gate, positions.root if call.name in _COPIES else object())


def _moved(call: Call, positions: Positions) -> list[Positions]:
    # The numbers are spread without copies, so they can be reshaped where the tensor can be viewed.
    viewed: dict[str, Any] = {"view": Tensor.reshape, "view_as": Tensor.reshape_as}
    function = viewed.get(call.name, call.function)

    def move(numbers: Tensor) -> Any:
        if "input" in call.kwargs or "self" in call.kwargs:
            name = "input" if "input" in call.kwargs else "self"
            return function(*call.args, **{**call.kwargs, name: numbers})
        return function(numbers, *call.args[1:], **call.kwargs)

    return moved(positions, move, call.shapes)


def _written(call: Call, _first: Positions) -> Positions:
    target, where, value = call.args
    source = (call.lookup(value), tuple(value.shape)) if isinstance(value, Tensor) else (None, ())
    into = call.lookup(target), tuple(target.shape)
    return written(into, source, lambda numbers, given: numbers.__setitem__(where, given))


def _copied(call: Call, _first: Positions) -> Positions:
    source = call.lookup(call.argument(1, "src"))
    if source is None:
        return lost(call.shape)
    return Positions(call.shape, join([source], call.shape).axes, source.gate, source.root)


def _concatenated(call: Call, _first: Positions) -> Positions:
    parts = list(tensors([call.argument(0, "tensors")]))
    dim = call.argument(1, "dim", call.kwargs.get("axis", 0))
    return concatenated([(call.lookup(part), tuple(part.shape)) for part in parts], dim, call.shape)


def _stacked(call: Call, _first: Positions) -> Positions:
    parts = list(tensors([call.argument(0, "tensors")]))
    dim = call.argument(1, "dim", 0) % len(call.shape)
    operands = [_opened(call.lookup(part), tuple(part.shape), dim) for part in parts]
    return concatenated(operands, dim, call.shape)


def _opened(positions: Positions | None, shape: tuple[int, ...], dim: int) -> tuple[Positions | None, tuple[int, ...]]:
    """Give a tensor a new dimension of one element."""
    longer = (*shape[:dim], 1, *shape[dim:])
    if positions is None:
        return None, longer
    axes = [
        Axis(axis.table.reshape(*axis.table.shape[: dim + 1], 1, *axis.table.shape[dim + 1 :]), axis.step, axis.mixed)
        for axis in positions.axes
    ]
    return Positions(longer, (axes[0], axes[1]), positions.gate, positions.root), longer


def _reduced(call: Call, positions: Positions) -> Positions:
    """Follow means, maxima and other reductions, over the given dimensions or all."""
    at = 2 if call.name in ("norm", "vector_norm") else 1
    given = call.argument(at, "dim", call.kwargs.get("axis"))
    if isinstance(given, Tensor):
        return _pointwise(call, positions)
    count, shape = len(positions.shape), call.shape
    if given is None or isinstance(given, bool):
        given = tuple(range(count))
    dims = tuple(dim % count for dim in ((given,) if isinstance(given, int) else given))
    axes = []
    for axis in positions.axes:
        table = reduce(axis.table, dims)
        if len(shape) < count:
            table = table.squeeze(tuple(dim + 1 for dim in dims))
        axes.append(Axis(table, axis.step, axis.mixed))
    return Positions(shape, (axes[0], axes[1]))


def _mixed_last(call: Call, positions: Positions) -> Positions:
    return add_up_dimension(positions, -1, call.shape)


def _product(call: Call, _first: Positions) -> Positions:
    # The second and third arguments of products to which the first is added.
    at = 1 if call.name in ("addmm", "baddbmm") else 0
    left, right = call.args[at : at + 2] if len(call.args) >= at + 2 else (None, None)
    if not (isinstance(left, Tensor) and isinstance(right, Tensor)):
        return lost(call.shape)
    if call.name == "matmul" and getattr(call.function, "__name__", "") == "__rmatmul__":
        left, right = right, left
    found = product(call.lookup(left), call.lookup(right), (left.ndim, right.ndim), call.shape)
    added = call.lookup(call.args[0]) if at else None
    return found if added is None else join([found, added], call.shape)


def _contraction(call: Call, _first: Positions) -> Positions:
    equation = call.args[0] if call.args else None
    if not isinstance(equation, str):
        return lost(call.shape)
    return contraction(equation, [call.lookup(one) for one in tensors(call.args[1:])], call.shape)


def _attention(call: Call, _first: Positions) -> Positions:
    """Follow attention: each output is a mixture of all values, by weights that depend on the image."""
    value = call.lookup(call.argument(2, "value"))
    if value is None:
        return lost(call.shape)
    dim = 0 if call.name == "multi_head_attention_forward" else -2
    return add_up_dimension(value, dim, call.shape, union=True)


def _mixed_glu(call: Call, positions: Positions) -> Positions:
    """Follow a gated linear unit, half of whose channels are factors of the other half."""
    dim = call.argument(1, "dim", -1)
    if any(dim % len(positions.shape) in axis.along for axis in positions.axes):
        return lost(call.shape)
    return Positions(call.shape, positions.axes)


def _unfolded(call: Call, positions: Positions) -> Positions | list[Positions]:
    """Follow `unfold`, which is a method of tensors and another function for maps."""
    is_method = getattr(call.function, "__module__", None) != "torch.nn.functional"
    return _moved(call, positions) if is_method else layers.patches(call, positions)


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_PRODUCTS = _names("mul multiply addcmul lerp where")
_SQUASHING = _names(
    "sigmoid hardsigmoid expit softmax tanh relu6 hardtanh clamp clip reciprocal div truediv true_divide rdiv"
)
"""Functions whose result may be a gate; whether it is one matters only where it multiplies something that is none."""
_COPIES = _names(
    "contiguous clone detach to type type_as float half double bfloat16 cpu cuda alias requires_grad .data"
)
_MATRICES = _names("matmul mm bmm addmm baddbmm")
_OF_SEVERAL = _MATRICES | _names("cat concat concatenate stack __setitem__ copy einsum")
"""Functions of several tensors, the first of which need not depend on the image."""

_POINTWISE_TOO = _names(
    "add sub subtract rsub mul multiply div divide truediv true_divide pow rpow rdiv dropout dropout1d dropout2d "
    "dropout3d alpha_dropout feature_dropout feature_alpha_dropout hardswish hardsigmoid prelu logsigmoid softsign "
    "tanhshrink gelu silu mish relu relu6 fill positive"
)
_KEPT = _names(
    "batch_norm layer_norm group_norm instance_norm rms_norm local_response_norm normalize softmax log_softmax softmin "
    "gumbel_softmax zero"
)
_MOVES = _names(
    "view reshape permute transpose swapaxes swapdims movedim moveaxis flatten unflatten squeeze unsqueeze expand "
    "expand_as broadcast_to repeat tile repeat_interleave chunk split split_with_sizes tensor_split hsplit vsplit "
    "unbind select narrow index_select __getitem__ roll flip fliplr flipud rot90 pixel_shuffle pixel_unshuffle "
    "channel_shuffle native_channel_shuffle view_as reshape_as ravel t .T .mT .H .mH adjoint unsafe_chunk unsafe_split"
)
_REDUCTIONS = _names(
    "mean sum amax amin max min std var norm vector_norm logsumexp prod nanmean nansum median std_mean var_mean"
)
_COUNTS = (1, 2, 3)
_ENDS = ("", "_with_indices")

_RULES: dict[str, Rule] = {
    **dict.fromkeys(_POINTWISE_TOO, _pointwise),
    **dict.fromkeys(_KEPT | _COPIES, _kept),
    **dict.fromkeys(_MOVES, _moved),
    **dict.fromkeys(_REDUCTIONS, _reduced),
    **{f"conv{count}d": layers.convolution for count in _COUNTS},
    **{f"conv_transpose{count}d": layers.transposed_convolution for count in _COUNTS},
    **{f"avg_pool{count}d": layers.mean_pooling for count in _COUNTS},
    **{f"max_pool{count}d{end}": layers.max_pooling for count in _COUNTS for end in _ENDS},
    **{f"lp_pool{count}d": layers.power_pooling for count in _COUNTS},
    **{f"adaptive_avg_pool{count}d": layers.adaptive_pooling for count in _COUNTS},
    **{f"adaptive_max_pool{count}d{end}": layers.adaptive_pooling for count in _COUNTS for end in _ENDS},
    **dict.fromkeys(("interpolate", "upsample"), layers.interpolation),
    **dict.fromkeys(("pad", "constant_pad_nd"), layers.padding),
    **dict.fromkeys(("cat", "concat", "concatenate"), _concatenated),
    **dict.fromkeys(_MATRICES, _product),
    **dict.fromkeys(("scaled_dot_product_attention", "multi_head_attention_forward"), _attention),
    "unfold": _unfolded,
    "stack": _stacked,
    "__setitem__": _written,
    "copy": _copied,
    "linear": _mixed_last,
    "einsum": _contraction,
    "glu": _mixed_glu,
}
