"""What the map is given: places, sheets in their order, and what it sends."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from app.atlas.map_data import (
    COLUMNS,
    STEPS,
    as_mask,
    as_steps,
    checked_line,
    checked_view,
    places_in,
    places_of,
    read_view,
    sheets_of,
)
from cbam_core.atlas.regions import MARGIN, UNITS
from tests.atlas import made_atlas


def test_points_are_fitted_into_the_square_without_stretching():
    found = places_of(np.array([[0.0, 0.0], [4.0, 2.0], [np.nan, 0.0]]))
    np.testing.assert_allclose(found.places[0], [MARGIN, 0.5 - (0.5 - MARGIN) / 2])
    np.testing.assert_allclose(found.places[1], [1 - MARGIN, 0.5 + (0.5 - MARGIN) / 2])
    assert sorted(found.drawn.tolist()) == [0, 1]


def test_one_place_for_all_images_is_the_middle():
    assert (places_of(np.ones((3, 2))).places == 0.5).all()


def test_of_very_many_images_those_are_drawn_that_lie_evenly_among_them():
    points = np.random.default_rng(0).random((1000, 2))
    drawn = places_of(points, most=100).drawn
    assert len(drawn) == len(set(drawn.tolist())) == 100
    assert np.diff(np.sort(drawn)).max() <= 11


def test_images_that_are_near_share_sheets():
    points = np.random.default_rng(0).random((4000, 2))
    found = places_of(points)
    first = found.places[found.drawn[: COLUMNS * COLUMNS]]
    assert (first.max(axis=0) - first.min(axis=0)).max() < 0.5


def test_places_of_an_atlas_are_those_of_its_map():
    atlas = made_atlas.atlas()
    found = places_in(atlas, "pca")
    assert found is places_in(atlas, "pca")
    assert np.isnan(found.places[7]).all()  # was not read
    np.testing.assert_allclose(found.places, places_of(atlas.map("pca").points).places)


def test_steps_give_places_back():
    places = np.random.default_rng(0).random((5, 2))
    steps = np.frombuffer(base64.b64decode(as_steps(places)), "<u2").reshape(-1, 2)
    np.testing.assert_allclose(steps / STEPS, places, atol=0.5 / STEPS)


def test_a_mask_has_one_bit_an_image_the_lowest_first():
    assert base64.b64decode(as_mask(np.array([True, False, False, True] + [False] * 4 + [True]))) == bytes([9, 1])


def test_a_sheet_has_thumbnails_in_rows_and_a_new_one_begins_when_it_is_full():
    each = COLUMNS * COLUMNS
    pictures = np.zeros((each + 1, 8, 8, 3), np.uint8)
    pictures[17] = 200
    sheets = [*sheets_of(range(each + 1), lambda numbers: pictures[list(numbers)])]
    first, second = (np.asarray(Image.open(io.BytesIO(sheet))) for sheet in sheets)
    assert first.shape == (8 * COLUMNS, 8 * COLUMNS, 3)
    assert second.shape == (8, 8 * COLUMNS, 3)
    assert abs(int(first[12, 12, 0]) - 200) < 8
    assert first[12, 28, 0] < 8


@pytest.mark.parametrize(
    "sent", [None, "x", [], [0, 1], [0, 0, 1, 1, 2], [0, 0, 1, 1, 2, UNITS + 1], [0.5] * 6, [0] * 2 * 61]
)
def test_browsers_can_send_anything_as_a_line(sent):
    assert checked_line(sent) is None


def test_a_line_of_a_browser_is_taken_as_it_is():
    assert checked_line([0, 0, 5, 5, 0, 5]) == (0, 0, 5, 5, 0, 5)


def test_a_view_is_read_as_it_is_written_and_other_things_are_not():
    assert read_view("0.25~0.5~3.125") == (0.25, 0.5, 3.125)
    assert read_view("-1~0~1") is None
    assert read_view("0.5~0.5") is None
    assert checked_view([0.1, 0.2, 3]) == (0.1, 0.2, 3.0)
    assert checked_view([0.1, 0.2, 1e9]) is None
    assert checked_view("abc") is None
