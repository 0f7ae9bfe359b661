"""The map of an atlas alone in a browser: what is drawn where, what gestures and keys do, what the page is told."""

from importlib.resources import files

import numpy as np
import pytest

from app.atlas.map_component import HTML, PACKAGE, map_scripts
from app.atlas.map_data import as_mask, as_text, places_of
from app.widgets.component import script
from benchmarks.apparatus.map_data import MadeUp
from cbam_core.atlas.regions import UNITS, inside_of
from tests.browser.resting import pause

pytestmark = pytest.mark.browser

COLOURS = np.array([[220, 30, 30], [30, 160, 40], [40, 60, 220], [230, 190, 20]], np.uint8)
"""Of the thumbnails of four images."""

POINTS = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])

STYLE = (
    files(PACKAGE).joinpath("map.css").read_text(encoding="utf-8") + ".stage { width: 600px; height: 600px; border: 0 }"
)

MOUNT = """([html, given]) => {
  document.body.innerHTML = html;
  window.told = [];
  const tell = (name, value) => window.told.push([name, value]);
  window.call = (data) => window.part({
    data, parentElement: document.body, setStateValue: tell, setTriggerValue: tell,
  });
  window.call(given);
}"""

PIXEL = """(place) => {
  const canvas = document.querySelector(".stage > canvas");
  const [x, y] = place.map((share) => Math.round(share * canvas.width));
  return [...canvas.getContext("2d").getImageData(x, y, 1, 1).data].slice(0, 3);
}"""


def given(**changed):
    """Four images in the corners of the square, of three classes; the second one is answered wrong."""

    def thumbnails(numbers):
        return np.broadcast_to(COLOURS[list(numbers), None, None], (len(numbers), 32, 32, 3))

    labels, answers = np.array([0, 1, 2, -1]), np.array([0, 0, 2, 1])
    confidence = np.array([255, 128, 255, 0])
    four = MadeUp(POINTS, labels, answers, confidence, ["cat", "dog", "frog"], thumbnails)
    return four.data(**{"id": "four", **changed})


@pytest.fixture(scope="module")
def tab(tabs_alone, tmp_path_factory):
    """One page for all tests here, with the component's script."""
    lent = tabs_alone.lend(reduced_motion="reduce")
    file = tmp_path_factory.mktemp("map") / "empty.html"
    file.write_text("<meta charset=utf-8>")
    lent.page.goto(file.as_uri())
    code = map_scripts() + script("map", PACKAGE)
    lent.page.add_script_tag(content=code.replace("export default function", "window.part = function", 1))
    yield lent.page
    lent.leave()


@pytest.fixture
def mount(tab):
    """Shows the map anew, and waits until it is drawn."""

    def shown(**changed):
        tab.evaluate(MOUNT, [f"<style>{STYLE}</style>{HTML}", given(**changed)])
        drawn(tab, "points" if changed.get("draw") == "points" else "images")
        return tab

    return shown


def drawn(page, kind="images"):
    page.wait_for_function("kind => document.querySelector('.map').dataset.drawn === kind", arg=kind, timeout=20_000)


def call(page, **changed):
    page.evaluate("data => window.call(data)", given(**changed))


def told(page, name):
    return [value for one, value in page.evaluate("told") if one == name]


def at(page, x, y):
    """A place of the window, of shares of the canvas."""
    box = page.locator(".stage > canvas").bounding_box()
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def drag(page, *places):
    page.mouse.move(*at(page, *places[0]))
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*at(page, *place), steps=6)
    page.mouse.up()


def wait_for_pixel(page, place, colour, within=0):
    """Wait until the canvas has a colour at a place: sheets come late, and a frame draws what it has time for."""
    page.wait_for_function(
        f"""([place, colour, within]) =>
          ({PIXEL})(place).every((value, part) => Math.abs(value - colour[part]) <= within)""",
        arg=[place, list(map(int, colour)), within],
        timeout=20_000,
    )


TOLD = 900
"""Milliseconds of rest, after which the page would have been told what is in view."""

NEARLY = 11
"""By how much the colours of a thumbnail may differ from those of its image."""


def faded(*colour):
    """A colour of which three tenths are drawn over white."""
    return [round(0.7 * 255 + 0.3 * part) for part in colour]


# Fitted into 600 pixels with 44 around.
LOW, HIGH = 44 / 600, 1 - 44 / 600


def test_thumbnails_lie_where_their_images_are_and_follow_the_zoom(mount):
    page = mount()
    for colour, place in zip(COLOURS, [(LOW, LOW), (HIGH, LOW), (LOW, HIGH), (HIGH, HIGH)], strict=True):
        wait_for_pixel(page, place, colour, NEARLY)
    assert page.evaluate(PIXEL, (0.5, 0.5)) == [255, 255, 255]
    page.mouse.move(*at(page, LOW, LOW))
    page.mouse.wheel(0, 200)
    wait_for_pixel(page, (HIGH, HIGH), [255, 255, 255])
    drawn(page)
    wait_for_pixel(page, (LOW, LOW), COLOURS[0], NEARLY)  # what is under the pointer stays there


def test_points_have_the_colours_of_their_classes_or_say_what_is_wrong(mount):
    page = mount(draw="points")
    assert page.evaluate(PIXEL, (LOW, LOW)) == [11, 110, 130]
    page.get_by_label("Colours").select_option("right")
    wait_for_pixel(page, (HIGH, LOW), [209, 97, 10])
    assert page.locator(".legend .entry").all_inner_texts() == ["right\n2", "wrong\n1", "not known\n1"]
    assert told(page, "colours") == ["right"]
    page.locator(".legend .entry").nth(1).click()
    wait_for_pixel(page, (LOW, LOW), faded(92, 143, 155), 2)
    assert page.evaluate(PIXEL, (HIGH, LOW)) == [209, 97, 10]


def test_answers_have_colours_too_and_classes_that_no_image_has_are_not_listed(mount):
    page = mount(draw="points")
    listed = page.locator(".legend .entry")
    assert listed.all_inner_texts() == ["cat\n1", "dog\n1", "frog\n1", "not known\n1"]
    page.get_by_label("Colours").select_option("answer")
    wait_for_pixel(page, (HIGH, LOW), [11, 110, 130])  # a dog that was taken for a cat
    assert listed.all_inner_texts() == ["cat\n2", "dog\n1", "frog\n1"]
    call(page, colours="answer", mask=as_mask(np.array([False, False, True, True])), generation=1)
    assert listed.all_inner_texts() == ["cat\n0", "dog\n1", "frog\n1"]  # those of the slice, in places that stay


def test_where_nothing_is_known_of_images_there_is_no_legend_and_nothing_to_choose(mount):
    unknown = as_text(np.full(4, -1, "<i2"))
    page = mount(draw="points", labels=unknown, answers=unknown, colour_kinds={"class": "class"})
    assert page.locator(".legend .entry").count() == 0
    assert page.get_by_label("Colours").count() == 0 or not page.get_by_label("Colours").is_visible()


def test_the_page_is_told_of_lines_that_hold_images_and_says_the_same_of_them(mount):
    page = mount()
    page.get_by_role("radio", name="Lasso").click()
    drag(page, (0.3, 0.3), (0.7, 0.3), (0.7, 0.7), (0.3, 0.7))
    assert told(page, "line") == []
    assert page.locator(".said").inner_text() == "No image lies inside."
    drag(page, (0.01, 0.01), (0.99, 0.01), (0.99, 0.2), (0.01, 0.3))
    (line,) = told(page, "line")
    assert page.locator(".said").inner_text() == "2 images lie inside."
    assert len(line) == 2 * 4  # straight parts need no further corners
    assert np.flatnonzero(inside_of(tuple(line), places_of(POINTS).places)).tolist() == [0, 1]


def test_a_box_is_drawn_with_shift_and_a_button_takes_what_is_in_view(mount):
    page = mount()
    page.keyboard.down("Shift")
    drag(page, (0.0, 0.5), (0.99, 0.99))
    page.keyboard.up("Shift")
    page.get_by_role("button", name="Slice of what is in view").click()
    box, view = told(page, "line")
    places = places_of(POINTS).places
    assert np.flatnonzero(inside_of(tuple(box), places)).tolist() == [2, 3]
    assert inside_of(tuple(view), places).all()
    assert max(box) <= UNITS


def test_a_click_selects_an_image_and_its_card_says_what_it_is(mount):
    page = mount()
    page.mouse.move(*at(page, HIGH, LOW))
    card = page.locator(".card")
    card.wait_for()
    assert card.inner_text().split("\n") == ["dog", "answer: cat, 50\u00a0%", "image 1"]
    assert card.locator(".wrong").count() == 1
    page.mouse.down()
    page.mouse.up()
    assert told(page, "picked") == [1]
    page.mouse.move(*at(page, 0.5, 0.5))
    card.wait_for(state="hidden")


def test_keys_move_zoom_and_select_and_leave_the_browser_its_own(mount):
    page = mount()
    canvas = page.locator(".stage > canvas")
    canvas.focus()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert told(page, "picked") == [3]
    page.keyboard.press("+")
    page.wait_for_function("() => told.some(([name]) => name === 'view')")
    x, y, zoom = told(page, "view")[-1]
    assert zoom == 1.5
    assert x > 0.9
    assert y > 0.9
    page.keyboard.press("0")
    page.wait_for_function("() => told.filter(([name]) => name === 'view').length === 2")
    assert told(page, "view")[-1] == "all"
    left_alone = canvas.evaluate(
        """canvas => canvas.dispatchEvent(
          new KeyboardEvent("keydown", { key: "+", ctrlKey: true, bubbles: true, cancelable: true }))"""
    )
    assert left_alone


def test_two_fingers_zoom_about_their_middle(mount):
    page = mount()
    page.evaluate(
        """() => {
          const canvas = document.querySelector(".stage > canvas");
          const box = canvas.getBoundingClientRect();
          canvas.setPointerCapture = () => {};
          const fire = (type, pointerId, x) => canvas.dispatchEvent(new PointerEvent(type, {
            pointerId, pointerType: "touch", button: 0, clientX: box.left + x, clientY: box.top + 300, bubbles: true,
          }));
          fire("pointerdown", 1, 250);
          fire("pointerdown", 2, 350);
          fire("pointermove", 1, 200);
          fire("pointermove", 2, 400);
          fire("pointerup", 1, 200);
          fire("pointerup", 2, 400);
        }"""
    )
    page.wait_for_function("() => told.length > 0")
    assert told(page, "view") == [[0.5, 0.5, 2]]
    assert told(page, "picked") == []


def test_a_slice_fades_the_others_and_an_address_opens_a_view(mount):
    page = mount()
    call(page, mask=as_mask(places_of(POINTS).drawn != 0), draw="points", generation=1, view=[0.05, 0.05, 2.0])
    drawn(page, "points")
    wait_for_pixel(page, (0.5, 0.5), faded(11, 110, 130), 2)  # the first image is in the middle now
    assert page.locator(".legend .entry").all_inner_texts() == ["cat\n0", "dog\n1", "frog\n1", "not known\n1"]
    pause(page, TOLD)
    assert told(page, "view") == []  # the page knows where it was told to go


def test_dense_screens_get_as_many_pixels_as_they_have(mount, tab):
    change = "ratio => Object.defineProperty(window, 'devicePixelRatio', { value: ratio, configurable: true })"
    before = tab.evaluate("devicePixelRatio")
    tab.evaluate(change, 2)
    try:
        page = mount()
        assert page.locator(".stage > canvas").evaluate("canvas => canvas.width / canvas.clientWidth") == 2
    finally:
        tab.evaluate(change, before)


def test_the_selected_image_has_a_card_with_ways_on_and_escape_clears_it(mount):
    page = mount()
    page.mouse.click(*at(page, HIGH, LOW))
    pinned = page.locator(".pinned")
    assert pinned.locator(".text").inner_text().split("\n") == ["dog", "answer: cat, 50\u00a0%", "image 1"]
    assert pinned.get_by_role("button").all_inner_texts() == ["Its neighbours", "×"]
    call(page, selected=1, linked=True, near=[0])
    pinned.get_by_role("button", name="Open in Inspect").click()
    pinned.get_by_role("button", name="Its neighbours").click()
    assert told(page, "opened") == [["inspect", 1], ["neighbours", 1]]
    page.locator(".stage > canvas").press("Escape")
    pinned.wait_for(state="hidden")
    assert told(page, "picked") == [1, -1]


def test_another_layout_is_asked_of_the_page_where_there_is_one(mount):
    page = mount()
    assert page.get_by_label("Layout").is_hidden()
    page = mount(layouts={"pca": "PCA", "tsne": "t-SNE"}, layout="tsne")
    assert page.get_by_label("Layout").input_value() == "tsne"
    page.get_by_label("Layout").select_option("pca")
    assert told(page, "layout") == ["pca"]


def test_a_layout_that_was_computed_meanwhile_can_be_chosen_and_the_view_stays(mount):
    page = mount(view=[0.05, 0.05, 2.0])
    wait_for_pixel(page, (0.5, 0.5), COLOURS[0], NEARLY)
    call(page, layouts={"pca": "PCA", "tsne": "t-SNE"})
    pause(page, TOLD)
    assert page.get_by_label("Layout").input_value() == "pca"
    assert told(page, "view") == []
    wait_for_pixel(page, (0.5, 0.5), COLOURS[0], NEARLY)
    page.get_by_label("Layout").select_option("tsne")
    assert told(page, "layout") == ["tsne"]


def test_what_is_said_beside_the_pointer_goes_when_the_map_is_dragged(mount):
    page = mount()
    page.mouse.move(*at(page, LOW, LOW))
    page.locator(".card").wait_for()
    page.mouse.down()
    page.mouse.move(*at(page, 0.5, 0.5), steps=6)
    assert page.locator(".card").is_hidden()
    page.mouse.up()
