"""A reload that would drop uploads asks first, and no other way out of a page does."""

import pytest
from playwright.sync_api import expect

from tests.browser.canvas import PAINTED
from tests.browser.resting import rested
from tests.browser.scenes import PHOTO, go_to
from tests.browser.visiting import visiting

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def opened(tabs, site):
    """A page that all tests share: each ends with a reload, after which nothing is left of its upload."""
    with visiting(tabs, site) as visit:
        yield visit()


@pytest.fixture
def with_upload(opened):
    """Inspect with an upload, and the questions that the browser asks about it, each of which is answered with yes."""
    page = opened
    go_to(page)
    page.wait_for_selector(PAINTED)
    asked = []

    def accept(dialog):
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", accept)
    page.get_by_test_id("stButtonGroup").get_by_text("Upload", exact=True).click()
    rested(page)
    page.locator("input[type=file]").first.set_input_files(str(PHOTO))
    page.locator(".facts .caption", has_text=PHOTO.name).wait_for()
    yield page, asked
    page.remove_listener("dialog", accept)


def test_a_reload_asks_while_there_is_an_upload_on_any_page(with_upload):
    page, asked = with_upload
    page.locator('[data-testid=stSidebarNavLink][href$="/model"]').click()
    page.get_by_role("region", name="Layers").wait_for()
    rested(page)
    assert asked == []
    page.reload()
    assert asked == ["beforeunload"]
    page.get_by_role("region", name="Layers").wait_for()
    rested(page)
    page.reload()  # nothing is left that it could drop
    assert asked == ["beforeunload"]


def test_an_upload_is_shown_on_every_page_that_is_visited_one_after_the_other(with_upload):
    page, _ = with_upload
    for name in ("whatif", "evidence", "whatif"):
        page.locator(f'[data-testid=stSidebarNavLink][href$="/{name}"]').click()
        page.wait_for_url(f"**/{name}**")
        rested(page)
        expect(page.get_by_text(f"The last image you viewed: {PHOTO.name}")).to_be_visible()
        expect(page.get_by_role("radio", name="Upload")).to_be_checked()
    page.reload()


def test_neither_a_download_nor_a_reload_after_the_last_upload_was_removed_asks(with_upload):
    page, asked = with_upload
    page.get_by_test_id("stMainBlockContainer").get_by_test_id("stPopoverButton").click()
    with page.expect_download():
        page.get_by_role("button", name="Raw values").click()
    page.keyboard.press("Escape")
    page.get_by_role("button", name=f"Remove {PHOTO.name}").click()
    expect(page.locator(".facts .caption", has_text=PHOTO.name)).to_have_count(0)
    rested(page)
    page.reload()
    assert asked == []
