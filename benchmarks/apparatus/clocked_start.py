"""Runs `cbam app --port 0` and, once it is ready, prints on one line what its start was spent on (JSON, seconds).

Time goes to one account at a time: to a package while it and what it needs are imported, to loading and warm-up while
that runs and imports nothing, else to the rest.
"""

from time import perf_counter

START = perf_counter()

import importlib.machinery  # noqa: E402 - the clock runs before anything else is loaded
import json  # noqa: E402
import sys  # noqa: E402
import threading  # noqa: E402
from collections import Counter  # noqa: E402
from collections.abc import Callable, Iterator  # noqa: E402
from contextlib import contextmanager  # noqa: E402
from typing import Any  # noqa: E402

IMPORTED = "importing {}"
NAMED = ("torch", "streamlit")
OTHERS = IMPORTED.format("other packages")
WARM_UP = "loading the network and warming up"
REST = "the rest"


class Clock:
    """Seconds by account, of the main thread."""

    def __init__(self, started: float) -> None:
        self.spent: Counter[str] = Counter()
        self.accounts = [REST]
        self.since = started

    def settle(self) -> None:
        """Book the time since the last change."""
        now = perf_counter()
        self.spent[self.accounts[-1]] += now - self.since
        self.since = now

    @contextmanager
    def on(self, account: str) -> Iterator[None]:
        """Book what happens inside on an account."""
        self.settle()
        self.accounts.append(account)
        try:
            yield
        finally:
            self.settle()
            self.accounts.pop()

    def account_of(self, module: str) -> str:
        """Where the import of a module belongs: to itself when named, else to whatever imports it."""
        package = module.partition(".")[0]
        if package in NAMED:
            return IMPORTED.format(package)
        return self.accounts[-1] if self.accounts[-1].startswith(IMPORTED.format("")) else OTHERS


def clock_imports(clock: Clock) -> None:
    """Let every Python module that is loaded from now on be booked."""
    loader: Any = importlib.machinery.SourceFileLoader
    load: Callable[[Any, Any], None] = loader.exec_module

    def exec_module(self: Any, module: Any) -> None:
        if threading.current_thread() is not threading.main_thread():
            load(self, module)
            return
        with clock.on(clock.account_of(module.__name__)):
            load(self, module)

    loader.exec_module = exec_module


def main() -> None:
    """Start the app as its command does."""
    clock = Clock(START)
    clock_imports(clock)
    from app.server import launch
    from cbam_core.cli import run

    serve = launch.serve

    def warm_up() -> Callable[[], None]:
        from app.shell import warm_up as rooms

        with clock.on(WARM_UP):
            return rooms.warm_up()

    def announce(line: str) -> None:
        clock.settle()
        print(line)
        print(json.dumps(clock.spent), flush=True)

    launch.serve = lambda *args, **options: serve(*args, **options, warm_up=warm_up, announce=announce)
    sys.argv = ["cbam", "app", "--port", "0"]
    run()


if __name__ == "__main__":
    main()
