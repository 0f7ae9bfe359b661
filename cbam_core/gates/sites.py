"""Location of a gate in a model: finders return sites, and watchers register hooks at them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from torch import nn

from cbam_core.results.kinds import Kind

Label = tuple[str, str, Kind]
"""What a name of a gate is made from: its block, the attribute of its module in the block, and its kind."""


class Site(NamedTuple):
    """Location of one gate in a model.

    Attributes:
        name: name of the gate: that of its block and one part more, such as ``"cbam1.channel"``; where two modules make
            up the block, that of its module and one part more.
        block: path of the block that owns the gate, such as ``"cbam1"``; a class name where that is the model itself;
            ``"ca + sa"`` where two modules make up the block.
        kind: axes along which the gate differs.
        tap: module whose output is the gate; the owner of a gate found by operation.
        gated: module that takes a feature map and returns it multiplied by the gate; the owner of a gate found by
            operation, whose code multiplies.
        scale: what the values are multiplied by before they multiply the map.
        shift: what is added to them then.
        squashed: whether the values are known to lie in [0, 1].
        by_operation: whether the gate was found by what the forward does, not by the class of its module.
        order: number of gates of the same name before it in the code of its block.
    """

    name: str
    block: str
    kind: Kind
    tap: nn.Module
    gated: nn.Module
    scale: float = 1.0
    shift: float = 0.0
    squashed: bool = True
    by_operation: bool = False
    order: int = 0


def named(labels: Iterable[Label]) -> list[tuple[str, str, Kind]]:
    """Return name, block and kind of each gate of one model, whose kind names it where that is clear.

    A block's second gate of one kind is named by its attribute, such as ``"cbam1.second"``.
    """
    names: list[tuple[str, str, Kind]] = []
    taken: set[str] = set()
    for block, attribute, kind in labels:
        name = f"{block}.{kind}"
        if name in taken:
            name = f"{block}.{attribute}"
        taken.add(name)
        names.append((name, block, kind))
    return names


def name_of_call(name: str, call: int) -> str:
    """Name one call of a gate, or one of several gates of a name: ``"cbam1.channel"``, ``"cbam1#2.channel"``, ..."""
    if call == 1:
        return name
    module, _, last = name.rpartition(".")
    return f"{module}#{call}.{last}"


class BlockCalls:
    """Names of the calls of blocks, as their gates come by in a forward."""

    def __init__(self) -> None:
        self._calls: Counter[str | tuple[str, str]] = Counter()

    def next_name(self, name: str, block: str) -> str:
        """Name the block of a gate's next call: ``"cbam1"``, ``"cbam1#2"``, ...

        Args:
            name: name of the gate.
            block: name of its block; one that two modules make up has one gate of each kind in each call.
        """
        key = (block, name.rpartition(".")[2]) if is_shared(name, block) else name
        self._calls[key] += 1
        return block if self._calls[key] == 1 else f"{block}#{self._calls[key]}"


def is_shared(name: str, block: str) -> bool:
    """Check whether two modules make up the block of a gate, whose name then does not begin with the block's."""
    return not name.startswith(f"{block}.")
