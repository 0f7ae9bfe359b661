"""Work in the background: step by step, in turns, and no longer than somebody wants it."""

from __future__ import annotations

import logging
import time
from threading import Event

import pytest
import streamlit as st

from app.session import background
from app.session.background import PARTS, Work, Works, begin, begin_shares
from cbam_core.errors import DataError


def until(holds):
    """Wait until something holds, for at most ten seconds."""
    end = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.005)


def counted(number, go=None):
    for done in range(1, number + 1):
        if go is not None:
            go.wait(10)
        yield done
    return "made"


def test_all_steps_are_done_and_the_result_is_there():
    work = begin(counted(3), 3)
    until(lambda: work.is_over)
    assert (work.done, work.total, work.result, work.error) == (3, 3, "made", None)


def test_cancelled_work_does_not_go_on():
    go, begun = Event(), []

    def steps():
        while True:
            go.wait(10)
            begun.append(1)
            yield len(begun)

    work = begin(steps(), 100)
    work.cancel()
    go.set()
    time.sleep(0.1)
    assert len(begun) <= 1
    assert work.is_over
    assert work.result is None


def test_forgotten_work_ends():
    begun, ended = [], Event()

    def steps():
        try:
            while True:
                begun.append(1)
                time.sleep(0.001)
                yield len(begun)
        finally:
            ended.set()

    work = begin(steps(), 100)
    until(lambda: len(begun) > 2)
    del work
    assert ended.wait(10)


def test_an_error_of_ours_is_kept():
    def steps():
        yield 1
        raise DataError("some.code", "no more images")

    work = begin(steps(), 2)
    until(lambda: work.is_over)
    assert work.error is not None
    assert work.error.code == "some.code"


def test_any_other_error_goes_into_the_log_and_one_sentence_is_kept(caplog: pytest.LogCaptureFixture):
    def steps():
        yield 1
        raise ZeroDivisionError

    with caplog.at_level(logging.ERROR, "cbam_lens"):
        work = begin(steps(), 2)
        until(lambda: work.is_over)
    assert work.error is not None
    assert work.error.code == "background.failed"
    assert "ZeroDivisionError" in caplog.text


def test_each_step_is_done_in_a_slot_of_the_visitor(monkeypatch):
    entered = []

    class Slot:
        def __enter__(self):
            entered.append("in")

        def __exit__(self, *_):
            entered.append("out")

    monkeypatch.setattr(background, "slots_of_this_session", lambda: Slot)
    work = begin(counted(2), 2)
    until(lambda: work.is_over and len(entered) == 6)
    assert entered == ["in", "out"] * 3


def test_work_that_yields_shares_is_counted_in_parts():
    go = Event()

    def steps():
        yield 0.25
        go.wait(10)
        return "made"

    work = begin_shares(steps())
    until(lambda: work.done)
    assert (work.done, work.total) == (PARTS // 4, PARTS)
    go.set()
    until(lambda: work.is_over)
    assert work.result == "made"


@pytest.fixture
def works(monkeypatch):
    """Work of a new visit, about words: those that begin alike are about the same."""
    monkeypatch.setattr(st, "session_state", {})
    return Works("words", lambda word: word[0])


def test_a_thing_has_one_work_at_a_time(works):
    first, second, other = Work(1), Work(1), Work(1)
    assert (works.work("apple"), works.entry("apple"), works.all()) == (None, None, [])
    works.keep("apple", first)
    works.keep("pear", other)
    assert works.work("apricot") is first
    assert works.entry("apricot") == ("apple", first)
    works.keep("apricot", second)
    assert works.all() == [("apricot", second), ("pear", other)]


def test_work_about_one_thing_is_cancelled_and_forgotten_alone(works):
    first, other = Work(1), Work(1)
    works.keep("apple", first)
    works.keep("pear", other)
    works.cancel("cherry")
    works.cancel("apricot")
    assert (first.cancelled, works.work("apple")) == (True, None)
    assert (other.cancelled, works.work("pear")) == (False, other)


def test_of_work_that_goes_on_alone_the_last_one_remains(monkeypatch):
    monkeypatch.setattr(st, "session_state", {})
    works = Works("words", lambda word: word[0], alone=True)
    first, second, again = Work(1), Work(1), Work(1)
    works.begin("apple", lambda: first)
    works.begin("pear", lambda: second)
    assert (first.cancelled, second.cancelled) == (True, False)
    assert works.all() == [("pear", second)]
    works.begin("peach", lambda: again)
    assert (second.cancelled, works.all()) == (True, [("peach", again)])
    works.end()
    assert (again.cancelled, works.all()) == (True, [])


def test_results_are_taken_once_and_failures_stay(works):
    done, failed, going_on = Work(1), Work(1), Work(1)
    done.result, failed.error = "made", DataError("test.failed", "it failed")
    for word, work in (("apple", done), ("pear", failed), ("cherry", going_on)):
        works.keep(word, work)
    assert works.take_finished() == [("apple", "made")]
    assert works.take_finished() == []
    assert works.all() == [("pear", failed), ("cherry", going_on)]
    assert not going_on.cancelled


def test_the_rest_takes_as_long_as_the_speed_so_far_says(monkeypatch):
    times = iter([10.0, 10.5, 14.0, 20.0])
    monkeypatch.setattr(background, "monotonic", lambda: next(times))
    work = Work(100)
    assert work.seconds_left is None
    work.reached(40)  # done before, in no time
    work.reached(41)
    assert work.seconds_left is None  # after half a second
    work.reached(60)
    assert work.seconds_left == pytest.approx(4.0 * 40 / 20)
    work.reached(100)
    assert work.seconds_left == 0


@pytest.fixture
def shared(monkeypatch):
    """Work that two visits share; `shared.go_on(1)` goes on with the second of them."""
    states = [{}, {}]
    works = Works("shared", lambda word: word, shared_by=lambda word: word)
    works.go_on = lambda number: monkeypatch.setattr(st, "session_state", states[number])
    works.go_on(0)
    return works


def test_visits_share_work_that_goes_on_while_one_of_them_keeps_it(shared):
    begun = []

    def start():
        begun.append(Work(1))
        return begun[-1]

    shared.begin("apple", start)
    shared.go_on(1)
    shared.begin("apple", start)
    shared.begin("pear", start)
    assert (len(begun), shared.work("apple")) == (2, begun[0])
    shared.cancel("apple")
    assert (shared.work("apple"), begun[0].cancelled) == (None, False)
    shared.go_on(0)
    shared.begin("apple", start)  # once more
    assert (len(begun), begun[0].cancelled) == (2, False)
    shared.cancel("apple")
    assert begun[0].cancelled
    shared.begin("apple", start)
    assert shared.work("apple") is begun[2]
