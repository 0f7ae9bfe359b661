"""JPEG files: incomplete ones, and large ones that are decoded at a reduced size."""

import numpy as np
import pytest

from cbam_core.data import images
from cbam_core.data.images import decode
from tests.corpus import image_files
from tests.data.decoding import refused


def test_jpeg_that_lacks_its_end_has_every_pixel():
    whole = image_files.photo()
    assert np.array_equal(decode(whole[:-2]).pixels, decode(whole).pixels)


@pytest.mark.parametrize("missing", [30, 400, 1500])
def test_rows_of_a_jpeg_that_are_said_to_be_there_are_right(missing):
    whole = image_files.photo()
    picture = decode(whole[:-missing])
    percent = picture.notes[0].values["percent"]
    rows = 240 * percent // 100
    assert 50 <= percent < 100
    assert np.array_equal(picture.pixels[:rows], decode(whole).pixels[:rows])
    assert f"{percent} % of the rows are there" in str(picture.notes[0])


def test_jpeg_of_which_most_is_missing_is_refused():
    whole = image_files.photo()
    assert refused(whole[: len(whole) // 3]).code == "image.damaged"


def test_large_jpeg_is_decoded_at_a_reduced_size():
    picture = decode(image_files.large_jpeg(8192, 6144))
    assert picture.size == (4096, 3072)
    assert picture.notes[0].values == {"width": 8192, "height": 6144, "scale": 2}
    assert picture.pixels[1500, [100, -100], 0].tolist() == pytest.approx([40, 200], abs=2)


def test_reduced_decoding_is_the_mean_of_the_pixels(monkeypatch):
    whole = image_files.photo(width=256, height=192, quality=95, subsampling=0)
    full = decode(whole).pixels.astype(float)
    monkeypatch.setattr(images, "MAX_PIXELS", 256 * 192 // 4)
    reduced = decode(whole)
    assert reduced.size == (128, 96)
    means = full.reshape(96, 2, 128, 2, 3).mean(axis=(1, 3))
    smooth = means[..., :2]  # the third channel jumps from 255 to 0
    assert np.abs(reduced.pixels[..., :2] - smooth).mean() < 2


def test_panorama_is_read():
    assert decode(image_files.large_jpeg(20_000, 4_000)).size == (10_000, 2_000)
