"""What an atlas remembers, shared by threads."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock, RLock
from typing import Any


class Memory:
    """Results by name, each made once: a second thread waits for the first instead of computing the same."""

    def __init__(self) -> None:
        self._results: dict[str, Any] = {}
        self._locks: dict[str, RLock] = {}
        self._lock = Lock()

    def get(self, name: str, make: Callable[[], Any]) -> Any:
        """Return the result of this name; `make` is called where there is none yet."""
        with self._lock:
            own = self._locks.setdefault(name, RLock())
        with own:
            if name not in self._results:
                self._results[name] = make()
            return self._results[name]

    def put(self, name: str, result: Any) -> None:
        """Store a result in the place of an earlier one."""
        with self._lock:
            own = self._locks.setdefault(name, RLock())
        with own:
            self._results[name] = result

    def known(self, name: str) -> Any:
        """Return the result of this name; None where there is none yet, also while a thread makes it."""
        return self._results.get(name)

    def forget(self, name: str) -> None:
        """Let go of a result; who asks next makes it again."""
        with self._lock:
            own = self._locks.setdefault(name, RLock())
        with own:
            self._results.pop(name, None)
