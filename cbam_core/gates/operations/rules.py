"""What each function of torch makes of what is known of its arguments."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from cbam_core.gates.operations import bounds as b
from cbam_core.gates.operations.bounds import ANY, POSITIVE, UNIT, Bounds
from cbam_core.gates.operations.elements import Axis, Elements, Root, Shape, broadcast, combined, moved, spread
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
    Arguments,
    Number,
    Part,
    Softmax,
    Tap,
    Tracked,
    constant,
    fresh,
    tensors_in,
)

Known = Callable[[Tensor], Tracked]
"""Function that returns what is known of a tensor."""

_BINARY = frozenset({
    "add", "sub", "rsub", "mul", "div", "rdiv", "pow", "rpow", "maximum", "minimum", "max", "min", "fmax", "fmin",
    "atan2", "hypot", "fmod", "remainder", "copysign", "logaddexp", "logaddexp2", "prelu", "xlogy", "lerp", "addcmul",
    "addcdiv", "where", "masked_fill", "floor_divide", "masked_scatter", "ldexp", "dist", "__lshift__",
})  # fmt: skip
_UNARY = frozenset({
    "neg", "abs", "square", "reciprocal", "rsqrt", "clamp", "clamp_min", "clamp_max", "hardtanh", "elu", "leaky_relu",
    "selu", "celu", "rrelu", "sin", "cos", "tan", "sinh", "cosh", "erfc", "gelu", "silu", "mish", "hardswish", "logit",
    "softshrink", "hardshrink", "tanhshrink", "frac", "log2", "log10", "acos", "asin", "erfinv", "lgamma", "digamma",
    "sinc", "nan_to_num", "deg2rad", "rad2deg", "cbrt", "swish", "i0",
})  # fmt: skip
_SATURATING = frozenset({"exp", "exp2", "sigmoid", "tanh", "softplus", "logsigmoid", "hardsigmoid", "clamp", "hardtanh",
                         "relu6", "softmax", "erf", "atan", "ndtr", "expm1", "rpow"})  # fmt: skip
_REDUCING = frozenset({"sum", "mean", "amax", "amin", "max", "min", "norm", "std", "var", "logsumexp", "prod", "median",
                       "nansum", "linalg_norm", "vector_norm", "linalg_vector_norm"})  # fmt: skip


_BY_FIRST = frozenset({"to", "type_as", "expand_as", "view_as", "reshape_as", "align_as"})
"""Functions of which the second argument gives no values."""


class Call:
    """One call of a function of torch, and what is known of its arguments.

    Args:
        func: the function.
        name: its name, see `functions`.
        arguments: positional and named arguments.
        at: number of the call in the forward.
        known: function that returns what is known of a tensor.
    """

    def __init__(self, func: Callable[..., Any], name: str, arguments: Arguments, at: int, known: Known) -> None:
        self.func, self.name, self.arguments, self.at, self.known = func, name, arguments, at, known
        self.args, self.kwargs = arguments
        found = [*tensors_in(self.args), *tensors_in(self.kwargs)]
        self.sources: list[tuple[tuple[Any, ...], Tensor, Tracked]] = [
            (path, tensor, known(tensor)) for path, tensor in found if "out" not in path
        ]

    @property
    def dynamic(self) -> bool:
        """Whether an argument depends on the input."""
        sources = self.sources[:1] if self.name in _BY_FIRST else self.sources
        return any(source.dynamic for _, _, source in sources)

    def argument(self, position: int, *names: str) -> Any:
        """Return an argument by its position or one of its names; None where it is missing."""
        if len(self.args) > position:
            return self.args[position]
        return next((self.kwargs[name] for name in names if name in self.kwargs), None)

    def operand(self, position: int, *names: str) -> tuple[Tracked | float | None, tuple[int | str, ...]]:
        """Return what is known of an argument, a number, or None, and the keys that lead to it."""
        value = self.argument(position, *names)
        path: tuple[int | str, ...] = (
            (position,) if len(self.args) > position else next(((n,) for n in names if n in self.kwargs), ())
        )
        if isinstance(value, Tensor):
            return self.known(value), path
        return (float(value) if isinstance(value, int | float) else None), path


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
        return _elementwise(call, shape, UNIT, step=True)
    if name in b.RISING or name in _UNARY or (name in _BINARY and _is_binary(call)):
        return _function(call, shape)
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
        return _elementwise(call, shape, source.bounds)
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


def _elementwise(call: Call, shape: Shape, limits: Bounds, **known: Any) -> Tracked:
    """Describe a function of the elements at one position."""
    sources = [source for _, _, source in call.sources]
    dynamic = [source for source in sources if source.dynamic]
    whole = next((source for source in dynamic if source.shape == shape), None)
    taints = [source.softmax for source in dynamic if source.softmax is not None]
    known.setdefault("step", any(source.step for source in dynamic) and len(dynamic) == 1)
    known.setdefault("weak", any(source.weak for source in dynamic) and call.name not in _SATURATING)
    return Tracked(
        shape,
        combined([source.elements for source in dynamic], shape) if len(dynamic) > 1 else
        broadcast(dynamic[0].elements, shape),
        whole.place if whole is not None else _grown(dynamic, shape),
        dynamic=True,
        bounds=limits,
        parents=tuple(sources),
        softmax=taints[0] if taints else None,
        pooled=all(source.pooled for source in dynamic),
        random=any(source.random for source in sources),
        loose=any(source.loose for source in dynamic),
        saturating=call.name in _SATURATING or any(source.saturating for source in dynamic),
        formula=_formula(call),
        numbers=_numbers(call, dynamic),
        total=dynamic[0].total if _is_lifted(call, dynamic) else None,
        peak=dynamic[0].peak if _is_lifted(call, dynamic) else None,
        **known,
    )  # fmt: skip


def _is_lifted(call: Call, dynamic: Sequence[Tracked]) -> bool:
    """Check whether a function only keeps its argument away from 0, as in a divisor."""
    return len(dynamic) == 1 and call.name in {"add", "clamp", "clamp_min", "maximum"}


def _numbers(call: Call, sources: Sequence[Tracked]) -> tuple[Number, ...]:
    """Note the numbers on which a function's bounds and scales depend: its own, and those of its arguments."""
    given: list[tuple[int | str, Any]] = [*enumerate(call.args), *call.kwargs.items()]
    own = [Number(call.at, (key,), float(one)) for key, one in given if isinstance(one, int | float)]
    for path, _, source in call.sources:
        if source.constant is not None and not source.dynamic and not math.isnan(source.constant):
            own.append(Number(call.at, path, source.constant, source.stored))
    earlier = () if call.name in _LIMITING else (number for source in sources for number in source.numbers)
    return tuple(dict.fromkeys((*earlier, *own)))


_LIMITING = frozenset({"sigmoid", "hardsigmoid", "tanh", "relu6", "softsign", "erf", "atan", "ndtr"})
"""Functions with bounds of their own, whatever their argument is."""


def _formula(call: Call) -> int:
    numbers = tuple(one for one in (*call.args, *call.kwargs.values()) if isinstance(one, int | float | str))
    return hash((call.name, numbers, tuple(source.same for _, _, source in call.sources)))


def _grown(dynamic: Sequence[Tracked], shape: Shape) -> Elements:
    """Describe positions after broadcasting; they repeat where one tensor alone grew."""
    if len(dynamic) == 1:
        return broadcast(dynamic[0].place, shape)
    axes = {channel_axis(one.place) for one in dynamic if len(one.shape) == len(shape) and len(one.place.roots) == 1}
    axis = axes.pop() if len(axes) == 1 else 1
    return Root(shape, lambda: axis)


def _limits(value: Tracked | float | None) -> Bounds:
    if isinstance(value, Tracked):
        return value.bounds
    return ANY if value is None or math.isnan(value) else (value, value)


def _function(call: Call, shape: Shape) -> Tracked:
    """Describe the result of a function of one or two numbers, with the gates inside."""
    a, path_a = call.operand(0, "input", "self")
    c, path_c = call.operand(1, "other", "exponent")
    if isinstance(a, Tracked) and isinstance(c, Tracked) and a is c and call.name == "add":
        return _scaled(call, _elementwise(call, shape, b.multiply(a.bounds, (2.0, 2.0))), a, path_a, 2.0, 0.0)
    made = _elementwise(call, shape, _function_limits(call, a, c))
    if call.name in {"div", "rdiv", "reciprocal", "rsqrt", "pow"}:
        _note_division(call, made, a, c)
    if call.name == "add" and isinstance(a, Tracked) and _number(c) is not None:
        made.addends = (a,) if (_number(c) or 0) >= 0 else ()
    elif call.name == "add" and isinstance(c, Tracked) and _number(a) is not None:
        made.addends = (c,) if (_number(a) or 0) >= 0 else ()
    elif call.name == "add" and isinstance(a, Tracked) and isinstance(c, Tracked):
        made.addends = (*(a.addends or (a,)), *(c.addends or (c,)))
    return _with_parts(call, made, (a, path_a), (c, path_c))


def _number(value: Tracked | float | None) -> float | None:
    if isinstance(value, Tracked):
        return None if value.dynamic else value.constant
    return value


def _function_limits(call: Call, a: Tracked | float | None, c: Tracked | float | None) -> Bounds:  # noqa: PLR0911
    name, x, y = call.name, _limits(a), _limits(c)
    if name in b.RISING:
        rising = b.RISING[name]
        return rising(x[0]), rising(x[1])
    if name in _COMBINED:
        return ANY if call.kwargs.get("rounding_mode") else _COMBINED[name](*_with_alpha(call, x, y))
    if name in b.FIXED:
        return b.FIXED[name]
    if name in {"clamp", "hardtanh", "clamp_min", "clamp_max"}:
        return b.clamped(x, *_clamp_limits(call))
    if name == "pow" and (exponent := _number(c)) is not None:
        return b.power(x, exponent)
    if name == "rpow":
        return POSITIVE
    if name in {"leaky_relu", "elu", "selu", "celu", "prelu", "rrelu", "hardswish", "softshrink", "hardshrink"}:
        return x if x[0] >= 0 and name in {"leaky_relu", "elu", "celu", "prelu", "rrelu"} else ANY
    if name == "where":
        return b.union(y, _limits(call.operand(2, "other")[0]))
    if name == "masked_fill":
        return b.union(x, _limits(call.operand(2, "value")[0]))
    if name == "lerp":
        weight = _limits(call.operand(2, "weight")[0])
        return b.union(x, _limits(call.operand(1, "end")[0])) if b.within_unit(weight) else ANY
    if name == "addcmul":
        return _addcmul_limits(call, x)
    return ANY


def _with_alpha(call: Call, x: Bounds, y: Bounds) -> tuple[Bounds, Bounds]:
    """Multiply what a sum or difference multiplies by its `alpha`: the second, or the first where it is subtracted."""
    alpha = float(call.kwargs.get("alpha", 1))
    if call.name == "rsub":
        return b.multiply(x, (alpha, alpha)), y
    return x, b.multiply(y, (alpha, alpha)) if call.name in {"add", "sub"} else y


_COMBINED: dict[str, Callable[[Bounds, Bounds], Bounds]] = {
    "add": b.add,
    "sub": lambda x, y: b.add(x, b.negative(y)),
    "rsub": lambda x, y: b.add(y, b.negative(x)),
    "mul": b.multiply,
    "div": lambda x, y: b.multiply(x, b.reciprocal(y)),
    "rdiv": lambda x, y: b.multiply(y, b.reciprocal(x)),
    "maximum": lambda x, y: (max(x[0], y[0]), max(x[1], y[1])),
    "max": lambda x, y: (max(x[0], y[0]), max(x[1], y[1])),
    "fmax": lambda x, y: (max(x[0], y[0]), max(x[1], y[1])),
    "minimum": lambda x, y: (min(x[0], y[0]), min(x[1], y[1])),
    "min": lambda x, y: (min(x[0], y[0]), min(x[1], y[1])),
    "fmin": lambda x, y: (min(x[0], y[0]), min(x[1], y[1])),
    "neg": lambda x, _: b.negative(x),
    "abs": lambda x, _: b.absolute(x),
    "square": lambda x, _: b.power(x, 2.0),
    "reciprocal": lambda x, _: b.reciprocal(x),
    "rsqrt": lambda x, _: b.reciprocal(b.power(x, 0.5)),
}


def _clamp_limits(call: Call) -> tuple[float | None, float | None]:
    if call.name == "hardtanh":
        low, high = call.argument(1, "min_val"), call.argument(2, "max_val")
        return (-1.0 if low is None else float(low)), (1.0 if high is None else float(high))
    if call.name == "clamp_min":
        return _number(call.operand(1, "min")[0]), None
    if call.name == "clamp_max":
        return None, _number(call.operand(1, "max")[0])
    return _number(call.operand(1, "min")[0]), _number(call.operand(2, "max")[0])


def _addcmul_limits(call: Call, x: Bounds) -> Bounds:
    value = float(call.kwargs.get("value", 1))
    product = b.multiply(_limits(call.operand(1, "tensor1")[0]), _limits(call.operand(2, "tensor2")[0]))
    return b.add(x, b.multiply(product, (value, value)))


def _note_division(call: Call, made: Tracked, a: Tracked | float | None, c: Tracked | float | None) -> None:
    """Recognise e / (e + c), and shares of a sum."""
    above, below = (c, a) if call.name == "rdiv" else (a, c)
    if call.name in {"div", "rdiv"} and isinstance(above, Tracked) and isinstance(below, Tracked):
        alike = {one.same for one in below.addends if one.bounds[0] >= 0}
        if above.bounds[0] >= 0 and above.same in alike and len(alike) == len({one.same for one in below.addends}):
            made.bounds = UNIT
            return
        if below.peak is not None and below.peak.origin.same == above.origin.same and above.bounds[0] >= 0:
            made.bounds, made.weak = UNIT, made.weak or not above.squashed
            return
        if below.total is not None and below.total.origin is above.origin:
            made.softmax = Softmax(max(3, math.prod(above.shape) // max(1, math.prod(below.shape))))
    made.weak = made.weak or not any(source.saturating for _, _, source in call.sources if source.dynamic)


Place = tuple[Tracked | float | None, tuple[int | str, ...]]


def _with_parts(call: Call, made: Tracked, first: Place, second: Place) -> Tracked:
    """Note the gates inside a sum or product with a number, and inside a sum or product of gates."""
    (a, path_a), (c, path_c) = first, second
    x, y = _number(a), _number(c)
    alpha = float(call.kwargs.get("alpha", 1))
    if isinstance(a, Tracked) and a.dynamic:
        with_number = {"add": (1.0, alpha * (y or 0.0)), "sub": (1.0, -alpha * (y or 0.0)), "rsub": (-alpha, y or 0.0),
                       "mul": (y or 0.0, 0.0), "div": (1 / y if y else 0.0, 0.0)}  # fmt: skip
        if call.name == "neg":
            return _scaled(call, made, a, path_a, -1.0, 0.0)
        if call.name in {"add", "rsub"} and alpha == 1:
            made.reach = _reach(a, y)
        if y is not None and call.name in with_number and not call.kwargs.get("rounding_mode"):
            return _scaled(call, made, a, path_a, *with_number[call.name])
    if isinstance(c, Tracked) and c.dynamic and x is not None:
        with_number = {"add": (alpha, x), "sub": (-alpha, x), "mul": (x, 0.0), "rsub": (1.0, -alpha * x)}
        if call.name in {"add", "sub"} and alpha == 1:
            made.reach = _reach(c, x)
        if call.name in with_number:
            return _scaled(call, made, c, path_c, *with_number[call.name])
    if isinstance(a, Tracked) and isinstance(c, Tracked) and call.name in {"mul", "add"} and _are_two_gates(a, c):
        parts = (*a.gates(Tap(call.at, path_a)), *c.gates(Tap(call.at, path_c)))
        made.parts = tuple(replace(part, elements=broadcast(part.elements, made.shape)) for part in parts)
        made.summed = call.name == "add"
    return made


def _reach(swinging: Tracked, middle: float | None) -> float | None:
    """Return the largest value of 1 + tanh and the like; None for anything else.

    It is 2, by which values can be divided and multiplied again without a change of a bit.
    """
    known = swinging.saturating and not swinging.step and swinging.softmax is None and not swinging.parts
    return 2.0 if known and middle == 1 and swinging.bounds == (-1.0, 1.0) else None


def _are_two_gates(a: Tracked, c: Tracked) -> bool:
    return a.squashed and c.squashed and a.elements is not c.elements and a.origin is not c.origin


def _scaled(
    call: Call, made: Tracked, source: Tracked, path: tuple[int | str, ...], scale: float, shift: float
) -> Tracked:
    if not source.squashed or scale == 0:
        return made
    tap = Tap(call.at, path)
    parts = source.gates(tap)
    if len(parts) > 1 and (shift or source.summed):
        parts = (Part(source.elements, source, tap),)
    first = parts[0]
    stored = first.stored or any(one.stored for _, _, one in call.sources)
    scaled = replace(first, scale=scale * first.scale, shift=scale * first.shift + shift, stored=stored)
    made.parts = tuple(replace(part, elements=broadcast(part.elements, made.shape)) for part in (scaled, *parts[1:]))
    return made


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
