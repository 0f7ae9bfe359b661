"""How long work takes is told while it runs: first soon, then now and then."""

import re

import pytest

from cbam_core.cli import output


@pytest.fixture
def clock(monkeypatch):
    """Seconds that a test sets."""
    now = [100.0]
    monkeypatch.setattr(output, "monotonic", lambda: now[0])
    return now


def told(clock, steps, capsys):
    clock[0] = 100.0
    with output.share_shown("scoring") as show:
        for seconds, share in steps:
            clock[0] = 100.0 + seconds
            show(share)
    return [line.removeprefix("cbam: scoring: ") for line in capsys.readouterr().err.splitlines()]


def test_the_time_that_is_left_follows_from_the_pace_since_the_first_step(clock, capsys):
    steps = [(1, 0.1), (1.9, 0.11), (3, 0.2), (9, 0.3), (13, 0.5), (23, 0.999)]
    assert told(clock, steps, capsys) == [
        "20 % after 3 s, about 16 s left",
        "50 % after 13 s, about 15 s left",
        "100 % after 23 s",
    ]


def test_long_work_is_told_in_minutes_and_work_that_goes_on_counts_from_where_it_was(clock, capsys):
    (first,) = told(clock, [(0, 0.5), (5, 0.51)], capsys)
    assert first == "51 % after 5 s, about 4 min left"


def test_nothing_is_said_of_what_is_soon_done(clock, capsys):
    assert told(clock, [(0, 0.0), (1.5, 1.0)], capsys) == []
    assert re.fullmatch(r"0 % after 2 s", told(clock, [(2, 0.0)], capsys)[0])
