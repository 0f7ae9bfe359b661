"""The viewer on a page: what it is told, what it draws and says."""

from dataclasses import replace

import numpy as np

from cbam_core.render.overlay import overlay, raw_mask
from tests.browser.canvas import pixels, repainted

VIEWER = "document.querySelector('#host').shadowRoot.querySelector('.cbam-viewer')"


def show(page, payload):
    before = page.evaluate(f"{VIEWER}?.dataset.painted ?? '0'")
    page.evaluate("payload => window.show(payload)", payload.as_dict())
    page.wait_for_function(f"before => {VIEWER}.dataset.painted !== before", arg=before)


def texts(page, selector):
    return [element.inner_text() for element in page.locator(selector).all()]


def check_pixels(page, payload, **drawn):
    """Every overlay and every raw mask equals Python's, to the last bit."""
    settings = replace(payload.settings, **drawn)
    picture = next(picture for picture in payload.pictures if picture.id == settings.image)
    for index, given in enumerate(payload.blocks):
        found = pixels(page.locator("canvas.overlay").nth(index))
        zoom = found.shape[1] // picture.image.shape[1]
        mask = given.block.gate("spatial").read(settings.reading)
        expected = overlay(
            picture.image,
            mask,
            given.cells[picture.id],
            settings.look,
            zoom=zoom,
            seen=picture.seen,
        )
        assert np.array_equal(found, expected)
        alone = pixels(page.locator(".rail figure:first-child canvas.raw").nth(index))
        assert np.array_equal(alone, raw_mask(mask, settings.look))


def move_slider(page, percent):
    repainted(page, lambda: page.locator("input[type=range]").fill(str(percent)))


def choose(page, label, value):
    repainted(page, lambda: page.get_by_label(label, exact=True).select_option(value))


def press(page, text):
    repainted(page, lambda: page.locator(".choice label", has_text=text).click())
