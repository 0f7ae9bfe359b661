"""Every pixel that the viewer draws is Python's, to the last bit."""

import numpy as np
import pytest
from skimage import data

from cbam_core.results.frame import Frame
from cbam_core.results.placement import Placement
from cbam_core.viewer import Settings, lay_out
from tests.browser.canvas import pixels
from tests.browser.viewer.page import check_pixels, choose, move_slider, press
from tests.browser.viewer.payloads import KNOWN, SAMPLE, SMALL, WHOLE, block, gated, photo

pytestmark = pytest.mark.browser


def test_pixels_equal_python_as_first_drawn(open_page):
    page = open_page(SAMPLE)
    assert pixels(page.locator("canvas.overlay").first).shape == (256, 256, 3)
    check_pixels(page, SAMPLE)


def test_pixels_equal_python_after_every_change_in_the_browser(open_page):
    page = open_page(SAMPLE)
    move_slider(page, 37)
    check_pixels(page, SAMPLE, opacity=0.37)
    choose(page, "Colours", "magma")
    check_pixels(page, SAMPLE, opacity=0.37, colours="magma")
    press(page, "smooth")
    check_pixels(page, SAMPLE, opacity=0.37, colours="magma", smooth=True)
    choose(page, "Scale", "stretch")
    check_pixels(page, SAMPLE, opacity=0.37, colours="magma", smooth=True, scale="stretch")
    press(page, "cells")
    choose(page, "Colours", "cividis")
    move_slider(page, 100)
    check_pixels(page, SAMPLE, opacity=1.0, colours="cividis", scale="stretch")


def test_pixels_equal_python_in_every_reading(open_page):
    page = open_page(KNOWN)
    for text, reading in (("relative", "relative"), ("against usual", "usual"), ("as they are", "values")):
        press(page, text)
        check_pixels(page, KNOWN, reading=reading)
        press(page, "smooth")
        check_pixels(page, KNOWN, reading=reading, smooth=True)
        press(page, "cells")


@pytest.mark.parametrize("fit", ["crop", "pad"])
def test_pixels_equal_python_on_the_original(open_page, fit):
    payload = photo(fit)
    page = open_page(payload)
    check_pixels(page, payload, image="input")
    press(page, "original")
    page.wait_for_function("() => document.querySelector('canvas.overlay').width === 451")
    check_pixels(page, payload, image="original")
    press(page, "smooth")
    move_slider(page, 83)
    check_pixels(page, payload, image="original", smooth=True, opacity=0.83)


@pytest.mark.parametrize(("ratio", "width"), [(2, 512), (1.5, 384), (1.25, 320)])
def test_square_pixels_stay_whole_on_every_screen(open_page, ratio, width):
    page = open_page(SAMPLE, device_scale_factor=ratio)
    canvas = page.locator("canvas.overlay").first
    assert canvas.evaluate("canvas => canvas.width") == width
    assert canvas.bounding_box()["width"] * ratio == pytest.approx(width, abs=0.01)
    check_pixels(page, SAMPLE)


def test_values_that_are_no_gates_are_drawn_as_python_draws_them(open_page):
    odd = np.array([[np.nan, -0.5, 1.5, 0.25], [np.inf, 0.5, 0.75, 1.0]], np.float32)
    strange = gated("odd", np.float32([-0.5, 2.0]), odd, Placement((7.5, 3.5), (16.0, 8.0)))
    payload = lay_out(SMALL, WHOLE, [strange])
    page = open_page(payload)
    check_pixels(page, payload)
    press(page, "smooth")
    check_pixels(page, payload, smooth=True)


def test_a_constant_mask_is_drawn_as_python_draws_it(open_page):
    same = gated("same", None, np.full((4, 4), 0.3, np.float32), Placement((3.5, 3.5), (8.0, 8.0)))
    payload = lay_out(SMALL, WHOLE, [same], settings=Settings(scale="stretch"))
    check_pixels(open_page(payload), payload)


def test_a_network_of_large_input_is_drawn_pixel_by_pixel(open_page):
    image = data.chelsea()[:224, :224]
    payload = lay_out(image, Frame((224, 224), (224, 224), (0.0, 0.0, 224.0, 224.0)), [block("b", 14, 16, side=224)])
    page = open_page(payload)
    assert page.locator("canvas.overlay").evaluate("canvas => canvas.width") == 224
    check_pixels(page, payload)
