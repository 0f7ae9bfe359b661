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
    assert _ends(numbers) == pytest.approx(expected)
    assert _ends([*numbers, np.nan]) == pytest.approx(expected)
