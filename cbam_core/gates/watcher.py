"""Recording the gates of a forward, on a model that other threads use at the same time.

The record lives in the caller; the model only carries hooks while the block is open, and each hook answers to the
thread that opened it. Hanging and removing hooks takes a lock; a forward takes none.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import count
from threading import Lock, get_ident
from typing import Any

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from cbam_core.errors import CaptureError
from cbam_core.gates.record import Kind, Record
from cbam_core.gates.sites import find_sites

_registration = Lock()
_keys = count(-1, -1)  # torch numbers its own hooks from 0


class capture:  # noqa: N801 - used as a verb: ``with capture(model) as record``
    """Record every gate of the forwards that this thread runs through `model` inside the block.

    The output is bit-identical to a forward without; training flags, parameters and buffers are never touched, and no
    hook is left afterwards, not even after an error. Many threads may capture one model at once, each its own forwards.
    The block gives a record. Its `gates` are tensors in order of execution, channel weights (B, C) and spatial masks
    (B, H, W), of the last forward: a second one replaces the first. They are empty where the network has no gates of
    ours.

    Args:
        model: a network, called as ``model(batch)`` inside the block, in the same thread.

    Raises:
        CaptureError: the model is compiled, scripted or exported; no gate ran in this thread; or gates are read before
            a forward has completed.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._hung: list[tuple[dict[int, Any], int]] = []

    def __enter__(self) -> Record:
        # Written out rather than built from parts: next to a forward of one small image, each call here counts. Hooks
        # go straight into the dictionaries that torch keeps them in, because its handles cost as much as the gates.
        model, hung = self._model, self._hung
        self._sites = find_sites(model)
        self._owner = get_ident()
        self._seen: list[tuple[str, Kind, Tensor]] | None = None  # None outside a forward
        self._record = Record()
        try:
            with _registration:
                for module, _, block, kind in self._sites:
                    hung.append((module._forward_hooks, key := next(_keys)))
                    module._forward_hooks[key] = partial(self._note, block, kind)
                # The model's own come last, so that a gate which is the model itself is seen inside its forward.
                hung.append((model._forward_pre_hooks, key := next(_keys)))
                model._forward_pre_hooks[key] = self._begin
                hung.append((model._forward_hooks, key := next(_keys)))
                model._forward_hooks[key] = self._complete
        except BaseException:
            self.__exit__()
            raise
        return self._record

    def __exit__(self, *_error: object) -> None:
        with _registration:
            for hooks, key in self._hung:
                hooks.pop(key, None)
        self._hung.clear()

    def _begin(self, _module: nn.Module, _inputs: Any) -> None:
        if get_ident() == self._owner:
            self._record.replace(None)
            self._seen = []

    def _note(self, block: str, kind: Kind, _module: nn.Module, _inputs: Any, gate: Tensor) -> None:
        if self._seen is not None and get_ident() == self._owner:
            # A copy, because the live tensor may be changed in place later.
            self._seen.append((block, kind, (gate.detach() if gate.requires_grad else gate).clone()))

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


class hooked:  # noqa: N801 - used as an adjective: ``with hooked(hooks)``
    """Keep hooks registered while the block is open.

    Args:
        hooks: pairs of a module's registering method and the hook it shall register.
    """

    def __init__(self, hooks: list[tuple[Callable[..., RemovableHandle], Callable[..., None]]]) -> None:
        self._hooks = hooks
        self._handles: list[RemovableHandle] = []

    def __enter__(self) -> None:
        try:
            with _registration:
                for register, hook in self._hooks:
                    self._handles.append(register(hook))
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_error: object) -> None:
        with _registration:
            for handle in self._handles:
                handle.remove()
        self._handles.clear()
