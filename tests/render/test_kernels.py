"""Kernels as colours on a diverging scale."""

import numpy as np
import pytest

from cbam_core.render.colours import MISSING
from cbam_core.render.kernels import DARK_INK, DIVERGING, LIGHT_INK, describe_kernel, diverge, ink_on, reach


def rgb(colour):
    return tuple(bytes.fromhex(colour[1:]))


def contrast(one, other):
    def luminance(colour):
        parts = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in (c / 255 for c in colour)]
        return np.dot([0.2126, 0.7152, 0.0722], parts)

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_nought_is_the_middle_and_the_ends_are_the_ends():
    colours = diverge(np.array([-2.0, -1.0, 0.0, 1.0, 9.0]), 2.0)
    expected = [rgb(DIVERGING[0]), None, rgb(DIVERGING[5]), None, rgb(DIVERGING[10])]
    assert [tuple(c) if e else None for c, e in zip(colours.tolist(), expected, strict=True)] == expected
    assert np.array_equal(diverge(np.array([0.4]), 1.0)[0], rgb(DIVERGING[7]))


def test_equal_distances_from_nought_are_equally_dark():
    for near, far in zip(DIVERGING[5:0:-1], DIVERGING[4::-1], strict=True):
        assert contrast(rgb(far), (255, 255, 255)) > contrast(rgb(near), (255, 255, 255))
    for blue, orange in zip(DIVERGING[:5], DIVERGING[:5:-1], strict=True):
        assert contrast(rgb(blue), rgb(orange)) < 1.45


def test_an_empty_scale_is_all_middle_and_what_is_no_number_stands_out():
    assert np.array_equal(diverge(np.zeros((2, 2)), 0.0), np.full((2, 2, 3), rgb(DIVERGING[5]), np.uint8))
    assert tuple(diverge(np.array([np.nan]), 1.0)[0]) == MISSING


def test_the_scale_reaches_the_largest_weight_of_either_sign():
    assert reach([np.array([-3.0, 1.0]), np.array([2.0, np.nan])]) == 3
    assert reach([]) == 0


@pytest.mark.parametrize("value", np.linspace(-1, 1, 41))
def test_numbers_in_cells_can_be_read(value):
    ground = tuple(diverge(np.array([value]), 1.0)[0].tolist())
    assert contrast(rgb(ink_on(ground)), ground) >= 4.5
    assert ink_on((255, 255, 255)) == DARK_INK
    assert ink_on((0, 0, 0)) == LIGHT_INK


def test_a_kernel_is_said_in_one_sentence():
    planes = np.stack([np.full((3, 3), 0.5), np.full((3, 3), -0.25)]).astype(np.float32)
    planes[0, 0, 0] = -1
    said = describe_kernel("cbam1", planes)
    assert said == (
        "Spatial kernel of cbam1, 3x3. Over the mean of the channels: weights from -1.0000 to +0.5000; over their "
        "maximum: from -0.2500 to -0.2500."
    )
