"""Is a multiplication a gate? The rules, and the reason where it is none."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from cbam_core.gates.operations.bounds import Bounds, within_unit
from cbam_core.gates.operations.elements import Elements, Root, Shape, varying
from cbam_core.gates.operations.layout import Rearranged, rearranged
from cbam_core.gates.operations.products import Multiplication
from cbam_core.gates.operations.tensors import Part, Softmax, Tracked
from cbam_core.results.kinds import Kind


@dataclass(frozen=True, eq=False)
class Reader:
    """How the values of a gate are read off the tensor that holds them.

    Attributes:
        selected: axes of which the first entry is taken, from the last one on.
        index: positions of the values among what is left, flattened; None where they are all, in order.
        shape: shape of the values.
        back: positions among the values of what is left; None where they are all, in order.
        rest: shape of what is left; None where it holds more than the values.
        whole: shape of the tensor.
        divisor: what is read is divided by it.
    """

    selected: tuple[int, ...]
    index: Tensor | None
    shape: Shape
    back: Tensor | None
    rest: Shape | None
    whole: Shape
    divisor: float = 1.0

    def read(self, tensor: Tensor) -> Tensor:
        """Return the values, a view where possible."""
        if self.divisor != 1:
            tensor = tensor / self.divisor
        for axis in self.selected:
            tensor = tensor.select(axis, 0)
        if self.index is None:
            return tensor.reshape(self.shape)
        return tensor.flatten()[self.index.to(tensor.device)].reshape(self.shape)

    def write(self, values: Tensor) -> Tensor:
        """Return a tensor that holds the values as the one that they were read from does.

        Raises:
            ValueError: that tensor holds more than the values.
        """
        if self.rest is None:
            raise ValueError("the tensor cannot be made from the values")
        if self.divisor != 1:
            values = values * self.divisor
        tensor = values.reshape(self.rest) if self.back is None else values.flatten()[self.back.to(values.device)]
        tensor = tensor.reshape(self.rest)
        for axis in reversed(self.selected):
            tensor = tensor.unsqueeze(axis)
        return tensor.expand(self.whole)


@dataclass(frozen=True, eq=False)
class Judged:
    """One gate of a multiplication.

    Attributes:
        part: the gate.
        kind: axes along which it differs.
        squashed: whether its values are known to lie in [0, 1].
        reader: how its values are read.
        signature: numbers that tell its elements from those of another gate.
        softmax: entries of a softmax over two that it uses; None for another gate.
    """

    part: Part
    kind: Kind
    squashed: bool
    reader: Reader
    signature: tuple[int, ...]
    softmax: tuple[Softmax, frozenset[int]] | None = None


@dataclass(frozen=True)
class Refusal:
    """Why a multiplication is no gate.

    Attributes:
        near: how near it came to being one: a larger number is nearer.
        reason: clause that says why.
    """

    near: int
    reason: str


def judge(one: Multiplication, at: int, batch: int = 0) -> list[Judged] | Refusal:
    """Decide whether a multiplication is a gate.

    Args:
        one: the multiplication.
        at: number of its call in the forward.
        batch: number of images of the input; 0 where it is unknown.

    Returns:
        The gates, several where they were multiplied with each other before; or why there is none.
    """
    factor = one.factor
    squashed = (factor.squashed and bool(factor.parts)) or _is_core(one)
    refusal = _early_refusal(one, squashed)
    if refusal is not None:
        return refusal
    arranged = rearranged(one.map.place)
    if arranged is None or math.prod(arranged[0]) != math.prod(one.map.shape):
        arranged = _as_it_is(one.map.shape)
    if arranged[0][0] != batch == one.map.shape[0]:  # images stood side by side in the channels
        arranged = _as_it_is(one.map.shape)
    if _repeats(one.map.place, arranged):
        return Refusal(3, "the map is the same along an axis, so it is no feature map")
    found = [_judged(one, part, arranged, squashed) for part in one.parts(at)]
    refusals = [part for part in found if isinstance(part, Refusal)]
    return refusals[0] if refusals else [part for part in found if isinstance(part, Judged)]


def _is_core(one: Multiplication) -> bool:
    factor = one.factor
    if factor.step or (factor.softmax is not None and factor.softmax.entries != 2):
        return False
    return within_unit(one.bounds) or (factor.reach is not None and not one.inverse)


def _repeats(place: Elements, arranged: Rearranged) -> bool:
    """Check whether the elements of a map repeat along an axis."""
    if isinstance(place, Root) or len(place.roots) != 1:
        return False
    changing = varying(arranged[1](place.numbers))
    return any(size > 1 and axis not in changing for axis, size in enumerate(arranged[0]) if axis > 0)


def _early_refusal(one: Multiplication, squashed: bool) -> Refusal | None:  # noqa: PLR0911
    """Refuse what needs no look at single elements."""
    factor, of = one.factor, one.map
    if factor.softmax is not None and (factor.softmax.entries != 2 or not squashed):
        return Refusal(4, "the factor comes from a softmax or another division by a sum: shares, no gate")
    if factor.step:
        return Refusal(4, "the factor comes from a comparison: a mask that decides, no gate")
    if one.inverse and not squashed:
        return Refusal(1, "the map is divided by something without a squash, as in a norm")
    if _is_vector(of):
        return Refusal(3, "what it multiplies was pooled to one position: a vector, no feature map")
    if factor.elements is of.elements or _same_elements(one):
        return Refusal(5, "factor and map are functions of one tensor, element by element, as in Swish")
    if not squashed:
        if one.sums:
            return Refusal(0, "it is a matrix product without a squash")
        if isinstance(factor.elements, Root) and factor.shape == of.shape and min(of.shape[1:]) > 1:
            return Refusal(2, "the factor has no squash and differs at every element: a product like any other")
    weak = factor.weak or (one.inverse and not factor.saturating)
    if (not squashed or weak) and not learned_between(of, factor):
        return Refusal(4, "the factor has no squash, and no learned layer lies between this map and it")
    return None


def _is_vector(of: Tracked) -> bool:
    return of.pooled and (len(of.shape) < 3 or any(size == 1 for size in of.shape[2:]))


def _same_elements(one: Multiplication) -> bool:
    """Check whether factor and map hold functions of the same elements of one tensor."""
    factor, of = one.factor.elements, one.map.elements
    if factor.roots != of.roots:
        return False
    (part,) = one.parts(0)[:1]
    elements: Elements = part.elements
    return torch.equal(elements.numbers, of.numbers)


def learned_between(of: Tracked, factor: Tracked) -> bool:
    """Check whether the factor was computed from the map through a convolution, a linear layer or a matrix product."""
    goals = equivalents(of)
    least = min(goals)
    waiting: list[tuple[Tracked, bool]] = [(factor, factor.mixing)]
    seen: set[tuple[int, bool]] = set()
    while waiting:
        tracked, mixed = waiting.pop()
        if tracked.unknown and tracked.dynamic:
            return True
        if tracked.number in goals:
            if mixed:
                return True
            continue
        for parent in tracked.parents:
            key = (parent.number, mixed or (parent.mixing and parent.number not in goals))
            if parent.dynamic and parent.number >= least and key not in seen:
                seen.add(key)
                waiting.append((parent, key[1]))
    return False


def equivalents(of: Tracked) -> set[int]:
    """Return the numbers of the tensors of which the map is a view or an elementwise function."""
    goals = {of.number}
    while not of.mixing:
        dynamic = [parent for parent in of.parents if parent.dynamic]
        new = isinstance(of.elements, Root)
        if len(dynamic) != 1 or dynamic[0].number in goals or (new and of.elements is not dynamic[0].elements):
            break
        of = dynamic[0]
        goals.add(of.number)
    return goals


def _as_it_is(shape: Shape) -> Rearranged:
    return shape, lambda tensor: tensor


def _judged(one: Multiplication, part: Part, arranged: Rearranged, squashed: bool) -> Judged | Refusal:
    shape, arrange = arranged
    numbers = arrange(part.elements.numbers)
    axes = [axis for axis in varying(numbers) if axis > 0]
    kind = _kind(axes, len(shape)) or _kind_of_one(part, shape)
    if kind is None:
        return Refusal(2, "the factor is one number for each image")
    if not squashed and kind not in {"channel", "spatial"}:
        return Refusal(2, "the factor has no squash and differs by channel and position: a product like any other")
    kept = {"channel": {1}, "spatial": set(range(2, len(shape))), "full": set(range(1, len(shape))),
            "row": {1, 2}, "column": {1, 3}}[kind]  # fmt: skip
    small = numbers
    for axis in range(len(shape) - 1, 0, -1):
        if axis not in kept:
            small = small.select(axis, 0)
    source = part.source.elements.numbers if part.source.shape != () else part.source.elements.numbers.reshape(1)
    reader = _reader(source, small)
    if reader is None:
        return Refusal(2, "its elements could not be followed to the map")
    reader = replace(reader, divisor=part.divisor)
    flat = small.flatten()
    signature = (int(flat[0]), int(flat[-1]), flat.numel())
    known = squashed and not part.source.loose and within_unit(_own_bounds(one, part))
    return Judged(part, kind, known, reader, signature, _entries(part.source.softmax, flat))


def _kind_of_one(part: Part, shape: Shape) -> Kind | None:
    """Return the kind of a gate with one value for each image: a mask over a map of one position, else none."""
    roots = [root for root in part.elements.roots if len(root.shape) == len(shape) and root.shape[1] == 1]
    over_one = len(shape) > 2 and all(size == 1 for size in shape[2:])
    return "spatial" if over_one and len(roots) == len(part.elements.roots) else None


def _kind(axes: list[int], dimensions: int) -> Kind | None:
    if not axes:
        return None
    if axes == [1]:
        return "channel"
    if 1 not in axes:
        return "spatial"
    if dimensions == 4 and axes == [1, 2]:
        return "row"
    if dimensions == 4 and axes == [1, 3]:
        return "column"
    return "full"


def _reader(source: Tensor, wanted: Tensor) -> Reader | None:
    """Find how the wanted elements are read off the source."""
    selected = []
    rest = source
    for axis in range(source.ndim - 1, -1, -1):
        if source.stride(axis) == 0 and source.shape[axis] > 1:
            selected.append(axis)
            rest = rest.select(axis, 0)
    shape = tuple(wanted.shape)
    if rest.numel() == wanted.numel() and torch.equal(rest.flatten(), wanted.flatten()):
        return Reader(tuple(selected), None, shape, None, tuple(rest.shape), tuple(source.shape))
    index = _positions(wanted, rest)
    if index is None:
        return None
    back = _positions(rest, wanted)
    left = None if back is None else tuple(rest.shape)
    return Reader(tuple(selected), index, shape, back, left, tuple(source.shape))


def _positions(wanted: Tensor, among: Tensor) -> Tensor | None:
    """Find numbers among others; None where one is missing."""
    ordered, order = torch.sort(among.flatten())
    if not len(ordered):
        return None
    place = torch.searchsorted(ordered, wanted.flatten().contiguous()).clamp_(max=len(ordered) - 1)
    return order[place] if torch.equal(ordered[place], wanted.flatten()) else None


def _own_bounds(one: Multiplication, part: Part) -> Bounds:
    low, high = one.bounds if one.inverse else part.source.bounds
    return low / part.divisor, high / part.divisor


def _entries(softmax: Softmax | None, numbers: Tensor) -> tuple[Softmax, frozenset[int]] | None:
    return None if softmax is None else (softmax, entries_used(softmax, numbers))


def entries_used(softmax: Softmax, numbers: Tensor) -> frozenset[int]:
    """Return which entries of a softmax some of its elements are; of an unknown one, both of two."""
    root = softmax.root
    if root is None:
        return frozenset({0, 1})
    stride = math.prod(root.shape[softmax.axis + 1 :])
    return frozenset(((numbers - root.first) // stride % root.shape[softmax.axis]).tolist())
