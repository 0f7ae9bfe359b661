"""The Model page as a visitor uses it: kernels and mistakes to point at, on any screen."""

import re

import numpy as np
import pytest

from cbam_core import load_classifier
from cbam_core.data.cifar10 import CLASSES
from cbam_core.evaluation.evaluation_file import open_evaluation
from cbam_core.gates.kernels import spatial_kernels
from cbam_core.places import shipped_checkpoints
from cbam_core.render.diverging import diverging
from cbam_core.render.kernels import reach
from tests.browser.resting import rested
from tests.browser.scenes import NARROW
from tests.browser.visiting import visiting

pytestmark = pytest.mark.browser

NETWORK = "cbam_cnn_cifar10"

CELLS = """pair => [...pair.querySelectorAll("td")].map((cell) => {
  const { width, height } = cell.getBoundingClientRect();
  return { value: cell.dataset.value, colour: getComputedStyle(cell).backgroundColor, width, height };
})"""


@pytest.fixture(scope="module")
def kept():
    """The answers that ship with the network."""
    return open_evaluation(shipped_checkpoints()[NETWORK])


def opened(visit, **how):
    """The page with its tables and charts."""
    page = visit(at="model", **how)
    page.get_by_role("region", name="Layers").wait_for()
    page.locator(".js-plotly-plot").nth(1).wait_for()
    return rested(page)


@pytest.fixture(scope="module")
def page(tabs, site):
    """The page in a wide window, shared by tests that only look at it."""
    with visiting(tabs, site) as visit:
        yield opened(visit)


def test_kernels_are_square_exact_and_tell_their_numbers(page):
    kernels = spatial_kernels(load_classifier(NETWORK).model)
    assert page.locator(".kernels figure").count() == len(kernels)
    for pair, kernel in zip(page.locator(".kernels .pair").all(), kernels, strict=True):
        cells = pair.evaluate(CELLS)
        values = [float(cell["value"].replace("−", "-")) for cell in cells]
        assert np.allclose(values, kernel.planes.ravel(), atol=5e-5)
        colours = [tuple(map(int, re.findall(r"\d+", cell["colour"]))) for cell in cells]
        expected = diverging(kernel.planes, reach([kernel.planes])).reshape(-1, 3)
        assert np.array_equal(colours, expected)
        assert all(abs(cell["width"] - cell["height"]) < 1.5 for cell in cells)
    cell = page.locator(".kernels td").nth(24)
    cell.hover()
    said = cell.evaluate("cell => getComputedStyle(cell, '::after').content")
    assert said.strip('"') == f"{kernels[0].planes[0, 3, 3]:+.4f}".replace("-", "−")
    number = cell.locator("span")
    assert number.bounding_box()["width"] <= 1
    page.locator("label").filter(has_text="Numbers").click()
    page.locator(".kernels.spelled").wait_for()
    assert number.bounding_box()["width"] > 10


def test_the_confusion_matrix_is_a_table_that_explains_its_cells(page, kept):
    table = page.get_by_role("table", name="Confusion matrix")
    assert table.get_by_role("columnheader").all_inner_texts() == list(CLASSES)
    rows = table.locator("tbody tr").all()
    assert [row.get_by_role("rowheader").inner_text() for row in rows] == list(CLASSES)
    counts = [[int(text.replace("·", "0")) for text in row.locator("td").all_inner_texts()] for row in rows]
    assert np.array_equal(counts, kept.confusion)
    cell = rows[3].locator("td").nth(4)
    cell.hover()
    said = cell.evaluate("cell => getComputedStyle(cell, '::after').content").strip('"')
    assert said.startswith(f"cat predicted as deer: {kept.confusion[3, 4]} of 1,000")


def test_on_a_phone_nothing_sticks_out(visit):
    page = opened(visit, viewport=NARROW)
    for part in page.locator(".card, .kernels table, .confusion table, .numbers, .js-plotly-plot").all():
        box = part.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
    assert page.get_by_test_id("stMain").evaluate("main => main.scrollWidth") <= 390
    tables = page.locator(".numbers").all()
    assert tables
    for table in tables:  # they scroll downwards alone
        assert table.evaluate("table => table.scrollWidth - table.clientWidth") <= 0


def test_the_layer_table_is_scrolled_by_keyboard_under_its_headings(page):
    layers = page.get_by_role("region", name="Layers")
    layers.focus()
    heading = layers.locator("thead th").first
    before = heading.bounding_box()["y"] - layers.bounding_box()["y"]
    page.keyboard.press("End")
    page.wait_for_function("layers => layers.scrollTop > 100", arg=layers.element_handle())
    assert abs(heading.bounding_box()["y"] - layers.bounding_box()["y"] - before) < 1
