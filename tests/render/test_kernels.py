"""Kernels: the ends of their colours, ink, and words."""

import numpy as np
import pytest

from cbam_core.render.diverging import diverging
from cbam_core.render.kernels import DARK_INK, LIGHT_INK, describe_kernel, ink_on, reach


def rgb(colour):
    return tuple(bytes.fromhex(colour[1:]))


def contrast(one, other):
    def luminance(colour):
        parts = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in (c / 255 for c in colour)]
        return np.dot([0.2126, 0.7152, 0.0722], parts)

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_the_scale_reaches_the_largest_weight_of_either_sign():
    assert reach([np.array([-3.0, 1.0]), np.array([2.0, np.nan])]) == 3
    assert reach([]) == 0


@pytest.mark.parametrize("value", np.linspace(-1, 1, 41))
def test_numbers_in_cells_can_be_read(value):
    ground = tuple(diverging(np.array([value]))[0].tolist())
    assert contrast(rgb(ink_on(ground)), ground) >= 4.5
    assert ink_on((255, 255, 255)) == DARK_INK
    assert ink_on((0, 0, 0)) == LIGHT_INK


def test_a_kernel_is_said_in_one_sentence():
    planes = np.stack([np.full((3, 3), 0.5), np.full((3, 3), -0.25)]).astype(np.float32)
    planes[0, 0, 0] = -1
    said = describe_kernel("cbam1", planes)
    assert said == (
        "Spatial kernel of cbam1, 3×3. Over the mean of the channels: weights from -1.0000 to +0.5000; over their "
        "maximum: from -0.2500 to -0.2500."
    )
