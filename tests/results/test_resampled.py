"""Means with intervals: by resampling over images, by the range over trials."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cbam_core.results.resampled import Mean, optional, over_both, over_images, over_shared, over_trials


def test_the_interval_over_images_is_that_of_a_normal_mean() -> None:
    values = np.random.default_rng(0).standard_normal(400)
    found = over_images(values.tolist())
    reach = 1.96 * values.std() / 20
    assert found.mean == pytest.approx(values.mean())
    assert found.interval == pytest.approx((values.mean() - reach, values.mean() + reach), abs=0.02)
    assert found == over_images(values.tolist())


def test_unknown_numbers_are_left_out() -> None:
    assert over_images([None, 2.0, math.nan, 2.0]) == Mean(2.0, (2.0, 2.0), 2)
    assert over_images([None]) is None
    assert over_trials([]) is None
    assert optional(None) is None


def test_one_number_has_no_interval() -> None:
    found = over_images([0.5])
    assert (found.low, found.high, found.as_dict()["low"]) == (0.5, 0.5, None)
    assert over_trials([0.5]).interval is None


def test_trials_of_one_image_have_their_range_and_of_several_their_means() -> None:
    assert over_both(np.array([[1.0, 3.0, math.nan]])) == Mean(2.0, (1.0, 3.0), 2)
    assert over_both(np.array([[1.0, 3.0], [5.0, math.nan], [math.nan, math.nan]])).mean == pytest.approx(3.5)


def test_shared_trials_are_drawn_again_too() -> None:
    trials = np.tile([[0.0, 1.0]], (50, 1))
    shared, plain = over_shared(trials), over_both(trials)
    assert shared.mean == plain.mean == pytest.approx(0.5)
    assert plain.interval == pytest.approx((0.5, 0.5))
    assert shared.interval == pytest.approx((0, 1))
    assert over_shared(np.array([[1.0, 3.0]])) == Mean(2.0, (1.0, 3.0), 2)
    assert over_shared(np.full((3, 2), math.nan)) is None
