"""Inspect and Training by keyboard alone; that Tab reaches everything on every page is in test_accessibility.py."""

import pytest
from playwright.sync_api import expect

from tests.browser.keyboard import START
from tests.browser.resting import pause
from tests.browser.scenes import inspect_a_sample, training
from tests.browser.visiting import visiting

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page(tabs, site):
    """Inspect, shared by tests that leave it as they found it, but for the last ones."""
    with visiting(tabs, site) as visit:
        yield inspect_a_sample(visit())


def focused(page):
    return page.evaluate("document.activeElement.innerText || document.activeElement.ariaLabel || ''")


def test_the_first_stop_skips_to_the_content(page):
    page.evaluate(START)
    page.keyboard.press("Tab")
    assert "Skip" in focused(page)
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('[data-testid=stMain]') !== null")


def test_menus_open_by_enter_and_close_by_escape_where_they_were_opened(page):
    buttons = page.get_by_test_id("stPopoverButton").all()
    assert len(buttons) > 1
    for button in buttons:
        button.focus()
        page.keyboard.press("Enter")
        page.get_by_test_id("stPopoverBody").wait_for()
        page.keyboard.press("Escape")
        page.get_by_test_id("stPopoverBody").wait_for(state="detached")
        expect(button).to_be_focused()


def test_escape_takes_the_cross_hair_and_the_chosen_channel_away(page):
    page.locator("canvas.overlay").first.focus()
    page.keyboard.press("ArrowRight")
    page.locator(".picture.pointed").first.wait_for()
    page.keyboard.press("Escape")
    assert page.locator(".picture.pointed").count() == 0
    page.locator("canvas.bars").first.focus()
    page.keyboard.press("End")
    page.locator("span.channel", has_text="31").first.wait_for()
    page.keyboard.press("Escape")
    assert page.locator("span.channel").first.inner_text() == ""


def test_arrow_keys_choose_the_source_of_pictures(page):
    page.get_by_role("radiogroup", name="Image source").get_by_role("radio", name="Samples").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    expect(page.get_by_role("radio", name="Test set")).to_be_checked()


def test_the_film_waits_to_be_played_and_does_not_glide_where_motion_is_unwanted(page):
    """The last one: it shows another page."""
    training(page)
    player = page.locator(".cbam-player")
    before = player.get_attribute("data-scene")
    pause(page, 2500)
    assert player.get_attribute("data-scene") == before
    for part in (".fill", ".playhead"):
        style = page.locator(f".cbam-player {part}").first
        assert style.evaluate("part => getComputedStyle(part).transitionDuration") == "0s"
