"""A place and a channel that were pinned stay, are told to the host, and can be released."""

from dataclasses import replace

import numpy as np
import pytest

from cbam_core.render.colours import colourise
from cbam_core.results.explanation import ChannelMap
from cbam_core.viewer import Settings
from tests.browser.canvas import pixels, repainted
from tests.browser.viewer.page import VIEWER, press, show, texts
from tests.browser.viewer.payloads import SAMPLE, many, photo

pytestmark = pytest.mark.browser

GRID = SAMPLE.blocks[0].mask.shape
CHANCE = np.random.default_rng(5)
TRACE = ChannelMap("cbam1", 5, 0.25, *CHANCE.uniform(0, 3, (2, *GRID)).astype(np.float32), None)
ASKED = replace(SAMPLE, traces=True)
ANSWERED = replace(ASKED, trace=TRACE)


def click(page, block, x, y):
    page.locator("canvas.overlay").nth(block).click(position={"x": x, "y": y})


def bar(page, block, channel, count):
    """A click on a channel's bar, in the order of indices."""
    bars = page.locator("canvas.bars").nth(block)
    width = bars.bounding_box()["width"] - 28
    bars.click(position={"x": 28 + width * (channel + 0.5) / count, "y": 30})


def leave(page):
    page.mouse.move(2, 2)


def outlines(page):
    return page.locator(".marks .cell:not([hidden])").count()


# A place


def test_a_click_pins_the_place_in_every_block_until_the_cell_is_clicked_again(open_page):
    page = open_page(SAMPLE)
    click(page, 1, 204, 44)
    here = texts(page, ".here")
    leave(page)
    assert all(here)
    assert texts(page, ".here") == here
    assert outlines(page) == 3
    page.locator("canvas.overlay").first.hover(position={"x": 20, "y": 200})
    assert texts(page, ".here") == here, "a pinned cross-hair does not follow the pointer"
    click(page, 1, 206, 46)
    leave(page)
    assert texts(page, ".here") == ["", "", ""]


def test_a_click_on_another_cell_moves_the_pin_and_escape_releases_it(open_page):
    page = open_page(SAMPLE)
    click(page, 0, 20, 20)
    first = texts(page, ".here")
    click(page, 0, 120, 120)
    leave(page)
    assert texts(page, ".here") != first
    page.keyboard.press("Escape")
    assert texts(page, ".here") == ["", "", ""]


def test_enter_pins_what_the_arrow_keys_reached_and_then_they_move_it(open_page):
    page = open_page(SAMPLE)
    page.locator("canvas.overlay").nth(2).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.evaluate("document.activeElement.blur()")
    mask = SAMPLE.blocks[2].mask
    assert texts(page, ".here")[2] == f"here {mask[1, 1]:.2f}"
    page.locator("canvas.overlay").nth(2).focus()
    page.keyboard.press("ArrowRight")
    page.evaluate("document.activeElement.blur()")
    assert texts(page, ".here")[2] == f"here {mask[1, 2]:.2f}"
    page.locator("canvas.overlay").nth(2).focus()
    page.keyboard.press("Enter")
    page.evaluate("document.activeElement.blur()")
    assert texts(page, ".here")[2] == ""


def test_the_host_is_told_the_place_in_percent_of_the_input_whatever_the_picture(mounted):
    show(mounted, photo(settings=Settings(image="original")))
    canvas = mounted.locator("canvas.overlay").first
    box = canvas.bounding_box()
    canvas.click(position={"x": box["width"] / 2, "y": box["height"] / 4})
    mounted.wait_for_function("() => heard.length")
    (_, told), *_ = mounted.evaluate("heard")
    assert told["place"] == pytest.approx([50, 25], abs=1)


def test_a_host_can_begin_with_a_pinned_place(open_page):
    page = open_page(replace(SAMPLE, settings=Settings(place=(80.0, 18.0))))
    row, column = int(0.18 * 8), int(0.80 * 8)
    assert texts(page, ".here")[1] == f"here {SAMPLE.blocks[1].mask[row, column]:.2f}"


def test_what_the_network_did_not_see_is_not_pinned(open_page):
    page = open_page(photo(settings=Settings(image="original")))
    click(page, 0, 3, 40)
    leave(page)
    assert texts(page, ".here") == ["", "", ""]


# A channel


def told_channel(page):
    page.wait_for_function("() => heard.length")
    return page.evaluate("heard.at(-1)[1].channel")


def test_a_click_on_a_bar_tells_the_host_which_channel_at_once(mounted):
    show(mounted, ASKED)
    bar(mounted, 0, 5, 32)
    assert told_channel(mounted) == ["cbam1", 5]
    assert mounted.locator(".trace:visible").count() == 1
    assert mounted.locator(".trace .said:visible").inner_text() == "Computing the feature map…"
    bar(mounted, 0, 5, 32)
    assert mounted.evaluate("heard.at(-1)[1].channel") is None
    assert mounted.locator(".trace:visible").count() == 0


def test_the_answer_is_drawn_on_scales_that_are_named(mounted):
    show(mounted, ASKED)
    bar(mounted, 0, 5, 32)
    show(mounted, ANSWERED)
    for number, values in enumerate((TRACE.before, TRACE.after)):
        low, high = float(values.min()), float(values.max())
        wide = (values.astype(np.float64) - low) / (high - low)
        canvas = mounted.locator(".trace:visible canvas.raw").nth(number)
        assert np.array_equal(pixels(canvas), colourise(wide, "magma"))
        ends = mounted.locator(".trace:visible .own-scale").nth(number).locator("span").all_inner_texts()
        assert [float(end) for end in ends] == pytest.approx([low, high], rel=5e-3)
    assert "0.25 × spatial mask" in mounted.locator(".trace:visible .said").inner_text()


def test_a_map_of_zeros_is_black_and_said_to_let_nothing_through(mounted):
    nothing = np.zeros(GRID, np.float32)
    empty = replace(TRACE, before=nothing, after=nothing)
    show(mounted, replace(ASKED, trace=empty, settings=Settings(channel=("cbam1", 5))))
    assert np.array_equal(pixels(mounted.locator(".trace:visible canvas.raw").first), colourise(nothing, "magma"))
    assert "nothing gets through" in mounted.locator(".trace:visible .said").inner_text()


def test_a_pinned_place_is_marked_and_read_in_the_maps(mounted):
    show(mounted, replace(ANSWERED, settings=Settings(place=(80.0, 18.0), channel=("cbam1", 5))))
    row, column = int(0.18 * 16), int(0.80 * 16)
    found = mounted.locator(".trace:visible .value").all_inner_texts()
    expected = [TRACE.before[row, column], TRACE.after[row, column]]
    assert [float(text.removeprefix("here ")) for text in found] == pytest.approx(expected, rel=5e-3)


def test_an_answer_to_another_channel_is_not_shown(mounted):
    show(mounted, ANSWERED)
    bar(mounted, 1, 7, 64)
    assert mounted.locator(".trace:visible canvas.raw:visible").count() == 0
    assert mounted.locator(".trace:visible").count() == 1


def test_enter_chooses_the_focused_channel_escape_and_the_button_close_it(mounted):
    show(mounted, ASKED)
    mounted.locator("canvas.bars").first.focus()
    mounted.keyboard.press("ArrowRight")
    mounted.keyboard.press("Enter")
    assert told_channel(mounted) == ["cbam1", 0]
    mounted.keyboard.press("Escape")
    assert mounted.locator(".trace:visible").count() == 0
    mounted.keyboard.press("ArrowRight")
    mounted.keyboard.press("Enter")
    mounted.get_by_role("button", name="Close").click()
    assert mounted.evaluate("heard.at(-1)[1].channel") is None
    focused = mounted.evaluate("document.querySelector('#host').shadowRoot.activeElement.className")
    assert focused == "bars"


def test_why_there_is_no_map_is_said(mounted):
    given = ASKED.as_dict()
    given["settings"]["channel"] = ["cbam1", 5]
    given["trace"] = {"block": "cbam1", "channel": 5, "failed": "Not this time."}
    before = mounted.evaluate(f"{VIEWER}.dataset.painted")
    mounted.evaluate("payload => window.show(payload)", given)
    mounted.wait_for_function(f"before => {VIEWER}.dataset.painted !== before", arg=before)
    assert mounted.locator(".trace:visible .said").inner_text() == "Not this time."


def test_without_a_host_that_answers_a_channel_is_marked_and_no_place_is_kept_for_maps(open_page):
    page = open_page(SAMPLE)
    bar(page, 0, 5, 32)
    leave(page)
    assert page.locator(".trace:visible").count() == 0
    assert texts(page, ".channel")[0].startswith("channel 5: ")


def test_the_chosen_channel_stays_the_same_in_another_order(open_page):
    page = open_page(replace(SAMPLE, settings=Settings(channel=("cbam1", 5))))
    named = texts(page, ".channel")[0]
    repainted(page, lambda: page.locator("select.plain").first.select_option("sorted"))
    assert texts(page, ".channel")[0] == named
    press(page, "relative")
    assert texts(page, ".channel")[0].startswith("channel 5: ×")


def test_the_block_of_a_channel_that_the_host_names_is_brought_in(open_page):
    page = open_page(replace(many(), settings=Settings(channel=("block6", 3))))
    assert "block6" in texts(page, ".block .title b")
