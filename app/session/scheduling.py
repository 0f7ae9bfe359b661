"""Who computes now: at most as many at once as there are cores, one slot a visitor, in order of arrival.

Decoding a photo or explaining it takes all of a core. Without an order, a visitor with many images would have as many
threads at work as they can start, and all others would wait for all of them. So such work is done in pieces of at
most a second or so, and each piece takes a slot. Results that are remembered need none.

Work in a slot must wait for nothing else: not for another slot, and not for a lock whose owner may be waiting for a
slot. Streamlit's caches hold such locks, so slots are taken inside of cached functions, around their innermost work.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache, partial
from pathlib import Path
from threading import Condition, local
from typing import Final

from app.streamlit_internals import let_streamlit_stop, this_session

CORES_VARIABLE: Final = "CBAM_CORES"
_QUOTA: Final = Path("/sys/fs/cgroup/cpu.max")
_LOOK_EVERY: Final = 0.1
"""Seconds after which one who waits looks whether they are still wanted."""


class FairQueue:
    """A queue for a few slots, in order of arrival.

    Args:
        slots: how many may be inside at once, at least 1.
    """

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self._changed = Condition()
        self._waiting: deque[_Ticket] = deque()
        self._inside: list[_Ticket] = []
        self._thread = local()

    @contextmanager
    def slot(self, visitor: str | None, while_waiting: Callable[[], None] | None = None) -> Iterator[None]:
        """Wait for a slot, hold it inside of the block, and give it back, whatever happens.

        Taken again inside of itself, it goes through.

        Args:
            visitor: who asks; has one slot at most. None: a visitor like no other, each time.
            while_waiting: called about ten times a second; what it raises ends the waiting.
        """
        if getattr(self._thread, "inside", False):
            yield
            return
        ticket = _Ticket(visitor)
        self._enter(ticket, while_waiting)
        self._thread.inside = True
        try:
            yield
        finally:
            self._thread.inside = False
            with self._changed:
                self._inside.remove(ticket)
                self._changed.notify_all()

    @property
    def waiting(self) -> int:
        """How many wait for a slot now."""
        return len(self._waiting)

    @property
    def inside(self) -> int:
        """How many have a slot now."""
        return len(self._inside)

    def _enter(self, ticket: _Ticket, while_waiting: Callable[[], None] | None) -> None:
        with self._changed:
            self._waiting.append(ticket)
        try:
            while not self._admitted(ticket):
                if while_waiting is not None:
                    while_waiting()  # outside of the lock: it may take its time, or raise
        except BaseException:
            with self._changed:
                (self._waiting if ticket in self._waiting else self._inside).remove(ticket)
                self._changed.notify_all()
            raise

    def _admitted(self, ticket: _Ticket) -> bool:
        """Wait for a moment; whether the slot was given by then."""
        with self._changed:
            self._changed.wait_for(lambda: self._next() is ticket, _LOOK_EVERY)
            if self._next() is not ticket:
                return False
            self._waiting.remove(ticket)
            self._inside.append(ticket)
            self._changed.notify_all()  # the next one may have a slot too
            return True

    def _next(self) -> _Ticket | None:
        """The first in the queue who may go in; a visitor who is inside already lets others pass."""
        if len(self._inside) >= self.slots:
            return None
        busy = {ticket.visitor for ticket in self._inside if ticket.visitor is not None}
        return next((ticket for ticket in self._waiting if ticket.visitor not in busy), None)


class _Ticket:
    """A wish for a slot; distinguished by identity."""

    def __init__(self, visitor: str | None) -> None:
        self.visitor = visitor


@contextmanager
def slot(visitor: str | None = None) -> Iterator[None]:
    """Wait for a slot for one piece of this visitor's heavy work, and hold it inside of the block.

    While they wait, Streamlit can end the run of their page: because they chose something else, or left.

    Args:
        visitor: who asks, see `app.streamlit_internals.this_session`; None: the visitor whose page this thread makes.
    """
    of_thread = this_session()
    with _queue().slot(visitor or of_thread, let_streamlit_stop if of_thread is not None else None):
        yield


def slots_of_this_session() -> Callable[[], AbstractContextManager[None]]:
    """Give slots of the visitor whose page is made now to work that is done later, piece by piece."""
    return partial(slot, this_session())


def in_slot(work: Callable[[], bytes]) -> Callable[[], bytes]:
    """Have the work done in a slot of the visitor whose page is made now: for files that are made when asked for."""
    slots = slots_of_this_session()

    def done() -> bytes:
        with slots():
            return work()

    return done


@cache
def _queue() -> FairQueue:
    return FairQueue(cores())


def cores() -> int:
    """How many pieces of heavy work this process may do at once.

    ``CBAM_CORES`` decides; else it is the processors that this process may use, by affinity and by its container's
    quota.
    """
    asked = os.environ.get(CORES_VARIABLE, "")
    if asked.isdecimal() and int(asked):
        return int(asked)
    own = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(own, _quota(own)))


def _quota(otherwise: int) -> int:
    try:
        share, period = _QUOTA.read_text(encoding="ascii").split()
        return -(-int(share) // int(period))
    except (OSError, ValueError):  # no container, or no limit: its word for that is "max"
        return otherwise
