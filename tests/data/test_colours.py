"""Colours of pictures: transparency, profiles, and those of printing."""

import numpy as np
import pytest

from cbam_core.data.images import decode
from tests.corpus import image_files
from tests.data.decoding import codes


def test_transparency_shows_white_and_not_the_hidden_colour():
    pixels = decode(image_files.transparent_png()).pixels
    assert pixels[0, 0].tolist() == [255, 255, 255]
    assert pixels[0, 5].tolist() == [127, 127, 127]
    assert pixels[0, 9].tolist() == [0, 255, 0]


def test_transparent_palette_entry_shows_white():
    pixels = decode(image_files.transparent_palette_png()).pixels
    assert pixels[0, 0].tolist() == [255, 255, 255]
    assert pixels[0, 1].tolist() == [0, 0, 255]


def test_embedded_profile_changes_the_colours():
    red = np.full((4, 4, 3), (255, 0, 0), np.uint8)
    pixels = decode(image_files.encoded(red, "PNG", icc_profile=image_files.swapped_profile())).pixels
    assert pixels[0, 0].argmax() == 1
    assert pixels[0, 0, 1] > 240


def test_srgb_profile_changes_nothing():
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = decode(image_files.encoded(image_files.gradient(), "PNG", icc_profile=profile))
    assert np.array_equal(picture.pixels, image_files.gradient())
    assert picture.notes == ()


def test_profile_keeps_transparency():
    pixels = np.full((4, 4, 4), (255, 0, 0, 0), np.uint8)
    pixels[2:, :, 3] = 255
    picture = decode(image_files.encoded(pixels, "PNG", icc_profile=image_files.swapped_profile()))
    assert codes(picture) == ("image.profile", "image.transparent")
    assert picture.pixels[0, 0].tolist() == [255, 255, 255]
    assert picture.pixels[3, 3].argmax() == 1


def test_printing_colours_follow_their_profile():
    red, green, blue = decode(image_files.cmyk_jpeg(image_files.cmyk_profile())).pixels[8, 8].astype(int)
    assert red > 180
    assert max(green, blue) < 60


def test_printing_colours_without_a_profile_are_converted_plainly():
    assert decode(image_files.cmyk_jpeg()).pixels[8, 8].tolist() == pytest.approx([0, 255, 255], abs=3)


def test_the_other_ground_can_be_chosen():
    pixels = decode(image_files.transparent_png(), ground="black").pixels
    assert pixels[0, 0].tolist() == [0, 0, 0]
    assert pixels[0, 9].tolist() == [0, 255, 0]
