import math
import pickle

import numpy as np
import pytest

from cbam_core.data.fitting import fit_image, named_fit
from cbam_core.errors import ImageError
from cbam_core.results.frame import FITS, Frame

SQUARES = {"crop": None, "square": (310.0, 95.5, 420.0), "pad": None, "squash": None}


def codes(notes) -> list[str]:
    return [note.code for note in notes]


def photo(width: int, height: int) -> np.ndarray:
    """Smooth colours, uint8 (height, width, 3)."""
    y, x = np.mgrid[0:height, 0:width]
    red, green = 200 * x / max(1, width - 1), 200 * y / max(1, height - 1)
    return np.stack((red, green, 0 * x + 90), axis=-1).astype(np.uint8)


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("original", [(1200, 800), (640, 1000), (900, 900)])
@pytest.mark.parametrize("size", [(32, 32), (48, 24)])
def test_marker_on_a_large_photo_is_found_where_the_frame_says(fit, original, size):
    pixels = np.zeros((original[1], original[0], 3), np.uint8)
    _, frame, _ = fit_image(pixels, size, fit, square=SQUARES[fit])
    for column, row in [(13, 11), (20, 14), (17, 9)]:
        # The middle of an input pixel, as a place on the photo; a marker there, as large as that input pixel.
        x, y = frame.to_original(column + 0.5, row + 0.5)
        if not (0 <= x < original[0] and 0 <= y < original[1]):
            continue
        corners = (*frame.to_original(column, row), *frame.to_original(column + 1, row + 1))
        left, top, right, bottom = map(round, corners)
        marked = pixels.copy()
        marked[max(0, top) : bottom, max(0, left) : right] = 255
        fitted, _, _ = fit_image(marked, size, fit, square=SQUARES[fit])
        found = np.unravel_index(fitted[..., 0].argmax(), (size[1], size[0]))
        assert (int(found[1]), int(found[0])) == (column, row)
        around = fitted[row - 1 : row + 2, column - 1 : column + 2, 0].astype(int)
        assert around[1, 1] > 150
        assert max(abs(around[1, 0] - around[1, 2]), abs(around[0, 1] - around[2, 1])) < 25, "off the middle"


@pytest.mark.parametrize("fit", FITS)
def test_fitted_colours_equal_those_of_the_place_on_the_photo(fit):
    pixels = photo(1000, 700)
    fitted, frame, _ = fit_image(pixels, (32, 32), fit, square=(100.0, 50.0, 500.0))
    for row in range(8, 24, 3):
        for column in range(4, 28, 3):
            x, y = frame.to_original(column + 0.5, row + 0.5)
            assert fitted[row, column].tolist() == pytest.approx(pixels[int(y), int(x)].tolist(), abs=3)


@pytest.mark.parametrize("fit", ["crop", "pad", "squash"])
def test_picture_of_the_right_size_is_returned_unchanged_and_without_notes(fit):
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    fitted, frame, notes = fit_image(pixels, (32, 32), fit)
    assert fitted is pixels
    assert notes == ()
    assert frame == Frame((32, 32), (32, 32), (0.0, 0.0, 32.0, 32.0))


def test_square_of_the_whole_picture_is_unchanged_too():
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    fitted, _, notes = fit_image(pixels, (32, 32), "square", square=(0, 0, 32))
    assert fitted is pixels
    assert notes == ()


@pytest.mark.parametrize(
    ("original", "size", "box"),
    [
        ((3000, 2000), (32, 32), (500, 0, 2500, 2000)),
        ((451, 300), (32, 32), (75.5, 0, 375.5, 300)),
        ((100, 300), (32, 32), (0, 100, 100, 200)),
        ((100, 100), (64, 32), (0, 25, 100, 75)),
        ((33, 32), (32, 32), (0, 0, 32, 32)),
    ],
)
def test_crop_is_the_largest_centred_box_of_the_inputs_proportions(original, size, box):
    fitted, frame, notes = fit_image(np.zeros((original[1], original[0], 3), np.uint8), size)
    assert frame.box == box
    assert fitted.shape == (size[1], size[0], 3)
    assert codes(notes)[0] == "fit.cropped"


def test_crop_at_full_scale_keeps_every_pixel_sharp():
    pixels = np.random.default_rng(1).integers(0, 256, (32, 37, 3), dtype=np.uint8)
    fitted, frame, _ = fit_image(pixels, (32, 32))
    assert frame.box[0] == 2
    assert np.array_equal(fitted, pixels[:, 2:34])


def test_chosen_square_at_full_scale_is_exact():
    pixels = np.random.default_rng(1).integers(0, 256, (90, 70, 3), dtype=np.uint8)
    fitted, _, notes = fit_image(pixels, (32, 32), "square", square=(11, 23, 32))
    assert np.array_equal(fitted, pixels[23:55, 11:43])
    assert codes(notes) == ["fit.square"]


def test_pad_keeps_the_whole_picture_and_fills_the_bars():
    pixels = np.full((50, 100, 3), 200, np.uint8)
    fitted, frame, notes = fit_image(pixels, (32, 32), "pad", fill=(1, 2, 3))
    assert (fitted[:8] == (1, 2, 3)).all()
    assert (fitted[24:] == (1, 2, 3)).all()
    assert (fitted[8:24] == 200).all()
    assert frame.box == (0, -25, 100, 75)
    assert codes(notes) == ["fit.padded", "fit.reduced"]


def test_pad_of_a_same_shaped_picture_adds_no_bars():
    fitted, frame, notes = fit_image(photo(64, 64), (32, 32), "pad")
    assert fitted.shape == (32, 32, 3)
    assert frame.box == (0, 0, 64, 64)
    assert codes(notes) == ["fit.reduced"]


def test_squash_stretches_the_whole_picture():
    _, frame, notes = fit_image(photo(100, 50), (32, 32), "squash")
    assert frame.box == (0, 0, 100, 50)
    assert frame.scale == (0.32, 0.64)
    assert codes(notes) == ["fit.squashed", "fit.reduced"]


def test_shrinking_averages_and_does_not_pick_single_pixels():
    stripes = np.zeros((320, 320, 3), np.uint8)
    stripes[:, ::2] = 255
    fitted, _, _ = fit_image(stripes, (32, 32))
    assert np.abs(fitted.astype(int) - 128).max() <= 5


@pytest.mark.parametrize("fit", ["crop", "pad", "squash"])
def test_small_picture_is_enlarged_and_the_note_says_so(fit):
    fitted, _, notes = fit_image(photo(1, 1), (32, 32), fit)
    assert fitted.shape == (32, 32, 3)
    assert codes(notes) == ["fit.enlarged"]
    assert notes[0].values == {"width": 1, "height": 1, "input_width": 32, "input_height": 32}


@pytest.mark.parametrize("fit", ["crop", "pad", "squash"])
@pytest.mark.parametrize("original", [(20000, 1), (1, 20000)])
def test_absurd_proportions_are_fitted(fit, original):
    fitted, frame, _ = fit_image(photo(*original), (32, 32), fit)
    assert fitted.shape == (32, 32, 3)
    left, top, right, bottom = frame.box
    assert right > left
    assert bottom > top


@pytest.mark.parametrize(
    ("square", "box"),
    [
        ((-10, 5, 40), (0, 5, 40, 45)),
        ((80, 40, 40), (60, 20, 100, 60)),
        ((0, 0, 500), (0, 0, 60, 60)),
        ((99, 59, 1), (99, 59, 100, 60)),
    ],
)
def test_square_over_an_edge_is_moved_inside(square, box):
    _, frame, notes = fit_image(photo(100, 60), (32, 32), "square", square=square)
    assert frame.box == box
    moved = square != (box[0], box[1], box[2] - box[0])
    assert ("fit.square-moved" in codes(notes)) == moved


def test_a_square_rounded_to_one_decimal_was_not_moved():
    pixels = np.zeros((100, 101, 3), np.uint8)
    _, _, notes = fit_image(pixels, (32, 32), "square", square=(30.35, 29.35, 70.7))
    assert "fit.square-moved" not in codes(notes)


@pytest.mark.parametrize(
    ("square", "code"),
    [
        (None, "fit.no-square"),
        ((0, 0, 0.5), "fit.small-square"),
        ((0, 0, -3), "fit.small-square"),
        ((0, math.nan, 5), "fit.small-square"),
        ((0, 0, math.inf), "fit.small-square"),
        ((100, 0, 5), "fit.square-outside"),
        ((0, -5, 5), "fit.square-outside"),
    ],
)
def test_impossible_square_is_refused(square, code):
    with pytest.raises(ImageError) as caught:
        fit_image(photo(100, 60), (32, 32), "square", square=square)
    assert caught.value.code == code


def test_the_corners_of_the_input_are_those_of_the_box():
    _, frame, _ = fit_image(photo(301, 200), (32, 24), "pad")
    assert (*frame.to_original(0, 0), *frame.to_original(32, 24)) == pytest.approx(frame.box)


def test_frame_survives_pickling():
    _, frame, notes = fit_image(photo(301, 200), (32, 32))
    assert pickle.loads(pickle.dumps((frame, notes))) == (frame, notes)


def test_fit_is_found_by_name_only():
    assert [named_fit(fit) for fit in FITS] == ["crop", "square", "pad", "squash"]
    with pytest.raises(ImageError, match="unknown fit 'Crop'; expected one of crop, square, pad, squash"):
        named_fit("Crop")
    with pytest.raises(ImageError, match="unknown fit 'centre'"):
        fit_image(photo(300, 200), (32, 32), "centre")


def test_notes_read_as_plain_sentences():
    _, _, notes = fit_image(photo(300, 200), (32, 32))
    assert [str(note) for note in notes] == [
        "cropped to the centre, 200×200 of 300×200 pixels",
        "reduced from 200×200 to 32×32 pixels",
    ]
