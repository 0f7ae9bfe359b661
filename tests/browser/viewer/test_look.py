"""How the viewer stands on a page: wide, narrow, dark, with its focus seen."""

import pytest

from cbam_core.viewer import lay_out
from tests.browser.canvas import repainted
from tests.browser.viewer.page import choose, press
from tests.browser.viewer.payloads import SAMPLE, SMALL, WHOLE, block, photo

pytestmark = pytest.mark.browser


def test_three_blocks_stand_side_by_side_in_470_pixels(open_page):
    page = open_page(SAMPLE)
    tops = {box.bounding_box()["y"] for box in page.locator(".block").all()}
    assert len(tops) == 1
    assert page.locator(".cbam-viewer").bounding_box()["height"] <= 470


@pytest.mark.parametrize("width", [320, 390, 690])
def test_narrow_pages_stack_the_blocks_and_do_not_scroll_sideways(open_page, width):
    page = open_page(photo(), viewport={"width": width, "height": 800})
    lefts = {round(box.bounding_box()["x"]) for box in page.locator(".block").all()}
    assert len(lefts) == 1
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_nothing_moves_when_picture_scale_or_cross_hair_change(open_page):
    page = open_page(photo())

    def places():
        return [box.bounding_box() for box in page.locator(".block, .facts, canvas.bars, .toolbar").all()]

    before = places()
    press(page, "original")
    choose(page, "Scale", "stretch")
    page.locator("canvas.overlay").first.hover()
    assert places() == before


CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgb = (colour) => {
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = (colour) => {
    const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = rgb(colour).map((v) => linear(v / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const page = light(getComputedStyle(document.querySelector(".cbam-viewer")).backgroundColor);
  const texts = [...document.querySelectorAll(".cbam-viewer *")].filter((element) =>
    [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim()));
  return texts.map((element) => {
    const text = light(getComputedStyle(element).color);
    return [(Math.max(text, page) + 0.05) / (Math.min(text, page) + 0.05), element.textContent];
  });
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("host", ["own", "streamlit"])
def test_text_has_enough_contrast(open_page, scheme, host):
    page = open_page(lay_out(SMALL, WHOLE, [block("flat", 8, 8, 0.49, 0.51)]), color_scheme=scheme)
    if host == "streamlit":
        theme = {
            "light": {"text-color": "#31333f", "background-color": "#ffffff", "orange-text-color": "#e2660c"},
            "dark": {"text-color": "#fafafa", "background-color": "#0e1117", "orange-text-color": "#ffd16a"},
        }[scheme]
        page.evaluate(
            "theme => Object.entries(theme).forEach((entry) => document.body.style.setProperty(...entry))",
            {f"--st-{name}": value for name, value in theme.items()},
        )
    found = page.evaluate(CONTRAST)
    assert len(found) > 10
    assert [text for ratio, text in found if ratio < 4.5] == []


def test_bars_follow_a_theme_that_changes_under_them(open_page):
    page = open_page(SAMPLE)
    before = pixels_of_bars(page)
    repainted(page, lambda: page.evaluate("document.body.style.setProperty('--st-primary-color', 'rgb(200, 0, 0)')"))
    after = pixels_of_bars(page)
    assert before != after


def pixels_of_bars(page):
    return page.locator("canvas.bars").first.evaluate("canvas => canvas.toDataURL()")


def test_keyboard_focus_is_seen(open_page):
    page = open_page(SAMPLE)
    page.locator("input[type=range]").focus()
    for _ in range(3):
        page.keyboard.press("Tab")
    reached = []
    for _ in range(6):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.className || document.activeElement.tagName"))
        style = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert style == "solid"
    assert reached[:3] == ["overlay", "plain", "bars"]
