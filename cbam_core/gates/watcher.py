"""Watching the forwards of one thread, on a model that other threads use at the same time.

Everything that observes or changes a forward is a `Watcher`. The model has hooks only while a watcher is open, each
hook works only in the thread that opened it, and everything recorded is kept by the caller.

At a gate, edits run before recorders, whichever was opened first: a record holds what multiplied the feature map.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from threading import get_ident
from typing import Any

from torch import Tensor, nn

from cbam_core.errors import CaptureError
from cbam_core.gates.finders import find_sites
from cbam_core.gates.hooks import HookEntry, Hooks
from cbam_core.gates.record import Record
from cbam_core.gates.sites import Site

Observer = Callable[[Site, Tensor], None]
"""Function of a site and the live feature map there."""


class Watcher:
    """Hooks of one thread, active while that thread runs a forward of the whole model.

    Forwards of other threads are ignored, and so are calls of single modules of the model.

    Args:
        model: network, called in the thread that opens the watcher, until it is closed.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._hooks = Hooks()
        self._owner: int | None = None
        self._seen: list[tuple[Site, Tensor]] | None = None  # None outside a forward

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy as a closed watcher: copying a model may reach a hook that was added during the copying."""
        return type(self), (nn.Identity(),)

    def open(self, entries: Sequence[HookEntry], *, rank: int = 0) -> None:
        """Register hooks, between two that mark the start and end of a forward, also where the model itself is a site.

        Args:
            entries: dictionaries, and the hook for each.
            rank: 0, or more for hooks that run before others, see `Hooks.register`.
        """
        self._owner = get_ident()
        before, after = self._model._forward_pre_hooks, self._model._forward_hooks
        self._hooks.register([(before, self._start), *entries, (after, self._complete)], rank=rank)

    def __exit__(self, *_error: object) -> None:
        self._hooks.remove()

    def _start(self, _module: nn.Module, _inputs: Any) -> None:
        if get_ident() == self._owner:
            self._seen = []

    def _complete(self, _module: nn.Module, _inputs: Any, _output: Any) -> None:
        if get_ident() == self._owner:
            self._seen = None


class capture(Watcher):  # noqa: N801 - used as a verb: ``with capture(model) as record``
    """Record every gate of the forwards that this thread runs through `model` inside the with block.

    The output is bit-identical to that without it. Training flags, parameters and buffers never change, and no hook is
    left afterwards, even after an error. Many threads may capture one model at once, each its own forwards. Copies and
    pickles of the model that are made inside the block have no hooks of it.

    The record's `gates` are tensors in order of execution: channel weights (B, C) and spatial masks (B, H, W). They are
    those of the last forward: a second one replaces the first. They are empty where the network has no known gates.

    Args:
        model: network, called as ``model(batch)`` inside the block, in the same thread.

    Raises:
        CaptureError: the model is compiled, scripted or exported; no gate ran in this thread; or gates are read before
            a forward has completed.
    """

    def __enter__(self) -> Record:
        self._sites = find_sites(self._model)
        self._record = Record()
        self.open([(site.tap._forward_hooks, partial(self._record_gate, site)) for site in self._sites])
        return self._record

    def _start(self, _module: nn.Module, _inputs: Any) -> None:
        if get_ident() == self._owner:
            self._record.replace(None)
            self._seen = []

    def _record_gate(self, site: Site, _module: nn.Module, _inputs: Any, gate: Tensor) -> None:
        if self._seen is not None and get_ident() == self._owner:
            # A copy, because the live tensor may be changed in place later.
            self._seen.append((site, (gate.detach() if gate.requires_grad else gate).clone()))

    def _complete(self, _module: nn.Module, _inputs: Any, _output: Any) -> None:
        if get_ident() != self._owner:
            return
        seen, self._seen = self._seen, None
        if self._sites and not seen:
            raise CaptureError(
                "capture.ran-elsewhere",
                "the model ran but none of its {count} gates did in this thread: capture the plain module, "
                "not one spread over several devices or threads",
                count=len(self._sites),
            )
        self._record.replace(seen)


class FeatureWatcher(Watcher):
    """Observe the feature maps around some gates, in the forwards that this thread runs through `model`.

    Args:
        model: network, called inside the block, in the same thread.
        sites: gates of the model.
        entering: called with the map that a gate will multiply.
        leaving: called with the map after the multiplication.
        mode: torch function mode that is on while the block is open.
    """

    def __init__(
        self,
        model: nn.Module,
        sites: Sequence[Site] = (),
        *,
        entering: Observer | None = None,
        leaving: Observer | None = None,
        mode: AbstractContextManager[Any] | None = None,
    ) -> None:
        super().__init__(model)
        self._sites, self._mode = sites, mode
        self._entering, self._leaving = entering, leaving

    def __enter__(self) -> None:
        entries: list[HookEntry] = []
        if self._entering is not None:
            entries += [
                (site.gated._forward_pre_hooks, partial(self._enter, self._entering, site)) for site in self._sites
            ]
        if self._leaving is not None:
            entries += [(site.gated._forward_hooks, partial(self._leave, self._leaving, site)) for site in self._sites]
        self.open(entries)
        if self._mode is not None:
            self._mode.__enter__()

    def __exit__(self, *error: Any) -> None:
        if self._mode is not None:
            self._mode.__exit__(*error)
        super().__exit__()

    def _enter(self, observer: Observer, site: Site, _module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if self._seen is not None and get_ident() == self._owner and inputs:
            observer(site, inputs[0])

    def _leave(self, observer: Observer, site: Site, _module: nn.Module, _inputs: Any, output: Tensor) -> None:
        if self._seen is not None and get_ident() == self._owner:
            observer(site, output)
