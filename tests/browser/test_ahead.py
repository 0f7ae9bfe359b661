"""Choosing a sample paints what was sent ahead, at once, and the server's answer leaves it as it is."""

import numpy as np
import pytest
from playwright.sync_api import expect

from cbam_core import explain, load_classifier
from cbam_core.data.samples import sample_sheet
from cbam_core.render.overlay import cells_on_input, overlay
from cbam_core.results.look import Look
from tests.browser.canvas import PAINTED, pixels
from tests.browser.resting import answered, rerun, rested
from tests.browser.visiting import visiting

pytestmark = pytest.mark.browser

ARRIVED = "() => window.cbamLensAhead?.get('sample')?.results.length === 100"
FIRST, SECOND, OTHER = 57, 8, 20


@pytest.fixture(scope="module")
def classifier():
    return load_classifier("cbam_cnn_cifar10")


@pytest.fixture(scope="module")
def page(tabs, site):
    """The first page, once everything that is sent ahead has arrived; shared by tests that change the choice alone."""
    with visiting(tabs, site) as visit:
        page = visit()
        page.wait_for_selector(PAINTED)
        page.wait_for_function(ARRIVED)
        answered(page)
        yield page


def choose(page, index):
    page.locator(f'.tile[data-index="{index}"]').evaluate("tile => tile.click()")


def shown(page):
    return page.locator(".prediction").evaluate("root => root.dataset.shown")


def expected_heading(explanation):
    return f"{explanation.predicted}{100 * float(explanation.probabilities.max()):.1f}\xa0%"


def test_the_servers_answer_paints_nothing_again(page):
    before = page.locator(PAINTED).get_attribute("data-painted")
    rerun(page, lambda: choose(page, FIRST))
    rested(page)
    after = page.locator(PAINTED).get_attribute("data-painted")
    assert int(after) == int(before) + 1


def test_late_answers_do_not_undo_what_was_chosen_since(page):
    page.evaluate(
        """() => {
          window.seen = [];
          const roots = [...document.querySelectorAll("*")].map((e) => e.shadowRoot).filter(Boolean);
          const root = roots.map((r) => r.querySelector(".prediction")).find(Boolean);
          new MutationObserver(() => window.seen.push(root.dataset.shown)).observe(root, { attributes: true });
        }"""
    )
    for index in (FIRST, 61, 62, SECOND):
        choose(page, index)
        page.wait_for_timeout(30)
    last = shown(page)
    page.wait_for_url(f"**image=sample-{SECOND}")
    rested(page)
    assert shown(page) == last
    seen = page.evaluate("window.seen")
    assert set(seen[seen.index(last) :]) == {last}


def test_downloads_are_of_the_picture_that_is_shown(page):
    choose(page, SECOND)
    page.wait_for_url(f"**image=sample-{SECOND}")
    rested(page)
    page.get_by_test_id("stMainBlockContainer").get_by_test_id("stPopoverButton").click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Figure").click()
    assert f"cifar10-test-{int(sample_sheet().indices[SECOND])}" in waiting.value.suggested_filename


def test_it_is_painted_although_the_server_says_nothing(page, classifier):
    """The last one: what is chosen after it is not heard."""
    rerun(page, lambda: choose(page, OTHER))
    page.evaluate("WebSocket.prototype.send = () => {}")
    before = page.locator(PAINTED).get_attribute("data-painted")
    choose(page, FIRST)
    expect(page.locator(PAINTED)).not_to_have_attribute("data-painted", before)
    explanation = explain(classifier, sample_sheet().images[FIRST])
    assert page.locator(".prediction h2").inner_text() == expected_heading(explanation)
    for number, block in enumerate(explanation.blocks):
        canvas = pixels(page.locator("canvas.overlay").nth(number))
        zoom = canvas.shape[0] // 32
        gain = f"×{block.gate('spatial').gain:.2f} of usual"
        assert page.locator(".facts .gain").nth(number).inner_text() == gain
        look, mask = Look(reading="relative"), block.gate("spatial").relative
        drawn = overlay(explanation.input_image, mask, cells_on_input(block.placement), look, zoom=zoom)
        assert np.array_equal(canvas[..., :3], drawn)
    picture = pixels(page.locator(".prediction canvas"))
    assert np.array_equal(picture[..., :3], sample_sheet().images[FIRST])
    assert page.get_by_text(f"Truth: {classifier.classes[5]}").is_visible()
