"""Watching the forwards of one thread, on a model that other threads use at the same time.

Everything that looks into a forward, or changes it, is a `Watcher`. What it sees stays with the caller; the model only
carries hooks while the watcher is open, and each hook answers to the thread that opened it.

At a gate the order is fixed: edits, then records, whichever was opened first. So a record holds what multiplied the
feature map.
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
from cbam_core.gates.hooks import Hooks, Placed
from cbam_core.gates.record import Record
from cbam_core.gates.sites import Site

Observer = Callable[[Site, Tensor], None]
"""Takes a site and the live feature map there."""


class Watcher:
    """Hooks of one thread, which answer while that thread runs the model's own forward.

    Forwards of other threads are passed over, and so are calls of the model's parts alone.

    Args:
        model: called in the thread that opens the watcher, until it is closed.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._hooks = Hooks()
        self._owner: int | None = None
        self._seen: list[tuple[Site, Tensor]] | None = None  # None outside a forward

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy as a closed watcher: a copy of the model that began before this one was opened may find its hooks."""
        return type(self), (nn.Identity(),)

    def open(self, looks: Sequence[Placed], *, first: bool = False) -> None:
        """Hang hooks, with the model's own before and after them, so that a model which is its own site is seen.

        Args:
            looks: which hook goes where.
            first: whether they run before all others.
        """
        self._owner = get_ident()
        before, after = self._model._forward_pre_hooks, self._model._forward_hooks
        self._hooks.hang([(before, self._begin), *looks, (after, self._complete)], first=first)

    def __exit__(self, *_error: object) -> None:
        self._hooks.take_off()

    def _begin(self, _module: nn.Module, _inputs: Any) -> None:
        if get_ident() == self._owner:
            self._seen = []

    def _complete(self, _module: nn.Module, _inputs: Any, _output: Any) -> None:
        if get_ident() == self._owner:
            self._seen = None


class capture(Watcher):  # noqa: N801 - used as a verb: ``with capture(model) as record``
    """Record every gate of the forwards that this thread runs through `model` inside the block.

    The output is bit-identical to a forward without; training flags, parameters and buffers are never touched, and no
    hook is left afterwards, not even after an error. Many threads may capture one model at once, each its own forwards.
    Copies and pickles of the model that are made inside the block carry no hooks of it.

    The block gives a record. Its `gates` are tensors in order of execution, channel weights (B, C) and spatial masks
    (B, H, W), of the last forward: a second one replaces the first. They are empty where the network has no gates of
    ours.

    Args:
        model: a network, called as ``model(batch)`` inside the block, in the same thread.

    Raises:
        CaptureError: the model is compiled, scripted or exported; no gate ran in this thread; or gates are read before
            a forward has completed.
    """

    def __enter__(self) -> Record:
        self._sites = find_sites(self._model)
        self._record = Record()
        self.open([(site.tap._forward_hooks, partial(self._note, site)) for site in self._sites])
        return self._record

    def _begin(self, _module: nn.Module, _inputs: Any) -> None:
        if get_ident() == self._owner:
            self._record.replace(None)
            self._seen = []

    def _note(self, site: Site, _module: nn.Module, _inputs: Any, gate: Tensor) -> None:
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
        model: a network, called inside the block, in the same thread.
        sites: gates of the model.
        entering: is called with the map that a gate will multiply.
        leaving: is called with the map after the multiplication.
        mode: a function mode that is on while the block is open.
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
        looks: list[Placed] = []
        if self._entering is not None:
            looks += [
                (site.gated._forward_pre_hooks, partial(self._enter, self._entering, site)) for site in self._sites
            ]
        if self._leaving is not None:
            looks += [(site.gated._forward_hooks, partial(self._leave, self._leaving, site)) for site in self._sites]
        self.open(looks)
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
