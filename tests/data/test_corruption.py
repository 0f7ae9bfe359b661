"""Images made worse on the fly: what each corruption does to pixels, and that nobody's pixels differ."""

import pickle
import re

import numpy as np
import pytest
from PIL import Image

from cbam_core.data.corruption import (
    BLUR,
    KINDS,
    LEVELS,
    NOISE,
    CorruptedImages,
    Corruption,
    corrupted,
    corruption_of,
    read_corruption,
)
from cbam_core.data.dataset import Dataset, open_dataset
from cbam_core.data.sequences import ImageFiles
from cbam_core.errors import DataError, ImageError


def grey(value, side=32, count=1):
    """Images of one grey."""
    return np.full((count, side, side, 3), value, np.uint8)


@pytest.mark.parametrize("level", LEVELS)
def test_brightness_adds_25_a_level_up_to_white(level):
    images = CorruptedImages(np.array([[[[0, 100, 250]]]], np.uint8), Corruption("brightness", level))
    added = 25 * level
    assert images[0].tolist() == [[[added, min(100 + added, 255), 255]]]


@pytest.mark.parametrize("level", LEVELS)
def test_noise_has_the_deviation_that_its_level_says_and_no_mean(level):
    noise = np.stack(list(CorruptedImages(grey(128, count=40), Corruption("noise", level)))) - 128.0
    expected = NOISE * level * 255
    assert noise.std() == pytest.approx(np.hypot(expected, np.sqrt(1 / 12)), rel=0.01)  # rounding adds 1/12
    assert abs(noise.mean()) < 5 * expected / np.sqrt(noise.size)


def test_noise_is_another_for_each_image_and_the_same_at_each_level():
    weak, strong = (CorruptedImages(grey(128, count=2), Corruption("noise", level)) for level in (1, 5))
    assert not np.array_equal(weak[0], weak[1])
    assert np.abs((strong[0] - 128.0) / 5 - (weak[0] - 128.0)).max() <= 0.6  # both are rounded


@pytest.mark.parametrize("level", LEVELS)
def test_blur_keeps_one_colour_and_spreads_a_point_by_the_deviation_that_its_level_says(level):
    side = 201
    point = np.zeros((1, side, side, 3), np.uint8)
    point[0, 95:106, 95:106] = 255
    images = CorruptedImages(point, Corruption("blur", level))
    assert np.array_equal(CorruptedImages(grey(77), Corruption("blur", level))[0], grey(77)[0])
    columns = images[0][:, :, 0].sum(axis=0, dtype=float)
    places = np.arange(side) - 100
    variance = (columns * places**2).sum() / columns.sum()
    assert variance == pytest.approx((BLUR * level * side) ** 2 + 10, rel=0.03)  # 11 pixels in a row have 10
    assert np.array_equal(columns, columns[::-1])


@pytest.mark.parametrize("kind", KINDS)
def test_each_level_differs_more_from_the_clean_images_than_the_one_below(kind):
    clean = open_dataset("samples")
    changes = [
        np.mean([np.abs(image - 1.0 * clean.images[i]).mean() for i, image in enumerate(set_.images)])
        for set_ in (corrupted(clean, kind, level) for level in LEVELS)
    ]
    assert changes[0] > 1
    assert changes == sorted(changes)


@pytest.mark.parametrize("kind", KINDS)
def test_whoever_reads_an_image_has_the_same_pixels_and_the_clean_ones_stay(kind):
    clean = grey(90, count=6)
    clean[:, ::3] = 200
    before, images = clean.copy(), CorruptedImages(clean, Corruption(kind, 3))
    elsewhere = pickle.loads(pickle.dumps(images))
    assert len(images) == 6
    assert all(np.array_equal(elsewhere[number], images[number]) for number in (4, 0, 2))
    assert np.array_equal(images[-2], images[4])
    assert np.array_equal(images[3:], [images[3], images[4], images[5]])
    assert np.array_equal(images.fitted(4, (32, 32)), images[4])
    assert images[0].dtype == np.uint8
    assert np.array_equal(clean, before)


def test_files_are_fitted_to_the_input_and_corrupted_there(tmp_path):
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 200, 3), np.uint8)).save(tmp_path / "a.png")
    files = ImageFiles([tmp_path / "a.png"])
    images = CorruptedImages(files, Corruption("noise", 2))
    expected = Corruption("noise", 2).of(files.fitted(0, (32, 24), 0.9), 0)
    assert np.array_equal(images.fitted(0, (32, 24), 0.9), expected)
    assert np.array_equal(images.fitted(-1, (32, 24), 0.9), expected)
    assert images[0].shape == (300, 200, 3)


def test_a_file_that_is_no_image_is_named(tmp_path):
    (tmp_path / "b.png").write_text("no image")
    images = CorruptedImages(ImageFiles([tmp_path / "b.png"]), Corruption("blur", 1))
    with pytest.raises(ImageError, match=re.escape(str(tmp_path / "b.png"))):
        images.fitted(0, (32, 32))


def test_names_classes_and_labels_stay():
    clean = open_dataset("samples")
    worse = corrupted(clean, "blur", 3)
    assert (worse.title, worse.classes, len(worse)) == (clean.title, clean.classes, 100)
    assert worse.labels is clean.labels
    assert (str(corruption_of(worse)), corruption_of(clean)) == ("blur:3", None)


def test_what_is_corrupted_is_not_corrupted_again():
    with pytest.raises(DataError, match=r"corrupted already \(noise:1\); corrupt the clean set") as refused:
        corrupted(corrupted(open_dataset("samples"), "noise", 1), "blur", 1)
    assert refused.value.code == "data.corrupted-twice"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("level", LEVELS)
def test_a_corruption_is_read_as_it_is_written(kind, level):
    assert read_corruption(str(Corruption(kind, level))) == Corruption(kind, level)


@pytest.mark.parametrize(
    "text", ["", "blur", "blur:", "blur:0", "blur:6", "blur:3 ", "blur:03", "fog:1", ":1", "3:blur"]
)
def test_another_text_is_refused_in_one_sentence(text):
    with pytest.raises(DataError, match="expected one of brightness, noise, blur and a level from 1 to 5") as refused:
        read_corruption(text)
    assert refused.value.code == "data.unknown-corruption"


def test_an_unknown_level_is_refused_whoever_gives_it():
    with pytest.raises(DataError, match="unknown corruption 'blur:6'"):
        corrupted(Dataset("one", "", (), grey(0), None), "blur", 6)
