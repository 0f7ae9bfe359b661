"""A place and a channel that were chosen on Inspect: what gets through, and the link that says "look here"."""

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from cbam_core import explain, load_classifier, trace_gate
from cbam_core.data.samples import sample_sheet
from cbam_core.explanation import explain_channel
from cbam_core.render.colours import colourise
from tests.browser.canvas import PAINTED, pixels
from tests.browser.resting import rerun, rested
from tests.browser.viewer.page import texts
from tests.browser.visiting import visiting

pytestmark = pytest.mark.browser

MAPS = ".trace:visible canvas.raw:visible"


@pytest.fixture(scope="module")
def classifier():
    return load_classifier("cbam_cnn_cifar10")


CHOOSE_AND_WATCH = """(tile, map) => {
  const root = map.getRootNode();
  const isShown = (one) => one.checkVisibility({ visibilityProperty: true });
  const look = () => {
    const shown = [...root.querySelectorAll("canvas.raw")].filter((one) => one.closest(".trace") && isShown(one));
    window.fewest = Math.min(window.fewest, shown.length);
  };
  window.fewest = 9;
  new MutationObserver(look).observe(root, { subtree: true, childList: true, attributes: true });
  const frame = () => { look(); if (window.fewest) requestAnimationFrame(frame); };
  frame();
  tile.click();
}"""
"""Choose an image, and note the fewest maps that are shown after it: the answer may come before a test looks."""


@pytest.fixture(scope="module")
def opened(tabs, site):
    """Inspect, shared by tests that begin with a sample."""
    with visiting(tabs, site) as visit:
        page = visit(at="?image=sample-12")
        page.locator(PAINTED).wait_for()
        yield rested(page)


@pytest.fixture
def page(opened):
    """Inspect with a sample and no channel."""
    tile = rested(opened).locator('.tile[data-index="12"]')
    if tile.get_attribute("aria-selected") == "false":
        rerun(opened, lambda: tile.evaluate("tile => tile.click()"))
    return opened


def click_bar(page, block, channel, count):
    bars = page.locator("canvas.bars").nth(block)
    width = bars.bounding_box()["width"] - 28
    bars.click(position={"x": 28 + width * (channel + 0.5) / count, "y": 30})


def check_maps(page, classifier, index, block, channel):
    """Both maps on the page are those of the channel for the image of that index."""
    explanation = explain(classifier, sample_sheet().images[index])
    found = explain_channel(classifier, explanation, block, channel)
    for number, values in enumerate((found.before, found.after)):
        low, high = float(values.min()), float(values.max())
        expected = colourise((values.astype(np.float64) - low) / (high - low), "magma")
        page.locator(MAPS).nth(number).wait_for()
        assert np.array_equal(pixels(page.locator(MAPS).nth(number)), expected)


def test_a_click_on_a_bar_shows_the_channels_maps_which_follow_the_image_until_they_are_closed(page, classifier):
    page.wait_for_function("() => window.cbamLensAhead?.get('sample')?.results.length === 100")
    click_bar(page, 0, 9, 32)
    expect(page).to_have_url(re.compile("channel=cbam1~9"))
    rested(page)
    check_maps(page, classifier, 12, "cbam1", 9)
    shown = page.locator(MAPS).first.element_handle()
    page.locator('.tile[data-index="57"]').evaluate(CHOOSE_AND_WATCH, shown)
    page.wait_for_function(
        "() => window.fewest === 0"
    )  # painted at once; those of the last image are not shown with it
    expect(page.locator(MAPS)).to_have_count(2)
    check_maps(page, classifier, 57, "cbam1", 9)
    page.get_by_role("button", name="Close", exact=True).click()
    expect(page).to_have_url(re.compile("image=sample-57$"))
    expect(page.locator(".trace:visible")).to_have_count(0)


def test_a_link_says_look_here(page, open_inspect, classifier):
    """The last one with this page: its settings stay."""
    page.locator("canvas.overlay").nth(1).click(position={"x": 60, "y": 190})
    page.locator(".choice label", has_text="against usual").click()
    click_bar(page, 1, 40, 64)
    expect(page).to_have_url(re.compile("channel=cbam2~40"))
    here = texts(page, ".here")
    address = page.url.partition("/?")[2]
    assert re.search(r"place=[\d.]+~[\d.]+", address)
    fresh = open_inspect(f"?{address}", fresh=True)
    rested(fresh)
    assert texts(fresh, ".here") == here
    assert fresh.get_by_role("radio", name="against usual").is_checked()
    check_maps(fresh, classifier, 12, "cbam2", 40)


def test_how_a_gate_came_about_is_opened_by_a_link_and_follows_the_image(open_inspect, classifier):
    page = open_inspect("?image=sample-12&place=40~40")
    page.get_by_role("button", name="cbam1: How it came about").click()
    expect(page).to_have_url(re.compile("origin=cbam1~spatial"))
    page.locator('.tile[data-index="57"]').evaluate("tile => tile.click()")
    expect(page).to_have_url(re.compile("image=sample-57"))
    answered = page.locator(".origin:not(.waiting) .chain .value")
    trace = trace_gate(classifier, sample_sheet().images[57], "cbam1.spatial")
    row = column = int(0.4 * 16)
    expect(answered.nth(2)).to_have_text(f"{trace.unsquashed[row, column]:.3g}".replace("-", "−"))
    fresh = open_inspect(f"?{page.url.partition('/?')[2]}", fresh=True)
    expect(fresh.locator(".origin:not(.waiting) .chain canvas.raw")).to_have_count(4)


def test_what_a_network_does_not_have_is_left_out_of_the_address(open_inspect):
    page = open_inspect("?image=sample-12&channel=cbam1~99&place=10~20")
    expect(page).to_have_url(re.compile("place=10~20$"))
    assert page.locator(".trace:visible").count() == 0
