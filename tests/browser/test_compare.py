"""The Compare page as a visitor uses it: real server, real browser, by keyboard, and narrow."""

import base64
import io
import re
import zipfile

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from cbam_core import explain, load_classifier
from cbam_core.data.samples import sample_sheet
from cbam_core.explanation import explain_channel
from cbam_core.render.difference import difference_picture
from cbam_core.render.features import common_limits, feature_picture
from cbam_core.render.overlay import cells_on_input, overlay
from cbam_core.results.look import Look
from tests.browser.resting import answered, rerun, rested
from tests.browser.visiting import USUAL, visiting

pytestmark = pytest.mark.browser

FIRST_CAT, FIRST_DOG = 30, 50
PICTURES = ".cbam-maps img.picture"


@pytest.fixture(scope="module")
def opened(tabs, site):
    """The page as it opens, shared by all tests."""
    with visiting(tabs, site) as visit:
        page = visit(at="compare")
        page.locator(PICTURES).nth(8).wait_for()
        yield rested(page)


@pytest.fixture
def page(opened):
    """The page with the two images that it opens with."""
    rested(opened)
    for side, index in enumerate((FIRST_CAT, FIRST_DOG)):
        tile = opened.locator(".strip").nth(side).locator(f'.tile[data-index="{index}"]')
        if tile.get_attribute("aria-selected") == "false":
            rerun(opened, tile.click)
    return opened


@pytest.fixture(scope="module")
def pair():
    network = load_classifier("cbam_cnn_cifar10")
    return [explain(network, sample_sheet().images[index]) for index in (FIRST_CAT, FIRST_DOG)]


def drawn(picture):
    content = picture.get_attribute("src").partition(",")[2]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(content))).convert("RGB"))


def wait_for_alt(page, number, text):
    page.wait_for_function(
        "([selector, number, text]) => document.querySelectorAll(selector)[number]?.alt.includes(text)",
        arg=[PICTURES, number, text],
    )


def span(mask):
    return f"from {mask.min():.2f} to {mask.max():.2f}"


def test_masks_and_differences_are_exact(page, pair):
    gates = [[block.spatial_mask.astype(np.float64) for block in one.blocks] for one in pair]
    differences = [(right - left).astype(np.float32) for left, right in zip(*gates, strict=True)]
    greatest = float(max(np.abs(values).max() for values in differences))
    for number, (left, right) in enumerate(zip(pair[0].blocks, pair[1].blocks, strict=True)):
        cells = cells_on_input(left.placement)
        for place, (one, block) in enumerate(zip(pair, (left, right), strict=True)):
            expected = overlay(one.input_image, block.spatial_mask, cells, Look(opacity=0.6), zoom=8)
            assert np.array_equal(drawn(page.locator(PICTURES).nth(3 * number + place)), expected)
        expected = difference_picture(differences[number], cells, (32, 32), zoom=8, limit=greatest)
        assert np.array_equal(drawn(page.locator(PICTURES).nth(3 * number + 2)), expected)


def test_swap_and_strip_work_by_keyboard(page, pair):
    wait_for_alt(page, 0, span(pair[0].blocks[0].spatial_mask))
    page.get_by_role("button", name="Swap").focus()
    page.keyboard.press("Enter")
    wait_for_alt(page, 0, span(pair[1].blocks[0].spatial_mask))
    ringed = page.locator(".strip").first.locator("[aria-selected=true]")
    expect(ringed).to_have_attribute("data-index", str(FIRST_DOG))
    ringed.focus()
    page.keyboard.press("ArrowRight")
    other = explain(load_classifier("cbam_cnn_cifar10"), sample_sheet().images[FIRST_DOG + 1])
    wait_for_alt(page, 0, span(other.blocks[0].spatial_mask))


def test_sample_chosen_on_inspect_can_be_taken(visit):
    page = visit(at="compare")
    page.locator(PICTURES).nth(8).wait_for()
    rested(page)
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Inspect").click()
    expect(page).not_to_have_url(re.compile("compare"))
    rested(page)  # both pages have such images to choose
    page.get_by_role("option", name="ship, test image").first.click()
    page.locator(".prediction .verdict", has_text="Truth: ship").wait_for()
    rested(page)
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Compare").click()
    page.get_by_role("button", name="From Inspect").first.click()
    page.locator(".prediction .verdict", has_text="Truth: ship").wait_for()
    expect(page.locator(".prediction")).to_have_count(2)


MAPS = ".cbam-maps.four img.picture"


def click_bar(page, chart, channel):
    """Click above a channel's bars: the whole column answers, however low they are."""
    plot = page.locator(".js-plotly-plot").nth(chart)
    plot.scroll_into_view_if_needed()
    names = plot.locator(".xaxislayer-above .xtick text").all_text_contents()
    box = plot.locator(".trace.bars .point path").nth(names.index(str(channel))).bounding_box()
    page.mouse.move(box["x"] + 2, box["y"] + box["height"] - 4)
    page.mouse.click(box["x"] + 2, box["y"] + box["height"] - 4)


def test_a_click_on_a_bar_shows_the_channels_feature_maps_exactly_and_a_second_one_closes_them(page, pair):
    page.locator(".js-plotly-plot").nth(2).wait_for()
    answered(page)
    shown = page.locator(".js-plotly-plot").nth(0).locator(".xaxislayer-above .xtick text").all_text_contents()
    channel = int(shown[4])
    network = load_classifier("cbam_cnn_cifar10")
    maps = [explain_channel(network, one, "cbam1", channel) for one in pair]
    click_bar(page, 0, channel)
    page.locator(MAPS).nth(3).wait_for()
    for number, when in enumerate(("before", "after")):
        values = [getattr(one, when) for one in maps]
        for place, one in enumerate(values):
            expected = feature_picture(
                one, cells_on_input(maps[place].placement), (32, 32), zoom=8, limits=common_limits(values)
            )
            assert np.array_equal(drawn(page.locator(MAPS).nth(2 * number + place)), expected)
    expect(page.locator(".js-plotly-plot").nth(0).locator(".shapelayer path")).to_have_count(1)
    rested(page)
    click_bar(page, 0, channel)
    page.locator(MAPS).first.wait_for(state="detached")


def test_a_channel_is_chosen_and_closed_by_keyboard(page):
    page.locator(".js-plotly-plot").nth(2).wait_for()
    page.get_by_role("combobox", name="Feature map of a channel of cbam2").focus()
    page.keyboard.type("17")
    page.keyboard.press("Enter")
    page.locator(MAPS).nth(3).wait_for()
    assert "channel 17 of cbam2 before the gates, A: 8×8 cells" in page.locator(MAPS).first.get_attribute("alt")
    page.get_by_role("button", name="Close").focus()
    page.keyboard.press("Enter")
    page.locator(MAPS).first.wait_for(state="detached")


def test_a_projector_shows_a_whole_comparison_and_both_sides_can_be_taken_along_as_a_zip(page, tmp_path):
    page.set_viewport_size({"width": 1280, "height": 720})
    rested(page)
    whole = [page.locator(".cbam-ends").nth(2), page.get_by_test_id("stPlotlyChart").first]
    assert all(box["y"] + box["height"] <= 720 for box in (part.bounding_box() for part in whole))
    page.get_by_role("button", name="Display").click()
    settings = re.compile("^(Masks|Colours of differences|Order of channels|Channels shown)$")
    expect(page.get_by_test_id("stWidgetLabel").filter(has_text=settings)).to_have_count(4)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Download", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download both").click()
    download.value.save_as(tmp_path / "both.zip")
    with zipfile.ZipFile(tmp_path / "both.zip") as archive:
        assert {"a/figure.png", "a/values.npz", "b/figure.png", "b/values.npz"} < set(archive.namelist())
    page.keyboard.press("Escape")
    page.set_viewport_size(USUAL["viewport"])


def test_ranges_and_words_on_likeness_have_room_where_two_columns_are_narrow(visit):
    page = visit(at="compare", viewport={"width": 768, "height": 1024})
    ranges, words = page.locator(".cbam-ends span:nth-child(2)"), page.locator(".cbam-alike td:last-child")
    words.first.wait_for()
    rested(page)
    lines = "all => all.map(one => one.getBoundingClientRect().height / parseFloat(getComputedStyle(one).fontSize))"
    assert max(ranges.evaluate_all(lines)) < 2
    assert max(words.evaluate_all(lines)) < 4.5  # two lines at most, with the space around them
