"""The list of means of one value in groups of images."""

import re

import numpy as np
import pytest

from app.atlas.profile import _ends, profile_html
from app.atlas.values import Values, digits_for
from tests.atlas import made_atlas


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([0.01, 0.51], (0.0, 0.54)),  # room of 0.03 would go below 0, where no weight lies
        ([0.25, 0.75], (0.22, 0.78)),
        ([-0.25, 0.25], (-0.28, 0.28)),  # an interval that does go there is drawn in full
    ],
)
def test_room_around_what_is_drawn_does_not_bring_the_axis_below_zero(numbers, expected):
    assert _ends(numbers, squashed=False) == pytest.approx(expected)
    assert _ends([*numbers, np.nan], squashed=False) == pytest.approx(expected)


def test_the_axis_of_a_gate_that_lies_between_0_and_1_ends_at_1():
    assert _ends([0.5, 1.0], squashed=True) == pytest.approx((0.47, 1.0))
    assert _ends([0.5, 1.0], squashed=False) == pytest.approx((0.47, 1.03))


@pytest.mark.parametrize(("span", "digits"), [(0.5, 3), (0.02, 3), (0.0099, 4), (0.0011, 4), (3e-5, 6), (0.0, 3)])
def test_numbers_that_lie_close_together_have_the_digits_that_tell_them_apart(span, digits):
    assert digits_for(span) == digits


def test_means_that_differ_are_not_written_as_if_they_were_the_same():
    values = made_atlas.contents().values.copy()
    values[:] = 0.999
    values[::3, 0] = 0.9995
    atlas = made_atlas.atlas(values=values)
    found = atlas.profile("one.channel", "class")
    shown = profile_html(
        Values(atlas.gate("one.channel"), found, found.mean.mean(axis=0), found.selectivity, [0]), found, 0
    )
    written = re.findall(r'<span class="n">([0-9.]+)</span>', shown)
    means = found.mean[:, 0]
    assert len({*written}) == len({*means.tolist()}) > 1
    np.testing.assert_allclose(sorted(map(float, written)), sorted(means), atol=5e-6)
