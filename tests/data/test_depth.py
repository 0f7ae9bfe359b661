"""Pictures of more than 8 bits: which numbers are black and white."""

import numpy as np
import pytest

from cbam_core.data.images import decode
from tests.corpus import image_files
from tests.corpus.images import ODD
from tests.data.decoding import codes


def test_sixteen_bit_grey_is_scaled_and_not_saturated():
    expected = np.rint(image_files.grey_ramp() / 257).astype(np.uint8)
    for name in ("deep-grey.png", "deep-grey.tif"):
        pixels = decode(ODD[name][0]()).pixels
        assert np.array_equal(pixels[..., 0], expected)
        assert np.array_equal(pixels[..., 1], expected)


def test_sixteen_bit_tiff_with_white_as_zero_is_turned_round():
    pixels = decode(ODD["deep-grey-inverted.tif"][0]()).pixels
    assert pixels[0, 0, 0] == 255
    assert pixels[-1, -1, 0] == 0


def test_twelve_bit_grey_uses_its_own_range():
    packed = np.array([[0xFF, 0xF0, 0x00]], np.uint8)  # two pixels of 12 bits: 4095 and 0
    content = image_files.tiff(packed, bits=12).replace(b"\0\1\3\0\1\0\0\0\3\0", b"\0\1\3\0\1\0\0\0\2\0")
    assert decode(content).pixels[0, :, 0].tolist() == [255, 0]


def test_transparent_deep_grey_shows_white():
    pixels = decode(image_files.deep_grey_transparent_png()).pixels
    assert pixels[0].tolist() == [[0, 0, 0], [255, 255, 255]]


def test_sixteen_bit_colour_keeps_the_high_byte():
    pixels = decode(image_files.deep_colour_png()).pixels
    assert pixels[0].tolist() == [[0x12, 0x34, 0xFF], [0, 0x80, 0x7F]]


@pytest.mark.parametrize(
    ("values", "expected", "low", "high"),
    [
        ([[0.0, 0.5, 1.0]], [0, 128, 255], 0, 1),
        ([[0.0, 10.0, 200.0]], [0, 10, 200], 0, 255),
        ([[-10.0, 0.0, 10.0]], [0, 128, 255], -10, 10),
        ([[-3.0, -3.0, -3.0]], [0, 0, 0], -3, -3),
    ],
)
def test_float_grey_is_scaled_by_a_range_that_the_note_names(values, expected, low, high):
    picture = decode(image_files.float_tiff(np.array(values)))
    assert picture.pixels[0, :, 0].tolist() == expected
    assert picture.notes[0].values == {"low": low, "high": high}


def test_one_rule_for_black_and_white_in_every_container():
    """The same numbers give the same pixels, whatever file they come in."""
    names = ("xray-12-in-16.png", "xray-12-in-16.tif", "xray-12-in-32.tif", "xray-12-in-float.tif")
    expected = np.rint(image_files.xray().astype(float) * 255 / 4095).astype(np.uint8)
    for name in names:
        picture = decode(ODD[name][0]())
        assert np.array_equal(picture.pixels[..., 0], expected), name
        assert picture.notes[0].values == {"low": 0, "high": 4095}


@pytest.mark.parametrize(("top", "high"), [(255, 255), (1023, 1023), (1500, 4095), (16383, 16383), (40000, 65535)])
def test_values_without_a_declared_range_have_the_smallest_usual_depth(top, high):
    assert decode(image_files.encoded(image_files.xray(top), "PNG")).notes[0].values == {"low": 0, "high": high}


def test_declared_range_goes_before_the_values():
    picture = decode(ODD["xray-declared.tif"][0]())
    assert picture.notes[0].values == {"low": 0, "high": 1000}
    assert picture.pixels.max() == round(255 * 0.9)
    wrong = decode(image_files.tiff(image_files.xray(900), bits=16, limits=(0, 500)))
    assert wrong.notes[0].values == {"low": 0, "high": 1023}


def test_significant_bits_of_a_png_are_its_range():
    values = image_files.encoded(image_files.xray(3000), "PNG")
    declared = values[:33] + image_files.png_chunk(b"sBIT", bytes([14])) + values[33:]
    assert decode(declared).notes[0].values == {"low": 0, "high": 16383}
    small = values[:33] + image_files.png_chunk(b"sBIT", bytes([10])) + values[33:]
    assert decode(small).notes[0].values == {"low": 0, "high": 4095}


def test_a_narrow_range_is_named_and_can_be_stretched():
    content = ODD["xray-dim.tif"][0]()
    dim, stretched = decode(content), decode(content, stretch=True)
    assert dim.notes[1].values == {"percent": 10}
    assert (int(dim.pixels.max()), int(stretched.pixels.max())) == (26, 255)
    assert stretched.notes[0].values == {"low": 0, "high": 900}
    assert codes(stretched) == ("image.scaled",)


def test_dark_colours_of_sixteen_bits_follow_the_same_rule():
    content = image_files.deep_dark_png()
    assert decode(content).pixels[0].tolist() == [[0] * 3, [128] * 3, [255] * 3]
    bright = image_files.deep_colour_png()
    assert codes(decode(bright)) == ("image.16-bit",)
