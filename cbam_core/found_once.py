"""What was found out about a network, and does it still hold? Found once, and anew where a module was exchanged."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary, ref

from torch import nn

Found = TypeVar("Found")


@dataclass(frozen=True, eq=False)
class _Kept(Generic[Found]):
    """What was found, and the modules that the network had then, which are not kept in memory."""

    found: Found
    modules: tuple[ref[nn.Module], ...]

    def is_of(self, model: nn.Module) -> bool:
        now = list(model.modules())
        return len(now) == len(self.modules) and all(kept() is one for kept, one in zip(self.modules, now, strict=True))


class FoundOnce(Generic[Found]):
    """Things that were found out about networks, for several keys each; nothing is stored on a network.

    They hold as long as no module of the network is added, removed or exchanged.
    """

    def __init__(self) -> None:
        self._kept: WeakKeyDictionary[nn.Module, dict[Hashable, _Kept[Found]]] = WeakKeyDictionary()

    def known(self, model: nn.Module, key: Hashable) -> Found | None:
        """Return what was found out about a network as it is now; None for nothing yet."""
        kept = self._kept.get(model, {}).get(key)
        return kept.found if kept is not None and kept.is_of(model) else None

    def find(self, model: nn.Module, key: Hashable, find: Callable[[], Found]) -> Found:
        """Return what is known, or what a function finds, which is remembered."""
        known = self.known(model, key)
        if known is None:
            known = find()
            self._kept.setdefault(model, {})[key] = _Kept(known, tuple(map(ref, model.modules())))
        return known
