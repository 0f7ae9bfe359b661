"""The list of means of one value in groups of images."""

import numpy as np
import pytest

from app.atlas.profile import _ends


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
