"""Replacing gates in the forwards of one thread; recorders then see the replacement."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from threading import get_ident
from types import MappingProxyType
from typing import Any

from torch import Tensor, nn

from cbam_core.gates.sites import Site
from cbam_core.gates.watcher import Watcher

Edit = Callable[[Tensor], Tensor]
"""Function of a gate as its module outputs it; returns its replacement, of the same shape."""

EDIT, REFERENCE = 1, 2
"""Ranks of hooks: edits run before recorders, and what runs a forward of its own for reference before both."""


class EditWatcher(Watcher):
    """Replace gates in the forwards that this thread runs through `model` inside the block.

    Args:
        model: a network, called inside the block, in the same thread.
        edits: replacement of each gate to edit.
    """

    def __init__(self, model: nn.Module, edits: Mapping[Site, Edit] = MappingProxyType({})) -> None:
        super().__init__(model)
        self._edits = edits

    def __enter__(self) -> None:
        edits = self._edits.items()
        self.open([(site.tap._forward_hooks, partial(self._replace, edit)) for site, edit in edits], rank=EDIT)

    def _replace(self, edit: Edit, _module: nn.Module, _inputs: Any, gate: Tensor) -> Tensor | None:
        return edit(gate) if self._seen is not None and get_ident() == self._owner else None
