"""What if in a browser: switches, a painted mask, a dragged bar, and the address that restores them."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.resting import rerun, rested
from tests.browser.scenes import NARROW
from tests.browser.visiting import visiting

pytestmark = pytest.mark.browser


def opened(visit, query="", **how):
    page = visit(at=f"whatif{query}", **how)
    page.locator(".whatif .row figure canvas").first.wait_for()
    return rested(page)


def row(page, gate):
    return page.locator(f'.row[aria-label="{gate}"]')


def edited(page):
    """What stands in the address."""
    return page.evaluate("new URL(location.href).searchParams.get('edits')")


def wait_for_edits(page, edits):
    """Wait until these stand in the address: what is dragged is told more than once."""
    stand = "edits => new URL(location.href).searchParams.get('edits') === edits"
    page.wait_for_function(stand, arg=edits)
    rested(page)


def first_answer(page):
    return page.locator(".bars.edited .bar").first.inner_text()


def focused(page):
    """Label of what has the keyboard's focus in the table."""
    table = page.locator(".whatif")
    return table.evaluate("one => one.getRootNode().activeElement?.getAttribute('aria-label')")


@pytest.fixture(scope="module")
def shared(tabs, site):
    """The page as it opens, in a wide window."""
    with visiting(tabs, site) as visit:
        yield opened(visit)


@pytest.fixture
def page(shared):
    """The page without edits."""
    if edited(rested(shared)):
        rerun(shared, shared.get_by_role("button", name="Reset", exact=True).click)
    return shared


@pytest.fixture(scope="module")
def phone(tabs, site):
    """A page that an address opens on a phone."""
    with visiting(tabs, site) as visit:
        yield opened(visit, "?image=sample-31&edits=cbam3.channel:as_is~100=26.6", viewport=NARROW)


def test_a_switch_moves_the_answer_and_later_gates_and_the_address_restores_it(page):
    assert row(page, "cbam1.spatial").locator(".under .bar").count() == 2  # before any click
    then = row(page, "cbam3.channel").locator("figure.now canvas")
    before, as_it_is = then.evaluate("one => one.toDataURL()"), first_answer(page)
    place = row(page, "cbam1.spatial").get_by_role("radio", name="usual")
    rerun(page, place.check)
    assert edited(page) == "cbam1.spatial:usual"
    assert then.evaluate("one => one.toDataURL()") != before
    assert first_answer(page) != as_it_is
    rerun(page, row(page, "all masks").get_by_role("radio", name="borrowed").check)
    assert edited(page) == ",".join(f"cbam{block}.spatial:other" for block in (1, 2, 3))
    rerun(page, page.get_by_role("button", name="Keep", exact=True).click)
    said = page.locator(".kept li").inner_text()
    answer = first_answer(page)
    page.reload()
    page.locator(".kept li").wait_for()
    rested(page)
    assert page.locator(".kept li").inner_text() == said
    assert first_answer(page) == answer
    reset = page.get_by_role("button", name="Reset", exact=True)
    rerun(page, lambda: reset.press("Enter"))
    assert edited(page) is None
    assert focused(page) == "Show these edits again: A"  # Reset has nothing left to do
    assert first_answer(page) == as_it_is
    rerun(page, page.locator(".kept button").first.click)
    expect(row(page, "cbam2.spatial").get_by_role("radio", name="borrowed")).to_be_checked()


def test_bars_are_dragged_and_masks_are_painted_by_mouse_and_keyboard_and_undone(page):
    rerun(page, row(page, "cbam1.channel").get_by_role("button", name=re.compile("^More")).click)
    bars = page.locator("canvas.bars-editor").bounding_box()
    page.mouse.move(bars["x"] + bars["width"] * 16.5 / 32, bars["y"] + bars["height"] * 0.9)
    page.mouse.down()
    rerun(page, lambda: (page.mouse.move(bars["x"] + bars["width"] * 16.5 / 32, bars["y"]), page.mouse.up()))
    wait_for_edits(page, "cbam1.channel:as_is~16=100")
    rerun(page, page.get_by_role("button", name="Let go").click)
    wait_for_edits(page, None)
    rerun(page, row(page, "cbam1.spatial").get_by_role("button", name=re.compile("^More")).click)
    mask = page.locator("canvas.mask-editor")
    rerun(page, lambda: mask.click(position={"x": 4, "y": 4}))
    wait_for_edits(page, "cbam1.spatial:as_is~0=100")
    mask.focus()
    page.keyboard.press("ArrowRight")
    rerun(page, lambda: page.keyboard.press("Space"))
    wait_for_edits(page, "cbam1.spatial:as_is~0x2=100")
    rerun(page, page.get_by_role("button", name="Undo").click)
    wait_for_edits(page, "cbam1.spatial:as_is~0=100")
    strength = page.locator(".strength input:visible")
    rerun(page, lambda: strength.press("ArrowLeft"))
    wait_for_edits(page, "cbam1.spatial:as_is*95~0=100")
    rerun(page, row(page, "cbam3.spatial").get_by_role("button", name=re.compile("^More")).click)
    expect(page.get_by_text("This mask is one number an image")).to_be_visible()
    assert page.locator("canvas.mask-editor:visible").count() == 0


def test_an_address_that_sets_one_channel_brings_its_row_into_sight_with_this_channel_chosen(phone):
    page = phone
    expect(row(page, "cbam3.channel").locator(".name")).to_be_in_viewport()
    expect(page.get_by_label("Channel", exact=True)).to_have_value("100")
    expect(page.locator(".line .value output:visible")).to_have_text("0.266")


def test_an_image_for_which_a_gate_decides_is_one_click_away_on_a_phone_too(phone):
    page = phone
    rerun(page, page.get_by_role("button", name="Reset", exact=True).click)
    assert page.get_by_test_id("stMain").evaluate("main => main.scrollWidth") <= 390
    show = row(page, "cbam1.spatial").get_by_role("button", name=re.compile("^Show an image"))
    before = page.locator(".stage .first figcaption").inner_text()
    show.press("Enter")
    expect(page.locator(".stage .first figcaption")).not_to_have_text(before)
    assert focused(page) == "Show an image for which this gate decides: cbam1.spatial"  # and on to another one
    expect(row(page, "cbam1.spatial").locator(".verdict")).to_have_text("answer changes")
    assert page.get_by_test_id("stMain").evaluate("main => main.scrollWidth") <= 390
