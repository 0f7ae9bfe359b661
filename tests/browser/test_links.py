"""Addresses in a real browser: they follow what is on the page, bring it back, and can be copied."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.canvas import PAINTED
from tests.browser.resting import answered, hold, release, rerun, rested
from tests.browser.scenes import choose, go_to
from tests.browser.visiting import visiting

pytestmark = pytest.mark.browser


def chosen(page):
    return page.locator('.strip .tile[aria-selected="true"]').get_attribute("data-index")


@pytest.fixture(scope="module")
def opened(tabs, site):
    """Inspect as it opens, shared by tests that begin with a sample."""
    with visiting(tabs, site) as visit:
        page = visit(permissions=["clipboard-read", "clipboard-write"])
        page.locator(PAINTED).wait_for()
        yield rested(page)


@pytest.fixture
def page(opened):
    """Inspect with the sample that it opens with."""
    if chosen(rested(opened)) != "31":
        rerun(opened, opened.locator('.strip .tile[data-index="31"]').click)
    expect(opened).to_have_url(re.compile(r"image=sample-31$"))
    return opened


WATCH = """() => {
  const within = (root) => [...root.querySelectorAll("*")].flatMap((one) =>
    one.matches(".tile") ? [one] : one.shadowRoot ? within(one.shadowRoot) : []);
  window.seen = [];
  const look = () => {
    if (!window.seen) return;
    const chosen = within(document).filter((tile) => tile.getAttribute("aria-selected") === "true");
    const said = chosen.map((tile) => tile.dataset.index).join(" and ");
    if (seen.at(-1) !== said) seen.push(said);
    requestAnimationFrame(look);
  };
  look();
}"""


def test_a_choice_is_in_the_address_and_in_every_frame_of_going_back_and_forth_one_tile_is_selected(page):
    tile = page.locator('.strip .tile[aria-selected="true"]')
    for index in (3, 40):
        page.locator(f'.strip .tile[data-index="{index}"]').click()
        expect(page).to_have_url(re.compile(rf"image=sample-{index}$"))
    page.evaluate(WATCH)
    for go, index in ((page.go_back, 3), (page.go_back, 31), (page.go_forward, 3), (page.go_forward, 40)):
        go()
        expect(tile).to_have_attribute("data-index", str(index))
        expect(page).to_have_url(re.compile(rf"image=sample-{index}$"))
        page.evaluate("() => new Promise(requestAnimationFrame)")  # a busy machine draws few
    answered(page)
    seen = page.evaluate("() => { const all = seen; window.seen = null; return all; }")
    assert seen == ["40", "3", "31", "3", "40"]


def test_a_late_answer_to_one_step_back_is_not_written_over_the_place_that_the_next_step_led_to(page):
    for index in (7, 40):
        rerun(page, page.locator(f'.strip .tile[data-index="{index}"]').click)
    steps = page.evaluate("history.length")
    hold(page, "image=sample-7", page.go_back)
    page.go_back()
    release(page)
    rested(page)
    expect(page).to_have_url(re.compile(r"image=sample-31$"))
    assert chosen(page) == "31"
    for index in (7, 40):
        page.go_forward()
        rested(page)
        expect(page).to_have_url(re.compile(rf"image=sample-{index}$"))
        assert chosen(page) == str(index)
    assert page.evaluate("history.length") == steps


def test_a_late_answer_of_another_page_does_not_lead_back_to_it(page):
    rerun(page, page.locator('.strip .tile[data-index="7"]').click)
    go_to(page, "model")
    expect(page).to_have_url(re.compile(r"/model\?network=cbam_cnn_cifar10$"))
    rested(page)
    steps = page.evaluate("history.length")
    hold(page, "image=sample-7", page.go_back)
    page.go_forward()
    release(page)
    page.locator(".kernels").first.wait_for()
    rested(page)
    expect(page).to_have_url(re.compile(r"/model\?network=cbam_cnn_cifar10$"))
    expect(page.locator('[data-testid=stSidebarNavLink][href$="/model"]')).to_have_attribute("aria-current", "page")
    page.go_back()
    expect(page.locator('.strip .tile[aria-selected="true"]')).to_have_attribute("data-index", "7")
    expect(page).to_have_url(re.compile(r"/\?network=cbam_cnn_cifar10&image=sample-7$"))
    rested(page)
    assert page.evaluate("history.length") == steps


def test_what_a_page_writes_after_a_step_back_leaves_the_way_forth_until_the_visitor_does_something(page):
    rerun(page, page.locator('.strip .tile[data-index="3"]').click)
    steps = page.evaluate("history.length")
    page.go_back()
    rested(page)
    page.evaluate("history.pushState({}, '', location.href + '&opacity=0.4')")
    assert page.evaluate("history.length") == steps
    page.go_forward()
    rested(page)
    assert chosen(page) == "3"
    page.keyboard.press("Shift")
    page.evaluate("history.pushState({}, '', location.href + '&opacity=0.4')")
    assert page.evaluate("history.length") == steps + 1
    page.go_back()
    rested(page)


def test_going_back_from_another_page_brings_back_the_picture(page):
    page.locator('.strip .tile[data-index="3"]').click()
    expect(page).to_have_url(re.compile(r"image=sample-3$"))
    page.locator('[data-testid=stSidebarNavLink][href$="/model"]').click()
    expect(page).to_have_url(re.compile(r"/model\?network=cbam_cnn_cifar10$"))
    page.go_back()
    expect(page.locator('.strip .tile[aria-selected="true"]')).to_have_attribute("data-index", "3")


NOTE_WORDS = """button => {
  window.said = [];
  const words = button.lastElementChild;
  new MutationObserver(() => said.push(words.innerText)).observe(words, { childList: true, subtree: true });
}"""
"""What a button says, as it says it: some words do not wait for a slow test."""


def test_the_address_can_be_copied_or_stands_there_where_there_is_no_clipboard(page):
    button = page.get_by_role("button", name="Copy link")
    button.evaluate(NOTE_WORDS)
    button.click()
    page.wait_for_function("() => window.said?.length === 2")
    assert page.evaluate("window.said") == ["Copied", "Copy link"]
    assert page.evaluate("navigator.clipboard.readText()") == page.url
    page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined, configurable: true})")
    page.get_by_role("button", name="Copy link").click()
    field = page.get_by_label("Address of what you see")
    assert field.input_value() == page.url
    page.evaluate("delete navigator.clipboard")  # the browser's own is there again


def test_an_upload_cannot_be_linked_and_the_button_says_what_to_do(page, picture_file):
    page.get_by_test_id("stButtonGroup").get_by_text("Upload", exact=True).click()
    page.locator("input[type=file]").set_input_files(str(picture_file))
    button = page.get_by_role("button", name="Copy link")
    expect(button).to_be_disabled()
    assert "ZIP" in button.get_attribute("title")
    expect(page.get_by_text("Download everything as a ZIP instead")).to_be_visible()  # touch shows no title
    choose(page, "Samples")
    rested(page)


def test_the_viewers_settings_are_in_the_address_and_come_back_in_a_fresh_browser(page, open_inspect):
    """The last one with this page: its settings stay."""
    rerun(page, page.locator('.strip .tile[data-index="12"]').click)
    page.locator(".choice label", has_text="as they are").click()
    page.get_by_label("Colours").select_option("magma")
    expect(page).to_have_url(re.compile(r"image=sample-12&colours=magma$"))
    address = page.url.partition("/?")[2]
    fresh = open_inspect(f"?{address}", fresh=True)
    assert chosen(fresh) == "12"
    assert fresh.get_by_label("Colours").input_value() == "magma"


def test_a_hostile_address_is_no_error(open_inspect):
    hostile = "?image=test-%00&network=%3Cscript%3E&opacity=1e99&colours=..%2F..&square=a~b~c&lang=..%2F..%2Fzh"
    page = open_inspect(hostile)
    assert chosen(page) == "31"
    assert page.get_by_test_id("stException").count() == 0


def test_the_line_about_a_link_goes_when_a_part_of_the_page_is_drawn_by_itself(open_inspect):
    page = open_inspect("?network=nobody&image=sample-12")
    line = page.get_by_text("This link asks for what cannot be shown here: network nobody.")
    expect(line).to_be_visible()
    expect(page).to_have_url(re.compile(r"\?network=nobody&image=sample-12$"))
    page.locator('.strip .tile[data-index="13"]').click()
    expect(line).to_be_hidden()
    expect(page).to_have_url(re.compile(r"\?network=cbam_cnn_cifar10&image=sample-13$"))
    assert chosen(page) == "13"
