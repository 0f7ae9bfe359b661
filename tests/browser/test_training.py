"""The Training page as a visitor uses it: the film plays in the browser, and a run that goes on is followed."""

import base64
import io
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from cbam_core.render.film import film_file
from cbam_core.render.overlay import cells_on_input, overlay
from cbam_core.results.film import open_film
from tests.browser.canvas import PAINTED, pixels, repainted
from tests.browser.resting import pause, rerun, rested
from tests.browser.scenes import NARROW
from tests.browser.visiting import USUAL, visiting
from tests.made_runs import make_film, make_run

pytestmark = pytest.mark.browser

CAT = 3  # the image that the film begins with

SIX = {f"stage{row}.{number}.cbam": (8 * row, 32 // 2**row) for row in (1, 2, 3) for number in (0, 1)}


@pytest.fixture(scope="module")
def film(runs):
    """That of a complete run, which has four scenes."""
    yield open_film(make_run(runs / "played") / "film.npz")
    shutil.rmtree(runs / "played")


def opened(visit, run="played", **how):
    """The page with the film of a run, at the last scene."""
    page = visit(at=f"training?run={run}", **how)
    page.locator(".cbam-player[data-scene]").wait_for()
    page.wait_for_selector(PAINTED)
    return page


@pytest.fixture(scope="module")
def page(tabs, site, film):
    """The page in a wide window, shared by tests that begin at a scene that they choose."""
    with visiting(tabs, site) as visit:
        yield opened(visit)


def scene(page):
    return int(page.locator(".cbam-player").get_attribute("data-scene"))


def go_to(page, key, number):
    """The first or the last scene, whichever the page shows."""
    page.locator(".cbam-player .slider").focus()
    if scene(page) != number:
        repainted(page, lambda: page.keyboard.press(key))
    assert scene(page) == number


def check_pixels(page, film, at, image):
    """The overlays of all blocks are those of this scene and image, to the last bit."""
    for number, block in enumerate(film.blocks):
        found = pixels(page.locator("canvas.overlay").nth(number))
        mask = film.gate(block, "spatial").values[at, image]
        cells = cells_on_input(film.placements[block])
        assert np.array_equal(found, overlay(film.images[image], mask, cells, zoom=found.shape[1] // 32))


RECORD = """player => {
  window.recorded = {};
  const note = () => {
    const canvases = [...player.querySelectorAll("canvas.overlay")];
    window.recorded[player.dataset.scene] = canvases.map((canvas) => canvas.toDataURL());
  };
  new MutationObserver(note).observe(player.querySelector("[data-painted]"), { attributeFilter: ["data-painted"] });
}"""


PRESS_SPACE_AT = """(player, scene) => {
  window.pressed = false;
  const slider = player.querySelector(".slider");
  new MutationObserver((_, watching) => {
    if (player.dataset.scene !== scene) return;
    watching.disconnect();
    slider.dispatchEvent(new KeyboardEvent("keydown", { key: " ", code: "Space", bubbles: true, cancelable: true }));
    window.pressed = true;
  }).observe(player, { attributeFilter: ["data-scene"] });
}"""
"""Press the space bar when a scene comes: those after it do not wait for a slow test."""


def test_the_film_plays_to_its_end_and_every_scene_is_exact(page, film):
    page.emulate_media(reduced_motion="no-preference")
    go_to(page, "End", 3)
    check_pixels(page, film, 3, CAT)
    page.locator(".cbam-player").evaluate(RECORD)  # scenes do not wait for a slow test
    page.get_by_role("button", name="Play", exact=True).click()
    page.get_by_role("button", name="Play", exact=True).wait_for()  # it says "Pause" until the last scene
    assert scene(page) == 3
    recorded = page.evaluate("window.recorded")
    assert set(recorded) == {"0", "1", "2", "3"}, "at the end it begins anew"
    assert len({drawn[0] for drawn in recorded.values()}) == 4
    for at, drawn in recorded.items():
        for block, url in zip(film.blocks, drawn, strict=True):
            found = np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("RGB"))
            mask, cells = film.gate(block, "spatial").values[int(at), CAT], cells_on_input(film.placements[block])
            assert np.array_equal(found, overlay(film.images[CAT], mask, cells, zoom=found.shape[1] // 32))
    page.emulate_media(reduced_motion=USUAL["reduced_motion"])


def test_the_slider_and_the_space_bar_work_by_keyboard(page, film):
    go_to(page, "Home", 0)
    slider = page.locator(".cbam-player .slider")
    assert page.locator(".cbam-player .time").inner_text().startswith("Epoch 0")
    assert page.get_by_text("before training").is_visible()
    repainted(page, lambda: page.keyboard.press("ArrowRight"))
    assert scene(page) == 1
    check_pixels(page, film, 1, CAT)
    assert "Epoch 1, validation accuracy 70.0\xa0%" in slider.get_attribute("aria-valuetext")
    repainted(page, lambda: page.keyboard.press("Home"))
    page.locator(".cbam-player").evaluate(PRESS_SPACE_AT, "1")
    page.keyboard.press("Space")
    page.wait_for_function("() => window.pressed")
    pause(page, 1500)
    assert scene(page) == 1, "the space bar pauses too"
    assert slider.evaluate("slider => slider.getRootNode().activeElement === slider")


def test_a_scene_can_be_picked_on_the_curve(page):
    go_to(page, "End", 3)
    box = page.locator(".cbam-player .plot").bounding_box()
    repainted(page, lambda: page.mouse.click(box["x"] + 0.34 * box["width"], box["y"] + 50))
    assert scene(page) == 1


def test_another_image_is_shown_by_arrow_key_and_its_film_can_be_saved(page, film):
    go_to(page, "End", 3)
    page.locator(".pictures input:checked").focus()
    rerun(page, lambda: repainted(page, lambda: page.keyboard.press("ArrowRight")))
    assert page.locator(".cbam-player").get_attribute("data-image") == str(CAT + 1)
    check_pixels(page, film, 3, CAT + 1)
    for row in page.locator(".classes tr").all():
        name, percent = row.locator("th").inner_text().split()[0], row.locator(".number").inner_text()
        assert percent == f"{100 * float(film.probabilities[3, CAT + 1, film.classes.index(name)]):.1f}\xa0%"
    for label, kind in (("Animated GIF", "gif"), ("Animated PNG", "png")):
        page.get_by_role("button", name="Download film").click()
        with page.expect_download() as waiting:
            page.get_by_role("button", name=re.compile(label)).click()
        page.keyboard.press("Escape")
        assert re.fullmatch(rf"played-training-[0-9a-f]{{12}}\.{kind}", waiting.value.suggested_filename)
        content = Path(waiting.value.path()).read_bytes()
        assert content == film_file(film, CAT + 1, network="played", format=kind)
        assert Image.open(io.BytesIO(content)).n_frames == 4


@pytest.fixture
def live(runs):
    """A run that goes on, gone at the end of the test."""
    yield make_run(runs / "live", complete=False, epochs=2, of=4, film=make_film((0, 1, 2), SIX))
    shutil.rmtree(runs / "live")


def test_a_run_that_goes_on_is_followed_without_a_click_and_left_alone_at_its_end(visit, live):
    page = opened(visit, "live")
    page.locator(".cbam-player[data-scene='2']").wait_for()
    page.get_by_text("Validation accuracy, epoch 2").wait_for()
    page.locator(".cbam-player .slider").focus()
    page.keyboard.press("Home")
    make_run(live, complete=False, epochs=3, of=4, film=make_film((0, 1, 2), SIX))
    page.get_by_text("Validation accuracy, epoch 3").wait_for()
    assert (scene(page), page.locator(".slider").get_attribute("max")) == (0, "2")
    make_run(live, complete=True, epochs=4, of=4, film=make_film((0, 1, 2, 4), SIX))
    page.get_by_text("Validation accuracy, epoch 4").wait_for()
    page.locator(".slider[max='3']").wait_for()
    assert scene(page) == 0, "the reader's place is kept while the film grows"
    expect(page.get_by_test_id("stProgress")).to_have_count(0)  # what a run leaves out stands there until its end


def test_on_a_phone_nothing_sticks_out(visit, film):
    page = opened(visit, viewport=NARROW)
    page.locator(".js-plotly-plot").first.wait_for()
    rested(page)
    for part in page.locator("canvas.overlay, .slider, .classes, .js-plotly-plot").all():
        box = part.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
