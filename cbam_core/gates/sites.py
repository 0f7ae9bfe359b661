"""Where a gate is in a model: what finders yield and the watcher hangs on."""

from __future__ import annotations

from typing import NamedTuple

from torch import nn

from cbam_core.results.kinds import Kind


class Site(NamedTuple):
    """One gate's place in a model.

    A named tuple rather than a dataclass, because every capture makes all of them anew.

    Attributes:
        name: the gate's name, the block's with a part of its own, such as ``"cbam1.channel"``.
        block: path of the block that owns the gate, such as ``"cbam1"``; a class name where that is the model itself.
        kind: what the gate multiplies.
        tap: the module whose output is the gate.
        gated: the module that takes a feature map and gives it back multiplied by the gate.
    """

    name: str
    block: str
    kind: Kind
    tap: nn.Module
    gated: nn.Module
