"""What the app can show, one scene a page or mode: tests of every page go through this list.

A scene takes `visit` of conftest.py with the arguments of a browser context, and returns the page come to rest.
"""

import re
from pathlib import Path

import skimage

from tests.browser.canvas import PAINTED
from tests.browser.resting import rested

PHOTO = Path(skimage.__file__).parent / "data" / "chelsea.png"
NARROW = {"width": 390, "height": 844}
TWICE_ENLARGED = {"width": 640, "height": 450}


def opened(visit, **how):
    """The first page, painted; what is done on it next need not wait for the rest."""
    page = visit(**how)
    page.wait_for_selector(PAINTED)
    return page


def inspect_a_sample(visit, **how):
    return rested(opened(visit, **how))


def inspect_a_channel(visit, **how):
    page = opened(visit, at="?image=sample-12&place=40~60&channel=cbam2~40", **how)
    page.locator(".trace:visible canvas.raw").nth(1).wait_for()
    return rested(page)


def inspect_a_drawing(visit, **how):
    """Not one of `SCENES`: a dialog keeps the focus, so Tab does not leave the page."""
    page = opened(visit, **how)
    page.locator(".st-key-sample-what button:visible").first.click()
    page.locator(".cbam-drawing").wait_for()
    return rested(page)


def inspect_an_upload(visit, **how):
    page = opened(visit, **how)
    page.get_by_test_id("stButtonGroup").get_by_text("Upload", exact=True).click()
    page.locator("input[type=file]").first.set_input_files(str(PHOTO))
    page.get_by_text("Chosen square", exact=True).click()
    page.locator(".frame.movable").wait_for()
    return rested(page)


def inspect_the_test_set(visit, **how):
    page = opened(visit, **how)
    page.get_by_test_id("stButtonGroup").get_by_text("Test set", exact=True).click()
    page.get_by_text(re.compile("test images of CIFAR-10 are not on this server")).wait_for()
    return rested(page)


def inspect_the_camera(visit, **how):
    page = opened(visit, **how)
    page.get_by_test_id("stButtonGroup").get_by_text("Camera", exact=True).click()
    page.get_by_test_id("stCameraInput").wait_for()
    return rested(page)


def own_checkpoint_menu(visit, **how):
    page = opened(visit, **how)
    if page.viewport_size["width"] <= 768:  # the sidebar is folded
        page.get_by_test_id("stExpandSidebarButton").click()
    page.get_by_test_id("stSidebar").get_by_test_id("stPopoverButton").click()
    page.get_by_test_id("stPopoverBody").wait_for()
    return rested(page)


def chinese(visit, **how):
    return rested(opened(visit, at="?lang=zh", **how))


def opened_compare(visit, **how):
    page = visit(at="compare", **how)
    page.locator(".cbam-maps img.picture").nth(8).wait_for()
    return page


def compare_pictures(visit, **how):
    page = opened_compare(visit, **how)
    page.locator(".js-plotly-plot").nth(2).wait_for()
    return rested(page)


def compare_networks(visit, **how):
    page = opened_compare(visit, **how)
    page.get_by_text("Two networks", exact=True).click()
    page.get_by_text(re.compile("paired by the grid|learn their channels independently")).wait_for()
    return rested(page)


def compare_classes(visit, **how):
    page = opened_compare(visit, **how)
    page.get_by_text("Two classes", exact=True).click()
    page.locator(".cbam-class").nth(1).wait_for()
    page.locator(".js-plotly-plot").nth(2).wait_for()
    return rested(page)


def model(visit, **how):
    page = visit(at="model", **how)
    page.locator(".js-plotly-plot").nth(1).wait_for()
    page.get_by_role("region", name="Layers").wait_for()
    return rested(page)


def training(visit, **how):
    page = visit(at="training", **how)
    page.locator(".cbam-player[data-scene]").wait_for()
    page.wait_for_selector(PAINTED)
    page.locator(".js-plotly-plot").first.wait_for()
    return rested(page)


SCENES = {
    scene.__name__: scene
    for scene in (
        inspect_a_sample,
        inspect_a_channel,
        inspect_an_upload,
        inspect_the_test_set,
        inspect_the_camera,
        own_checkpoint_menu,
        chinese,
        compare_pictures,
        compare_networks,
        compare_classes,
        model,
        training,
    )
}
