"""Pages opened by their own address, as from a bookmark: the page asked for, and a console without a complaint."""

import pytest
from playwright.sync_api import expect

from tests.browser.resting import answered
from tests.browser.scenes import NARROW

pytestmark = pytest.mark.browser

SHOWS = {"compare": ".cbam-maps img.picture", "model": ".kernels"}


@pytest.mark.parametrize("name", SHOWS)
def test_a_page_opens_by_its_address_and_asks_nothing_in_vain(visit, site, name):
    page = visit(at=name)
    page.locator(SHOWS[name]).first.wait_for()
    answered(page)
    assert page.get_by_test_id("stAlert").count() == 0
    expect(page.get_by_test_id("stSidebar")).to_have_attribute("data-collapsed", "false")
    page.reload()
    page.locator(SHOWS[name]).first.wait_for()


def test_the_sidebar_of_a_narrow_window_folds_once_a_page_was_chosen(visit):
    page = visit(viewport=NARROW)
    sidebar = page.get_by_test_id("stSidebar")
    for name in ("model", "compare"):
        page.get_by_test_id("stExpandSidebarButton").click()
        expect(sidebar).to_have_attribute("data-collapsed", "false")
        link = page.locator(f'[data-testid=stSidebarNavLink][href$="/{name}"]')
        link.click() if name == "model" else link.press("Enter")
        page.locator(SHOWS[name]).first.wait_for()
        expect(sidebar).to_have_attribute("data-collapsed", "true")
