"""Ctrl+C that waits until a result is whole, and other ends that are like it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def held_interrupts() -> Iterator[None]:
    """Let Ctrl+C wait for the end of a block.

    Outside of the main thread, which alone receives it, nothing is changed.

    Raises:
        KeyboardInterrupt: Ctrl+C was pressed; the block has ended.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before or signal.SIG_DFL)
    if came:
        raise KeyboardInterrupt


@contextmanager
def ended_as_interrupted() -> Iterator[None]:
    """Let a request to end (SIGTERM, as of a cluster or a container) be like Ctrl+C within a block.

    Outside of the main thread, which alone receives it, nothing is changed.

    Raises:
        KeyboardInterrupt: the process was asked to end.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)
