"""Long work in steps: a generator that yields how much is done, and returns the result."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from typing import TypeVar

Done = TypeVar("Done")
Told = TypeVar("Told")
Result = TypeVar("Result")

Steps = Generator[float, None, Result]
"""Work that yields the share that is done, in [0, 1]."""


def finished(steps: Generator[Done, None, Result], report: Callable[[Done], object] | None = None) -> Result:
    """Do all steps of some work, and return its result.

    Args:
        steps: the work; it is closed at the end, also after an error.
        report: called after each step with what is done; None for nobody.
    """
    with closing(steps):
        while True:
            try:
                done = next(steps)
            except StopIteration as end:
                result: Result = end.value
                return result
            if report is not None:
                report(done)


def told_as(steps: Generator[Done, None, Result], tell: Callable[[Done], Told]) -> Generator[Told, None, Result]:
    """Do the same work, and say in another way how much is done, such as the share of a larger work.

    Args:
        steps: the work.
        tell: function of what one step yields.
    """
    with closing(steps):
        while True:
            try:
                done = next(steps)
            except StopIteration as end:
                result: Result = end.value
                return result
            yield tell(done)
