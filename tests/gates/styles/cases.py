"""Cases of the corpus: small networks written as people write them, and the gates that each must give.

A *style* says which gates it has, in `gates`, by formulas of its own, with other operations than its forward. A *trap*
multiplies feature maps by something that is not a gate. Modules that take and return a map are placed in a `Trunk`
as ``att``; networks stand for themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

CHANNELS = 8
SIZES = {1: (24,), 2: (10, 14), 3: (4, 6, 5)}
"""Extent of the maps, by the number of their axes: no two are equal, and none is that of the batch or the channels."""

CONVOLUTIONS: dict[int, type[nn.Module]] = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}


@dataclass(frozen=True, eq=False)
class Expected:
    """One gate that must be found.

    Attributes:
        kind: kind of the gate.
        values: values in their smallest form; several where more than one form is right.
        blocks: names that its block may have; in a module of a `Trunk` relative to it, "" for the module itself.
        scale: factor of the values in what multiplies the map.
        shift: what is added to them.
        multiplier: what multiplies the map, where several values, scales and shifts are right, which it checks instead.
        squashed: whether a squash was seen; None where both is right.
        call: number of the call; None where it depends on how calls are counted.
        kinds: other kinds that are right too.
    """

    kind: str
    values: tuple[Tensor, ...]
    blocks: tuple[str, ...]
    scale: float = 1.0
    shift: float = 0.0
    multiplier: Tensor | None = None
    squashed: bool | None = True
    call: int | None = 1
    kinds: tuple[str, ...] = ()

    def named_below(self, path: str) -> Expected:
        """Prefix the blocks with the path of the module that they are relative to."""
        return replace(
            self, blocks=tuple(path + (f".{block}" if block[:1] not in {"", "#"} else block) for block in self.blocks)
        )


def _kind(kind: str) -> Callable[..., Expected]:
    def expected(values: Tensor | Sequence[Tensor], *blocks: str, **others: Any) -> Expected:
        given = (values,) if isinstance(values, Tensor) else tuple(values)
        return Expected(kind, given, blocks or ("",), **others)

    return expected


channel, spatial, full, row, column = map(_kind, ("channel", "spatial", "full", "row", "column"))


@dataclass(frozen=True, eq=False)
class Case:
    """One network of the corpus.

    Attributes:
        name: words that name it.
        make: builds the network, in whatever mode it is to run.
        inputs: makes the arguments of its forward, from a generator.
        context: what the forward runs in.
        tolerance: largest absolute difference of a value to its formula.
    """

    name: str
    make: Callable[[], nn.Module]
    inputs: Callable[[torch.Generator], tuple[Any, ...]]
    context: Callable[[], AbstractContextManager[Any]] = field(default=nullcontext)
    tolerance: float = 1e-5


STYLES: list[Case] = []
TRAPS: list[Case] = []


def logistic(z: Tensor) -> Tensor:
    """Compute the sigmoid with other operations than `torch.sigmoid`."""
    return (z.double() / 2).tanh().add(1).div(2).to(z.dtype)


def image(*shape: int) -> Callable[[torch.Generator], tuple[Tensor]]:
    """Make a function that draws one tensor of noise."""
    return lambda generator: (torch.randn(*shape, generator=generator),)


class Trunk(nn.Module):
    """A convolution, a module that takes and returns a map, and a linear layer."""

    def __init__(self, att: nn.Module, axes: int = 2) -> None:
        super().__init__()
        self.stem = CONVOLUTIONS[axes](3, CHANNELS, 3, padding=1)
        self.att = att
        self.head = nn.Linear(CHANNELS, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.att(self.stem(x).relu())
        return self.head(x.flatten(2).mean(2))

    def gates(self, x: Tensor) -> list[Expected]:
        """Ask the module for the gates of its map."""
        return [gate.named_below("att") for gate in self.att.gates(self.stem(x).relu())]


def _add(cases: list[Case], axes: int, training: bool, **others: Any) -> Callable[[type[nn.Module]], type[nn.Module]]:
    def added(kind: type[nn.Module]) -> type[nn.Module]:
        def make() -> nn.Module:
            return Trunk(kind(CHANNELS), axes).train(training)

        cases.append(Case(_words(kind.__name__), make, image(2, 3, *SIZES[axes]), **others))
        return kind

    return added


def style(*, axes: int = 2, training: bool = False, **others: Any) -> Callable[[type[nn.Module]], type[nn.Module]]:
    """Register a module, built with the number of channels, as a style."""
    return _add(STYLES, axes, training, **others)


def trap(*, axes: int = 2, training: bool = False, **others: Any) -> Callable[[type[nn.Module]], type[nn.Module]]:
    """Register a module, built with the number of channels, as a trap."""
    return _add(TRAPS, axes, training, **others)


def network(
    cases: list[Case] = STYLES, *, training: bool = False, inputs: Any = None, **others: Any
) -> Callable[[type[nn.Module]], type[nn.Module]]:
    """Register a whole network, built without arguments."""

    def added(kind: type[nn.Module]) -> type[nn.Module]:
        drawn = inputs or image(2, 3, *SIZES[2])
        cases.append(Case(_words(kind.__name__), lambda: kind().train(training), drawn, **others))
        return kind

    return added


def written(cases: list[Case], name: str, make: Callable[[int], nn.Module], **others: Any) -> None:
    """Register one way of writing, from a table of them."""
    cases.append(Case(name, lambda: Trunk(make(CHANNELS)).eval(), image(2, 3, *SIZES[2]), **others))


def _words(name: str) -> str:
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()
