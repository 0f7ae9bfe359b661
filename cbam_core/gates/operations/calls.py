"""One call of a function of torch, as the rules read it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from cbam_core.gates.operations.tensors import Arguments, Tracked, tensors_in

Known = Callable[[Tensor], Tracked]
"""Function that returns what is known of a tensor."""

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
