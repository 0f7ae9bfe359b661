"""The colours of what has a sign."""

from __future__ import annotations

import numpy as np
import pytest

from cbam_core.errors import CbamError
from cbam_core.render.colours import MISSING
from cbam_core.render.diverging import DIVERGING, STOPS, diverging


def luma(colours: np.ndarray) -> np.ndarray:
    return colours.astype(np.float64) @ (0.2126, 0.7152, 0.0722)


def test_nought_has_the_middle_colour_and_it_is_nearly_white() -> None:
    assert diverging(np.zeros(1)).tolist() == [DIVERGING[127].tolist()] == [[247, 247, 247]]


def test_colours_darken_evenly_to_both_ends() -> None:
    light = luma(DIVERGING)
    assert (np.diff(light[:128]) > 0).all()
    assert (np.diff(light[127:]) < 0).all()


def test_lower_is_blue_and_higher_is_orange_for_the_colour_blind_too() -> None:
    # Red-green blindness leaves the difference of blue and yellow: it has the sign of the value everywhere.
    rgb = DIVERGING.astype(int)
    blueness = rgb[:, 2] - (rgb[:, 0] + rgb[:, 1]) / 2
    assert (blueness[:120] > 5).all()
    assert (blueness[135:] < -5).all()


def test_the_scale_is_centred_and_ends_at_its_limit() -> None:
    values = np.array([-2.0, -1.0, 1.0, 2.0, 0.25, np.nan])
    drawn = diverging(values)
    assert drawn[0].tolist() == drawn[1].tolist() == DIVERGING[0].tolist()
    assert drawn[2].tolist() == drawn[3].tolist() == DIVERGING[254].tolist()
    assert drawn[5].tolist() == list(MISSING)
    assert np.array_equal(diverging(values / 2, limit=0.5), drawn)


def test_equal_distances_from_nought_are_nearly_equally_dark() -> None:
    light = luma(DIVERGING)
    assert np.abs(light - light[::-1]).max() < 30


def test_the_table_is_straight_between_its_stops() -> None:
    places, stops = np.linspace(0, 1, len(STOPS)), np.array([list(bytes.fromhex(stop[1:])) for stop in STOPS])
    for channel in range(3):  # as a page's gradient is drawn from the stops alone
        straight = np.interp(np.linspace(0, 1, 255), places, stops[:, channel])
        assert np.abs(DIVERGING[:, channel] - straight).max() <= 0.5


@pytest.mark.parametrize("limit", [0.0, -1.0, float("nan"), float("inf")])
def test_a_limit_that_is_none_is_one_sentence(limit: float) -> None:
    with pytest.raises(CbamError, match="above 0"):
        diverging(np.zeros(2), limit)
