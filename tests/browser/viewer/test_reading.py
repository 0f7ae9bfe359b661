"""The viewer is read: by pointer, finger and keys, in numbers and in words."""

import re
from dataclasses import replace

import numpy as np
import pytest

from cbam_core.results.placement import Placement
from cbam_core.viewer import WORDS, Settings, lay_out
from tests.browser.canvas import pixels, repainted
from tests.browser.viewer.page import choose, move_slider, press, texts
from tests.browser.viewer.payloads import BLOCKS, SAMPLE, SMALL, WHOLE, block, gated, photo

pytestmark = pytest.mark.browser


# Cross-hair


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


def test_hovering_one_overlay_reads_the_same_place_in_all(read):
    page = read
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


def test_a_second_finger_tap_on_another_block_sets_it_there(open_page):
    page = open_page(SAMPLE, has_touch=True)
    for index in (0, 1):
        box = page.locator("canvas.overlay").nth(index).bounding_box()
        page.touchscreen.tap(box["x"] + 100, box["y"] + 60 + 80 * index)
    assert texts(page, ".here") == values_at(SAMPLE, 12.5, 17.5)


def test_keys_that_the_browser_has_a_meaning_for_are_left_to_it(read):
    page = read
    for part in ("canvas.overlay", "canvas.bars"):
        page.locator(part).first.focus()
        page.keyboard.press("Alt+ArrowUp")
        page.keyboard.press("Control+End")
    assert texts(page, ".here") == ["", "", ""]
    assert texts(page, ".channel") == ["", "", ""]


def test_arrow_keys_move_cell_by_cell_and_escape_clears(read):
    page = read
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


def test_keys_move_over_the_bars(read):
    page = read
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


def test_hovering_a_bar_names_channel_and_weight(read):
    page = read
    bars = page.locator("canvas.bars").nth(1)
    width = bars.bounding_box()["width"] - 22
    bars.hover(position={"x": 22 + width * 40.5 / 64, "y": 30})
    assert texts(page, ".channel")[1] == f"channel 40: {SAMPLE.blocks[1].weights[40]:.2f}"
    bars.hover(position={"x": 3, "y": 30})
    assert texts(page, ".channel")[1] == ""


def test_range_of_the_weights_stands_beside_them_until_a_channel_is_asked_for(open_page):
    even = gated("even", np.full(64, 0.5, np.float32), None, None)
    page = open_page(lay_out(SMALL, WHOLE, [BLOCKS[0], even]))
    weights = BLOCKS[0].channel_weights
    assert page.locator(".spread").all_inner_texts() == [
        f"{weights.min():.2f} to {weights.max():.2f}",
        f"0.50 to 0.50 · {WORDS['flat']}",
    ]
    page.locator("canvas.bars").last.hover()
    assert page.locator(".spread").last.is_hidden()
    assert page.locator(".spread").first.is_visible()


def test_bars_of_more_channels_than_columns_reach_from_nought_to_their_weights(open_page):
    weights = np.float32([-0.8] * 1000 + [0.6] * 1000)
    page = open_page(lay_out(SMALL, WHOLE, [gated("b", weights, None, None)]))
    filled = page.locator("canvas.bars").evaluate(
        """canvas => [0.25, 0.75].map((share) => {
          const x = Math.round(22 + (canvas.width - 22) * share);
          const column = canvas.getContext("2d").getImageData(x, 0, 1, canvas.height).data;
          return [...Array(canvas.height).keys()].filter((y) => column[4 * y + 2] - column[4 * y] > 60);
        })"""
    )
    # The axis goes from -0.8 to 1 over 72 pixels: nought lies 40 below its top.
    ends = [row - 6 for rows in filled for row in (rows[0], rows[-1])]
    assert ends == pytest.approx([40, 71, 16, 39], abs=1)


def test_bars_are_as_high_as_their_weights(open_page):
    weights = np.float32([0.0, 0.25, 0.5, 1.0])
    page = open_page(lay_out(SMALL, WHOLE, [gated("b", weights, None, None)]))
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


def test_tables_hold_every_number_rounded_to_four_decimals(read):
    found = tables(read)
    assert len(found) == 6
    for index, given in enumerate(SAMPLE.blocks):
        mask, weights = found[2 * index : 2 * index + 2]
        assert mask["caption"] == f"{given.name}: spatial mask, rounded to 4 decimals"
        assert [row[1:] for row in mask["rows"]] == [[f"{v:.4f}" for v in row] for row in given.mask]
        assert weights["rows"] == [[str(i), f"{v:.4f}"] for i, v in enumerate(given.weights)]


def test_tables_take_no_room(read):
    page = read
    tables(page)
    box = page.locator(".numbers").first.bounding_box()
    assert (box["width"], box["height"]) == (1, 1)


def test_every_canvas_with_a_role_has_a_name(read):
    page = read
    names = page.evaluate("[...document.querySelectorAll('canvas[role]')].map((c) => c.ariaLabel)")
    assert len(names) == 10
    assert all(names)
    low, high = SAMPLE.blocks[0].mask.min(), SAMPLE.blocks[0].mask.max()
    assert names[1].startswith(f"cbam1: spatial mask over the input, 16 rows by 16 columns, {low:.2f} to {high:.2f}.")


def test_the_slider_says_its_value_once(open_page):
    page = open_page(SAMPLE)
    slider = page.get_by_role("slider", name="Opacity", exact=True)
    assert slider.get_attribute("aria-valuetext") == "50\xa0%"
    move_slider(page, 20)
    assert slider.get_attribute("aria-valuetext") == "20\xa0%"
    assert page.locator("output").count() == 0


def test_range_is_the_masks_own(open_page):
    page = open_page(SAMPLE)
    expected = [f"{given.mask.min():.2f} to {given.mask.max():.2f}" for given in SAMPLE.blocks]
    assert texts(page, ".range") == expected
    choose(page, "Scale", "stretch")
    assert texts(page, ".range") == expected
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


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(0.96, 1.0, "switched through"), (0.10, 0.14, ""), (0.90, 0.95, "nearly flat"), (0.8, 1.0, "")],
)
def test_flat_is_said_by_the_range_as_a_share_of_the_mean(open_page, low, high, said):
    page = open_page(lay_out(SMALL, WHOLE, [block("mask", 8, 16, low, high)]))
    assert "".join(texts(page, ".flat:visible")) == said
    press(page, "relative")
    assert "".join(texts(page, ".flat:visible")) == said


def test_missing_gates_are_said(open_page):
    se, spatial = block("se", 0, 16), block("sa", 8, 0)
    lost = replace(block("lost", 8, 16), placement=None)
    page = open_page(lay_out(SMALL, WHOLE, [se, spatial, lost]))
    assert texts(page, ".note") == [
        "no spatial mask in this block",
        "",
        "the position of this mask on the image is not known",
    ]
    assert texts(page, ".caption")[1] == "no channel weights in this block"
    assert np.array_equal(pixels(page.locator("canvas.overlay").first)[::8, ::8], SMALL)


def test_a_place_that_is_not_exact_is_said_and_the_mask_is_drawn(open_page):
    exact, near, lost = block("exact", 8, 0), block("near", 8, 0), block("lost", 8, 0)
    near = replace(near, placement=replace(near.placement, status="approximate", bound=2.5))
    lost = replace(lost, placement=Placement.stretched((8, 8), (32, 32)))
    page = open_page(lay_out(SMALL, WHOLE, [exact, near, lost]))
    assert texts(page, ".placed:visible") == ["within ±2.5 px", "place unknown: stretched"]
    hints = [page.locator(".placed").nth(place).get_attribute("title") for place in (1, 2)]
    assert "up to 2.5 pixels" in hints[0]
    assert "stretched over the network's whole input" in hints[1]
    assert texts(page, ".note") == ["", "", ""]
    assert not np.array_equal(pixels(page.locator("canvas.overlay").last)[::8, ::8], SMALL)


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
