"""Regions of a map: lines that an address holds, and the images inside of them."""

import numpy as np
import pytest

from cbam_core.atlas.regions import (
    MARGIN,
    MOST_CORNERS,
    UNITS,
    images_inside,
    inside_of,
    line_as_text,
    method_and_line_as_text,
    read_line,
    read_method_and_line,
    squared,
    squared_map,
)
from cbam_core.errors import AtlasError
from tests.atlas.made_atlas import atlas

SQUARE = (0, 0, 2000, 0, 2000, 2000, 0, 2000)
RIGHT_HALF = (2048, 0, UNITS, 0, UNITS, UNITS, 2048, UNITS)


def test_points_are_fitted_into_the_square_without_stretching():
    found = squared(np.array([[0.0, 0.0], [4.0, 2.0], [np.nan, 0.0]]))
    np.testing.assert_allclose(found[0], [MARGIN, 0.5 - (0.5 - MARGIN) / 2])
    np.testing.assert_allclose(found[1], [1 - MARGIN, 0.5 + (0.5 - MARGIN) / 2])
    assert np.isnan(found[2, 0])


def test_a_text_gives_a_line_back_and_the_places_inside_of_it():
    assert read_line(line_as_text(SQUARE)) == SQUARE
    assert read_method_and_line(method_and_line_as_text("tsne", SQUARE)) == ("tsne", SQUARE)
    assert len(line_as_text((UNITS,) * 2 * MOST_CORNERS)) < 1000
    half = 1000 / UNITS
    places = np.array([[half, half], [3 * half, half], [half, 3 * half], [np.nan, half]])
    assert inside_of(SQUARE, places).tolist() == [True, False, False, False]


def test_a_line_that_turns_inward_holds_nothing_there():
    cup = (0, 0, 1000, 0, 1000, 3000, 2000, 3000, 2000, 0, 3000, 0, 3000, 4000, 0, 4000)
    places = np.array([[500, 500], [1500, 500], [2500, 500], [1500, 3500]]) / UNITS
    assert inside_of(cup, places).tolist() == [True, False, True, True]


@pytest.mark.parametrize("text", ["", "AAA", "AAAAAAAA", "pca.", "AAAA" * 61, "AAAAAAAAAA?A"])
def test_other_texts_are_no_lines(text):
    assert read_line(text) is None
    assert read_method_and_line(f"pca.{text}") is None


def test_a_line_of_another_map_is_none():
    assert read_method_and_line(f"umap.{line_as_text(SQUARE)}") is None


def test_a_line_of_the_page_is_a_slice_that_combines_with_other_conditions():
    made = atlas()
    region = method_and_line_as_text("pca", RIGHT_HALF)
    right_half = np.flatnonzero(squared_map(made, "pca")[:, 0] > 2048 / UNITS)
    assert 0 < len(right_half) < 59
    assert made.select({"inside": region}).tolist() == right_half.tolist()
    both = np.intersect1d(right_half, made.select({"class": "cat"}))
    assert made.select({"inside": region, "class": "cat"}).tolist() == both.tolist()
    assert made.profile("one.channel", where={"inside": region}).counts.sum() == len(right_half)


def test_corners_are_in_the_coordinates_of_the_map():
    made = atlas()
    x, y = made.map("pca").points.T.astype(float)
    left, right = float(np.nanmin(x)) - 1, float(np.nanmedian(x))
    low, high = float(np.nanmin(y)) - 1, float(np.nanmax(y)) + 1
    expected = np.flatnonzero(x < right)
    corners = [(left, low), (right, low), (right, high), (left, high)]
    assert made.select({"inside": ("pca", corners)}).tolist() == expected.tolist()
    assert made.select({"inside": ("pca", np.array(corners))}).tolist() == expected.tolist()
    written = "pca:" + ",".join(str(number) for corner in corners for number in corner)
    assert made.select({"inside": written}).tolist() == expected.tolist()


def test_several_regions_are_alternatives():
    made = atlas()
    left_half = tuple(UNITS - number if place % 2 == 0 else number for place, number in enumerate(RIGHT_HALF))
    both = [method_and_line_as_text("pca", line) for line in (RIGHT_HALF, left_half)]
    assert made.select({"inside": both}).tolist() == made.select().tolist()


@pytest.mark.parametrize(
    "given",
    [
        *("", "pca", "pca.AB", "umap:0,0,1,0,1,1", "pca:0,0,1,0,1", "pca:0,0,1,0", "pca:0,0,1,0,1,nan", "pca:a,b", 3),
        *(("pca", [(0, 0), (1, 0)]), ("pca", [(0, 0), (1, 0), (1,)]), ("pca", "abc")),
    ],
    ids=str,
)
def test_what_is_no_region_is_refused(given):
    with pytest.raises(AtlasError, match="the condition for inside has to be a line"):
        images_inside(atlas(), given)


def test_a_region_of_a_map_that_was_not_computed_says_how_to_make_it():
    with pytest.raises(AtlasError, match="cbam atlas map DIR --tsne"):
        atlas().select({"inside": method_and_line_as_text("tsne", SQUARE)})
