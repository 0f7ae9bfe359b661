"""Atlas in a browser: a channel is chosen by keyboard, an image leads to Inspect, and back again to the channel."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.resting import rerun, rested
from tests.browser.scenes import atlas

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
