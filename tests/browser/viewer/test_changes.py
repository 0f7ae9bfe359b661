"""What the viewer shows changes: other blocks, other settings, other pictures."""

from dataclasses import replace

import numpy as np
import pytest

from cbam_core.render.overlay import raw_mask
from cbam_core.viewer import Settings, lay_out
from tests.browser.canvas import PAINTED, pixels
from tests.browser.resting import pause
from tests.browser.tabs import ALONE
from tests.browser.viewer.page import VIEWER, check_pixels, show, texts
from tests.browser.viewer.payloads import BLOCKS, SAMPLE, SMALL, WHOLE, block, many, photo

pytestmark = pytest.mark.browser


# Many blocks


def shown(page):
    return [text.split()[0] for text in texts(page, ".title")]


def test_four_blocks_need_no_strip(open_page):
    page = open_page(many(4))
    assert shown(page) == ["block0", "block1", "block2", "block3"]
    assert not page.locator(".strip").is_visible()


def test_many_blocks_are_chosen_from_a_strip_of_small_masks(open_page):
    payload = many()
    page = open_page(payload)
    assert shown(page) == ["block0", "block4", "block7"]
    small = pixels(page.locator(".strip canvas").nth(5))
    assert np.array_equal(small, raw_mask(payload.blocks[5].mask))
    page.locator(".strip button").nth(5).click()
    assert shown(page) == ["block4", "block5", "block7"]
    pressed = [button.get_attribute("aria-pressed") for button in page.locator(".strip button").all()]
    assert [i for i, state in enumerate(pressed) if state == "true"] == [4, 5, 7]
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    assert shown(page) == ["block3", "block5", "block7"]


def test_the_block_of_the_settings_is_among_those_shown(open_page):
    page = open_page(replace(many(), settings=Settings(block="block2")))
    assert "block2" in shown(page)


# Settings and updates


def moved_at_once(page, *percents):
    """Move the slider, faster than the slowest machine settles; how often the host has heard of it."""
    return page.evaluate(
        f"""percents => {{
          const slider = {VIEWER}.querySelector("input[type=range]");
          for (const percent of percents) {{
            slider.value = String(percent);
            slider.dispatchEvent(new Event("input", {{ bubbles: true }}));
          }}
          return heard.length;
        }}""",
        list(percents),
    )


def test_settings_are_told_once_the_reader_has_settled(mounted):
    assert moved_at_once(mounted, 10, 20, 30, 42) == 0
    mounted.wait_for_function("() => heard.length > 0")
    pause(mounted, 500)
    expected = Settings(opacity=0.42).as_dict()
    assert mounted.evaluate("heard") == [["settings", expected]]


def test_settings_that_are_set_back_are_not_told(mounted):
    moved_at_once(mounted, 10, 50)
    pause(mounted, 600)
    assert mounted.evaluate("heard") == []


def test_another_image_keeps_the_readers_settings_and_the_same_elements(mounted):
    mounted.locator("input[type=range]").fill("42")
    mounted.evaluate(f"window.kept = {VIEWER}.querySelector('canvas.overlay')")
    height = mounted.evaluate(f"{VIEWER}.clientHeight")
    other = lay_out(255 - SMALL, WHOLE, [block("cbam1", 8, 16), *BLOCKS[1:]])
    show(mounted, other)
    assert mounted.evaluate(f"window.kept === {VIEWER}.querySelector('canvas.overlay')")
    assert mounted.evaluate(f"{VIEWER}.clientHeight") == height
    check_pixels(mounted, other, opacity=0.42)


def test_what_the_host_sends_back_late_does_not_undo_the_reader(mounted):
    slider = mounted.locator("input[type=range]")
    slider.fill("42")
    mounted.wait_for_function("() => heard.length > 0")
    slider.fill("77")
    show(mounted, replace(SAMPLE, settings=Settings(opacity=0.42)))
    assert slider.input_value() == "77"


def test_settings_that_the_host_changes_are_taken(mounted):
    mounted.locator("input[type=range]").fill("42")
    asked = Settings(opacity=0.9, colours="greys", order="sorted")
    show(mounted, replace(SAMPLE, settings=asked))
    check_pixels(mounted, replace(SAMPLE, settings=asked))
    assert mounted.locator("select.plain").first.input_value() == "sorted"


def test_a_picture_with_another_usual_setting_keeps_what_the_reader_chose(mounted):
    # At once: a reader who has settled is told of before the other picture comes.
    mounted.evaluate(
        f"""payload => {{
          const slider = {VIEWER}.querySelector("input[type=range]");
          slider.value = "42";
          slider.dispatchEvent(new Event("input", {{ bubbles: true }}));
          window.show(payload);
        }}""",
        photo(settings=Settings(image="original")).as_dict(),
    )
    mounted.wait_for_function(f"() => {VIEWER}.querySelector('canvas.overlay').width === 451")
    assert mounted.locator("canvas.overlay").first.evaluate("canvas => canvas.width") == 451
    assert mounted.locator("input[type=range]").input_value() == "42"
    mounted.wait_for_function("() => heard.length > 0")
    assert mounted.evaluate("heard.at(-1)") == ["settings", Settings(opacity=0.42, image="original").as_dict()]


def test_a_host_that_heard_a_choice_hears_what_another_picture_made_of_it(mounted):
    mounted.locator("input[type=range]").fill("42")
    mounted.wait_for_function("() => heard.length > 0")
    show(mounted, photo(settings=Settings(image="original")))
    mounted.wait_for_function("() => heard.length > 1")
    assert mounted.evaluate("heard.at(-1)") == ["settings", Settings(opacity=0.42, image="original").as_dict()]


def test_a_picture_that_is_gone_falls_back_without_changing_the_settings(mounted):
    show(mounted, photo(settings=Settings(image="original")))
    show(mounted, replace(SAMPLE, settings=Settings(image="original")))
    check_pixels(mounted, SAMPLE)
    pause(mounted, 500)
    assert mounted.evaluate("heard") == []
    show(mounted, photo(settings=Settings(image="original")))
    assert mounted.locator("canvas.overlay").first.evaluate("canvas => canvas.width") == 451


def test_fewer_and_more_blocks_replace_the_panels(mounted):
    show(mounted, many(8))
    assert mounted.locator(".block").count() == 3
    show(mounted, many(1))
    check_pixels(mounted, many(1))
    assert mounted.locator(".block").count() == 1


def test_blocks_that_were_picked_stay_when_the_page_gets_wider_or_narrower(mounted):
    show(mounted, many())
    for index in (1, 2, 5):
        mounted.locator(".strip button").nth(index).click()
    assert shown(mounted) == ["block1", "block2", "block5"]
    mounted.set_viewport_size({"width": 1500, "height": 900})
    mounted.locator(".block").nth(3).wait_for()
    assert {"block1", "block2", "block5"} < set(shown(mounted))
    mounted.set_viewport_size(ALONE["viewport"])
    mounted.locator(".block").nth(3).wait_for(state="detached")
    assert shown(mounted) == ["block1", "block2", "block5"]


def test_destroying_leaves_nothing(mounted):
    mounted.evaluate("viewer.destroy()")
    assert mounted.locator(".cbam-viewer").count() == 0
    mounted.evaluate("payload => window.show(payload)", SAMPLE.as_dict())
    mounted.wait_for_selector(PAINTED)
    assert mounted.locator(".cbam-viewer").count() == 1
