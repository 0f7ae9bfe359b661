"""Between which numbers do the values of a tensor lie, whatever went in?"""

from __future__ import annotations

import math
from collections.abc import Callable

Bounds = tuple[float, float]

ANY: Bounds = (-math.inf, math.inf)
POSITIVE: Bounds = (0.0, math.inf)
UNIT: Bounds = (0.0, 1.0)
_TOLERANCE = 1e-6


def within_unit(bounds: Bounds) -> bool:
    """Check that all values lie in [0, 1], and not all on one number."""
    return bounds[0] >= -_TOLERANCE and bounds[1] <= 1 + _TOLERANCE and bounds[1] > bounds[0]


def is_unit(bounds: Bounds) -> bool:
    """Check that the bounds are 0 and 1."""
    return abs(bounds[0]) <= _TOLERANCE and abs(bounds[1] - 1) <= _TOLERANCE


def _limited(function: Callable[[float], float], at_least: float, at_most: float) -> Callable[[float], float]:
    """Return a rising function that may be called with any number."""

    def limited(value: float) -> float:
        try:
            return function(value)
        except (ValueError, OverflowError, ZeroDivisionError):
            return at_most if value > 0 else at_least

    return limited


_inf = math.inf
RISING: dict[str, Callable[[float], float]] = {
    "sigmoid": _limited(lambda v: 1 / (1 + math.exp(-v)), 0.0, 1.0),
    "tanh": math.tanh,
    "exp": _limited(math.exp, 0.0, _inf),
    "exp2": _limited(lambda v: 2.0**v, 0.0, _inf),
    "expm1": _limited(math.expm1, -1.0, _inf),
    "relu": lambda v: max(v, 0.0),
    "relu6": lambda v: min(max(v, 0.0), 6.0),
    "hardsigmoid": lambda v: min(max(v / 6 + 0.5, 0.0), 1.0),
    "softplus": _limited(lambda v: math.log1p(math.exp(v)), 0.0, _inf),
    "logsigmoid": _limited(lambda v: -math.log1p(math.exp(-v)), -_inf, 0.0),
    "log_sigmoid": _limited(lambda v: -math.log1p(math.exp(-v)), -_inf, 0.0),
    "softsign": lambda v: math.copysign(1.0, v) if math.isinf(v) else v / (1 + abs(v)),
    "sqrt": _limited(math.sqrt, 0.0, _inf),
    "log": _limited(lambda v: math.log(v) if v > 0 else -_inf, -_inf, _inf),
    "log1p": _limited(lambda v: math.log1p(v) if v > -1 else -_inf, -_inf, _inf),
    "atan": math.atan,
    "erf": math.erf,
    "ndtr": lambda v: 0.5 * (1 + math.erf(v / math.sqrt(2))),
    "floor": lambda v: v if math.isinf(v) else float(math.floor(v)),
    "ceil": lambda v: v if math.isinf(v) else float(math.ceil(v)),
    "round": lambda v: v if math.isinf(v) else float(round(v)),
    "trunc": lambda v: v if math.isinf(v) else float(math.trunc(v)),
    "asinh": math.asinh,
}
"""Functions of one number that never fall."""

WITHIN: dict[str, Bounds] = {
    "sin": (-1.0, 1.0),
    "cos": (-1.0, 1.0),
    "erfc": (0.0, 2.0),
    "gelu": (-0.2, _inf),
    "silu": (-0.3, _inf),
    "mish": (-0.4, _inf),
    "hardswish": (-0.4, _inf),
}
"""Bounds of other functions of one number, whatever the number is."""

FIXED: dict[str, Bounds] = {
    "softmax": UNIT,
    "softmin": UNIT,
    "gumbel_softmax": UNIT,
    "log_softmax": (-_inf, 0.0),
    "norm": POSITIVE,
    "linalg_norm": POSITIVE,
    "vector_norm": POSITIVE,
    "linalg_vector_norm": POSITIVE,
    "std": POSITIVE,
    "var": POSITIVE,
    "frobenius_norm": POSITIVE,
    "cdist": POSITIVE,
    "cosine_similarity": (-1.0, 1.0),
}
"""Bounds of functions of more than one number, whatever these are."""


def add(a: Bounds, b: Bounds) -> Bounds:
    """Bound a sum."""
    low, high = a[0] + b[0], a[1] + b[1]
    return (-math.inf if math.isnan(low) else low), (math.inf if math.isnan(high) else high)


def negative(a: Bounds) -> Bounds:
    """Bound -a."""
    return -a[1], -a[0]


def multiply(a: Bounds, b: Bounds) -> Bounds:
    """Bound a product."""
    corners = [0.0 if 0.0 in (x, y) else x * y for x in a for y in b]
    return min(corners), max(corners)


def reciprocal(a: Bounds) -> Bounds:
    """Bound 1 / a; anything where a may change its sign."""
    if a[0] >= 0:
        return (0.0 if a[1] == math.inf else 1 / a[1] if a[1] else math.inf), (1 / a[0] if a[0] else math.inf)
    if a[1] <= 0:
        return negative(reciprocal(negative(a)))
    return ANY


def clamped(a: Bounds, low: float | None, high: float | None) -> Bounds:
    """Bound a after clamping."""
    least, most = -math.inf if low is None else low, math.inf if high is None else high
    return min(max(a[0], least), most), min(max(a[1], least), most)


def absolute(a: Bounds) -> Bounds:
    """Bound the size of a."""
    if a[0] >= 0:
        return a
    return (0.0 if a[1] >= 0 else -a[1]), max(-a[0], a[1])


def power(a: Bounds, exponent: float) -> Bounds:
    """Bound a power with a known exponent."""
    if exponent < 0:
        return reciprocal(power(a, -exponent))
    if exponent == int(exponent) and int(exponent) % 2 == 0:
        a = absolute(a)
    elif a[0] < 0 and exponent != int(exponent):
        a = (0.0, a[1])
    return _limited(lambda v: v**exponent, -math.inf, math.inf)(a[0]), _limited(
        lambda v: v**exponent, -math.inf, math.inf
    )(a[1])


def union(*several: Bounds) -> Bounds:
    """Bound what comes from one of several tensors."""
    return min(one[0] for one in several), max(one[1] for one in several)
