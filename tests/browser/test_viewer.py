"""The attention viewer in a real browser: the pixels it draws, what it says, how it is used."""

import base64
import re
from dataclasses import dataclass, replace

import numpy as np
import pytest
from skimage import data

from cbam_core.data.fitting import Frame
from cbam_core.gates.placement import Placement
from cbam_core.render.overlay import overlay, raw_mask
from cbam_core.viewer import WORDS, Settings, lay_out, source, standalone_html, styles

pytestmark = pytest.mark.browser

WIDE = {"width": 1100, "height": 900}
PAINTED = "[data-painted]:not([data-painted='0'])"


@dataclass(frozen=True)
class Block:
    name: str
    channel_weights: np.ndarray | None
    spatial_mask: np.ndarray | None
    placement: Placement | None


def block(name, cells, channels, low=0.1, high=0.9, side=32):
    """Plausible gates: random, and placed as plain pooling places them."""
    chance = np.random.default_rng(cells * 1000 + channels)
    mask = weights = None
    if cells:
        mask = chance.uniform(low, high, (cells, cells)).astype(np.float32)
    if channels:
        weights = chance.uniform(0.05, 0.95, channels).astype(np.float32)
    step = side / cells if cells else 1.0
    return Block(name, weights, mask, Placement(((step - 1) / 2,) * 2, (step, step)))


BLOCKS = (block("cbam1", 16, 32), block("cbam2", 8, 64, 0.31, 0.78), block("cbam3", 4, 128))
SMALL = np.random.default_rng(7).integers(0, 256, (32, 32, 3), np.uint8)
WHOLE = Frame((32, 32), (32, 32), (0.0, 0.0, 32.0, 32.0))
SAMPLE = lay_out(SMALL, WHOLE, BLOCKS)


DEFAULTS = Settings()


def photo(fit="crop", blocks=BLOCKS, settings=DEFAULTS):
    """A photo of 451x300 and what a network saw of it."""
    cat = data.chelsea()
    height, width = cat.shape[:2]
    side = {"crop": height, "pad": width}[fit]
    left, top = (width - side) / 2, (height - side) / 2
    frame = Frame((width, height), (32, 32), (left, top, left + side, top + side))
    return lay_out(SMALL, frame, blocks, original=cat, settings=settings)


@pytest.fixture
def open_page(chromium, tmp_path):
    """Opens payloads as stand-alone pages; at the end nothing may have complained or gone out."""
    contexts, trouble = [], []

    def open_one(payload, **how):
        context = chromium.new_context(**{"viewport": WIDE, **how})
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: trouble.append(message.text))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        file = tmp_path / f"page{len(contexts)}.html"
        page.on("request", lambda request: request.url == file.as_uri() or trouble.append(request.url))
        file.write_text(standalone_html(payload), encoding="utf-8")
        page.goto(file.as_uri())
        page.wait_for_selector(PAINTED)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert trouble == []


def repainted(page, act):
    """Do something that makes the viewer paint, and wait until it has."""
    before = page.locator(PAINTED).get_attribute("data-painted")
    act()
    page.wait_for_function("before => document.querySelector('[data-painted]').dataset.painted !== before", arg=before)


def pixels(canvas):
    """What is on a canvas, uint8 (H, W, 3)."""
    text, width, height = canvas.evaluate(
        """canvas => {
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          let text = "";
          for (let i = 0; i < data.length; i += 8192)
            text += String.fromCharCode(...data.subarray(i, i + 8192));
          return [btoa(text), canvas.width, canvas.height];
        }"""
    )
    values = np.frombuffer(base64.b64decode(text), np.uint8).reshape(height, width, 4)
    assert (values[..., 3] == 255).all()
    return values[..., :3]


def check_pixels(page, payload, **drawn):
    """Every overlay and every raw mask equals Python's, to the last bit."""
    settings = replace(payload.settings, **drawn)
    picture = next(picture for picture in payload.pictures if picture.id == settings.image)
    for index, given in enumerate(payload.blocks):
        found = pixels(page.locator("canvas.overlay").nth(index))
        zoom = found.shape[1] // picture.image.shape[1]
        expected = overlay(
            picture.image,
            given.mask,
            given.cells[picture.id],
            opacity=settings.opacity,
            colours=settings.colours,
            scale=settings.scale,
            smooth=settings.smooth,
            zoom=zoom,
            seen=picture.seen,
        )
        assert np.array_equal(found, expected)
        alone = pixels(page.locator(".rail canvas.raw").nth(index))
        assert np.array_equal(alone, raw_mask(given.mask, colours=settings.colours, scale=settings.scale))


def move_slider(page, percent):
    repainted(page, lambda: page.locator("input[type=range]").fill(str(percent)))


def choose(page, label, value):
    repainted(page, lambda: page.get_by_label(label, exact=True).select_option(value))


def press(page, text):
    repainted(page, lambda: page.locator(".choice label", has_text=text).click())


# Pixels


def test_pixels_equal_python_as_first_drawn(open_page):
    page = open_page(SAMPLE)
    assert pixels(page.locator("canvas.overlay").first).shape == (256, 256, 3)
    check_pixels(page, SAMPLE)


def test_pixels_equal_python_after_every_change_in_the_browser(open_page):
    page = open_page(SAMPLE)
    move_slider(page, 37)
    check_pixels(page, SAMPLE, opacity=0.37)
    choose(page, "Colours", "magma")
    check_pixels(page, SAMPLE, opacity=0.37, colours="magma")
    press(page, "smooth")
    check_pixels(page, SAMPLE, opacity=0.37, colours="magma", smooth=True)
    choose(page, "Scale", "stretch")
    check_pixels(page, SAMPLE, opacity=0.37, colours="magma", smooth=True, scale="stretch")
    press(page, "cells")
    choose(page, "Colours", "cividis")
    move_slider(page, 100)
    check_pixels(page, SAMPLE, opacity=1.0, colours="cividis", scale="stretch")


@pytest.mark.parametrize("fit", ["crop", "pad"])
def test_pixels_equal_python_on_the_original(open_page, fit):
    payload = photo(fit)
    page = open_page(payload)
    check_pixels(page, payload, image="input")
    press(page, "original")
    page.wait_for_function("() => document.querySelector('canvas.overlay').width === 451")
    check_pixels(page, payload, image="original")
    press(page, "smooth")
    move_slider(page, 83)
    check_pixels(page, payload, image="original", smooth=True, opacity=0.83)


@pytest.mark.parametrize(("ratio", "width"), [(2, 512), (1.5, 384), (1.25, 320)])
def test_square_pixels_stay_whole_on_every_screen(open_page, ratio, width):
    page = open_page(SAMPLE, device_scale_factor=ratio)
    canvas = page.locator("canvas.overlay").first
    assert canvas.evaluate("canvas => canvas.width") == width
    assert canvas.bounding_box()["width"] * ratio == pytest.approx(width, abs=0.01)
    check_pixels(page, SAMPLE)


def test_values_that_are_no_gates_are_drawn_as_python_draws_them(open_page):
    odd = np.array([[np.nan, -0.5, 1.5, 0.25], [np.inf, 0.5, 0.75, 1.0]], np.float32)
    strange = Block("odd", np.float32([-0.5, 2.0]), odd, Placement((7.5, 3.5), (16.0, 8.0)))
    payload = lay_out(SMALL, WHOLE, [strange])
    page = open_page(payload)
    check_pixels(page, payload)
    press(page, "smooth")
    check_pixels(page, payload, smooth=True)


def test_a_constant_mask_is_drawn_as_python_draws_it(open_page):
    same = Block("same", None, np.full((4, 4), 0.3, np.float32), Placement((3.5, 3.5), (8.0, 8.0)))
    payload = lay_out(SMALL, WHOLE, [same], settings=Settings(scale="stretch"))
    check_pixels(open_page(payload), payload)


def test_a_network_of_large_input_is_drawn_pixel_by_pixel(open_page):
    image = data.chelsea()[:224, :224]
    payload = lay_out(image, Frame((224, 224), (224, 224), (0.0, 0.0, 224.0, 224.0)), [block("b", 14, 16, side=224)])
    page = open_page(payload)
    assert page.locator("canvas.overlay").evaluate("canvas => canvas.width") == 224
    check_pixels(page, payload)


# Cross-hair


def texts(page, selector):
    return [element.inner_text() for element in page.locator(selector).all()]


def values_at(payload, x, y, picture="input"):
    """Each block's own value in the cell nearest to a point, as text."""
    found = []
    for given in payload.blocks:
        cells = given.cells[picture]
        height, width = given.mask.shape
        column = min(max(int(np.floor((x - cells.x0) / cells.dx + 0.5)), 0), width - 1)
        row = min(max(int(np.floor((y - cells.y0) / cells.dy + 0.5)), 0), height - 1)
        found.append(f"here {given.mask[row, column]:.2f}")
    return found


def test_hovering_one_overlay_reads_the_same_place_in_all(open_page):
    page = open_page(SAMPLE)
    page.locator("canvas.overlay").nth(1).hover(position={"x": 204, "y": 44})
    assert texts(page, ".here") == values_at(SAMPLE, 25.5, 5.5)
    lines = [box.bounding_box() for box in page.locator(".down").all()]
    canvases = [box.bounding_box() for box in page.locator("canvas.overlay").all()]
    for line, canvas in zip(lines, canvases, strict=True):
        assert line["x"] - canvas["x"] == pytest.approx(204, abs=1)
    page.mouse.move(5, 5)
    assert texts(page, ".here") == ["", "", ""]
    assert not page.locator(".marks").first.is_visible()


def test_value_is_the_cells_own_even_where_the_drawing_is_smooth(open_page):
    page = open_page(replace(SAMPLE, settings=Settings(smooth=True)))
    page.locator("canvas.overlay").nth(2).hover(position={"x": 10, "y": 250})
    assert texts(page, ".here") == values_at(SAMPLE, 1.25, 31.25)


def test_what_was_cropped_away_has_no_value(open_page):
    page = open_page(photo(settings=Settings(image="original")))
    canvas = page.locator("canvas.overlay").first
    canvas.hover(position={"x": 5, "y": 60})
    assert texts(page, ".here") == ["not seen by the network"] * 3
    canvas.hover(position={"x": 128, "y": 60})
    assert all(re.fullmatch(r"here 0\.\d\d", text) for text in texts(page, ".here"))


def test_a_finger_sets_the_cross_hair_and_it_stays(open_page):
    page = open_page(SAMPLE, has_touch=True)
    box = page.locator("canvas.overlay").first.bounding_box()
    page.touchscreen.tap(box["x"] + 100, box["y"] + 60)
    assert texts(page, ".here") == values_at(SAMPLE, 12.5, 7.5)


def test_arrow_keys_move_cell_by_cell_and_escape_clears(open_page):
    page = open_page(SAMPLE)
    canvas = page.locator("canvas.overlay").nth(2)
    canvas.focus()
    mask = SAMPLE.blocks[2].mask
    page.keyboard.press("ArrowRight")  # the first key begins in the middle
    for key, (row, column) in (("ArrowRight", (1, 2)), ("ArrowDown", (2, 2)), ("ArrowLeft", (2, 1))):
        page.keyboard.press(key)
        assert texts(page, ".here")[2] == f"here {mask[row, column]:.2f}"
        spoken = page.locator("[aria-live]").text_content()
        assert spoken == f"cbam3, row {row}, column {column}: {mask[row, column]:.2f}"
    for _ in range(6):
        page.keyboard.press("ArrowUp")
    assert texts(page, ".here")[2] == f"here {mask[0, 1]:.2f}"
    page.keyboard.press("Escape")
    assert texts(page, ".here") == ["", "", ""]


def test_cells_that_padding_put_outside_the_photo_are_not_entered(open_page):
    payload = photo("pad", settings=Settings(image="original"))
    page = open_page(payload)
    page.locator("canvas.overlay").first.focus()
    for _ in range(20):
        page.keyboard.press("ArrowUp")
    row = int(re.search(r"row (\d+)", page.locator("[aria-live]").text_content())[1])
    assert row == 2  # 75.5 of 451 pixels above the photo are padding: rows 0 and 1 of 16 lie outside
    assert "not seen" not in "".join(texts(page, ".here"))


def test_cross_hair_stays_on_its_place_when_the_picture_changes(open_page):
    page = open_page(photo())
    page.locator("canvas.overlay").first.focus()
    page.keyboard.press("ArrowRight")
    before = texts(page, ".here")
    page.evaluate("document.activeElement.blur = () => {}")
    repainted(page, lambda: page.locator("input[value=original]").evaluate("radio => radio.click()"))
    assert texts(page, ".here") == before


# Channel weights


def test_keys_move_over_the_bars(open_page):
    page = open_page(SAMPLE)
    page.locator("canvas.bars").first.focus()
    weights = SAMPLE.blocks[0].weights
    keys = {"Home": 0, "ArrowRight": 1, "End": 31, "ArrowLeft": 30}
    page.keyboard.press("ArrowRight")
    assert texts(page, ".channel")[0] == f"channel 0: {weights[0]:.2f}"
    for key, channel in keys.items():
        page.keyboard.press(key)
        assert texts(page, ".channel")[0] == f"channel {channel}: {weights[channel]:.2f}"
    assert page.locator("[aria-live]").text_content() == f"cbam1, channel 30: {weights[30]:.2f}"
    page.keyboard.press("Escape")
    assert texts(page, ".channel")[0] == ""


def test_sorting_puts_the_greatest_weight_first_in_every_block(open_page):
    page = open_page(SAMPLE)
    repainted(page, lambda: page.locator("select.plain").nth(1).select_option("sorted"))
    for index, given in enumerate(SAMPLE.blocks):
        page.locator("canvas.bars").nth(index).focus()
        page.keyboard.press("Home")
        best = int(given.weights.argmax())
        assert texts(page, ".channel")[index] == f"channel {best}: {given.weights[best]:.2f}"
        page.keyboard.press("End")
        least = int(given.weights.argmin())
        assert texts(page, ".channel")[index] == f"channel {least}: {given.weights[least]:.2f}"


def test_hovering_a_bar_names_channel_and_weight(open_page):
    page = open_page(SAMPLE)
    bars = page.locator("canvas.bars").nth(1)
    width = bars.bounding_box()["width"] - 22
    bars.hover(position={"x": 22 + width * 40.5 / 64, "y": 30})
    assert texts(page, ".channel")[1] == f"channel 40: {SAMPLE.blocks[1].weights[40]:.2f}"
    bars.hover(position={"x": 3, "y": 30})
    assert texts(page, ".channel")[1] == ""


def test_range_of_the_weights_stands_beside_them_until_a_channel_is_asked_for(open_page):
    even = Block("even", np.full(64, 0.5, np.float32), None, None)
    page = open_page(lay_out(SMALL, WHOLE, [BLOCKS[0], even]))
    weights = BLOCKS[0].channel_weights
    assert page.locator(".spread").all_inner_texts() == [
        f"{weights.min():.2f} to {weights.max():.2f}",
        f"0.50 to 0.50 · {WORDS['flat']}",
    ]
    page.locator("canvas.bars").last.hover()
    assert page.locator(".spread").last.is_hidden()
    assert page.locator(".spread").first.is_visible()


def test_bars_are_as_high_as_their_weights(open_page):
    weights = np.float32([0.0, 0.25, 0.5, 1.0])
    page = open_page(lay_out(SMALL, WHOLE, [Block("b", weights, None, None)]))
    heights = page.locator("canvas.bars").evaluate(
        """canvas => {
          const context = canvas.getContext("2d");
          const plot = canvas.width - 22;
          return [0, 1, 2, 3].map((i) => {
            const x = Math.round(22 + (plot * (i + 0.5)) / 4);
            const column = context.getImageData(x, 0, 1, canvas.height).data;
            let bar = 0;
            for (let y = 0; y < canvas.height; y += 1) if (column[4 * y + 2] - column[4 * y] > 60) bar += 1;
            return bar;
          });
        }"""
    )
    assert heights == pytest.approx([1, 18, 36, 72], abs=1.5)


# Numbers and words


def tables(page):
    page.wait_for_selector(".numbers:has(table)", state="attached")
    page.wait_for_function("() => document.querySelector('.numbers:not(:has(table))') === null")
    return page.evaluate(
        """[...document.querySelectorAll(".numbers table")].map((table) => ({
          caption: table.caption.textContent,
          rows: [...table.tBodies[0].rows].map((row) => [...row.cells].map((cell) => cell.textContent)),
        }))"""
    )


def test_tables_hold_every_number_rounded_to_four_decimals(open_page):
    found = tables(open_page(SAMPLE))
    assert len(found) == 6
    for index, given in enumerate(SAMPLE.blocks):
        mask, weights = found[2 * index : 2 * index + 2]
        assert mask["caption"] == f"{given.name}: spatial mask, rounded to 4 decimals"
        assert [row[1:] for row in mask["rows"]] == [[f"{v:.4f}" for v in row] for row in given.mask]
        assert weights["rows"] == [[str(i), f"{v:.4f}"] for i, v in enumerate(given.weights)]


def test_tables_take_no_room(open_page):
    page = open_page(SAMPLE)
    tables(page)
    box = page.locator(".numbers").first.bounding_box()
    assert (box["width"], box["height"]) == (1, 1)


def test_every_canvas_with_a_role_has_a_name(open_page):
    page = open_page(SAMPLE)
    names = page.evaluate("[...document.querySelectorAll('canvas[role]')].map((c) => c.ariaLabel)")
    assert len(names) == 10
    assert all(names)
    low, high = SAMPLE.blocks[0].mask.min(), SAMPLE.blocks[0].mask.max()
    assert names[1].startswith(f"cbam1: spatial mask over the input, 16 rows by 16 columns, {low:.2f} to {high:.2f}.")


def test_range_is_the_masks_own(open_page):
    page = open_page(SAMPLE)
    expected = [f"{given.mask.min():.2f} to {given.mask.max():.2f}" for given in SAMPLE.blocks]
    assert texts(page, ".range") == expected
    assert texts(page, ".ruler .top") == ["1"] * 3
    choose(page, "Scale", "stretch")
    assert texts(page, ".range") == expected
    assert texts(page, ".ruler .top") == [f"{given.mask.max():.2f}" for given in SAMPLE.blocks]
    assert texts(page, ".ruler .bottom") == [f"{given.mask.min():.2f}" for given in SAMPLE.blocks]
    assert texts(page, ".colour-bar span") == ["lowest", "highest"]


def test_a_flat_mask_is_flagged_with_its_true_range(open_page):
    flat = block("flat", 8, 16, 0.49, 0.51)
    page = open_page(lay_out(SMALL, WHOLE, [BLOCKS[0], flat]))
    flags = page.locator(".flat")
    assert not flags.nth(0).is_visible()
    assert flags.nth(1).inner_text() == "nearly flat"
    assert texts(page, ".range")[1] == f"{flat.spatial_mask.min():.4f} to {flat.spatial_mask.max():.4f}"
    choose(page, "Scale", "stretch")
    assert flags.nth(1).inner_text() == "flat, exaggerated"


def test_missing_gates_are_said(open_page):
    se, spatial = block("se", 0, 16), block("sa", 8, 0)
    lost = replace(block("lost", 8, 16), placement=None)
    page = open_page(lay_out(SMALL, WHOLE, [se, spatial, lost]))
    assert texts(page, ".note") == [
        "no spatial mask in this block",
        "",
        "where this mask lies on the picture is not known",
    ]
    assert texts(page, ".caption")[1] == "no channel weights in this block"
    assert np.array_equal(pixels(page.locator("canvas.overlay").first)[::8, ::8], SMALL)


def test_all_words_come_from_the_payload(open_page):
    words = {key: "§" + "".join(re.findall(r"\{\w+\}", text)) for key, text in WORDS.items()}
    blocks = [block("B", 8, 16, 0.49, 0.51), block("B", 0, 16), block("B", 8, 0)]
    page = open_page(replace(photo(blocks=blocks), words=words))
    tables(page)
    page.locator("canvas.bars").first.focus()
    page.keyboard.press("ArrowRight")
    page.locator("canvas.overlay").first.focus()
    page.keyboard.press("ArrowRight")
    found = page.evaluate(
        """[...document.querySelectorAll(".cbam-viewer, .cbam-viewer *")].flatMap((element) => [
          ...[...element.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data),
          element.title, element.ariaLabel ?? "",
        ])"""
    )
    said = set("".join(found))
    assert "§" in said
    assert said <= set("§B0123456789.,: ·×")


# Many blocks


def many(count=8):
    return lay_out(SMALL, WHOLE, [block(f"block{i}", 8, 8 + i) for i in range(count)])


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


@pytest.fixture
def mounted(chromium):
    """A page that mounts the viewer itself, in a shadow root, as a host does."""
    context = chromium.new_context(viewport=WIDE)
    page = context.new_page()
    page.complaints = []
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.set_content("<div id=host></div>")
    page.evaluate(
        """([script, style]) => new Promise((done) => {
          window.heard = [];
          const root = document.querySelector("#host").attachShadow({ mode: "open" });
          const sheet = document.createElement("style");
          sheet.textContent = style;
          root.append(sheet);
          window.ready = (mount) => {
            window.show = (payload) => {
              window.viewer = mount(root, payload, (name, detail) => window.heard.push([name, detail]));
            };
            done();
          };
          const module = document.createElement("script");
          module.type = "module";
          module.textContent = script + "\\nwindow.ready(mount);";
          document.head.append(module);
        })""",
        [source(), styles()],
    )
    show(page, SAMPLE)
    yield page
    context.close()
    assert page.complaints == []


VIEWER = "document.querySelector('#host').shadowRoot.querySelector('.cbam-viewer')"


def show(page, payload):
    before = page.evaluate(f"{VIEWER}?.dataset.painted ?? '0'")
    page.evaluate("payload => window.show(payload)", payload.as_dict())
    page.wait_for_function(f"before => {VIEWER}.dataset.painted !== before", arg=before)


def test_settings_are_told_once_the_reader_has_settled(mounted):
    slider = mounted.locator("input[type=range]")
    for percent in (10, 20, 30, 42):
        slider.fill(str(percent))
    assert mounted.evaluate("heard") == []
    mounted.wait_for_function("heard.length > 0", timeout=3000)
    mounted.wait_for_timeout(500)
    expected = Settings(opacity=0.42).as_dict()
    assert mounted.evaluate("heard") == [["settings", expected]]


def test_settings_that_are_set_back_are_not_told(mounted):
    slider = mounted.locator("input[type=range]")
    slider.fill("10")
    slider.fill("50")
    mounted.wait_for_timeout(600)
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
    mounted.wait_for_function("heard.length > 0")
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
    mounted.locator("input[type=range]").fill("42")
    show(mounted, photo(settings=Settings(image="original")))
    assert mounted.locator("canvas.overlay").first.evaluate("canvas => canvas.width") == 451
    assert mounted.locator("input[type=range]").input_value() == "42"
    mounted.wait_for_function("heard.length > 0")
    assert mounted.evaluate("heard.at(-1)") == ["settings", Settings(opacity=0.42, image="original").as_dict()]


def test_a_picture_that_is_gone_falls_back_without_changing_the_settings(mounted):
    show(mounted, photo(settings=Settings(image="original")))
    show(mounted, replace(SAMPLE, settings=Settings(image="original")))
    check_pixels(mounted, SAMPLE)
    mounted.wait_for_timeout(500)
    assert mounted.evaluate("heard") == []
    show(mounted, photo(settings=Settings(image="original")))
    assert mounted.locator("canvas.overlay").first.evaluate("canvas => canvas.width") == 451


def test_fewer_and_more_blocks_replace_the_panels(mounted):
    show(mounted, many(8))
    assert mounted.locator(".block").count() == 3
    show(mounted, many(1))
    check_pixels(mounted, many(1))
    assert mounted.locator(".block").count() == 1


def test_destroying_leaves_nothing(mounted):
    mounted.evaluate("viewer.destroy()")
    assert mounted.locator(".cbam-viewer").count() == 0
    mounted.evaluate("payload => window.show(payload)", SAMPLE.as_dict())
    mounted.wait_for_selector(PAINTED)
    assert mounted.locator(".cbam-viewer").count() == 1


# Look


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
