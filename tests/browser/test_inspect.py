"""The Inspect page as a visitor uses it: real server, real browser, real files."""

import io
import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
import skimage
from PIL import Image

from cbam_core import explain, load_classifier
from cbam_core.data.images import decode
from cbam_core.data.samples import sample_sheet
from cbam_core.explanation.contents import as_png
from cbam_core.render.overlay import cells_on_input, cells_on_original, overlay, seen_on_original
from cbam_core.results.look import Look
from tests.browser.canvas import PAINTED, pixels, repainted
from tests.browser.resting import answered, clicked_once_shown, rerun, rested
from tests.browser.scenes import NARROW, choose
from tests.browser.visiting import visiting

pytestmark = pytest.mark.browser

PHOTOS = Path(skimage.__file__).parent / "data"
CAT, ASTRONAUT = PHOTOS / "chelsea.png", PHOTOS / "astronaut.png"
FIRST_CAT = 31  # the sample that the page opens with


@pytest.fixture(scope="module")
def classifier():
    return load_classifier("cbam_cnn_cifar10")


def upload(page, *files):
    if not page.locator("input[type=file]").is_visible():
        page.get_by_test_id("stButtonGroup").get_by_text("Upload", exact=True).click()
        page.locator("input[type=file]").wait_for(state="attached")
        answered(page)  # a rerun that is still under way may put another input in its place
    page.locator("input[type=file]").set_input_files([str(file) for file in files])


def wait_for_prediction(page, explanation):
    percent = f"{100 * float(explanation.probabilities.max()):.1f}\xa0%"
    shown = page.locator(".prediction h2", has_text=percent)  # the one before it may be there for a moment more
    shown.wait_for()
    assert shown.inner_text().startswith(explanation.predicted)


def save(page, label):
    """Download one of the files that the page offers; its name and content."""
    page.get_by_test_id("stMainBlockContainer").get_by_test_id("stPopoverButton").click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name=re.compile(label)).click()
    page.keyboard.press("Escape")
    return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()


@pytest.fixture(scope="module")
def desk(tabs, site):
    """The page as it opens, shared by tests about the samples."""
    with visiting(tabs, site) as visit:
        page = visit(permissions=["camera"])
        page.wait_for_selector(PAINTED)
        yield rested(page)


@pytest.fixture
def page(desk):
    """The page with the sample that it opens with, among all of them."""
    choose(desk, "Samples")
    rested(desk)
    desk.locator(".strip select").select_option("")
    first = desk.locator(f'.tile[data-index="{FIRST_CAT}"]')
    if first.get_attribute("aria-selected") == "false":
        rerun(desk, first.click)
    return desk


def test_first_screen_shows_a_whole_result_without_any_step(page, classifier):
    wait_for_prediction(page, explain(classifier, sample_sheet().images[FIRST_CAT]))
    assert page.locator("canvas.overlay").count() == 3
    assert page.locator("canvas.bars").count() == 3
    assert page.get_by_text("Truth: cat").is_visible()
    assert page.get_by_text("do not explain why the network chose a class").is_visible()
    assert on_the_first_screen(page)


def on_the_first_screen(page):
    """Whether all charts are to be seen without scrolling."""
    lowest = page.locator("canvas.bars").last.bounding_box()
    return lowest["y"] + lowest["height"] <= 900


def test_ends_of_the_strip_fade_where_more_follows(page):
    strip = page.locator(".tiles")
    assert {"before", "after"} <= set(strip.get_attribute("class").split())
    page.locator(".tile[aria-selected=true]").focus()
    page.keyboard.press("Home")
    page.locator(".tiles.after:not(.before)").wait_for()
    page.locator(".strip select").select_option("ship")  # ten of them fit
    page.locator(".tiles:not(.before):not(.after)").wait_for()


def test_class_filter_and_random_choose_in_the_browser(page):
    page.locator(".strip select").select_option("ship")
    page.get_by_text("Truth: ship").wait_for()
    assert page.locator(".tile:visible").count() == 10
    assert len(page.locator(".tiles").evaluate("list => list.outerHTML")) < 100_000  # the sheet stands there but once
    before = page.locator(".tile[aria-selected=true]").get_attribute("data-index")
    page.get_by_role("button", name="Random", exact=True).click()
    page.locator(f".tile[aria-selected=true][data-class=ship]:not([data-index='{before}'])").wait_for()
    page.get_by_text("Truth: ship").wait_for()


def test_arrow_keys_in_the_strip_go_to_the_next_sample(page, classifier):
    page.locator(".tile[aria-selected=true]").focus()
    page.keyboard.press("ArrowRight")
    wait_for_prediction(page, explain(classifier, sample_sheet().images[FIRST_CAT + 1]))
    assert page.locator(".tile[aria-selected=true]").get_attribute("data-index") == str(FIRST_CAT + 1)


def test_drawn_pixels_equal_python_after_opacity_and_colours_changed_in_the_browser(page, classifier):
    repainted(page, lambda: page.locator(".choice label", has_text="as they are").click())
    repainted(page, lambda: page.locator("input[type=range]").fill("35"))
    repainted(page, lambda: page.get_by_label("Colours", exact=True).select_option("magma"))
    explanation = explain(classifier, sample_sheet().images[FIRST_CAT])
    for index, block in enumerate(explanation.blocks):
        found = pixels(page.locator("canvas.overlay").nth(index))
        expected = overlay(
            explanation.input_image,
            block.spatial_mask,
            cells_on_input(block.placement),
            Look(colours="magma", opacity=0.35),
            zoom=found.shape[1] // 32,
        )
        assert np.array_equal(found, expected)


def test_zip_holds_figure_values_and_manifest_in_the_viewers_settings(page):
    page.get_by_role("radio", name="as they are").check()
    page.get_by_label("Colours", exact=True).select_option("cividis")
    page.wait_for_url(re.compile("colours=cividis"))  # the server has heard of it, and not only of the reading
    rested(page)
    name, content = save(page, "Everything")
    assert name.startswith("cifar10-test-")
    archive = zipfile.ZipFile(io.BytesIO(content))
    assert {"figure.png", "values.npz", "channel_weights.csv", "manifest.json"} == set(archive.namelist())
    assert "cividis" in json.dumps(json.loads(archive.read("manifest.json")))
    assert Image.open(io.BytesIO(archive.read("figure.png"))).width > 600


def test_a_photo_is_taken_explained_and_cleared(page):
    page.get_by_test_id("stButtonGroup").get_by_text("Camera", exact=True).click()
    take, clear = (page.get_by_role("button", name=name) for name in ("Take Photo", "Clear photo"))
    take.wait_for()
    # Streamlit takes nothing before the first picture is there, and says nothing.
    page.wait_for_function("() => document.querySelector('video')?.videoHeight > 0")
    rested(page)
    take.click()
    clear.wait_for()
    page.locator(".prediction h2").wait_for()
    clear.click()
    page.locator(".prediction h2").wait_for(state="detached")


def test_bad_file_is_one_sentence_and_other_pictures_stay(page, tmp_path, classifier):
    bad = tmp_path / "broken.png"
    bad.write_bytes(CAT.read_bytes()[:5000])
    upload(page, bad)
    alert = page.get_by_test_id("stAlert")
    alert.wait_for()
    assert "broken.png: this PNG file is damaged" in alert.inner_text()
    assert "Traceback" not in page.content()
    upload(page, CAT)
    page.get_by_test_id("stDataFrame").wait_for()
    page.get_by_test_id("stButtonGroup").get_by_text("Samples", exact=True).click()
    wait_for_prediction(page, explain(classifier, sample_sheet().images[FIRST_CAT]))
    page.get_by_test_id("stButtonGroup").get_by_text("Upload", exact=True).click()
    page.get_by_test_id("stDataFrame").wait_for()


@pytest.fixture(scope="module")
def photo(tabs, site, classifier):
    """The page with an uploaded photo, in the settings that it opens with."""
    with visiting(tabs, site) as visit:
        page = visit()
        page.wait_for_selector(PAINTED)
        upload(page, CAT)
        wait_for_prediction(page, explain(classifier, CAT))
        yield rested(page)


def test_uploaded_photo_is_drawn_through_the_crop_and_its_numbers_are_those_of_the_files(photo, classifier):
    page, explanation = photo, explain(classifier, CAT)
    assert on_the_first_screen(page)
    pixels_of_photo = decode(CAT).pixels
    for index, block in enumerate(explanation.blocks):
        expected = overlay(
            pixels_of_photo,
            block.gate("spatial").relative,
            cells_on_original(block.placement, explanation.frame),
            Look(reading="relative"),
            seen=seen_on_original(explanation.frame),
        )
        assert np.array_equal(pixels(page.locator("canvas.overlay").nth(index)), expected)

    name, content = save(page, "Raw values")
    assert re.fullmatch(r"chelsea-[0-9a-f]{12}\.npz", name)
    values = np.load(io.BytesIO(content))
    assert np.array_equal(values["probabilities"], explanation.probabilities)
    for index, block in enumerate(explanation.blocks):
        assert np.array_equal(values[f"{block.name}.spatial"], block.spatial_mask)
        table = page.locator(".numbers").nth(index).locator("table").first
        shown = np.array([float(cell) for cell in table.locator("tbody td").all_text_contents()])
        assert np.array_equal(shown, np.round(block.spatial_mask.astype(float), 4).ravel())
    rows = page.locator(".prediction tbody tr")
    for place, best in enumerate(np.argsort(-values["probabilities"], kind="stable")[:5]):
        row = rows.nth(place).inner_text().split("\t")
        assert row[0].strip() == explanation.classes[best]
        assert row[1].strip() == f"{100 * float(values['probabilities'][best]):.1f}\xa0%"


def test_figure_shows_the_picture_that_the_viewer_shows(photo, classifier):
    """After it, the picture is another."""
    page, explanation = photo, explain(classifier, CAT)
    on_photo = save(page, "Figure")[1]
    look = Look(reading="relative")
    assert on_photo == as_png(explanation, original=decode(CAT).pixels, look=look)
    rerun(page, lambda: page.locator(".choice label", has_text="input").click())
    assert save(page, "Figure")[1] == as_png(explanation, look=look)


SIDE = 0.7 * 300
"""Of the square that the page begins with, in pixels of the photo, which is 451 wide and 300 high."""


@pytest.fixture(scope="module")
def frame(photo):
    """The frame around a square of the photo, which the tests move one after the other."""
    photo.get_by_text("Chosen square", exact=True).click()
    frame = photo.locator(".frame.movable")
    frame.wait_for()
    return frame


def test_a_hand_that_holds_the_frame_is_not_disturbed_by_a_late_answer(frame, classifier):
    page, top = frame.page, (300 - SIDE) / 2
    wait_for_prediction(page, explain(classifier, CAT, "square", square=((451 - SIDE) / 2, top, SIDE)))
    box = frame.bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] - 200, box["y"] + 20, steps=3)
    page.mouse.up()
    page.mouse.move(box["x"] - 10, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 300, box["y"] + 20, steps=3)
    # The answer to the first move comes while the second goes on.
    wait_for_prediction(page, explain(classifier, CAT, "square", square=(0.0, top, SIDE)))
    held = frame.bounding_box()
    page.mouse.up()
    wait_for_prediction(page, explain(classifier, CAT, "square", square=(451 - SIDE, top, SIDE)))
    assert frame.bounding_box() == held


def test_frame_on_a_photo_can_be_moved_by_keys_and_dragged_and_the_result_follows(frame, classifier):
    page, step = frame.page, 300 / 40
    left, top = 451 - SIDE, (300 - SIDE) / 2
    box = frame.bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 300, box["y"] + 20, steps=3)
    page.mouse.up()
    wait_for_prediction(page, explain(classifier, CAT, "square", square=(left, top, SIDE)))
    frame.focus()
    for presses in (1, 2):  # the second comes after the page has answered the first
        page.keyboard.press("ArrowLeft")
        square = (left - presses * step, top, SIDE)
        wait_for_prediction(page, explain(classifier, CAT, "square", square=square))
    assert frame.evaluate("frame => frame.getRootNode().activeElement === frame")
    box = frame.bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] - 200, box["y"] - 200, steps=3)  # far beyond the corner: held at the edge
    page.mouse.up()
    wait_for_prediction(page, explain(classifier, CAT, "square", square=(0.0, 0.0, SIDE)))


def test_pictures_pasted_anywhere_on_the_page_are_taken(open_inspect):
    page = open_inspect(permissions=["clipboard-read", "clipboard-write"])
    page.get_by_test_id("stButtonGroup").get_by_text("Upload", exact=True).click()
    page.get_by_test_id("stFileUploaderDropzone").wait_for()
    for colour in ("red", "blue"):
        page.evaluate(
            """async (colour) => {
              const canvas = new OffscreenCanvas(64, 64);
              const context = canvas.getContext("2d");
              context.fillStyle = colour;
              context.fillRect(0, 0, 64, 64);
              const file = await canvas.convertToBlob({ type: "image/png" });
              await navigator.clipboard.write([new ClipboardItem({ "image/png": file })]);
            }""",
            colour,
        )
        page.keyboard.press("Control+V")
        page.locator(".facts .caption", has_text="image.png").wait_for()
    page.get_by_test_id("stDataFrame").wait_for()
    rested(page)
    archive = zipfile.ZipFile(io.BytesIO(save(page, "Everything, 2 (?:images|pictures)")[1]))
    files = [archive.read(f"{folder}/values.npz") for folder in ("image.png", "image-2.png")]
    inputs = [np.load(io.BytesIO(file))["input_image"] for file in files]
    assert [image[0, 0].tolist() for image in inputs] == [[255, 0, 0], [0, 0, 255]]


def test_two_visitors_at_once_see_their_own_pictures(open_inspect, classifier):
    one, other = open_inspect(), open_inspect()
    upload(one, CAT)
    upload(other, ASTRONAUT)
    wait_for_prediction(one, explain(classifier, CAT))
    wait_for_prediction(other, explain(classifier, ASTRONAUT))
    for page, file in ((one, CAT), (other, ASTRONAUT)):
        rested(page)
        values = np.load(io.BytesIO(save(page, "Raw values")[1]))
        assert np.array_equal(values["input_image"], explain(classifier, file).input_image)
        assert file.name in page.locator(".prediction").inner_text()


def test_a_batch_can_be_cancelled_and_the_rest_be_had_later(open_inspect, tmp_path):
    page = open_inspect()
    photos = [tmp_path / f"{number}.png" for number in range(12)]
    for side, files in ((4000, photos[:6]), (40, photos[6:])):  # the first ones last until the button is there
        content = io.BytesIO()
        Image.new("RGB", (side, side), "teal").save(content, "PNG", compress_level=1)
        for number, file in enumerate(files):
            file.write_bytes(content.getvalue() + bytes([number]))  # what follows its end is none of the image
    clicked_once_shown(page, ".st-key-uploads-cancel button", lambda: upload(page, *photos))
    left_out = page.get_by_text(re.compile(r"^Images not opened: \d+\.$"))
    left_out.wait_for()
    assert 0 < int(re.search(r"\d+", left_out.inner_text())[0]) < 12
    page.locator(".prediction h2").wait_for()
    page.get_by_role("button", name="Open them too").click()
    left_out.wait_for(state="detached")
    page.get_by_test_id("stDataFrame").wait_for()


@pytest.fixture(scope="module")
def phone(tabs, site):
    """The page opened on a phone."""
    with visiting(tabs, site) as visit:
        page = visit(viewport=NARROW)
        page.wait_for_selector(PAINTED)
        yield rested(page)


def test_phone_stacks_the_blocks_and_nothing_sticks_out(phone):
    page = phone
    boxes = [box.bounding_box() for box in page.locator("canvas.overlay").all()]
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= 390 for box in boxes)
    assert boxes[0]["y"] < boxes[1]["y"] < boxes[2]["y"]
    strip, picture = page.locator(".tiles").bounding_box(), page.locator(".prediction .picture").bounding_box()
    assert picture["y"] - (strip["y"] + strip["height"]) <= 24
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("width", [390, 700, 1024])
def test_buttons_are_as_wide_as_their_words(phone, width):
    page = phone
    page.set_viewport_size({"width": width, "height": 768})
    rested(page)
    tools = page.locator("[class*=st-key-inspect-tools]").locator("visible=true")
    words = tools.get_by_test_id("stMarkdownContainer").get_by_text("Download").first
    assert words.evaluate("word => word.scrollWidth <= word.clientWidth")
