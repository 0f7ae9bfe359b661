"""Following a forward: every torch call is read, and what is known about its results is remembered."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakTensorKeyDictionary

from cbam_core.gates.geometry.calls import Call, plain_name, tensors
from cbam_core.gates.geometry.positions import Positions, lost, pixels, placement_of
from cbam_core.gates.geometry.rules import follow
from cbam_core.results.placement import Placement

log = logging.getLogger("cbam_lens")


class GridTracker:
    """Positions of every tensor of a forward.

    It is told of the image and then of every call. A tensor that neither a call made nor the model holds may have been
    made out of sight, of the image: nothing is known about it.

    Args:
        model: network that runs; its own tensors do not depend on the image.
    """

    def __init__(self, model: nn.Module) -> None:
        self._known: Any = WeakTensorKeyDictionary()  # tensor -> Positions | None
        self._image: tuple[int, int] = (0, 0)
        for module in model.modules():
            for tensor in tensors([vars(module)]):
                self._known[tensor] = None

    def start(self, image: Tensor) -> None:
        """Take a tensor (B, C, H, W) as the image on which everything else is placed."""
        self._image = (image.shape[2], image.shape[3])
        self._known[image] = pixels(tuple(image.shape))

    def positions(self, tensor: Tensor) -> Positions | None:
        """Return what is known about a tensor; None where it does not depend on the image."""
        if tensor in self._known:
            found: Positions | None = self._known[tensor]
            return found
        return lost(tuple(tensor.shape))

    def placement(self, tensor: Tensor) -> Placement | None:
        """Return the grid of a map's cells; None for a tensor that is no map."""
        found = self.positions(tensor)
        return None if found is None else placement_of(found, self._image)

    def feed(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        """Take note of a call that has returned."""
        name = plain_name(function)
        if name == "__setitem__":
            result = args[0]
        results = list(tensors([result]))
        if not results:
            return
        given = list(tensors((*args, *kwargs.values())))
        if _is_new(name) or all(self.positions(one) is None for one in given):
            found: list[Positions] | list[None] = [None] * len(results)
        else:
            found = _followed(Call(name, function, args, kwargs, result, self.positions))
        for one, positions in zip(results, found, strict=True):
            self._remember(one, positions, changed=name == "__setitem__" or any(one is other for other in given))

    def _remember(self, tensor: Tensor, positions: Positions | None, *, changed: bool) -> None:
        before = self._known.get(tensor)
        self._known[tensor] = positions
        base = tensor._base if changed else None
        if base is None or base is tensor or positions is None:
            return
        if before is None or any(
            one.table is not two.table for one, two in zip(before.axes, positions.axes, strict=True)
        ):
            self._known[base] = lost(tuple(base.shape))  # part of it was overwritten through a view


def _is_new(name: str) -> bool:
    """Whether a function takes no more than shape and type from its tensor."""
    return name.startswith("new_") or name.endswith("_like")


def _followed(call: Call) -> list[Positions]:
    try:
        return follow(call)
    except Exception:  # arguments that no rule knows: a place is unknown rather than an error
        log.debug("no rule of placing knows this call", exc_info=True)
        return [lost(shape) for shape in call.shapes]


class Following(TorchFunctionMode):
    """A mode that tells a tracker of every call in its thread."""

    def __init__(self, tracker: GridTracker) -> None:
        super().__init__()
        self._tracker = tracker

    def __torch_function__(
        self, func: Any, _types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        keywords = dict(kwargs or {})
        result = func(*args, **keywords)
        with torch._C.DisableTorchFunction(), torch.no_grad():  # modes below count the calls of the network alone
            self._tracker.feed(func, args, keywords, result)
        return result
