"""Who computes now: at most as many at once as there are cores, one place a visitor, in order of arrival.

Decoding a photo or explaining it takes all of a core. Without an order, a visitor with many images would have as many
threads at work as they can start, and everybody else would wait for all of them. So such work is done in pieces of at
most a second or so, and each piece takes its turn. Results that are remembered need none.

Whoever has a turn must wait for nothing else: not for another turn, and not for a lock that somebody may hold who
waits for a turn. Streamlit's caches hold such locks, so turns are taken inside of cached functions, around their
innermost work.
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
    """A queue for a few places, in order of arrival.

    Args:
        places: how many may be inside at once, at least 1.
    """

    def __init__(self, places: int) -> None:
        self.places = places
        self._changed = Condition()
        self._waiting: deque[_Ticket] = deque()
        self._inside: list[_Ticket] = []
        self._thread = local()

    @contextmanager
    def slot(self, visitor: str | None, while_waiting: Callable[[], None] | None = None) -> Iterator[None]:
        """Wait for a place, hold it inside of the block, and give it back, whatever happens.

        Taken again inside of itself, it goes through.

        Args:
            visitor: who asks; has one place at most. None: somebody who counts as nobody else.
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
        """How many wait for a place now."""
        return len(self._waiting)

    @property
    def inside(self) -> int:
        """How many have a place now."""
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
        """Wait for a moment; whether the place was had by then."""
        with self._changed:
            self._changed.wait_for(lambda: self._next() is ticket, _LOOK_EVERY)
            if self._next() is not ticket:
                return False
            self._waiting.remove(ticket)
            self._inside.append(ticket)
            self._changed.notify_all()  # the next one may have a place too
            return True

    def _next(self) -> _Ticket | None:
        """The first in the queue who may go in; a visitor who is inside already lets others pass."""
        if len(self._inside) >= self.places:
            return None
        busy = {ticket.visitor for ticket in self._inside if ticket.visitor is not None}
        return next((ticket for ticket in self._waiting if ticket.visitor not in busy), None)


class _Ticket:
    """A wish for a place; distinguished by identity."""

    def __init__(self, visitor: str | None) -> None:
        self.visitor = visitor


@contextmanager
def slot(visitor: str | None = None) -> Iterator[None]:
    """One piece of heavy work of this visitor; waits until it is their turn.

    While they wait, Streamlit can end the run of their page: because they chose something else, or left.

    Args:
        visitor: who asks, see `app.streamlit_internals.this_session`; None: whoever's page this thread makes.
    """
    of_thread = this_session()
    with _queue().slot(visitor or of_thread, let_streamlit_stop if of_thread is not None else None):
        yield


def slots_of_this_session() -> Callable[[], AbstractContextManager[None]]:
    """Gives turns of the visitor whose page is made now, to work that is done later, piece by piece."""
    return partial(slot, this_session())


def in_slot(work: Callable[[], bytes]) -> Callable[[], bytes]:
    """The same work, done in a turn of the visitor whose page is made now: for files that are made when asked for."""
    turns = slots_of_this_session()

    def done() -> bytes:
        with turns():
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
