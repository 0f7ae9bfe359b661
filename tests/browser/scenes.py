"""What the app can show, one scene a page or mode: tests of every page go through this list.

A scene takes a page of the app that shows any other scene, and returns it at rest. Going from page to page by the
sidebar takes a fraction of the time of opening one.
"""

import re
from pathlib import Path

import skimage
from playwright.sync_api import expect

from tests.browser.canvas import PAINTED
from tests.browser.resting import rested

PHOTO = Path(skimage.__file__).parent / "data" / "chelsea.png"
NARROW = {"width": 390, "height": 844}
TWICE_ENLARGED = {"width": 640, "height": 450}


def go_to(page, name=""):
    """Another page by the sidebar, which a narrow window has to unfold first; without a name, Inspect."""
    link = page.locator(f'[data-testid=stSidebarNavLink][href$="/{name}"]')
    link.wait_for(state="attached")
    if link.get_attribute("aria-current") != "page":
        unfold(page)
        link.click()
        expect(link).to_have_attribute("aria-current", "page")


def unfold(page):
    """The sidebar, where it is folded."""
    if page.viewport_size["width"] <= 768:
        page.get_by_test_id("stExpandSidebarButton").click()


def choose(page, text):
    """One of the modes of a page, or of the sources of its images."""
    page.get_by_test_id("stMain").get_by_test_id("stButtonGroup").get_by_text(text, exact=True).click()


def inspect_a_sample(page):
    go_to(page)
    page.locator(PAINTED).wait_for()
    return rested(page)


def inspect_a_channel(page):
    """By its address: clicks on a chart say nothing about how much is to be shown."""
    page.goto(re.match(r"\w+://[^/]+/", page.url)[0] + "?image=sample-12&place=40~60&channel=cbam2~40")
    page.locator(".trace:visible canvas.raw").nth(1).wait_for()
    return rested(page)


def inspect_a_drawing(page):
    """Not one of `SCENES`: a dialog keeps the focus, so Tab does not leave the page."""
    inspect_a_sample(page)
    page.locator(".st-key-sample-what button:visible").first.click()
    page.locator(".cbam-drawing").wait_for()
    return rested(page)


def inspect_an_upload(page):
    go_to(page)
    choose(page, "Upload")
    page.locator("input[type=file]").first.set_input_files(str(PHOTO))
    page.get_by_text("Chosen square", exact=True).click()
    page.locator(".frame.movable").wait_for()
    return rested(page)


def inspect_the_test_set(page):
    go_to(page)
    choose(page, "Test set")
    page.get_by_text(re.compile("test images of CIFAR-10 are not on this server")).wait_for()
    return rested(page)


def inspect_the_camera(page):
    go_to(page)
    choose(page, "Camera")
    page.get_by_test_id("stCameraInput").wait_for()
    return rested(page)


def own_checkpoint_menu(page):
    unfold(page)
    page.get_by_test_id("stSidebar").get_by_test_id("stPopoverButton").click()
    page.get_by_test_id("stPopoverBody").wait_for()
    return rested(page)


def chinese(page):
    go_to(page)
    page.get_by_test_id("stSidebar").get_by_text("中文", exact=True).click()
    page.get_by_role("heading", name="查看").wait_for()
    return rested(page)


def leave(page):
    """What covers other scenes, and the language that they are not in."""
    if page.get_by_test_id("stPopoverBody").count():
        page.keyboard.press("Escape")
        page.get_by_test_id("stPopoverBody").wait_for(state="detached")
    if page.evaluate("document.documentElement.lang") == "zh":
        page.get_by_test_id("stSidebar").get_by_text("EN", exact=True).click()
        page.wait_for_function("() => document.documentElement.lang === 'en'")
        rested(page)


def compare_pictures(page):
    go_to(page, "compare")
    page.locator(".cbam-maps img.picture").nth(8).wait_for()
    page.locator(".js-plotly-plot").nth(2).wait_for()
    return rested(page)


def compare_networks(page):
    go_to(page, "compare")
    choose(page, "Two networks")
    page.get_by_text(re.compile("paired by the grid|learn their channels independently")).wait_for()
    return rested(page)


def compare_classes(page):
    go_to(page, "compare")
    choose(page, "Two classes")
    page.locator(".cbam-class").nth(1).wait_for()
    page.locator(".js-plotly-plot").nth(2).wait_for()
    return rested(page)


def what_if(page):
    go_to(page, "whatif")
    choose(page, "Samples")  # pages share the source of an image
    more = page.locator(".whatif .more:visible").nth(1)
    if more.get_attribute("aria-expanded") != "true":
        more.click()
    page.locator("canvas.mask-editor:visible").wait_for()
    return rested(page)


def evidence(page):
    go_to(page, "evidence")
    choose(page, "Samples")
    page.get_by_role("cell", name="Occlusion").or_(page.get_by_role("rowheader", name="Occlusion")).first.wait_for()
    return rested(page)


def atlas(page):
    go_to(page, "atlas")
    page.locator(".values:visible .row[aria-selected=true]").or_(
        page.get_by_text("no atlas of this network yet")
    ).wait_for()
    return rested(page)


def model(page):
    go_to(page, "model")
    page.locator(".js-plotly-plot").nth(1).wait_for()
    page.get_by_role("region", name="Layers").wait_for()
    return rested(page)


def training(page):
    go_to(page, "training")
    page.locator(".cbam-player[data-scene]").wait_for()
    page.locator(f".cbam-player {PAINTED}").wait_for()
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
        what_if,
        evidence,
        atlas,
        model,
        training,
    )
}
