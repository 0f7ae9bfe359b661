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
from contextvars import ContextVar, copy_context
from functools import cache, partial
from pathlib import Path
from threading import Event, Lock, local
from time import monotonic
from typing import Final

from app.session.choices import let_streamlit_stop
from app.streamlit_internals import this_session

CORES_VARIABLE: Final = "CBAM_CORES"
_QUOTA: Final = Path("/sys/fs/cgroup/cpu.max")
_LOOK_EVERY: Final = 0.25
"""Seconds after which one who waits looks whether they are still wanted."""

SHOWN_AFTER: Final = 0.5
"""Seconds of waiting after which the page says so."""


class Ticket:
    """A wish for a slot; distinguished by identity."""

    def __init__(self, visitor: str | None) -> None:
        self.visitor = visitor
        self.admitted = Event()


class FairQueue:
    """A queue for a few slots, in order of arrival.

    Args:
        slots: how many may be inside at once, at least 1.
    """

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self._lock = Lock()
        self._waiting: deque[Ticket] = deque()
        self._inside: list[Ticket] = []
        self._thread = local()

    @contextmanager
    def slot(self, visitor: str | None, while_waiting: Callable[[int], None] | None = None) -> Iterator[None]:
        """Wait for a slot, hold it inside of the block, and give it back, whatever happens.

        Taken again inside of itself, it goes through.

        Args:
            visitor: who asks; has one slot at most. None: a visitor like no other, each time.
            while_waiting: called a few times a second with the number of those who are before them in the queue; what
                it raises ends the waiting.
        """
        if getattr(self._thread, "inside", False):
            yield
            return
        ticket = self.take(visitor, while_waiting)
        self._thread.inside = True
        try:
            yield
        finally:
            self._thread.inside = False
            self.give_back(ticket)

    @property
    def waiting(self) -> int:
        """How many wait for a slot now."""
        return len(self._waiting)

    @property
    def inside(self) -> int:
        """How many have a slot now."""
        return len(self._inside)

    def take(self, visitor: str | None, while_waiting: Callable[[int], None] | None = None) -> Ticket:
        """Wait for a slot, see `slot`; who takes it gives it back."""
        ticket = Ticket(visitor)
        with self._lock:
            self._waiting.append(ticket)
            self._admit()
        try:
            while not ticket.admitted.wait(_LOOK_EVERY):
                if while_waiting is not None:
                    while_waiting(self._before(ticket))  # outside of the lock: it may take its time, or raise
        except BaseException:
            self.give_back(ticket)
            raise
        return ticket

    def give_back(self, ticket: Ticket) -> None:
        """Take a ticket out, whether it waits or is inside, and let in who is next."""
        with self._lock:
            (self._waiting if ticket in self._waiting else self._inside).remove(ticket)
            self._admit()

    def _admit(self) -> None:
        """Let in all who may; each is woken alone, for a crowd that looks up at every change would take a core."""
        while (ticket := self._next()) is not None:
            self._waiting.remove(ticket)
            self._inside.append(ticket)
            ticket.admitted.set()

    def _before(self, ticket: Ticket) -> int:
        with self._lock:
            return self._waiting.index(ticket) if ticket in self._waiting else 0

    def _next(self) -> Ticket | None:
        """The first in the queue who may go in; a visitor who is inside already lets others pass."""
        if len(self._inside) >= self.slots:
            return None
        busy = {ticket.visitor for ticket in self._inside if ticket.visitor is not None}
        return next((ticket for ticket in self._waiting if ticket.visitor not in busy), None)


_SHOWN: ContextVar[Callable[[int], None] | None] = ContextVar("shown", default=None)


@contextmanager
def wait_shown(show: Callable[[int], None]) -> Iterator[None]:
    """Have waiting for slots shown, of all work in the block.

    Args:
        show: draws that so many are before the visitor; called a few times a second once they have waited for
            `SHOWN_AFTER` seconds. It runs in the context of this call, so what it draws belongs to the page, not to the
            cached function that waits.
    """
    outside, begun = copy_context(), monotonic()

    def told(before: int) -> None:
        if monotonic() - begun >= SHOWN_AFTER:
            outside.run(show, before)

    token = _SHOWN.set(told)
    try:
        yield
    finally:
        _SHOWN.reset(token)


def _look_up(before: int) -> None:
    """Let Streamlit end the run of a page that is not wanted any more; else show how many are before."""
    let_streamlit_stop()
    if (shown := _SHOWN.get()) is not None:
        shown(before)


@contextmanager
def slot(visitor: str | None = None) -> Iterator[None]:
    """Wait for a slot for one piece of this visitor's heavy work, and hold it inside of the block.

    While they wait, Streamlit can end the run of their page: because they chose something else, or left.

    Args:
        visitor: who asks, see `app.streamlit_internals.this_session`; None: the visitor whose page this thread makes.
    """
    _give_place_back()
    of_thread = this_session()
    with _queue().slot(visitor or of_thread, _look_up if of_thread is not None else None):
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


class _Place(local):
    """The place of the script that a thread runs.

    Attributes:
        ticket: ticket of the place; None where it has none, or gave it back.
    """

    ticket: Ticket | None = None


_place = _Place()


@contextmanager
def drawing() -> Iterator[None]:
    """Draw a page, or a part of it that runs by itself, beside a few others at most.

    Scripts that run all at once slow each other down, and the server that listens beside them. Whoever goes on to heavy
    work gives the place back for the rest of the run: with it, they might keep out whom they wait for.
    """
    if this_session() is None or _place.ticket is not None:
        yield
        return
    _place.ticket = _places().take(None, lambda _: let_streamlit_stop())
    try:
        yield
    finally:
        _give_place_back()


def _give_place_back() -> None:
    ticket = _place.ticket
    if ticket is not None:
        _place.ticket = None
        _places().give_back(ticket)


@cache
def _queue() -> FairQueue:
    return FairQueue(cores())


@cache
def _places() -> FairQueue:
    return FairQueue(2 * cores() + 2)


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
