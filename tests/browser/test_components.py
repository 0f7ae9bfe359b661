"""Parts of the page alone in a browser, called as Streamlit calls them: what comes late, what leaves, what stays."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import app.atlas
import app.widgets
from app.atlas.values import Values, digits_for
from app.atlas.values import _data as values_data
from app.services.prediction import prediction_data, preview_of
from app.session.tiles import Tile, lay_out_tiles
from app.widgets.prefetch import painter
from app.widgets.strip import PageChoice
from app.widgets.strip import _data as strip_data
from cbam_core import explain
from tests.atlas import made_atlas
from tests.browser.resting import pause

pytestmark = pytest.mark.browser

FOLDER = Path(app.widgets.__file__).parent

SET_UP = """html => {
  document.body.innerHTML = html;
  window.told = [];
  window.call = (data) => {
    const tell = (name, value) => window.told.push([name, value]);
    window.leave = window.part({ data, parentElement: document.body, setStateValue: tell });
  };
}"""


@pytest.fixture
def mount(tabs_alone, tmp_path):
    """Gives a part's HTML and script to an empty page, and calls it with its first data."""
    tab = tabs_alone.lend()
    file = tmp_path / "empty.html"
    file.write_text("<meta charset=utf-8>")

    def mount_one(html, script, data):
        page = tab.page
        page.goto(file.as_uri())
        page.add_script_tag(content=script.replace("export default function", "window.part = function", 1))
        page.evaluate(SET_UP, html)
        call(page, data)
        return page

    yield mount_one
    tab.leave()


def call(page, data):
    page.evaluate("data => { window.call(data) }", data)


AT_ONCE = """([selector, data]) => {
  const pressed = { key: "ArrowRight", bubbles: true, cancelable: true };
  document.querySelector(selector).dispatchEvent(new KeyboardEvent("keydown", pressed));
  if (data) return window.call(data);
  document.body.replaceChildren();
  window.leave();
}"""
"""A key, and other data or the part's end before anything that waits after the key has happened."""


def read(name):
    return (FOLDER / name).read_text(encoding="utf-8")


# Results sent ahead

PAINTER = """
export default function ({ data, parentElement }) {
  const root = parentElement.firstElementChild;
  if (paintAhead(root, data, (result) => { root.textContent = result })) root.textContent = `answer ${data.index}`;
}
"""


def answer(index, generation=0):
    return {"channel": "sample", "of": "net", "index": index, "generation": generation}


def announce(page, index):
    page.evaluate(
        """index => document.dispatchEvent(new CustomEvent("cbam-lens-ahead", {
          detail: { channel: "sample", of: "net", index, result: `ahead ${index}` },
        }))""",
        index,
    )


def test_a_late_answer_is_not_painted_but_one_that_the_page_itself_chose_is(mount):
    page = mount("<p></p>", painter() + PAINTER, answer(3))
    shown = page.locator("p")
    assert shown.inner_text() == "answer 3"
    announce(page, 5)
    assert shown.inner_text() == "ahead 5"
    call(page, answer(4))  # to what was chosen before
    assert shown.inner_text() == "ahead 5"
    call(page, answer(3, generation=1))  # after Back: 5 is never answered
    assert shown.inner_text() == "answer 3"
    call(page, answer(4, generation=1))
    assert shown.inner_text() == "answer 4"


def test_a_part_that_left_the_page_does_not_listen_any_more(mount):
    page = mount("<p></p>", painter() + PAINTER, answer(3))
    page.evaluate("window.root = document.querySelector('p')")
    page.evaluate("leaveAhead(window.root)")
    announce(page, 5)
    assert page.evaluate("window.root.textContent") == "answer 3"


# The frame on a photo


@pytest.fixture
def framed(tiny_classifier):
    """Data of a photo with a movable frame, 200x200 pixels large, with its corner at a place."""
    pixels = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)

    def data(left, top):
        explanation = explain(
            tiny_classifier, Image.fromarray(pixels), "square", square=(float(left), float(top), 200.0)
        )
        return prediction_data(explanation, caption="a photo", preview=preview_of(pixels), movable=True)

    return data


def left_of(page):
    """Of the frame, in pixels of the photo."""
    return page.locator(".frame").evaluate("frame => parseFloat(frame.style.left)") * 400 / 176


def test_an_answer_to_an_earlier_move_does_not_take_the_frame_back(mount, framed):
    page = mount('<div class="prediction"></div>', painter() + read("prediction.js"), framed(100, 50))
    page.locator(".frame").focus()
    for presses in (1, 2):
        page.keyboard.press("ArrowRight")
        page.wait_for_function("count => window.told.length === count", arg=presses)
    assert page.evaluate("told") == [["square", [107.5, 50, 200]], ["square", [115, 50, 200]]]
    call(page, framed(107.5, 50))
    assert left_of(page) == pytest.approx(115, abs=0.01)
    call(page, framed(115, 50))
    call(page, framed(20, 50))  # a later wish of the page itself
    assert left_of(page) == pytest.approx(20, abs=0.01)


def test_a_frame_that_left_the_page_tells_nothing(mount, framed):
    page = mount('<div class="prediction"></div>', painter() + read("prediction.js"), framed(100, 50))
    page.evaluate(AT_ONCE, [".frame", None])
    pause(page, 500)
    assert page.evaluate("told") == []


def test_keys_that_the_browser_has_a_meaning_for_do_not_move_the_frame(mount, framed):
    page = mount('<div class="prediction"></div>', painter() + read("prediction.js"), framed(100, 50))
    page.locator(".frame").focus()
    taken = page.evaluate(
        """() => [["+", "ctrlKey"], ["ArrowLeft", "altKey"], ["-", "metaKey"]].map(([key, held]) =>
          !document.querySelector(".frame").dispatchEvent(
            new KeyboardEvent("keydown", { key, [held]: true, bubbles: true, cancelable: true })))"""
    )
    assert taken == [False, False, False]
    assert left_of(page) == pytest.approx(100, abs=0.01)


# The strip


def tiles(language="en", *, generation=0, index=0):
    pixels = [np.full((32, 32, 3), value, np.uint8) for value in (0, 100, 200)]
    file = lay_out_tiles(pixels, 3).tobytes()
    named = [Tile(place, f"{name} {language}", name) for place, name in enumerate(("cat", "dog", "cat"))]
    return strip_data(file, tuple(named), 3, PageChoice(index, generation), "", "", True, language)


def test_another_language_leaves_choice_and_filter_as_they_are(mount):
    page = mount('<div class="strip"></div>', read("strip.js"), tiles())
    page.locator("select").select_option("cat")
    page.locator(".tile").nth(2).click()
    page.wait_for_function("() => window.told.length === 1")
    call(page, tiles("zh"))
    assert page.locator(".tile[aria-selected=true]").get_attribute("aria-label") == "cat zh"
    assert page.locator(".tile[aria-selected=true]").get_attribute("data-index") == "2"
    assert page.locator("select").input_value() == "cat"
    assert page.locator(".tile:not([hidden])").count() == 2


def selected(page):
    return page.locator(".tile[aria-selected=true]").evaluate_all("tiles => tiles.map((tile) => tile.dataset.index)")


def test_the_strip_follows_the_page_once_a_generation_and_the_visitor_otherwise(mount):
    page = mount('<div class="strip"></div>', read("strip.js"), tiles(generation=4, index=1))
    assert selected(page) == ["1"]
    page.locator(".tile").nth(2).click()
    page.wait_for_function("() => window.told.length === 1")  # a choice that waits when the page chooses is dropped
    call(page, tiles(generation=4, index=1))
    assert selected(page) == ["2"]
    call(page, tiles(generation=5, index=0))
    assert selected(page) == ["0"]
    page.locator(".tile").nth(2).click()
    page.wait_for_function("() => window.told.length === 2")
    assert page.evaluate("told") == [["chosen", [4, 2]], ["chosen", [5, 2]]]


def test_a_filter_stays_while_the_page_chooses_what_it_shows_and_goes_when_it_hides_that(mount):
    page = mount('<div class="strip"></div>', read("strip.js"), tiles())
    page.locator("select").select_option("cat")
    call(page, tiles(generation=1, index=2))
    assert (selected(page), page.locator("select").input_value()) == (["2"], "cat")
    call(page, tiles(generation=2, index=1))
    assert (selected(page), page.locator("select").input_value()) == (["1"], "")
    assert page.locator(".tile:not([hidden])").count() == 3


def test_a_choice_that_was_waiting_when_the_page_chose_is_told_no_more(mount):
    page = mount('<div class="strip"></div>', read("strip.js"), tiles())
    page.evaluate(AT_ONCE, [".tile", tiles(generation=1, index=2)])
    pause(page, 300)
    assert page.evaluate("told") == []
    assert selected(page) == ["2"]


def test_a_strip_that_left_the_page_tells_nothing(mount):
    page = mount('<div class="strip"></div>', read("strip.js"), tiles())
    page.evaluate(AT_ONCE, [".tile", None])
    pause(page, 300)
    assert page.evaluate("told") == []


# The address


def test_an_address_that_stands_there_goes_once_it_may_be_old(mount):
    words = {name: name for name in ("copy", "copied", "help", "impossible", "field")}
    html = '<button><i></i><span></span></button><input readonly hidden><b role="status"></b><a href="#">elsewhere</a>'
    page = mount(html, read("copy_link.js"), {"possible": True, "words": words})
    page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    page.locator("button").click()
    page.locator("input:focus").wait_for()
    page.keyboard.press("Tab")
    page.locator("input").wait_for(state="hidden")


# Pasting


def test_a_pasted_picture_goes_to_inspect_alone(mount):
    zone = '<div data-testid="stFileUploaderDropzone">drop here</div>'
    page = mount(f'{zone}<section class="st-key-source-upload">{zone}</section>', read("paste.js"), {})
    page.evaluate(
        """() => {
          for (const [place, zone] of document.querySelectorAll("[data-testid]").entries()) {
            zone.addEventListener("paste", (event) => {
              window.told.push([place, event.clipboardData.files.length]);
              event.preventDefault();
            });
          }
          const paste = (at) => {
            const clipboardData = new DataTransfer();
            clipboardData.items.add(new File(["x"], "x.png", { type: "image/png" }));
            at.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
          };
          paste(document.body);
          paste(document.querySelector("[data-testid]")); // takes it itself
        }"""
    )
    assert page.evaluate("told") == [[1, 1], [0, 1]]


# Images and what is said of them


def test_two_answers_below_an_image_are_read_in_full_on_two_lines(mount):
    said = ("0.53", "airplane → automobile")
    tile = {"name": "one", "lines": said, "link": None, "query": None, "wrong": True}
    given = {
        "id": "1",
        "sheet": "",
        "columns": 1,
        "rows": 1,
        "shape": "1 / 1",
        "list": "Images",
        "tiles": [tile],
        "side": None,
    }
    style = read("image_tiles.css") + ".images { width: 76px }"
    html = f'<style>{style}</style><style class="sheet"></style><ul class="images"></ul>'
    page = mount(html, read("image_tiles.js"), given)
    line = page.locator(".more")
    assert line.evaluate("one => one.scrollHeight <= one.clientHeight && one.scrollWidth <= one.clientWidth")
    one_line = page.locator(".first").bounding_box()["height"]
    assert line.bounding_box()["height"] == pytest.approx(2 * one_line, abs=1)


# Values of a gate


def test_means_that_lie_close_together_are_said_with_the_digits_that_differ(mount):
    close = np.full_like(made_atlas.contents().values, 0.999)
    close[::3] = 0.9995
    atlas = made_atlas.atlas(values=close)
    gate = atlas.gate("one.channel")
    found = atlas.profile("one.channel", "class")
    data = values_data(Values(gate, found, found.mean.mean(axis=0), found.selectivity, [0, 1, 2, 3]), 0, 0)
    colours = 'const DIVERGING = "000000ffffff"; const SEQUENTIAL = DIVERGING;'
    script = (Path(app.atlas.__file__).parent / "values.js").read_text(encoding="utf-8")
    page = mount('<div class="values"></div>', colours + script, data)
    label = page.locator(".row").first.get_attribute("aria-label")
    ends = float(found.mean[:, 0].max()), float(found.mean[:, 0].min())
    digits = digits_for(ends[0] - ends[1])
    assert digits > 3
    assert all(f"{end:.{digits}f} (" in label for end in ends)


def test_means_that_chance_explains_have_no_colour_of_their_own(mount):
    atlas = made_atlas.atlas()
    gate, found = atlas.gate("one.channel"), atlas.profile("one.channel", "class")
    overall = found.mean.mean(axis=0)
    is_sure = (found.low > overall) | (found.high < overall)
    assert is_sure.any()
    assert not is_sure.all()
    data = values_data(Values(gate, found, overall, found.selectivity, [0, 1, 2, 3]), 0, 0)
    colours = 'const DIVERGING = "aa0000ffffff0000aa"; const SEQUENTIAL = DIVERGING;'
    script = (Path(app.atlas.__file__).parent / "values.js").read_text(encoding="utf-8")
    page = mount('<div class="values"></div>', colours + script, data)
    drawn = page.locator(".row .cells").evaluate_all("all => all.map((one) => one.style.background)")
    ends = [one.count("color-mix(") for one in drawn]  # a stripe names its colour at both of its ends
    assert ends == (2 * (~is_sure).sum(axis=0)).tolist()
