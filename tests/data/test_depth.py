"""Pictures of more than 8 bits: which numbers are black and white."""

import struct

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
    ("values", "expected", "named"),
    [
        ([[0.0, 0.5, 1.0]], [0, 128, 255], {"low": 0, "high": 1}),
        ([[0.0, 10.0, 200.0]], [0, 10, 200], {"largest": 200}),
        ([[-10.0, 0.0, 10.0]], [0, 128, 255], {"low": -10, "high": 10}),
        ([[-3.0, -3.0, -3.0]], [0, 0, 0], {"value": -3}),
    ],
)
def test_float_grey_is_scaled_by_a_range_that_the_note_names(values, expected, named):
    picture = decode(image_files.float_tiff(np.array(values)))
    assert picture.pixels[0, :, 0].tolist() == expected
    assert picture.notes[0].values == named


def test_one_rule_for_black_and_white_in_every_container():
    """The same numbers give the same pixels, whatever file they come in."""
    names = ("xray-12-in-16.png", "xray-12-in-16.tif", "xray-12-in-32.tif", "xray-12-in-float.tif")
    expected = np.rint(image_files.xray().astype(float) * 255 / 4095).astype(np.uint8)
    for name in names:
        picture = decode(ODD[name][0]())
        assert np.array_equal(picture.pixels[..., 0], expected), name
        assert picture.notes[0].values == {"low": 0, "high": 4095}


@pytest.mark.parametrize(("top", "high"), [(1023, 1023), (1500, 4095), (16383, 16383), (40000, 65535)])
def test_values_without_a_declared_range_have_the_smallest_usual_depth(top, high):
    assert decode(image_files.encoded(image_files.xray(top), "PNG")).notes[0].values == {"low": 0, "high": high}
    eight = decode(image_files.encoded(image_files.xray(255), "PNG")).notes[0]
    assert (eight.code, eight.values) == ("image.as-8-bits", {"largest": 255})


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


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([[0, 0]], ["every value of the image is 0, so it is of one shade"]),
        ([[255, 255]], ["every value of the image is 255, so it is of one shade"]),
        ([[0, 200]], ["grey values are at most 200, so they were taken as values of 8 bits"]),
        ([[7, 255]], ["grey values are at most 255, so they were taken as values of 8 bits"]),
        (
            [[1023, 1023]],
            [
                "grey values from 0 to 1023 were scaled to 0 to 255",
                "every value of the image is 1023, so it is of one shade",
            ],
        ),
    ],
)
@pytest.mark.parametrize("stretch", [False, True])
def test_what_is_said_of_deep_values_that_need_no_scaling_is_true(values, said, stretch):
    decoded = decode(image_files.encoded(np.array(values, np.uint16), "PNG"), stretch=stretch)
    if not stretch:
        assert [str(note) for note in decoded.notes] == said
        if values[0][1] < 256:
            assert decoded.pixels[0, :, 0].tolist() == values[0]
    elif values[0][0] == values[0][1]:
        assert [str(note) for note in decoded.notes] == said[-1:]


def test_dark_colours_that_fit_into_eight_bits_are_taken_as_they_are():
    for values, said in (
        ([0, 9, 255], "colours are at most 255, so they"),
        ([3, 3, 3], "every value of the image is 3"),
    ):
        decoded = decode(image_files.png(1, 1, 16, 2, b"\0" + struct.pack(">3H", *values)))
        assert decoded.pixels[0, 0].tolist() == values
        assert str(decoded.notes[0]).startswith(said)
