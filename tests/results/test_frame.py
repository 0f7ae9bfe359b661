"""Where a decoded image and a network's input lie on the original."""

from __future__ import annotations

import pytest

from cbam_core.errors import ImageError
from cbam_core.results.frame import Frame, Grid

WIDE = Frame((4001, 3000), (32, 32), (500.0, 0.0, 3500.0, 3000.0))


def test_an_original_lies_on_its_own_pixels() -> None:
    assert Grid((40, 30)).decoded((1.5, 2.0, 40.0, 30.0)) == (1.5, 2.0, 40.0, 30.0)


def test_a_box_on_reduced_pixels_begins_where_they_begin() -> None:
    grid = Grid((1001, 700), 8, (-7, 0))
    assert grid.decoded((1.0, 8.0, 1001.0, 700.0)) == (1.0, 1.0, 126.0, 87.5)
    assert grid.whole == (0.875, 0.0, 126.0, 87.5)


@pytest.mark.parametrize("picture", [(4001, 3000), (2001, 1500), (1001, 750), (501, 375)])
def test_an_original_is_known_at_every_scale_of_a_jpeg(picture: tuple[int, int]) -> None:
    assert WIDE.factors(picture) == (picture[0] / 4001, picture[1] / 3000)


@pytest.mark.parametrize("picture", [(3000, 4001), (2000, 1500), (251, 188), (4001, 1500)])
def test_another_image_is_not_taken_for_the_original(picture: tuple[int, int]) -> None:
    with pytest.raises(ImageError, match="4001×3000") as refused:
        WIDE.factors(picture)
    assert refused.value.code == "save.other-original"
