"""Replacing gates in the forwards of one thread; recorders then see the replacement."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from threading import get_ident
from types import MappingProxyType
from typing import Any

from torch import Tensor, nn

from cbam_core.errors import EditError
from cbam_core.gates.finders import search
from cbam_core.gates.hooks import HookEntry
from cbam_core.gates.operations.counting import Observers
from cbam_core.gates.sites import Site
from cbam_core.gates.watcher import FollowingWatcher

Edit = Callable[[Tensor], Tensor]
"""Function of a gate as its module outputs it, or of its values in their smallest form where operations show it.

It returns the replacement, of the same shape."""

EDIT, REFERENCE = 1, 2
"""Ranks of hooks: edits run before recorders, and what runs a forward of its own for reference before both."""


class EditWatcher(FollowingWatcher):
    """Replace gates in the forwards that this thread runs through `model` inside the block.

    Args:
        model: a network, called inside the block, in the same thread.
        edits: replacement of each gate to edit.
    """

    def __init__(self, model: nn.Module, edits: Mapping[Site, Edit] = MappingProxyType({})) -> None:
        super().__init__(model)
        self._edits = edits

    def __enter__(self) -> None:
        own, others = search(self._model)
        if others:
            self._follow(own, self._observers())
        edits = [(site, edit) for site, edit in self._edits.items() if not site.by_operation]
        entries: list[HookEntry] = [(site.tap._forward_hooks, partial(self._replace, edit)) for site, edit in edits]
        self.open(entries, rank=EDIT, inputs=others)

    def _observers(self) -> Observers:
        """Return what is told of the gates that operations show."""
        return Observers(edit=self._replace_shown)

    def edit_of(self, site: Site) -> Edit | None:
        """Return the edit of a gate that operations show: a function of its values in their smallest form."""
        return self._edits.get(site)

    def _replace_shown(self, index: int, values: Tensor, can: bool) -> Tensor:
        """Replace a gate that operations show."""
        site = None if self._general is None else self._general.site(index)
        edit = None if site is None else self.edit_of(site)
        if site is None or edit is None:
            return values
        edited = edit(values)
        if edited is not values and not can:
            raise EditError(
                "edit.not-alone",
                "gate {gate} is part of a tensor that holds more than its values, so it cannot be replaced",
                gate=site.name,
            )
        return edited

    def _replace(self, edit: Edit, _module: nn.Module, _inputs: Any, gate: Tensor) -> Tensor | None:
        return edit(gate) if self._seen is not None and get_ident() == self._owner else None
