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
HookEntry = tuple[Any, Hook] | tuple[Any, Hook, Any]
"""A module's dictionary of hooks, such as ``module._forward_hooks`` (ordered, which torch's annotation does not say),
a hook for it, and the dictionary where torch marks hooks of its sort, if this is one of them: that it takes keyword
arguments too, or runs after an error."""

_registration = Lock()  # held to register, remove and copy hooks, never during a forward
_keys = count(-1, -1)  # torch numbers its own hooks from 0
_ranks: dict[int, tuple[int, int]] = {}  # thread and rank of the hooks that run before others, by key
_REDUCE = "__reduce_ex__"


class Hooks:
    """Hooks that stay on a model until they are removed."""

    def __init__(self) -> None:
        self._registered: list[tuple[OrderedDict[int, Any], int]] = []

    def register(self, entries: Sequence[HookEntry], *, rank: int = 0) -> None:
        """Register hooks: all of them, or none where one fails.

        Args:
            entries: dictionaries, and the hook for each.
            rank: 0 for hooks that run after those that are already there; those of a higher rank run before them, the
                highest first, and of one rank and thread the earlier ones first.
        """
        registered = self._registered
        try:
            with _registration:
                for entry in entries:
                    key, hooks = next(_keys), entry[0]
                    if len(entry) == 3:
                        registered.append((entry[2], key))
                        _put(entry[2], key, True)
                    registered.append((hooks, key))
                    _put(hooks, key, entry[1])
                    if rank:
                        _ranks[key] = get_ident(), rank
                        _sort(hooks)
        except BaseException:
            self.remove()
            raise

    def remove(self) -> None:
        """Remove all of them; hooks of others stay."""
        with _registration:
            for hooks, key in self._registered:
                hooks.pop(key, None)
                if _ranks:
                    _ranks.pop(key, None)
                if not hooks or min(hooks) >= 0:
                    hooks.__dict__.pop(_REDUCE, None)
            self._registered.clear()


def _put(hooks: OrderedDict[int, Any], key: int, value: Any) -> None:
    hooks[key] = value
    hooks.__dict__[_REDUCE] = MethodType(_reduce_to_others, hooks)


def _sort(hooks: OrderedDict[int, Any]) -> None:
    """Move this thread's hooks of higher ranks before all others; order matters within a thread alone."""
    owner = get_ident()
    ranked = [key for key in hooks if _ranks.get(key, (None,))[0] == owner]
    for key in sorted(ranked, key=lambda key: (_ranks[key][1], key)):  # keys count down
        hooks.move_to_end(key, last=False)


def _reduce_to_others(hooks: OrderedDict[int, Any], _protocol: int) -> tuple[Any, ...]:
    """Replace a dictionary's `__reduce_ex__`, which `copy.deepcopy` and `pickle` call."""
    with _registration:
        return OrderedDict, (), None, None, iter([(key, hook) for key, hook in hooks.items() if key >= 0])
