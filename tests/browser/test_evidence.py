"""Evidence in a browser: what is drawn, what an address restores, and what the keyboard can begin and cancel."""

import pytest
from playwright.sync_api import expect

from tests.browser.resting import clicked_once_shown, rested
from tests.browser.visiting import visiting

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page(tabs, site):
    """Evidence of one image, shared by tests that go on from each other."""
    with visiting(tabs, site) as visit:
        yield visit(at="evidence?image=sample-31&section=gates&target=dog")


def section(page, name):
    page.get_by_role("radiogroup", name="Section").get_by_role("radio", name=name).click()


def test_an_address_opens_the_section_and_class_and_bars_have_their_height(page):
    bars = page.locator(".ev-bars").first
    bars.wait_for()
    expect(page.get_by_role("radio", name="What gates add")).to_be_checked()
    assert "dog" in page.get_by_text("to the logit of").inner_text()
    box = bars.bounding_box()
    widths = bars.evaluate("bars => [...bars.children].map(bar => bar.getBoundingClientRect().width)")
    assert sum(widths) == pytest.approx(box["width"], abs=2)
    pictures = page.locator(".ev-gates figure img:first-of-type")
    expect(page.locator(".ev-gates figure")).to_have_count(9)  # three masks: here, usual, adds
    assert pictures.count() >= 9
    for picture in pictures.all():
        assert picture.evaluate("picture => picture.decode().then(() => picture.naturalWidth)") > 100


def test_a_section_that_is_chosen_is_in_the_address(page):
    section(page, "Maps of other methods")
    page.locator(".ev-agree").wait_for()
    rested(page)
    assert "section" not in page.url
    assert page.locator(".ev-maps figure").count() == 5
    section(page, "Deletion and insertion")
    page.get_by_role("button", name="Test", exact=True).wait_for()
    page.wait_for_url("**section=deletion**")


def test_the_keyboard_stays_where_work_was_begun_and_cancelled_and_ends_beside_its_result(page):
    section(page, "Deletion and insertion")
    page.get_by_role("button", name="Test", exact=True).focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    clicked_once_shown(page, ".st-key-deletion-cancel button:focus", lambda: page.keyboard.press("Enter"))
    expect(page.locator(":focus")).to_contain_text("Test")
    page.keyboard.press("Enter")
    page.locator(".js-plotly-plot").nth(1).wait_for()
    expect(page.get_by_test_id("stMain").locator(":focus")).to_have_count(1)
    expect(page.locator(".cbam-test h4")).to_have_count(3)


def test_the_keyboard_goes_to_what_is_last_where_the_last_button_was_taken_away(page):
    """As by “Compute” of a section whose result has nothing to stop at."""
    section(page, "What gates add")
    page.locator(".ev-bars").first.wait_for()
    rested(page)
    page.keyboard.press("Shift")
    page.evaluate(
        """() => {
          const part = document.createElement("div");
          part.dataset.testid = "stButton";
          part.innerHTML = "<button>Last</button>";
          document.querySelector("[data-testid=stMainBlockContainer]").append(part);
          part.firstChild.focus();
        }"""
    )
    expect(page.locator(":focus")).to_have_text("Last")
    page.locator(":focus").evaluate("button => button.parentElement.remove()")
    expect(page.get_by_test_id("stMain").locator(":focus")).to_have_count(1)
