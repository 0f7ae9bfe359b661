"""What a function of the elements at one position makes of gates: sums, products, shares."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from cbam_core.gates.operations import bounds as b
from cbam_core.gates.operations.bounds import UNIT, Bounds
from cbam_core.gates.operations.calls import Call
from cbam_core.gates.operations.elements import Elements, Root, Shape, broadcast, combined
from cbam_core.gates.operations.layout import channel_axis
from cbam_core.gates.operations.limits import limits_of_function, number_of
from cbam_core.gates.operations.tensors import Number, Part, Softmax, Tap, Tracked

_SATURATING = frozenset({"exp", "exp2", "sigmoid", "tanh", "softplus", "logsigmoid", "hardsigmoid", "clamp", "hardtanh",
                         "relu6", "softmax", "erf", "atan", "ndtr", "expm1", "rpow"})  # fmt: skip


def elementwise(call: Call, shape: Shape, limits: Bounds, **known: Any) -> Tracked:
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


def function_of_numbers(call: Call, shape: Shape) -> Tracked:
    """Describe the result of a function of one or two numbers, with the gates inside."""
    a, path_a = call.operand(0, "input", "self")
    c, path_c = call.operand(1, "other", "exponent")
    if isinstance(a, Tracked) and isinstance(c, Tracked) and a is c and call.name == "add":
        return _scaled(call, elementwise(call, shape, b.multiply(a.bounds, (2.0, 2.0))), a, path_a, 2.0, 0.0)
    made = elementwise(call, shape, limits_of_function(call, a, c))
    if call.name in {"div", "rdiv", "reciprocal", "rsqrt", "pow"}:
        _note_division(call, made, a, c)
    if call.name == "add" and isinstance(a, Tracked) and number_of(c) is not None:
        made.addends = (a,) if (number_of(c) or 0) >= 0 else ()
    elif call.name == "add" and isinstance(c, Tracked) and number_of(a) is not None:
        made.addends = (c,) if (number_of(a) or 0) >= 0 else ()
    elif call.name == "add" and isinstance(a, Tracked) and isinstance(c, Tracked):
        made.addends = (*(a.addends or (a,)), *(c.addends or (c,)))
    return _with_parts(call, made, (a, path_a), (c, path_c))


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
    x, y = number_of(a), number_of(c)
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
