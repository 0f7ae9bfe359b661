"""What is known of one tensor in the forward that is followed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from weakref import ref

from torch import Tensor

from cbam_core.gates.operations.bounds import ANY, Bounds, is_unit, within_unit
from cbam_core.gates.operations.elements import Axis, Elements, Root, Shape

_numbers = count()


@dataclass(slots=True, eq=False)
class ModuleCall:
    """One call of one module.

    Attributes:
        path: path of the module; "" for the network itself.
        outer: call of the module that it was called in; None for the network's own.
        number: number of this call of the module in the forward, from 1.
        opaque: whether what runs inside is not seen.
        calls: number of torch calls inside, with those of modules in it.
    """

    path: str
    outer: ModuleCall | None
    number: int
    opaque: bool = False
    calls: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Tap:
    """One argument of one torch call.

    Attributes:
        at: number of the torch call in the forward, from 0.
        path: keys that lead to the tensor among the call's arguments: positions and names.
    """

    at: int
    path: tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class Number:
    """A number that one argument of one torch call gave: of Python, or of a tensor that no input changes.

    Attributes:
        at: number of the torch call in the forward, from 0.
        path: keys that lead to it among the call's arguments.
        value: the number.
        stored: whether it is the value of a parameter or buffer.
    """

    at: int
    path: tuple[int | str, ...]
    value: float
    stored: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A gate inside a factor: the factor is scale * gate + shift, or a product of several such parts.

    Attributes:
        elements: for each element of the factor, the element of the gate that is in it.
        source: tensor that holds the gate.
        tap: where it can be read; None for the factor itself.
        scale: factor of the gate.
        shift: what is added to it.
        stored: whether scale or shift is the value of a parameter or buffer, which may change.
        divisor: what the values of the source are divided by to be those of the gate.
    """

    elements: Elements
    source: Tracked
    tap: Tap | None
    scale: float = 1.0
    shift: float = 0.0
    stored: bool = False
    divisor: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Softmax:
    """A softmax: its values are shares, and no gate, unless there are two and one is used.

    Attributes:
        entries: number of values that add up to 1.
        root: elements of its result; None where they are not known.
        axis: axis along which they add up.
    """

    entries: int
    root: Root | None = None
    axis: int = 0


@dataclass(slots=True, eq=False)
class Tracked:
    """What is known of one tensor.

    Attributes:
        shape: its shape.
        elements: where its elements come from.
        place: positions of its elements: those of the map that it was computed from, element by element.
        dynamic: whether it depends on the input.
        bounds: numbers between which its values lie.
        parents: tensors that it was computed from.
        mixing: whether a learned layer made it.
        softmax: softmax that its values come from.
        step: whether its values come from a comparison.
        weak: whether its bounds come from a division alone, as in norms.
        pooled: whether positions were reduced to one.
        parts: gates inside, where it is not itself one.
        product: gate that made it, by multiplying a map.
        constant: value of all elements, where known.
        addends: tensors whose sum it is.
        total: tensor whose sum over some axes it is.
        peak: tensor whose maximum over some axes it is.
        reach: largest value where they go from 0 to there around a middle, as 1 + tanh does; None elsewhere.
        diagonal: tensor that stands on its diagonal.
        random: whether random numbers are in it.
        unknown: whether it was made by a call that was not seen.
        saturating: whether an exponential or a limit is in it.
        summed: whether it is a sum of several gates.
        loose: whether values may be larger than the bounds, after dropout in training.
        stored: whether it is a parameter or buffer of one element.
        formula: number that is the same for the same function of the same tensors; None where it is the only one.
        joined: tensors that it stacks, and along which axis.
        base: tensor that it is a view of.
        numbers: numbers on which its bounds and its parts' scales and shifts depend.
        made_in: call of a module in which it was made.
        number: position in the order in which tensors were first seen.
    """

    shape: Shape
    elements: Elements
    place: Elements
    dynamic: bool = False
    bounds: Bounds = ANY
    parents: tuple[Tracked, ...] = ()
    mixing: bool = False
    softmax: Softmax | None = None
    step: bool = False
    weak: bool = False
    pooled: bool = False
    parts: tuple[Part, ...] = ()
    product: Any = None
    constant: float | None = None
    addends: tuple[Tracked, ...] = ()
    total: Tracked | None = None
    peak: Tracked | None = None
    reach: float | None = None
    diagonal: Tracked | None = None
    random: bool = False
    unknown: bool = False
    saturating: bool = False
    summed: bool = False
    loose: bool = False
    stored: bool = False
    formula: int | None = None
    joined: tuple[tuple[Tracked, ...], int] | None = None
    base: Tracked | None = None
    numbers: tuple[Number, ...] = ()
    made_in: ModuleCall | None = None
    number: int = field(default_factory=lambda: next(_numbers), init=False)

    @property
    def origin(self) -> Tracked:
        """Tensor that it is a view of; itself where it is none."""
        return self.base or self

    @property
    def same(self) -> int:
        """Number that it shares with tensors computed alike."""
        return self.number if self.formula is None else self.formula

    @property
    def squashed(self) -> bool:
        """Whether it holds a gate: values in [0, 1], or a gate with scale and shift."""
        if not self.dynamic or self.step or (self.softmax is not None and self.softmax.entries != 2):
            return False
        return bool(self.parts) or within_unit(self.bounds) or self.reach is not None

    def gates(self, tap: Tap | None) -> tuple[Part, ...]:
        """Return the gates inside; itself where it is one or a sum of several, to be read at `tap`."""
        if self.summed and len(self.parts) > 1:
            return (Part(self.elements, self, tap),)
        reach = self.reach or 1.0
        return self.parts or (Part(self.elements, self, tap, scale=reach, divisor=reach),)

    def without_parts_in_unit(self) -> Tracked:
        """Forget the gates inside where the values are a gate again, from 0 to 1."""
        if is_unit(self.bounds) and (len(self.parts) == 1 or self.summed):
            self.parts = ()
        return self


def fresh(shape: Shape, axis: Axis, **known: Any) -> Tracked:
    """Describe a tensor whose elements are new."""
    root = Root(shape, axis)
    return Tracked(shape, root, root, **known)


def constant(tensor: Tensor, value: float | None = None, *, random: bool = False) -> Tracked:
    """Describe a tensor that does not depend on the input."""
    bounds = ANY if value is None or math.isnan(value) else (value, value)
    return fresh(tuple(tensor.shape), lambda: None, constant=value, bounds=bounds, random=random)


class Ledger:
    """What is known of the tensors that are alive, by identity."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[ref[Tensor], Tracked]] = {}

    def put(self, tensor: Tensor, tracked: Tracked) -> None:
        """Note what is known of a tensor."""
        self._known[id(tensor)] = (ref(tensor), tracked)

    def get(self, tensor: Tensor) -> Tracked | None:
        """Return what is known of a tensor."""
        known = self._known.get(id(tensor))
        return known[1] if known is not None and known[0]() is tensor else None


Arguments = tuple[tuple[Any, ...], dict[str, Any]]
"""Positional and named arguments of a call."""


def tensors_in(
    value: Any, path: tuple[int | str, ...] = (), depth: int = 4
) -> Iterator[tuple[tuple[Any, ...], Tensor]]:
    """Yield the tensors in nested arguments or results, with the keys that lead to them."""
    if isinstance(value, Tensor):
        yield path, value
    elif depth and isinstance(value, tuple | list):
        for index, item in enumerate(value):
            yield from tensors_in(item, (*path, index), depth - 1)
    elif depth and isinstance(value, dict):
        for key, item in value.items():
            yield from tensors_in(item, (*path, key), depth - 1)
    elif depth and hasattr(value, "__dataclass_fields__"):
        yield from tensors_in(vars(value) if hasattr(value, "__dict__") else {}, path, depth - 1)
