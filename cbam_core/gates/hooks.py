"""Hooks on a model that other threads use at the same time: registered and removed here, and absent from copies.

They go directly into the dictionaries in which torch keeps hooks, because its handles cost as much time as the gates
of a small image. While a dictionary holds such hooks, its own `__reduce_ex__` copies and pickles it without them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from itertools import count
from threading import Lock, get_ident
from types import MethodType
from typing import Any

Hook = Callable[..., Any]
HookEntry = tuple[Any, Hook]
"""A module's dictionary of hooks, such as ``module._forward_hooks`` (ordered, which torch's annotation does not say),
and a hook for it."""

_registration = Lock()  # held to register, remove and copy hooks, never during a forward
_keys = count(-1, -1)  # torch numbers its own hooks from 0
_first: dict[int, int] = {}  # threads of the hooks that run before others, by key
_REDUCE = "__reduce_ex__"


class Hooks:
    """Hooks that stay on a model until they are removed."""

    def __init__(self) -> None:
        self._registered: list[tuple[OrderedDict[int, Any], int]] = []

    def register(self, entries: Sequence[HookEntry], *, first: bool = False) -> None:
        """Register hooks: all of them, or none where one fails.

        Args:
            entries: dictionaries, and the hook for each.
            first: whether they run before the hooks that are already there, rather than after them; among such hooks of
                one thread, the earlier ones still run before the later ones.
        """
        try:
            with _registration:
                for hooks, hook in entries:
                    self._registered.append((hooks, key := next(_keys)))
                    hooks[key] = hook
                    if first:
                        _put_first(hooks, key)
                    if _REDUCE not in (own := hooks.__dict__):
                        own[_REDUCE] = MethodType(_reduce_to_others, hooks)
        except BaseException:
            self.remove()
            raise

    def remove(self) -> None:
        """Remove all of them; hooks of others stay."""
        with _registration:
            for hooks, key in self._registered:
                hooks.pop(key, None)
                _first.pop(key, None)
                if not hooks or min(hooks) >= 0:
                    hooks.__dict__.pop(_REDUCE, None)
            self._registered.clear()


def _put_first(hooks: OrderedDict[int, Any], key: int) -> None:
    """Move a hook of this thread before all others but its own first ones; order matters within a thread alone."""
    owner = _first[key] = get_ident()
    for own in [own for own in reversed(hooks) if _first.get(own) == owner]:
        hooks.move_to_end(own, last=False)


def _reduce_to_others(hooks: OrderedDict[int, Any], _protocol: int) -> tuple[Any, ...]:
    """Replace a dictionary's `__reduce_ex__`, which `copy.deepcopy` and `pickle` call."""
    with _registration:
        return OrderedDict, (), None, None, iter([(key, hook) for key, hook in hooks.items() if key >= 0])
