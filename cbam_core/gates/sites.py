"""Location of a gate in a model: finders return sites, and watchers register hooks at them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from torch import nn

from cbam_core.results.kinds import Kind

Label = tuple[str, str, Kind]
"""What a name of a gate is made from: its block, the attribute of its module in the block, and its kind."""


class Site(NamedTuple):
    """Location of one gate in a model.

    Attributes:
        name: name of the gate: that of its block and one part more, such as ``"cbam1.channel"``.
        block: path of the block that owns the gate, such as ``"cbam1"``; a class name where that is the model itself.
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
