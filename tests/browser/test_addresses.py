"""Pages opened by their own address, as from a bookmark: the page asked for, and a console without a complaint."""

import pytest

pytestmark = pytest.mark.browser

SHOWS = {"compare": ".cbam-maps img.picture", "model": ".kernels"}


@pytest.mark.parametrize("name", SHOWS)
def test_a_page_opens_by_its_address_and_asks_nothing_in_vain(visit, site, name):
    page = visit(at=name)
    page.locator(SHOWS[name]).first.wait_for()
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    assert page.get_by_test_id("stAlert").count() == 0
    page.reload()
    page.locator(SHOWS[name]).first.wait_for()
