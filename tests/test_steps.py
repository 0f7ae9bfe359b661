"""Work in steps: its result, what is told of it, and its end where somebody stops."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from cbam_core.steps import Steps, finished, told_as


def work(seen: list[str], steps: int = 4) -> Steps[str]:
    try:
        for number in range(1, steps + 1):
            yield number / steps
        return "made"
    finally:
        seen.append("closed")


def test_all_steps_are_done_and_told_and_the_result_is_returned() -> None:
    told: list[float] = []
    seen: list[str] = []
    assert finished(work(seen), told.append) == "made"
    assert told == [0.25, 0.5, 0.75, 1.0]
    assert seen == ["closed"]
    assert finished(work(seen)) == "made"


def test_work_without_steps_has_a_result_too() -> None:
    assert finished(work([], steps=0), lambda done: pytest.fail("nothing is done")) == "made"


@pytest.mark.parametrize("error", [KeyboardInterrupt, StopIteration])
def test_an_error_of_who_is_told_ends_the_work(error: type[BaseException]) -> None:
    seen: list[str] = []

    def refuse(done: float) -> None:
        raise error

    with pytest.raises(error):
        finished(work(seen), refuse)
    assert seen == ["closed"]


def test_an_error_of_the_work_comes_through() -> None:
    def broken() -> Generator[int, None, str]:
        yield 1
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        finished(broken())


def test_the_same_work_can_be_told_as_a_part_of_another() -> None:
    told: list[float] = []
    seen: list[str] = []
    assert finished(told_as(work(seen), lambda done: 10 + 2 * done), told.append) == "made"
    assert told == [10.5, 11.0, 11.5, 12.0]
    assert seen == ["closed"]


def test_who_leaves_the_retold_work_early_closes_the_work() -> None:
    seen: list[str] = []
    steps = told_as(work(seen), round)
    next(steps)
    steps.close()
    assert seen == ["closed"]
