"""Between which numbers the values of a function lie, by those of its arguments."""

from __future__ import annotations

import math
from collections.abc import Callable

from cbam_core.gates.operations import bounds as b
from cbam_core.gates.operations.bounds import ANY, POSITIVE, Bounds
from cbam_core.gates.operations.calls import Call
from cbam_core.gates.operations.tensors import Tracked


def limits_of(value: Tracked | float | None) -> Bounds:
    """Return the limits of an argument; of a number, the number itself twice."""
    if isinstance(value, Tracked):
        return value.bounds
    return ANY if value is None or math.isnan(value) else (value, value)


def number_of(value: Tracked | float | None) -> float | None:
    """Return the number that an argument is in every forward; None where it depends on the input."""
    if isinstance(value, Tracked):
        return None if value.dynamic else value.constant
    return value


def limits_of_function(call: Call, a: Tracked | float | None, c: Tracked | float | None) -> Bounds:  # noqa: PLR0911
    """Return the limits of what a function gives for one or two arguments."""
    name, x, y = call.name, limits_of(a), limits_of(c)
    if name in b.RISING:
        rising = b.RISING[name]
        return rising(x[0]), rising(x[1])
    if name in _COMBINED:
        return ANY if call.kwargs.get("rounding_mode") else _COMBINED[name](*_with_alpha(call, x, y))
    if name in b.WITHIN:
        return b.WITHIN[name]
    if name in {"clamp", "hardtanh", "clamp_min", "clamp_max"}:
        return b.clamped(x, *_clamp_limits(call))
    if name == "pow" and (exponent := number_of(c)) is not None:
        return b.power(x, exponent)
    if name == "rpow":
        return POSITIVE
    if name in {"leaky_relu", "elu", "selu", "celu", "prelu", "rrelu", "softshrink", "hardshrink"}:
        return x if x[0] >= 0 and name in {"leaky_relu", "elu", "celu", "prelu", "rrelu"} else ANY
    if name == "where":
        return b.union(y, limits_of(call.operand(2, "other")[0]))
    if name == "masked_fill":
        return b.union(x, limits_of(call.operand(2, "value")[0]))
    if name == "lerp":
        weight = limits_of(call.operand(2, "weight")[0])
        return b.union(x, limits_of(call.operand(1, "end")[0])) if b.within_unit(weight) else ANY
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
        return number_of(call.operand(1, "min")[0]), None
    if call.name == "clamp_max":
        return None, number_of(call.operand(1, "max")[0])
    return number_of(call.operand(1, "min")[0]), number_of(call.operand(2, "max")[0])


def _addcmul_limits(call: Call, x: Bounds) -> Bounds:
    value = float(call.kwargs.get("value", 1))
    product = b.multiply(limits_of(call.operand(1, "tensor1")[0]), limits_of(call.operand(2, "tensor2")[0]))
    return b.add(x, b.multiply(product, (value, value)))
