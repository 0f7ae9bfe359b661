"""What each function of torch makes of what is known of its arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from cbam_core.gates.operations import bounds as b
from cbam_core.gates.operations.arithmetic import elementwise, function_of_numbers
from cbam_core.gates.operations.bounds import ANY, POSITIVE, UNIT
from cbam_core.gates.operations.calls import Call
from cbam_core.gates.operations.elements import Axis, Elements, Root, Shape, moved, spread
from cbam_core.gates.operations.functions import (
    AVERAGE_POOLS,
    CHANNEL_SECOND,
    CONSTANTS,
    CREATING,
    JOINS,
    KEEPING_BOUNDS,
    MIXING,
    RANDOM,
    STEPS,
    UNCHANGED,
    VIEWS,
)
from cbam_core.gates.operations.layout import channel_axis
from cbam_core.gates.operations.moves import lettered, nearest, repeated
from cbam_core.gates.operations.tensors import (
    Part,
    Softmax,
    Tap,
    Tracked,
    constant,
    fresh,
    tensors_in,
)

_BINARY = frozenset({
    "add", "sub", "rsub", "mul", "div", "rdiv", "pow", "rpow", "maximum", "minimum", "max", "min", "fmax", "fmin",
    "atan2", "hypot", "fmod", "remainder", "copysign", "logaddexp", "logaddexp2", "prelu", "xlogy", "lerp", "addcmul",
    "addcdiv", "where", "masked_fill", "floor_divide", "masked_scatter", "ldexp", "dist", "__lshift__",
})  # fmt: skip
_UNARY = frozenset({
    "neg", "abs", "square", "reciprocal", "rsqrt", "clamp", "clamp_min", "clamp_max", "hardtanh", "elu", "leaky_relu",
    "selu", "celu", "rrelu", "tan", "sinh", "cosh", "logit", "softshrink", "hardshrink", "tanhshrink", "frac", "log2",
    "log10", "acos", "asin", "erfinv", "lgamma", "digamma", "sinc", "nan_to_num", "deg2rad", "rad2deg", "cbrt",
    "swish", "i0",
})  # fmt: skip
_REDUCING = frozenset({"sum", "mean", "amax", "amin", "max", "min", "norm", "std", "var", "logsumexp", "prod", "median",
                       "nansum", "linalg_norm", "vector_norm", "linalg_vector_norm"})  # fmt: skip


def outcome(call: Call, result: Any) -> Iterator[tuple[Tensor, Tracked]]:
    """Yield what is known of each tensor that a call returned."""
    results = [tensor for _, tensor in tensors_in(result, depth=2)]
    for index, tensor in enumerate(results):
        several = not isinstance(result, Tensor)
        tracked = _outcome(call, tensor, index if several else None)
        yield tensor, tracked.without_parts_in_unit()


def _outcome(call: Call, result: Tensor, index: int | None) -> Tracked:  # noqa: PLR0911
    name, shape = call.name, tuple(result.shape)
    if name in CREATING or not call.dynamic:
        return _independent(call, result)
    first = next(source for _, _, source in call.sources if source.dynamic)
    if name in UNCHANGED:
        return _unchanged(call, shape)
    if name in VIEWS and call.func is not nn.functional.unfold:
        return _view(call, shape, index)
    if name in JOINS:
        return _join(call, shape)
    if name in STEPS:
        return elementwise(call, shape, UNIT, step=True)
    if name in b.RISING or name in b.WITHIN or name in _UNARY or (name in _BINARY and _is_binary(call)):
        return function_of_numbers(call, shape)
    if name in {"interpolate", "pad"}:
        return _resized(call, shape, first)
    if name in {"softmax", "softmin", "gumbel_softmax", "normalize"}:
        return _softmax(call, shape, first)
    return _computed(call, shape, first)


def _is_binary(call: Call) -> bool:
    return call.name not in {"max", "min"} or isinstance(call.argument(1, "other"), Tensor)


def _independent(call: Call, result: Tensor) -> Tracked:
    """Describe what does not depend on the input."""
    value = CONSTANTS.get(call.name)
    given = call.argument(1, "fill_value", "value") if call.name in {"full", "full_like", "fill", "new_full"} else None
    if call.name in {"tensor", "as_tensor", "scalar_tensor"}:
        given = call.argument(0, "data")
    if isinstance(given, int | float):
        value = float(given)
    if call.name in UNCHANGED | VIEWS and call.sources:
        value = call.sources[0][2].constant
    random = call.name in RANDOM or any(source.random for _, _, source in call.sources)
    return constant(result, value, random=random)


def _unchanged(call: Call, shape: Shape) -> Tracked:
    source = call.operand(1, "src", "source")[0] if call.name == "copy" else call.sources[0][2]
    if not isinstance(source, Tracked) or not source.dynamic:
        source = next(one for _, _, one in call.sources if one.dynamic)
    if source.shape != shape:
        return elementwise(call, shape, source.bounds)
    loose = source.loose or ("dropout" in call.name and bool(call.argument(2, "training")))
    return replace(source, base=source.origin, parents=(source,), loose=loose)


def _axis(call: Call, first: Tracked, dimensions: int) -> Axis:
    """Find the axis of channels of a new tensor."""
    if call.name in CHANNEL_SECOND:
        return lambda: 1
    if call.name == "linear":
        return _remembered(lambda: _linear_axis(first, dimensions))
    if len(first.shape) == dimensions:
        if isinstance(first.place, Root):
            return first.place._axis
        place = first.place
        return _remembered(lambda: channel_axis(place))
    return lambda: 1


def _linear_axis(first: Tracked, dimensions: int) -> int:
    axis = channel_axis(first.place)
    return dimensions - 1 if axis is None or dimensions < 3 else axis


def _remembered(find: Axis) -> Axis:
    known: list[int | None] = []

    def axis() -> int | None:
        if not known:
            known.append(find())
        return known[0]

    return axis


def _view(call: Call, shape: Shape, index: int | None) -> Tracked:
    tensor = call.argument(0, "input", "self")
    if call.name == "broadcast_tensors" and index is not None:
        tensor = call.sources[index][1]
        if not call.known(tensor).dynamic:
            return fresh(shape, lambda: None)
    if not isinstance(tensor, Tensor) or not call.known(tensor).dynamic:
        first = next(source for _, _, source in call.sources if source.dynamic)
        made = _computed(call, shape, first)
        made.step = all(source.step for _, _, source in call.sources if source.dynamic)
        return made
    source = call.known(tensor)
    move = repeated(call.func, call.arguments, [tensor], shape, index)
    return _moved(source, shape, move)


def _moved(source: Tracked, shape: Shape, move: Callable[[list[Tensor]], Tensor]) -> Tracked:
    def follow(elements: Elements) -> Elements:
        return moved([elements], shape, move)

    elements = follow(source.elements)
    return replace(
        source,
        shape=shape,
        elements=elements,
        place=elements if source.place is source.elements else follow(source.place),
        parts=tuple(replace(part, elements=follow(part.elements)) for part in source.parts),
        parents=(source,),
        mixing=False,
        diagonal=None,
        joined=None,
        base=source.origin,
    )


def _join(call: Call, shape: Shape) -> Tracked:
    tensors = [tensor for path, tensor, _ in call.sources]
    sources = [source for _, _, source in call.sources]
    move = repeated(call.func, call.arguments, tensors, shape)
    elements = moved([source.elements for source in sources], shape, move)
    first = next(source for source in sources if source.dynamic)
    single = len(elements.roots) == 1
    axis = call.argument(1, "dim", "axis") if call.name == "stack" else None
    taints = [source.softmax for source in sources if source.softmax is not None]
    return Tracked(
        shape,
        elements,
        elements if single else Root(shape, _axis(call, first, len(shape))),
        dynamic=True,
        bounds=b.union(*(source.bounds for source in sources)),
        parents=tuple(sources),
        softmax=taints[0] if taints else None,
        step=all(source.step or not source.dynamic for source in sources),
        weak=any(source.weak for source in sources),
        pooled=any(source.pooled for source in sources),
        saturating=any(source.saturating for source in sources),
        joined=(tuple(sources), axis or 0) if call.name == "stack" else None,
        numbers=tuple(dict.fromkeys(number for source in sources for number in source.numbers)),
    )


def _resized(call: Call, shape: Shape, first: Tracked) -> Tracked:
    tensor = call.sources[0][1]
    if call.name == "pad":
        if (call.argument(2, "mode") or "constant") != "constant":
            return _computed(call, shape, first)
        made = _moved(first, shape, repeated(call.func, call.arguments, [tensor], shape))
        value = float(call.argument(3, "value") or 0.0)
        made.bounds, made.parts, made.product = b.union(first.bounds, (value, value)), (), None
        made.place = Root(shape, _axis(call, first, len(shape)))
        return made
    mode = str(call.argument(3, "mode") or "nearest")
    if mode.startswith("nearest"):
        made = _moved(first, shape, nearest(call.func, call.arguments, tensor, shape))
    else:
        elements = spread(first.elements, shape)
        made = replace(first, shape=shape, elements=elements, parts=(), parents=(first,), base=None, mixing=False)
        made.bounds, made.reach = (ANY, None) if mode == "bicubic" else (first.bounds, first.reach)
    made.place = Root(shape, lambda: 1)
    made.product = None
    return made


def _softmax(call: Call, shape: Shape, first: Tracked) -> Tracked:
    made = _computed(call, shape, first)
    axis = call.argument(1, "dim") if call.name != "normalize" else call.argument(2, "dim")
    if call.name == "gumbel_softmax":
        axis = call.kwargs.get("dim", -1)
    axis = (axis if isinstance(axis, int) else 1 if call.name == "normalize" else -1) % max(1, len(shape))
    entries = shape[axis] if shape else 1
    made.bounds = ANY if call.name == "normalize" else UNIT
    made.softmax = Softmax(max(3, entries) if call.name == "normalize" else entries, made.elements, axis)  # type: ignore[arg-type]
    return made


def _computed(call: Call, shape: Shape, first: Tracked) -> Tracked:
    """Describe a result whose elements are new."""
    sources = [source for _, _, source in call.sources]
    dynamic = [source for source in sources if source.dynamic]
    name = call.name
    made = fresh(shape, _axis(call, first, len(shape)), dynamic=True, parents=tuple(sources))
    made.mixing = name in MIXING or name not in _PLAIN
    if name in _OUTER and _is_outer(call, shape):
        made.bounds = b.multiply(sources[0].bounds, sources[-1].bounds)
        made.parts = _outer_parts(call, shape)
    made.pooled = _is_pooled(name, first, shape) or all(source.pooled for source in dynamic)
    made.random = any(source.random for source in sources)
    made.saturating = any(source.saturating for source in dynamic)
    if name in KEEPING_BOUNDS:
        made.bounds, made.weak = first.bounds, first.weak
    elif name in AVERAGE_POOLS or name == "grid_sample":
        made.bounds = b.union(first.bounds, (0.0, 0.0))
    elif name in {"sum", "nansum", "cumsum", "prod", "cumprod"}:
        made.bounds = POSITIVE if first.bounds[0] >= 0 else ANY
    elif name in b.FIXED:
        made.bounds = b.FIXED[name]
    if name in {"amax", "max"}:
        made.peak = first
    if name in {"sum", "mean", "nansum", "norm", "logsumexp"}:
        made.total = first
    if name in _REDUCING or name in KEEPING_BOUNDS:
        made.softmax = None
        made.step = all(source.step for source in dynamic)
    if name in {"diag_embed", "diag"}:
        made.diagonal = first
    if made.parts or name in KEEPING_BOUNDS | AVERAGE_POOLS | {"diag_embed", "diag"}:
        made.numbers = tuple(dict.fromkeys(number for source in dynamic for number in source.numbers))
    return made


_OUTER = frozenset({"einsum", "matmul", "bmm", "outer", "ger", "mm"})


def _is_outer(call: Call, shape: Shape) -> bool:
    """Check that a product adds nothing up: each element is one of the first tensor times one of the second."""
    shapes = [source.shape for _, _, source in call.sources]
    if len(shapes) != 2 or call.name in {"outer", "ger"}:
        return len(shapes) == 2
    if call.name != "einsum":
        return bool(shapes[0]) and shapes[0][-1] == 1
    left, right = _letters(call)
    return "." not in "".join(left) and set("".join(left)) <= set(right) and bool(shape)


def _letters(call: Call) -> tuple[list[str], str]:
    left, _, right = str(call.args[0]).replace(" ", "").partition("->")
    return left.split(","), right


def _outer_parts(call: Call, shape: Shape) -> tuple[Part, ...]:
    """Return the gates in an outer product of two."""
    (path_a, _, a), (path_c, _, c) = call.sources
    if not a.squashed or not c.squashed or call.name in {"outer", "ger"}:
        return ()
    left, right = _letters(call) if call.name == "einsum" else (["", ""], "")

    def spread_over(elements: Elements, own: str) -> Elements:
        arrange = lettered(own, right) if own else None
        return moved([elements], shape, lambda n: (n[0] if arrange is None else arrange(n[0])).broadcast_to(shape))

    parts = [(part, left[0]) for part in a.gates(Tap(call.at, path_a))]
    parts += [(part, left[1]) for part in c.gates(Tap(call.at, path_c))]
    return tuple(replace(part, elements=spread_over(part.elements, own)) for part, own in parts)


_PLAIN = KEEPING_BOUNDS | AVERAGE_POOLS | _REDUCING | CHANNEL_SECOND | frozenset(b.FIXED) | frozenset({
    "layer_norm", "rms_norm", "sum", "cumsum", "cumprod", "normalize", "pad", "diag_embed", "diag", "logsumexp",
    "index_add", "scatter", "scatter_add", "index_copy", "index_put", "__setitem__", "local_response_norm", "unfold",
    "fold", "var_mean", "std_mean", "lp_pool2d", "tril", "triu", "where", "glu", "__getitem__", "gather",
    "index_select",
})  # fmt: skip
"""Functions that are known to learn nothing."""


def _is_pooled(name: str, first: Tracked, shape: Shape) -> bool:
    """Check that positions were reduced to one by an operation over all of them, not by a step of the network."""
    if len(first.shape) < 3 or (name in CHANNEL_SECOND and not name.startswith(("adaptive", "avg_pool", "max_pool"))):
        return False
    if len(shape) < len(first.shape):
        return True
    least = 3 if name.startswith(("avg_pool", "max_pool")) else 1  # 2 x 2 pooling of the last map
    reduced = name in _REDUCING or name.startswith(("adaptive", "avg_pool", "max_pool"))
    return reduced and any(old > least and new == 1 for old, new in zip(first.shape[2:], shape[2:], strict=False))


def known_constant(tensor: Tensor) -> Tracked:
    """Describe a parameter, a buffer or another tensor of the network."""
    if nn.parameter.is_lazy(tensor):
        return fresh((), lambda: None)
    single = tensor.numel() == 1 and tensor.device.type != "meta" and tensor.dtype.is_floating_point
    made = constant(tensor, float(tensor.detach()) if single else None)
    made.stored = single
    return made


def written(tensor: Tensor, sources: Sequence[Tracked]) -> Tracked:
    """Describe a tensor into which others were written."""
    dimensions = tensor.ndim
    made = fresh(tuple(tensor.shape), lambda: 1 if dimensions > 1 else None, dynamic=True, parents=tuple(sources))
    made.bounds = b.union(*(source.bounds for source in sources))
    return made
