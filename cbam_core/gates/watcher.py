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

from cbam_core.arguments import takes
from cbam_core.errors import CaptureError
from cbam_core.gates.finders import search, sites_of, walk
from cbam_core.gates.hooks import HookEntry, Hooks
from cbam_core.gates.operations.counting import Observers
from cbam_core.gates.operations.watch import OperationWatch
from cbam_core.gates.record import Record, smallest
from cbam_core.gates.sites import Site
from cbam_core.nn.cbam import MODULE
from cbam_core.results.kinds import AXES

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
        self._seen: list[tuple[int, Tensor]] | None = None  # gates by number; None outside a forward

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy as a closed watcher: copying a model may reach a hook that was added during the copying."""
        return type(self), (nn.Identity(),)

    def open(self, entries: Sequence[HookEntry], *, rank: int = 0, inputs: bool = False) -> None:
        """Register hooks, between two that mark the start and end of a forward, also where the model itself is a site.

        Args:
            entries: dictionaries, and the hook for each.
            rank: 0, or more for hooks that run before others, see `Hooks.register`.
            inputs: whether the start also gets the named arguments of the forward.
        """
        self._owner = get_ident()
        before, after = self._model._forward_pre_hooks, self._model._forward_hooks
        start: HookEntry = (before, self._start)
        if inputs:
            start = (before, self._start, self._model._forward_pre_hooks_with_kwargs)
        self._hooks.register([start, *entries, (after, self._complete)], rank=rank)

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

    The record's `gates` are tensors in order of execution: channel weights (B, C), spatial masks (B, H, W) and others,
    see `RecordedGate`. They are those of the last forward: a second one replaces the first. Where there are none,
    `record.why_none` says why.

    Gates are found by what the network does, whatever its classes are called. For that, the first forward of a network
    runs twice, the first time on a copy. A gate that is not the same tensor in each image's row is not one. A network
    whose code reads values, as in ``if x.max() > 1``, may go another way each time: a forward runs twice that goes
    another way than the one before, and each does where it draws random numbers, changes a buffer, or reads numbers
    that hardly come again.
    Whatever its code and its hooks do outside of the network, such as printing, is then done twice. Random numbers are
    put back after the first time, those that other threads draw meanwhile included.

    Args:
        model: network, called as ``model(batch)`` inside the block, in the same thread.
        grad: whether the values keep their graph, so that gradients flow through them.

    Raises:
        CaptureError: the model is compiled, scripted or exported; no gate ran in this thread; a gate was found that
            cannot be recorded; or gates are read before a forward has completed.
    """

    @takes(CaptureError, model=MODULE)
    def __init__(self, model: nn.Module, *, grad: bool = False) -> None:
        super().__init__(model)
        self._grad = grad

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (nn.Identity(),)

    def __enter__(self) -> Record:
        self._found, others = walk(self._model)
        self._record = Record()
        self._general = self._watch_others() if others else None
        taps: list[HookEntry] = [
            (tap._forward_hooks, partial(self._record_gate, number)) for number, (_, tap, _) in enumerate(self._found)
        ]
        self.open(taps, inputs=others)
        return self._record

    def __exit__(self, *error: object) -> None:
        if self._general is not None:
            self._general.close()
        super().__exit__(*error)

    def _watch_others(self) -> OperationWatch:
        return OperationWatch(self._model, sites_of(self._found), self._keep, grad=self._grad)

    def _keep(self, values: Tensor) -> Tensor:
        """Copy what is recorded, because the live tensor may be changed in place later."""
        return (values.detach() if values.requires_grad and not self._grad else values).clone()

    def _start(self, _module: nn.Module, _inputs: Any, named: Any = None) -> None:
        if get_ident() == self._owner:
            self._record.replace(None)
            if self._general is not None:
                self._general.start((_inputs, named or {}))
            self._seen = []

    def _record_gate(self, number: int, _module: nn.Module, _inputs: Any, gate: Tensor) -> Tensor | None:
        if self._seen is None or get_ident() != self._owner:
            return None
        if not self._grad:
            self._seen.append((number, (gate.detach() if gate.requires_grad else gate).clone()))
            return None
        kind = self._found[number][0][2]
        values = smallest(gate, AXES[kind]).clone()  # on the way to the output, so that gradients reach it
        self._seen.append((number, values))
        return values.reshape(gate.shape)

    def _complete(self, _module: nn.Module, _inputs: Any, _output: Any) -> None:
        if get_ident() != self._owner or self._seen is None:
            return
        seen, self._seen = self._seen, None
        if self._general is None and len(seen) >= len(self._found) > 0:
            self._record.replace_by_labels([label for label, _, _ in self._found], seen)
        else:
            self._complete_unusual(seen)

    def _complete_unusual(self, numbered: list[tuple[int, Tensor]]) -> None:
        """Record a forward in which a gate did not run, or others than this library's may have."""
        sites = sites_of(self._found)
        seen = [(sites[number], values) for number, values in numbered]
        why_none = None
        if self._general is not None:
            seen, why_none = self._general.complete(seen)
        if sites and not seen and why_none is None:
            raise CaptureError(
                "capture.ran-elsewhere",
                "the model ran but none of its {count} gates did in this thread: capture the plain module, "
                "not one spread over several devices or threads",
                count=len(sites),
            )
        ran = {site for site, _ in seen}
        not_run = tuple(site.name for site in sites if site not in ran)
        self._record.replace(seen, _NO_GATES if not seen and why_none is None else why_none, not_run)


_NO_GATES = "No gate was found: the network has only layers of torch, which multiply no feature map by a gate."


class FollowingWatcher(Watcher):
    """Watches what a forward does at gates, also at those that operations show, and records nothing."""

    _general: OperationWatch | None = None

    def _follow(self, own: list[Site], observers: Observers) -> None:
        """Watch the gates that operations show, too; to be called before the hooks are registered.

        Args:
            own: gates of this library's own modules.
            observers: what is told of the others.
        """
        self._general = OperationWatch(self._model, own, lambda values: values, observers=observers)

    def __exit__(self, *error: object) -> None:
        if self._general is not None:
            self._general.close()
        super().__exit__(*error)

    def _start(self, module: nn.Module, inputs: Any, named: Any = None) -> None:
        if self._general is not None and get_ident() == self._owner:
            self._general.start((inputs, named or {}))
        super()._start(module, inputs)

    def _complete(self, module: nn.Module, inputs: Any, output: Any) -> None:
        if self._general is not None and get_ident() == self._owner and self._seen is not None:
            self._general.finish()
        super()._complete(module, inputs, output)


class FeatureWatcher(FollowingWatcher):
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
        if any(site.by_operation for site in self._sites):
            observers = Observers(partial(self._tell, self._entering), partial(self._tell, self._leaving))
            self._follow(search(self._model).sites, observers)
        hooked = [site for site in self._sites if not site.by_operation]
        self._shown = {site: site for site in self._sites if site.by_operation}
        entries: list[HookEntry] = []
        if self._entering is not None:
            entries += [(site.gated._forward_pre_hooks, partial(self._enter, self._entering, site)) for site in hooked]
        if self._leaving is not None:
            entries += [(site.gated._forward_hooks, partial(self._leave, self._leaving, site)) for site in hooked]
        self.open(entries, inputs=self._general is not None)
        if self._mode is not None:
            self._mode.__enter__()

    def __exit__(self, *error: Any) -> None:
        if self._mode is not None:
            self._mode.__exit__(*error)
        super().__exit__(*error)

    def _tell(self, observer: Observer | None, index: int, features: Tensor) -> None:
        if observer is not None and self._general is not None:
            site = self._shown.get(self._general.site(index))
            if site is not None:
                observer(site, features)

    def _enter(self, observer: Observer, site: Site, _module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if self._seen is not None and get_ident() == self._owner and inputs:
            observer(site, inputs[0])

    def _leave(self, observer: Observer, site: Site, _module: nn.Module, _inputs: Any, output: Tensor) -> None:
        if self._seen is not None and get_ident() == self._owner:
            observer(site, output)
