"""Atlas in a browser: a channel is chosen by keyboard, an image leads to Inspect, and back again to the channel."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.resting import rerun, rested
from tests.browser.scenes import atlas, choose

pytestmark = pytest.mark.browser


def test_arrow_keys_choose_a_channel_and_an_image_leads_to_inspect_and_back(visit):
    page = atlas(visit(at="atlas"))
    rows, chosen = page.locator(".values .row"), page.locator(".values .row[aria-selected=true]")
    third = rows.nth(2).get_attribute("data-value")
    chosen.focus()
    rerun(page, lambda: [page.keyboard.press("ArrowDown") for _ in range(2)])
    expect(chosen).to_be_focused()
    expect(page).to_have_url(re.compile(rf"entry={third}$"))
    page.get_by_text(f"Channel {third} of ").wait_for()
    tile = page.locator(".images a").first
    link = tile.get_attribute("data-link")
    assert tile.get_attribute("href").startswith(page.url.partition("/atlas")[0] + "/?")
    tile.focus()
    rerun(page, lambda: page.keyboard.press("Enter"))
    expect(page).to_have_url(re.compile(rf"image={link}$"))
    page.go_back()
    expect(page).to_have_url(re.compile(rf"entry={third}$"))
    expect(chosen).to_have_attribute("data-value", third)
    rested(page)


def test_back_and_forth_bring_back_sections_and_views_and_a_short_link_is_one_step_of_them(visit):
    page = visit(at="atlas?section=map")
    page.locator(".map[data-drawn]").wait_for()
    expect(page).to_have_url(re.compile(r"\?network=cbam_cnn_cifar10&section=map$"))
    steps = page.evaluate("history.length")
    page.get_by_role("button", name="Zoom in").click()
    expect(page).to_have_url(re.compile(r"section=map&view=[0-9.~]+~1\.5$"))
    nearer = page.url
    choose(page, "Channels")
    expect(page).to_have_url(re.compile(r"\?network=cbam_cnn_cifar10$"))
    assert page.evaluate("history.length") == steps + 2
    page.evaluate("history.back(), setTimeout(() => history.back(), 50)")
    expect(page).to_have_url(re.compile(r"section=map$"))
    page.locator(".map[data-drawn]").wait_for()
    page.go_forward()
    expect(page).to_have_url(nearer)
    rested(page)
    assert page.get_by_test_id("stAlert").count() == 0  # all that the address asks for is shown
    page.go_forward()
    expect(page.locator(".values .row[aria-selected=true]")).to_be_visible()
    expect(page).to_have_url(re.compile(r"\?network=cbam_cnn_cifar10$"))
    rested(page)


def test_in_a_narrow_window_the_list_of_atlases_has_its_room_and_every_section_its_border(visit):
    page = visit(at="atlas?section=compare")
    page.set_viewport_size({"width": 390, "height": 844})
    rested(page)
    chosen = page.locator(".st-key-atlas-title .stSelectbox").bounding_box()
    assert chosen["width"] > 250
    assert page.locator(".st-key-shown-network").bounding_box()["y"] >= chosen["y"] + chosen["height"]
    sides = page.locator(".st-key-atlas-section [role=radio]").evaluate_all(
        """all => all.map((one) => getComputedStyle(one.closest("button") ?? one))
          .map((style) => [style.borderLeftColor, style.borderRightColor, style.borderLeftWidth])"""
    )
    assert len(sides) == 6
    assert all(left == right and "rgba(0, 0, 0, 0)" not in left and width == "1px" for left, right, width in sides)
