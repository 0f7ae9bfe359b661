"""Work that goes on while its visitor does other things: step by step, each in a slot of theirs.

The work belongs to whoever keeps it, which is the visitor's session: its thread ends after the step in which it was
cancelled, or forgotten with the session.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Hashable
from contextlib import AbstractContextManager
from threading import Lock, Thread
from time import monotonic
from typing import Generic, TypeVar
from weakref import WeakValueDictionary, ref

from app.session.choices import Remembered
from app.session.scheduling import slots_of_this_session
from cbam_core.errors import CbamError
from cbam_core.steps import told_as

About = TypeVar("About")
Result = TypeVar("Result")

PARTS = 1000
"""Parts of work that yields shares."""

Steps = Generator[int, None, Result]
"""Does one step whenever it is asked for the number of those parts that are done, and returns the result."""


SOONEST, LEAST = 1.0, 0.05
"""Seconds after the first step, and share of all parts, before which nothing is said about the rest."""


class Work(Generic[Result]):
    """What is going on, and what has become of it.

    Args:
        total: how many parts there are.

    Attributes:
        total: how many parts there are.
        done: how many of them are done.
        result: what was made; None before the end.
        error: why there is no result; None where nothing went wrong.
        cancelled: whether nobody wants it any more.
        visits: how many visits share it, see `Works`.
    """

    def __init__(self, total: int) -> None:
        self.total, self.done = total, 0
        self.result: Result | None = None
        self.error: CbamError | None = None
        self.cancelled = False
        self.visits = 0
        self._first: tuple[float, int] | None = None

    @property
    def seconds_left(self) -> float | None:
        """About how long the rest takes at the speed so far; None where that cannot be said yet."""
        if self._first is None:
            return None
        since, parts = monotonic() - self._first[0], self.done - self._first[1]
        if self.is_over or since < SOONEST or parts <= LEAST * self.total:
            return None
        return since * (self.total - self.done) / parts

    def reached(self, done: int) -> None:
        """Note that so many parts are done; what was done before the first step says nothing about the speed."""
        self.done = done
        if self._first is None:
            self._first = monotonic(), done

    @property
    def is_over(self) -> bool:
        """Whether there will be no further step."""
        return self.cancelled or self.result is not None or self.error is not None

    def cancel(self) -> None:
        """Let it end after the step that goes on now."""
        self.cancelled = True


class Works(Generic[About, Result]):
    """Work of one kind that goes on in a visit, or that went wrong: one for each thing that it is about.

    Args:
        name: under which the visit keeps it.
        key: what distinguishes things, such as the digest of a network.
        shared_by: what distinguishes things whose work visits share: who begins it again joins it, and it goes on while
            one of them keeps it; None where each visit has work of its own.
        alone: whether a visit has one work at a time: what begins ends what goes on about anything else.
    """

    def __init__(
        self,
        name: str,
        key: Callable[[About], Hashable],
        *,
        shared_by: Callable[[About], Hashable] | None = None,
        alone: bool = False,
    ) -> None:
        self._key, self._shared_by, self._alone = key, shared_by, alone
        self._shared: WeakValueDictionary[Hashable, Work[Result]] = WeakValueDictionary()
        self._lock = Lock()
        self._kept: Remembered[dict[Hashable, tuple[About, Work[Result]]]] = Remembered(name, dict)

    def all(self) -> list[tuple[About, Work[Result]]]:
        """All work, with what it is about, in the order in which it began."""
        return [*self._kept.get().values()]

    def entry(self, about: About) -> tuple[About, Work[Result]] | None:
        """Work about something, with this thing as it was when the work began; None where there is none."""
        return self._kept.get().get(self._key(about))

    def work(self, about: About) -> Work[Result] | None:
        """Work about something; None where there is none."""
        entry = self.entry(about)
        return None if entry is None else entry[1]

    def keep(self, about: About, work: Work[Result]) -> None:
        """Keep work that has begun."""
        self._kept.set({**self._kept.get(), self._key(about): (about, work)})

    def begin(self, about: About, start: Callable[[], Work[Result]]) -> None:
        """Begin work, or join it where another visit has begun it.

        Args:
            about: what it is about.
            start: begins it.
        """
        if self._alone:
            self.end()
        shared = None if self._shared_by is None else (self._shared_by(about),)
        with self._lock:
            work = None if shared is None else self._shared.get(shared)
            if work is None or work.is_over:
                work = start()
                if shared is not None:
                    self._shared[shared] = work
            work.visits += 1
        self.cancel(about)  # what this visit kept in its place; of the same work, it counts once again
        self.keep(about, work)

    def cancel(self, about: About) -> None:
        """End the work about something unless other visits share it; forget what it found so far, or why it failed."""
        if (work := self.work(about)) is not None:
            with self._lock:
                work.visits -= 1
                if work.visits <= 0:
                    work.cancel()
            self._kept.set({key: kept for key, kept in self._kept.get().items() if key != self._key(about)})

    def end(self) -> None:
        """End all work, and forget what it found so far, or why it failed."""
        for about, _ in self.all():
            self.cancel(about)

    def take_finished(self) -> list[tuple[About, Result]]:
        """Results of the work that is finished, which is forgotten with this."""
        found = [(about, work.result) for about, work in self.all() if work.result is not None]
        for about, _ in found:
            self.cancel(about)
        return found


def begin(steps: Steps[Result], total: int) -> Work[Result]:
    """Begin work in a thread of its own; keep what is returned, or it ends.

    Args:
        steps: heavy work in steps of at most a second or so; must not use the session.
        total: how many parts there are.
    """
    work: Work[Result] = Work(total)
    Thread(target=_go_on, args=(ref(work), steps, slots_of_this_session()), name="cbam-work", daemon=True).start()
    return work


def begin_shares(steps: Generator[float, None, Result]) -> Work[Result]:
    """Begin work that yields the share of it that is done, in [0, 1]; see `begin`."""
    return begin(told_as(steps, lambda share: round(PARTS * share)), PARTS)


def _go_on(
    find: Callable[[], Work[Result] | None], steps: Steps[Result], slots: Callable[[], AbstractContextManager[None]]
) -> None:
    """Do all steps, for as long as somebody keeps the work; between two of them, others have their turn."""
    while _is_wanted(find):
        with slots():
            if (work := find()) is not None and not work.cancelled:
                _do_one(work, steps)
        del work  # while the next slot is waited for, nothing here keeps it


def _is_wanted(find: Callable[[], Work[Result] | None]) -> bool:
    work = find()
    return work is not None and not work.is_over


def _do_one(work: Work[Result], steps: Steps[Result]) -> None:
    try:
        work.reached(next(steps))
    except StopIteration as end:
        work.result = end.value
    except CbamError as error:
        work.error = error
    except Exception:
        logging.getLogger("cbam_lens").exception("work in the background failed")
        work.error = CbamError(
            "background.failed", "this could not be completed; the operator can find the reason in the log"
        )
