"""Mean masks as they are drawn: what is certain of a difference, one scale for all, cells where they lie."""

import numpy as np

from app.atlas.masks import certain_difference, input_size, limits_of, mask_picture
from cbam_core.atlas.answers import MeanMask
from cbam_core.render.colours import colourise
from cbam_core.render.diverging import diverging
from cbam_core.results.placement import Placement
from tests.atlas import made_atlas


def mean_mask(mean, deviation, count):
    usual = np.full_like(mean, 0.5)
    return MeanMask("one.spatial", mean, np.full_like(mean, deviation), count, usual, usual, 1000, None)


def test_a_difference_counts_where_it_is_larger_than_the_interval_of_its_mean():
    mean = np.array([[0.5, 0.59, 0.61]])
    shown = certain_difference(mean_mask(mean, 0.14, 10))  # t(9) = 2.262: the interval is 0.1056 wide on each side
    np.testing.assert_allclose(shown, [[0, 0, 0.11]])
    np.testing.assert_allclose(certain_difference(mean_mask(mean, 0.0, 2)), [[0, 0.09, 0.11]])


def test_one_image_says_nothing_certain():
    assert not certain_difference(mean_mask(np.array([[0.9]]), 0.0, 1)).any()


def test_masks_share_a_scale_that_differences_have_on_both_sides():
    masks = [np.array([[0.2, 0.4]]), np.array([[0.1, 0.3]])]
    assert limits_of(masks, "mean") == (0.1, 0.4)
    assert limits_of(masks, "deviation") == (0.0, 0.4)
    assert limits_of([np.array([[-0.3, 0.1]])], "difference") == (-0.3, 0.3)
    assert limits_of([np.zeros((2, 2))], "difference") == (-1.0, 1.0)


def test_cells_lie_at_their_place_in_colours_of_the_scale():
    values = np.array([[0.1, 0.2], [0.3, 0.4]])
    placement = Placement.stretched((2, 2), (4, 4))
    drawn = mask_picture(values, placement, (4, 4), (0.1, 0.4))
    half = drawn.shape[0] // 2
    expected = colourise(((values - 0.1) / (0.4 - 0.1)).astype(np.float32))
    np.testing.assert_array_equal(drawn[::half, ::half], expected)
    difference = mask_picture(values, None, (4, 4), (-0.4, 0.4))
    np.testing.assert_array_equal(difference[::half, ::half], diverging(values.astype(np.float32), 0.4))


def test_without_facts_the_input_is_as_large_as_the_cells_reach():
    atlas = made_atlas.atlas()
    assert input_size(atlas, atlas.gate("one.spatial")) == (3, 5)
