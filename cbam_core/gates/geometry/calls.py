"""One call of a torch function, as the rules read it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from cbam_core.gates.geometry.positions import Positions

Lookup = Callable[[Tensor], Positions | None]
"""Function of a tensor that returns its positions; None where it does not depend on the image."""


@dataclass(frozen=True, eq=False)
class Call:
    """A call that has returned.

    Attributes:
        name: name of the function, see `plain_name`.
        function: the function itself, to be called again on numbers of elements.
        args: its arguments.
        kwargs: its arguments by name.
        result: what it returned.
        lookup: positions of the tensors before the call.
    """

    name: str
    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    result: Any
    lookup: Lookup

    def argument(self, position: int, name: str, default: Any = None) -> Any:
        """Return an argument by its position or name; the default where it is absent or None."""
        value = self.args[position] if len(self.args) > position else self.kwargs.get(name)
        return default if value is None else value

    @property
    def source(self) -> Tensor:
        """First tensor of the arguments, on which the function works."""
        return next(tensors((*self.args, *self.kwargs.values())))

    @property
    def positions(self) -> Positions | None:
        """Positions of the first tensor."""
        return self.lookup(self.source)

    @property
    def operands(self) -> list[Positions]:
        """Positions of all tensors among the arguments that depend on the image."""
        found = (self.lookup(one) for one in tensors((*self.args, *self.kwargs.values())))
        return [one for one in found if one is not None]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the first tensor of the result."""
        return tuple(next(tensors([self.result])).shape)

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Shapes of all tensors of the result."""
        return [tuple(one.shape) for one in tensors([self.result])]


def tensors(values: Any) -> Iterator[Tensor]:
    """Yield the tensors in nested lists, tuples and dictionaries, in order."""
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from tensors(value)
        elif isinstance(value, dict):
            yield from tensors(value.values())


_TURNED = frozenset(
    f"{turn}{name}"
    for turn in "ri"
    for name in ("add", "sub", "mul", "div", "truediv", "pow", "floordiv", "mod", "matmul", "and", "or", "xor")
)


def plain_name(function: Any) -> str:
    """Return the name of a torch function, the same for operators, methods and in-place methods.

    Properties have a dot in front, such as ``".T"``; indexing keeps its underscores.
    """
    name = str(getattr(function, "__name__", ""))
    if name in ("__get__", "__set__"):
        return f".{getattr(getattr(function, '__self__', None), '__name__', '')}"
    if name in ("__getitem__", "__setitem__"):
        return name
    plain = name.strip("_").removeprefix("special_")
    return plain[1:] if name.startswith("__") and plain in _TURNED else plain
