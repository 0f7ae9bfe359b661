"""Pictures of masks: one scale for a row, cells at their place, and a line around a tile."""

import numpy as np

from app.evidence.drawing import frame, mask_over, note_on_scale
from cbam_core.render.colours import colourise
from cbam_core.results.placement import Placement

MASK = np.array([[0.2, 0.4], [0.6, 0.8]], dtype=np.float32)


def test_a_row_has_one_scale_and_flat_masks_have_that_of_all_gates():
    assert note_on_scale([MASK, MASK / 2]) == (np.float32(0.1), np.float32(0.8))
    assert note_on_scale([np.full((2, 2), 0.97, np.float32), MASK]) == (0.0, 1.0)


def test_cells_lie_at_their_place_over_the_image():
    image = np.zeros((32, 32, 3), np.uint8)
    drawn = mask_over(image, MASK, Placement.stretched((2, 2), (32, 32)), (0.0, 1.0))
    assert drawn.shape == (192, 192, 3)
    expected = np.rint(0.65 * colourise(MASK))
    np.testing.assert_array_equal(drawn[[0, -1], [0, -1]], expected[[0, 1], [0, 1]])
    alone = mask_over(None, MASK, Placement.stretched((2, 2), (32, 32)), (0.0, 1.0))
    np.testing.assert_array_equal(alone[::96, ::96], colourise(MASK))


def test_a_line_stands_around_one_tile_alone():
    picture = np.full((40, 40, 3), 100, np.uint8)
    framed = frame(picture, 3)
    assert (framed[:20] == 100).all()
    assert (framed[:, :20] == 100).all()
    assert (framed[20, 20:] == 255).all()
    assert (framed[30, 30] == 100).all()
    assert (picture == 100).all()
