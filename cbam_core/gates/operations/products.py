"""Calls that multiply one tensor by another, element by element or with a sum afterwards, however they are spelled."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from cbam_core.gates.operations.bounds import reciprocal
from cbam_core.gates.operations.calls import Call
from cbam_core.gates.operations.elements import Elements, Shape, moved
from cbam_core.gates.operations.moves import lettered
from cbam_core.gates.operations.tensors import Part, Tap, Tracked

Path = tuple[int | str, ...]
Arrange = Callable[[Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Multiplication:
    """One tensor that multiplies another.

    Attributes:
        factor: what may be a gate.
        map: what may be a feature map.
        factor_path: keys that lead to the factor among the arguments.
        map_path: keys that lead to the map.
        arrange: brings the factor's elements into the axes of the map, for broadcasting.
        inverse: whether the map is divided by the factor.
        scale: what multiplies the factor besides.
        shift: what is added to it.
        sums: whether the products are added up.
    """

    factor: Tracked
    map: Tracked
    factor_path: Path
    map_path: Path
    arrange: Arrange | None = None
    inverse: bool = False
    scale: float = 1.0
    shift: float = 0.0
    sums: bool = False

    def parts(self, at: int) -> tuple[Part, ...]:
        """Return the gates in the factor, with their elements in the axes of the map."""
        here = Tap(at, self.factor_path)
        return tuple(
            replace(
                part,
                elements=self._arranged(part.elements),
                tap=part.tap or here,
                scale=part.scale * self.scale,
                shift=part.shift * self.scale + self.shift,
            )
            for part in self.factor.gates(here)
        )

    def _arranged(self, elements: Elements) -> Elements:
        arrange, shape = self.arrange, self.map.shape

        def move(numbers: list[Tensor]) -> Tensor:
            return (numbers[0] if arrange is None else arrange(numbers[0])).broadcast_to(shape)

        return moved([elements], shape, move)

    @property
    def bounds(self) -> tuple[float, float]:
        """Bounds of what multiplies the map."""
        return reciprocal(self.factor.bounds) if self.inverse else self.factor.bounds


def multiplications(call: Call) -> Iterator[Multiplication]:
    """Yield what a call multiplies, each pair both ways, the likelier factor first."""
    for one in _SPELLINGS.get(call.name, _none)(call):
        if one.factor.dynamic and one.map.dynamic and len(one.map.shape) >= 3 and one.factor is not one.map:
            yield one


def _none(_call: Call) -> Iterator[Multiplication]:
    yield from ()


def _both_ways(a: Tracked | Any, path_a: Path, c: Tracked | Any, path_c: Path) -> Iterator[Multiplication]:
    if isinstance(a, Tracked) and isinstance(c, Tracked):
        pairs = [(c, path_c, a, path_a), (a, path_a, c, path_c)]
        for factor, factor_path, of, map_path in sorted(pairs, key=lambda pair: not pair[0].squashed):
            if math.prod(_broadcast(factor.shape, of.shape)) == math.prod(of.shape):
                lacking = len(factor.shape) - len(of.shape)
                arrange = None if lacking <= 0 else _flattened_front(lacking)
                yield Multiplication(factor, of, factor_path, map_path, arrange)


def _flattened_front(lacking: int) -> Arrange:
    return lambda numbers: numbers.reshape(numbers.shape[lacking:])


def _broadcast(a: Shape, c: Shape) -> Shape:
    """Return the shape after broadcasting; (0,) where the shapes do not fit each other."""
    length = max(len(a), len(c))
    pairs = zip((1,) * (length - len(a)) + a, (1,) * (length - len(c)) + c, strict=True)
    found = tuple(x if y == 1 else y if x in (1, y) else 0 for x, y in pairs)
    return found if all(found) else (0,)


def _fits(a: Shape, c: Shape) -> bool:
    """Check that a tensor of one shape can be broadcast to another."""
    return _broadcast(a, c) == c


def _mul(call: Call) -> Iterator[Multiplication]:
    yield from _both_ways(*call.operand(0, "input", "self"), *call.operand(1, "other"))


def _addcmul(call: Call) -> Iterator[Multiplication]:
    value = call.kwargs.get("value", 1)
    for one in _both_ways(*call.operand(1, "tensor1"), *call.operand(2, "tensor2")):
        yield replace(one, scale=float(value)) if isinstance(value, int | float) else one


def _division(above: tuple[Any, Path], below: tuple[Any, Path]) -> Iterator[Multiplication]:
    (a, path_a), (c, path_c) = above, below
    if not isinstance(a, Tracked) or not isinstance(c, Tracked):
        return
    if c.bounds[0] >= 1 and not c.parts and _fits(c.shape, a.shape):
        yield Multiplication(c, a, path_c, path_a, inverse=True)


def _div(call: Call) -> Iterator[Multiplication]:
    yield from _division(call.operand(0, "input", "self"), call.operand(1, "other"))


def _addcdiv(call: Call) -> Iterator[Multiplication]:
    yield from _division(call.operand(1, "tensor1"), call.operand(2, "tensor2"))


def _lerp(call: Call) -> Iterator[Multiplication]:
    (start, path_start), (end, path_end) = call.operand(0, "input", "self"), call.operand(1, "end")
    weight, path = call.operand(2, "weight")
    if not isinstance(weight, Tracked):
        return
    if isinstance(end, Tracked) and end.dynamic and _fits(weight.shape, end.shape):
        yield Multiplication(weight, end, path, path_end)
    elif isinstance(start, Tracked) and start.dynamic and _fits(weight.shape, start.shape):
        yield Multiplication(weight, start, path, path_start, scale=-1.0, shift=1.0)


def _einsum(call: Call) -> Iterator[Multiplication]:
    equation = call.args[0] if call.args else call.kwargs.get("equation")
    operands = list(call.args[1:])
    nested = len(operands) == 1 and isinstance(operands[0], list | tuple)
    operands = list(operands[0]) if nested else operands
    if not isinstance(equation, str) or not all(isinstance(one, Tensor) for one in operands):
        return
    left, _, right = equation.replace(" ", "").partition("->")
    letters = _without_ellipsis(left.split(","), [call.known(one).shape for one in operands])
    if letters is None or any(len(set(names)) < len(names) for names in letters):
        return
    kept = set(right) | (set(_SPARE) if "." in right else set())
    order = sorted(range(len(operands)), key=lambda i: not call.known(operands[i]).squashed)
    for factor in order:
        for of in range(len(operands)):
            own, shape = letters[factor], call.known(operands[factor]).shape
            single = {letter for letter, size in zip(own, shape, strict=True) if size == 1}
            if of != factor and set(own) - single <= set(letters[of]):
                paths: list[Path] = [(1, i) if nested else (i + 1,) for i in range(len(operands))]
                yield Multiplication(
                    call.known(operands[factor]), call.known(operands[of]), paths[factor], paths[of],
                    lettered(own, letters[of]), sums=not set(letters[of]) <= kept,
                )  # fmt: skip


_SPARE = "αβγδεζηθ"


def _without_ellipsis(letters: list[str], shapes: list[Shape]) -> list[str] | None:
    """Write letters in place of each ellipsis; None where the equation does not fit the operands."""
    if len(letters) != len(shapes):
        return None
    found = []
    for names, shape in zip(letters, shapes, strict=True):
        missing = len(shape) - len(names.replace("...", ""))
        spare = _SPARE[len(_SPARE) - missing :] if missing > 0 else ""
        found.append(names.replace("...", spare))
    return found if all(len(names) == len(shape) for names, shape in zip(found, shapes, strict=True)) else None


def _matmul(call: Call) -> Iterator[Multiplication]:
    shifted = 1 if call.name in {"baddbmm", "addmm"} else 0
    a, path_a = call.operand(shifted, "input", "self", "batch1", "mat1")
    c, path_c = call.operand(shifted + 1, "other", "mat2", "batch2", "vec")
    if call.name == "rmatmul":
        (a, path_a), (c, path_c) = (c, path_c), (a, path_a)
    if not isinstance(a, Tracked) or not isinstance(c, Tracked):
        return
    if a.diagonal is not None:
        yield _diagonal(a.diagonal, c, path_a, path_c, -1)
    elif c.diagonal is not None:
        yield _diagonal(c.diagonal, a, path_c, path_a, -2)
    elif len(a.shape) == len(c.shape) >= 3 and c.shape[-1] == 1 and _fits(c.shape[:-2], a.shape[:-2]):
        yield Multiplication(c, a, path_c, path_a, lambda numbers: numbers.mT, sums=True)
    elif len(a.shape) == len(c.shape) >= 3 and a.shape[-2] == 1 and _fits(a.shape[:-2], c.shape[:-2]):
        yield Multiplication(a, c, path_a, path_c, lambda numbers: numbers.mT, sums=True)


def _diagonal(factor: Tracked, of: Tracked, factor_path: Path, map_path: Path, axis: int) -> Multiplication:
    """Describe a product with a matrix that has a gate on its diagonal; the gate is read from the matrix."""
    matrix = Tracked(
        (*factor.shape, factor.shape[-1]),
        moved([factor.elements], (*factor.shape, factor.shape[-1]), lambda n: torch.diag_embed(n[0])),
        factor.place,
        dynamic=True,
        bounds=factor.bounds,
        parents=(factor,),
        softmax=factor.softmax,
        base=factor.origin,
        numbers=factor.numbers,
    )
    return Multiplication(
        matrix, of, factor_path, map_path, lambda numbers: numbers.diagonal(dim1=-2, dim2=-1).unsqueeze(axis)
    )


def _convolution(call: Call) -> Iterator[Multiplication]:
    """Recognise a convolution whose kernels are one gate for each channel."""
    (of, map_path), (weight, path) = call.operand(0, "input"), call.operand(1, "weight")
    if not isinstance(of, Tracked) or not isinstance(weight, Tracked) or not weight.dynamic:
        return
    groups = call.argument(6, "groups") or 1
    pointwise = math.prod(weight.shape[1:]) == 1 and len(of.shape) == len(weight.shape)
    if pointwise and groups == weight.shape[0] == of.shape[1] and set(_tuple(call.argument(3, "stride"))) <= {1}:
        yield Multiplication(weight, of, path, map_path, lambda numbers: numbers.reshape(1, -1, *numbers.shape[2:]))


def _tuple(value: Any) -> tuple[Any, ...]:
    return (1,) if value is None else (value,) if isinstance(value, int) else tuple(value)


def _foreach(call: Call) -> Iterator[Multiplication]:
    first, second = call.argument(0, "self"), call.argument(1, "other")
    if isinstance(first, list | tuple) and isinstance(second, list | tuple):
        for index, (a, c) in enumerate(zip(first, second, strict=False)):
            if isinstance(a, Tensor) and isinstance(c, Tensor):
                yield from _both_ways(call.known(a), (0, index), call.known(c), (1, index))


_SPELLINGS: dict[str, Callable[[Call], Iterator[Multiplication]]] = {
    "mul": _mul,
    "div": _div,
    "addcmul": _addcmul,
    "addcdiv": _addcdiv,
    "lerp": _lerp,
    "einsum": _einsum,
    "matmul": _matmul,
    "rmatmul": _matmul,
    "bmm": _matmul,
    "mm": _matmul,
    "baddbmm": _matmul,
    "addmm": _matmul,
    "conv1d": _convolution,
    "conv2d": _convolution,
    "conv3d": _convolution,
    "_foreach_mul": _foreach,
}
