"""Hooks on a model that other threads use at the same time: hung here, taken off here, and no part of any copy.

They go straight into the dictionaries that torch keeps hooks in, because its handles cost as much as the gates of a
small image. While a dictionary holds hooks of ours, it also says itself how it is copied and pickled: without them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from itertools import count
from threading import Lock
from types import MethodType
from typing import Any

Hook = Callable[..., Any]
Placed = tuple[Any, Hook]
"""A module's dictionary of hooks, such as ``module._forward_hooks`` (ordered, which torch's annotation does not say),
and a hook for it."""

_registration = Lock()  # taken to hang, to take off and to copy, never during a forward
_keys = count(-1, -1)  # torch numbers its own hooks from 0
_REDUCE = "__reduce_ex__"


class Hooks:
    """Hooks that hang until they are taken off."""

    def __init__(self) -> None:
        self._hung: list[tuple[OrderedDict[int, Any], int]] = []

    def hang(self, placed: Sequence[Placed], *, first: bool = False) -> None:
        """Hang hooks; all of them, or none where one cannot be hung.

        Args:
            placed: which hook goes where.
            first: whether they run before the hooks that already hang, rather than after them.
        """
        try:
            with _registration:
                for hooks, hook in reversed(placed) if first else placed:
                    self._hung.append((hooks, key := next(_keys)))
                    hooks[key] = hook
                    if first:
                        hooks.move_to_end(key, last=False)
                    if _REDUCE not in (own := hooks.__dict__):
                        own[_REDUCE] = MethodType(_reduce_to_others, hooks)
        except BaseException:
            self.take_off()
            raise

    def take_off(self) -> None:
        """Remove all of them; what others hung stays."""
        with _registration:
            for hooks, key in self._hung:
                hooks.pop(key, None)
                if not hooks or min(hooks) >= 0:
                    hooks.__dict__.pop(_REDUCE, None)
            self._hung.clear()


def _reduce_to_others(hooks: OrderedDict[int, Any], _protocol: int) -> tuple[Any, ...]:
    """Stand in for a dictionary's `__reduce_ex__`, by which `copy.deepcopy` and `pickle` read it."""
    with _registration:
        return OrderedDict, (), None, None, iter([(key, hook) for key, hook in hooks.items() if key >= 0])
