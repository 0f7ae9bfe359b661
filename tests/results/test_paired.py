"""Paired answers: counts, intervals, and verdicts by thresholds that were fixed beforehand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cbam_core.results.paired import (
    VERDICT_WORDS,
    Change,
    change,
    mean_change,
    paired_interval,
    student,
    verdict_of,
)


def test_answers_are_counted_image_by_image() -> None:
    labels = np.array([0, 0, 1, 1, 2], np.uint8)
    before = np.array([0, 0, 1, 2, 1], np.uint8)
    after = np.array([0, 1, 2, 1, 0], np.uint8)
    found = change(labels, before, after)
    assert found == Change(count=5, right=2, newly_wrong=2, newly_right=1, changed=4)
    assert (found.accuracy, found.points, found.changed_percent) == (40.0, -20.0, 80.0)


def test_the_interval_follows_its_formula() -> None:
    low, high = paired_interval(30, 10, 998)
    middle = -20 / 1000
    reach = 1.959964 * math.sqrt((31 / 1000 + 11 / 1000 - middle**2) / 1000)
    assert (low, high) == pytest.approx((100 * (middle - reach), 100 * (middle + reach)))
    assert paired_interval(10, 30, 998) == pytest.approx((-high, -low))


def test_the_interval_covers_the_true_difference_about_as_often_as_it_says() -> None:
    draws = np.random.default_rng(0)
    counts = draws.multinomial(400, [0.06, 0.02, 0.92], size=2000)
    covered = [low <= -4.0 <= high for low, high in (paired_interval(*pair, 400) for pair in counts[:, :2].tolist())]
    assert 0.94 <= np.mean(covered) <= 0.97


def test_no_image_and_equal_answers_have_an_interval_too() -> None:
    assert paired_interval(0, 0, 0) == (-100.0, 100.0)
    low, high = paired_interval(0, 0, 10_000)
    assert low == -high
    assert 0 < high < 0.03
    assert paired_interval(3, 0, 3)[0] == -100.0


@pytest.mark.parametrize(
    ("interval", "verdict"),
    [
        ((-4.3, -3.5), "matters"),
        ((-0.9, -0.51), "matters"),
        ((-0.9, -0.5), "little"),
        ((-0.6, -0.01), "little"),
        ((-0.5, 0.5), "nothing"),
        ((-0.4, -0.1), "nothing"),
        ((-0.6, 0.1), "unsure"),
        ((-0.1, 0.6), "unsure"),
        ((-3.0, 3.0), "unsure"),
        ((0.1, 0.6), "better"),
        ((0.6, 0.9), "better"),
    ],
)
def test_a_verdict_is_read_off_the_interval(interval: tuple[float, float], verdict: str) -> None:
    assert verdict_of(interval) == verdict


def test_every_verdict_has_a_word() -> None:
    assert list(VERDICT_WORDS.values()) == ["matters", "a little", "nothing seen", "cannot tell", "better without"]


def test_means_are_compared_image_by_image() -> None:
    before, after = np.array([1.0, 2.0, 3.0], np.float32), np.array([1.5, 2.5, 3.5], np.float32)
    found = mean_change(before, after)
    assert (found.mean, found.difference, found.interval) == (2.5, 0.5, (0.5, 0.5))
    wide = mean_change(before, np.array([0.0, 2.0, 4.0], np.float32))
    assert wide.difference == 0
    assert wide.interval == pytest.approx((-1.959964 / math.sqrt(3), 1.959964 / math.sqrt(3)))


@pytest.mark.parametrize(("freedom", "expected"), [(1, 12.706), (9, 2.262), (10, 2.228), (30, 2.042), (1000, 1.962)])
def test_quantiles_are_those_of_the_tables(freedom: int, expected: float) -> None:
    assert student(freedom) == pytest.approx(expected, abs=2e-3)
