import numpy as np
import pytest

from cbam_core.errors import CbamError
from cbam_core.render.colours import TABLES
from cbam_core.render.overlay import (
    Cells,
    cells_on_input,
    cells_on_original,
    overlay,
    raw_mask,
    seen_on_original,
    upsample,
)
from cbam_core.results.frame import Frame
from cbam_core.results.look import Look
from cbam_core.results.placement import Placement

PAIR = np.float32([[0, 1]])
HALVES = Cells(x0=1.0, y0=1.0, dx=2.0, dy=2.0)  # two cells on a picture of 4x2


def grey_image(values):
    return np.asarray(values, np.uint8)[..., None].repeat(3, axis=2)


def test_cells_on_input_count_from_the_edge_of_a_pixel():
    assert cells_on_input(Placement(start=(0.5, 1.5), step=(2.0, 4.0))) == Cells(x0=2.0, y0=1.0, dx=4.0, dy=2.0)


def test_cells_on_original_follow_the_crop():
    frame = Frame(original_size=(300, 200), input_size=(32, 32), box=(50.0, 0.0, 250.0, 200.0))
    # The first cell of a 2x2 pooling is centred 1 pixel from the edge: 1 * 200 / 32 = 6.25 of the original.
    assert cells_on_original(Placement((0.5, 0.5), (2.0, 2.0)), frame) == Cells(56.25, 6.25, 12.5, 12.5)


def test_cells_on_original_follow_a_squash():
    frame = Frame(original_size=(64, 16), input_size=(32, 32), box=(0.0, 0.0, 64.0, 16.0))
    assert cells_on_original(Placement((0.5, 0.5), (2.0, 2.0)), frame) == Cells(2.0, 0.5, 4.0, 1.0)


def test_seen_is_the_crop():
    frame = Frame((300, 200), (32, 32), (50.0, 0.0, 250.0, 200.0))
    assert seen_on_original(frame) == (50.0, 0.0, 250.0, 200.0)


def test_seen_ends_at_the_picture_where_it_was_padded():
    frame = Frame((300, 200), (32, 32), (0.0, -50.0, 300.0, 250.0))
    assert seen_on_original(frame) == (0.0, 0.0, 300.0, 200.0)


def test_cells_on_a_resized_picture():
    assert Cells(10.0, 20.0, 4.0, 8.0).scaled(0.5, 0.25) == Cells(5.0, 5.0, 2.0, 2.0)


def test_every_pixel_takes_the_nearest_cell():
    assert upsample(PAIR, HALVES, (4, 2)).tolist() == [[0, 0, 1, 1], [0, 0, 1, 1]]


def test_a_pixel_halfway_takes_the_later_cell():
    # Centres 0.5 and 2.5; the middle pixel lies at 1.5, as far from one as from the other.
    assert upsample(PAIR, Cells(0.5, 0.5, 2.0, 2.0), (3, 1)).tolist() == [[0, 1, 1]]


def test_smooth_is_linear_between_centres_and_constant_beyond():
    assert upsample(PAIR, HALVES, (4, 1), smooth=True).tolist() == [[0, 0.25, 0.75, 1]]


def test_smooth_in_both_directions():
    corners = np.float32([[0, 1], [2, 3]])
    drawn = upsample(corners, Cells(0.5, 0.5, 2.0, 2.0), (3, 3), smooth=True)
    assert drawn.tolist() == [[0, 0.5, 1], [1, 1.5, 2], [2, 2.5, 3]]


def test_zoom_draws_at_the_centres_of_the_finer_pixels():
    drawn = upsample(PAIR, Cells(0.5, 0.5, 1.0, 1.0), (2, 1), zoom=2, smooth=True)
    assert drawn.tolist() == [[0, 0.25, 0.75, 1]] * 2


def test_cells_beyond_the_picture_are_left_out():
    row = np.float32([[0, 0.25, 0.5, 0.75]])
    assert upsample(row, Cells(-0.5, 0.5, 1.0, 1.0), (2, 1)).tolist() == [[0.25, 0.5]]


def test_composition_by_hand():
    image = grey_image([[100, 100, 100, 100]])
    drawn = overlay(image, PAIR, HALVES, Look(opacity=0.25, colours="viridis"))
    # 0.75 * 100 + 0.25 * (68, 1, 84) + 0.5 = (92.5, 75.75, 96.5); with (253, 231, 36): (138.75, 133.25, 84.5)
    assert drawn[0].tolist() == [[92, 75, 96]] * 2 + [[138, 133, 84]] * 2


def test_opacity_ends_are_image_and_colours():
    image = grey_image([[1, 2, 3, 4]])
    assert np.array_equal(overlay(image, PAIR, HALVES, Look(opacity=0.0)), image)
    colours = overlay(image, PAIR, HALVES, Look(opacity=1.0, colours="magma"))
    assert np.array_equal(colours[0, [0, 3]], TABLES["magma"][[0, 255]])


def test_stretched_colours_run_over_the_masks_own_range():
    faint = np.float32([[0.5, 0.5625]])
    image = grey_image([[0, 0, 0, 0]])
    unit = overlay(image, faint, HALVES, Look(opacity=1.0, colours="greys"))
    assert unit[0, :, 0].tolist() == [128, 128, 143, 143]
    stretched = overlay(image, faint, HALVES, Look(opacity=1.0, colours="greys", scale="stretch"))
    assert stretched[0, :, 0].tolist() == [0, 0, 255, 255]


def test_zoomed_overlay_repeats_the_pixels_of_the_picture():
    image = grey_image([[10, 20], [30, 40]])
    drawn = overlay(image, np.float32([[0.5]]), Cells(1.0, 1.0, 2.0, 2.0), Look(opacity=0.0), zoom=3)
    assert drawn.shape == (6, 6, 3)
    assert np.array_equal(drawn[::3, ::3], image)
    assert np.array_equal(drawn[2::3, 2::3], image)


def test_what_the_network_did_not_see_turns_grey_whatever_the_opacity():
    image = np.array([[[255, 0, 0], [10, 20, 30], [255, 255, 255], [0, 0, 0]]], np.uint8)
    seen = (1.0, 0.0, 2.0, 1.0)
    drawn = overlay(image, PAIR, HALVES, Look(opacity=0.0), seen=seen)
    # luma of red is 77 * 255 / 256 = 76.7: (76.7 + 128) / 2 + 0.5 = 102.85
    assert drawn[0].tolist() == [[102] * 3, [10, 20, 30], [192] * 3, [64] * 3]
    assert np.array_equal(overlay(image, PAIR, HALVES, Look(opacity=1.0), seen=seen)[0, [0, 2, 3]], drawn[0, [0, 2, 3]])


def test_a_pixel_was_seen_when_its_centre_was():
    image = grey_image([[255, 255, 255]])
    drawn = overlay(image, PAIR, HALVES, Look(opacity=0.0), seen=(0.5, 0.0, 2.5, 1.0))
    assert drawn[0, :, 0].tolist() == [255, 255, 192]


def test_raw_mask_is_one_square_a_cell():
    drawn = raw_mask(np.float32([[0, 1], [0.5, 0.25]]), Look(colours="greys"), zoom=2)
    assert drawn[..., 0].tolist() == [[0, 0, 255, 255]] * 2 + [[128, 128, 64, 64]] * 2


def test_a_zoom_below_one_is_refused():
    with pytest.raises(CbamError, match="at least 1; given 0"):
        overlay(grey_image([[0]]), PAIR, HALVES, zoom=0)
    with pytest.raises(CbamError, match="at least 1; given 0"):
        raw_mask(PAIR, zoom=0)
