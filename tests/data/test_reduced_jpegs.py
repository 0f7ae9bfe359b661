"""JPEGs decoded at a reduced size: what is shown and fed stays close to full decoding, and everything in its place."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from cbam_core.data.fitting import FINE, SHOWN, decode_to_fit, fit_image, spare_for_input, whole_picture
from cbam_core.data.folder import thumbnail
from cbam_core.data.images import DecodedImage, decode
from cbam_core.data.sequences import ImageFiles
from cbam_core.explanation import explain
from cbam_core.observing import observe_all
from cbam_core.results.frame import FITS, Frame, Grid
from cbam_core.viewer.payload import LONGEST
from tests.corpus import image_files

SQUARE = (133.0, 122.0, 500.0)


@pytest.fixture(scope="module")
def scene() -> bytes:
    """A photo of 12 megapixels with sharp edges, thin lines and noise: harder than what cameras see."""
    random = np.random.default_rng(0)
    image = Image.fromarray(random.integers(0, 255, (9, 12, 3), dtype=np.uint8)).resize((4000, 3000))
    draw = ImageDraw.Draw(image)
    for _ in range(200):
        corners = [tuple(corner) for corner in random.integers(0, (4000, 3000), (3, 2)).tolist()]
        colour = tuple(random.integers(0, 255, 3).tolist())
        draw.polygon([corners[0], *(tuple(np.add(corners[0], corner) // 4) for corner in corners[1:])], colour)
        draw.line(corners[:2], colour, int(random.integers(1, 12)))
    noise = random.integers(-8, 9, (3000, 4000, 1), dtype=np.int16)
    return image_files.encoded(np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8), "JPEG", quality=92)


@pytest.fixture(scope="module")
def full(scene) -> DecodedImage:
    """The photo decoded at its full size."""
    return decode(scene)


def apart(one: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """Mean and 99 % quantile of how far two pictures are apart, in levels of 255."""
    distance = np.abs(one.astype(int) - other.astype(int))
    return float(distance.mean()), float(np.quantile(distance, 0.99))


def turned(pixels: np.ndarray, orientation: int) -> bytes:
    """A JPEG whose camera was held so."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return image_files.encoded(pixels, "JPEG", quality=95, subsampling=0, exif=exif.tobytes())


@pytest.mark.parametrize(("size", "mean", "most"), [((32, 32), 0.2, 1), ((64, 48), 0.2, 1), ((224, 224), 0.6, 3)])
def test_the_input_of_a_large_photo_stays_close_to_that_of_full_decoding(scene, full, size, mean, most):
    reduced = decode_to_fit(scene, size)
    assert (reduced.grid, reduced.size) == (Grid((4000, 3000), 4), (1000, 750))
    expected, frame, notes = fit_image(full.pixels, size)
    found, found_frame, found_notes = fit_image(reduced.pixels, size, grid=reduced.grid)
    assert (found_frame, found_notes, reduced.notes) == (frame, notes, full.notes)
    difference = apart(found, expected)
    assert difference[0] < mean
    assert difference[1] <= most


def test_the_shown_picture_of_a_large_photo_stays_close_to_that_of_full_decoding(scene, full):
    shown = whole_picture(decode_to_fit(scene, (32, 32)), LONGEST)
    expected = whole_picture(full, LONGEST)
    assert shown.shape == expected.shape == (576, 768, 3)
    mean, most = apart(shown, expected)
    assert mean < 2.5
    assert most <= 16


def test_the_screen_gets_a_picture_that_was_decoded_finer():
    assert LONGEST * 1.25 <= SHOWN


def test_files_of_a_data_set_are_decoded_like_an_image_that_is_explained(scene, tiny_classifier, tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(scene)
    files = ImageFiles([path, path])
    explanation = explain(tiny_classifier, path)
    assert explanation.frame == Frame((4000, 3000), (32, 32), (500.0, 0.0, 3500.0, 3000.0))
    assert [note.code for note in explanation.notes] == ["fit.cropped", "fit.reduced"]
    assert np.array_equal(files.fitted(1, (32, 32)), explanation.input_image)
    assert np.array_equal(tiny_classifier.preprocess(path), tiny_classifier.normalise(explanation.input_image))
    (seen,) = observe_all(tiny_classifier, files)
    assert seen.probabilities == pytest.approx(np.stack([explanation.probabilities] * 2), abs=1e-6)


def test_a_part_is_named_by_the_pixels_of_the_file_however_large_it_is(tiny_classifier):
    bright = explain(tiny_classifier, image_files.large_jpeg(8192, 6144), "square", square=(4196, 1000, 3000))
    assert bright.frame == Frame((8192, 6144), (32, 32), (4196.0, 1000.0, 7196.0, 4000.0))
    assert [note.code for note in bright.notes] == ["image.reduced", "fit.square", "fit.reduced"]
    assert abs(bright.input_image.astype(int) - 200).max() <= 3


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_pixel_keeps_its_place_in_photos_of_odd_sizes_held_in_any_way(orientation):
    y, x = np.mgrid[0:723, 0:995]
    waves = np.stack([100 * np.sin(x / 30), 100 * np.sin(y / 30), 0 * x], axis=-1)  # one pixel further is 3 levels
    content = turned((128 + waves).astype(np.uint8), orientation)
    full, reduced = decode(content), decode(content, spare=lambda original: 8.5)
    assert reduced.grid.size == full.size
    assert reduced.size == (-(-full.size[0] // 8), -(-full.size[1] // 8))
    for fit in FITS:
        square = SQUARE if fit == "square" else None
        expected, frame, _ = fit_image(full.pixels, (32, 24), fit, square=square)
        found, found_frame, _ = fit_image(reduced.pixels, (32, 24), fit, square=square, grid=reduced.grid)
        assert found_frame == frame
        assert apart(found, expected)[0] < 0.7
    assert apart(whole_picture(reduced, 60), whole_picture(full, 60))[0] < 0.7


@pytest.mark.parametrize(
    ("original", "fit", "square", "expected"),
    [
        ((4000, 3000), "crop", None, 3000 / 32 / FINE),
        ((4000, 3000), "squash", None, 3000 / 32 / FINE),
        ((4000, 3000), "pad", None, 4000 / 32 / FINE),
        ((4000, 3000), "square", (100, 100, 96), 1.0),
        ((4000, 3000), "square", (100, 100, 192), 2.0),
        ((32, 32), "crop", None, 1 / FINE),
    ],
)
def test_the_part_that_a_network_sees_decides_how_much_is_decoded(original, fit, square, expected):
    assert spare_for_input(original, (32, 32), fit, square) == pytest.approx(expected)


def test_a_small_part_of_a_large_photo_is_decoded_at_full_size(scene, full):
    part = decode_to_fit(scene, (32, 32), "square", square=(1000, 1000, 100))
    assert np.array_equal(part.pixels, full.pixels)
    assert decode_to_fit(scene, (32, 32), "square", square=lambda w, h: (0, 0, h)).size == (1000, 750)


@pytest.mark.parametrize("size", [(32, 32), (640, 480), (SHOWN, 700), (2 * SHOWN - 1, 64)])
def test_smaller_photos_and_other_formats_are_decoded_bit_by_bit_as_before(size):
    pixels = np.random.default_rng(1).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    for kind in ("JPEG", "PNG"):
        content = image_files.encoded(pixels, kind)
        assert np.array_equal(decode_to_fit(content, (32, 32)).pixels, decode(content).pixels)
    wide = image_files.encoded(np.zeros((8, 5000, 3), np.uint8), "PNG")
    assert decode_to_fit(wide, (32, 32)).size == (5000, 8)


def test_a_photo_that_is_cut_off_is_reduced_as_well(scene):
    reduced = decode_to_fit(scene[: len(scene) * 9 // 10], (32, 32))
    assert reduced.size == (1000, 750)
    assert [note.code for note in reduced.notes] == ["image.cut-off"]
    assert apart(reduced.pixels[:600], decode_to_fit(scene, (32, 32)).pixels[:600]) == (0, 0)


def test_a_thumbnail_of_a_large_photo_looks_the_same(scene, full, tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(scene)
    middle = Image.fromarray(full.pixels[:, 500:3500])
    expected = np.asarray(middle.resize((88, 88), Image.Resampling.LANCZOS, reducing_gap=2.0))
    assert apart(thumbnail(path, 88), expected)[0] < 1.5
