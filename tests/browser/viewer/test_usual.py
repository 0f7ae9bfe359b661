"""What is usual for a network, beside what its gates did with this image."""

import re
from dataclasses import asdict, replace

import numpy as np
import pytest

from cbam_core.render.overlay import raw_mask
from cbam_core.results.look import Look
from cbam_core.results.usual import Shares
from cbam_core.viewer import lay_out
from tests.browser.canvas import pixels, repainted
from tests.browser.viewer.page import press, texts
from tests.browser.viewer.payloads import BLOCKS, KNOWN, SAMPLE, SMALL, WHOLE, block, with_usual

pytestmark = pytest.mark.browser

MASKS = [one.block.gate("spatial") for one in KNOWN.blocks]
WEIGHTS = [one.block.gate("channel") for one in KNOWN.blocks]


def test_without_usual_values_there_is_nothing_of_them_and_the_reading_says_why(open_page):
    page = open_page(SAMPLE)
    reading = page.get_by_role("radio", name="against usual")
    assert reading.is_disabled()
    assert "cbam usual" in page.locator(".choice label", has_text="against usual").get_attribute("title")
    assert not page.locator(".rail figure").nth(1).is_visible()
    assert texts(page, ".gain") == [""] * 3
    assert page.locator(".habit:visible").count() == 0
    assert page.locator("option[value=unusual]:not([hidden])").count() == 0


def test_each_gate_has_its_sentence_its_strength_and_its_reference_set(open_page):
    page = open_page(KNOWN)
    assert texts(page, ".gain") == [f"×{gate.gain:.2f} of usual" for gate in MASKS]
    habits = texts(page, ".habit")
    assert habits[::2] == ["usually follows the image: where"] * 3
    assert habits[1::2] == [
        f"usually follows the image: which channels · ×{gate.gain:.2f} of usual" for gate in WEIGHTS
    ]
    title = page.locator(".habit").first.get_attribute("title")
    shares = {part: f"{100 * share:.0f}" for part, share in asdict(MASKS[0].usual.shares).items()}
    assert title.splitlines() == [
        f"Of what varies, {shares['fixed']}\xa0% is one fixed pattern, {shares['gain']}\xa0% one number an image, "
        f"{shares['pattern']}\xa0% follows the image.",
        "Usual: the mean over 123 images (CIFAR-10, training images)",
    ]


def test_pictures_of_four_blocks_stand_side_by_side_however_long_their_sentences_are(open_page):
    mixed, mostly_fixed = Shares(0.4, 0.3, 0.3), Shares(0.64, 0.03, 0.33)
    four = [with_usual(block(f"layer{n}.0.cbam", 8, 16), mixed if n < 4 else mostly_fixed) for n in (1, 2, 3, 4)]
    page = open_page(lay_out(SMALL, WHOLE, four), viewport={"width": 1040, "height": 900})
    assert page.locator(".block").count() == 4
    assert texts(page, ".habit")[4:7:2] == ["usually mixed", "usually mostly the same for every image (64\xa0% fixed)"]
    tops = page.locator(".stage").evaluate_all("all => all.map(one => one.getBoundingClientRect().top)")
    assert len(set(tops)) == 1, tops


def test_on_a_narrow_page_no_number_is_cut(open_page):
    page = open_page(KNOWN, viewport={"width": 790, "height": 900})
    across = page.locator(".block").evaluate_all("blocks => blocks.map(block => block.offsetTop)")
    assert len(set(across)) == 1, "the three blocks stand side by side"
    for reading in ("as they are", "relative", "against usual"):
        press(page, reading) if reading != "as they are" else None
        said = page.locator(".spread, .habit")
        assert said.count() == 3 * 3
        cut = said.evaluate_all("all => all.filter(one => one.scrollWidth > one.clientWidth).length")
        assert cut == 0, reading
        heads = page.locator(".bars-head")
        assert heads.count() == 3
        assert heads.evaluate_all("all => all.every(one => one.scrollWidth <= one.clientWidth)"), reading


def test_the_usual_mask_stands_beside_the_mask_on_the_same_scale(open_page):
    page = open_page(KNOWN)
    usual = page.locator(".rail figure:nth-child(2) canvas")
    for text, look in (("as they are", Look()), ("relative", Look(reading="relative"))):
        press(page, "relative") if text == "relative" else None
        for place, gate in enumerate(MASKS):
            mean = gate.usual.mean
            shown = mean if look.reading == "values" else (mean / mean.mean(dtype=np.float64)).astype(np.float32)
            assert np.array_equal(pixels(usual.nth(place)), raw_mask(shown, look))


@pytest.mark.parametrize(
    ("text", "sign", "ends"), [("relative", "×", ["×0", "≥ ×2"]), ("against usual", "", ["≤ −1", "≥ +1"])]
)
def test_a_reading_changes_ranges_and_legend(open_page, text, sign, ends):
    page = open_page(KNOWN)
    press(page, text)
    assert texts(page, ".colour-bar span") == ends
    assert page.get_by_label("Colours", exact=True).is_hidden()
    assert page.get_by_label("Scale", exact=True).is_hidden()
    assert "a scale of its own" in page.locator(".colour-bar").get_attribute("title")
    for said, gate in zip(texts(page, ".range"), MASKS, strict=True):
        read = gate.relative if sign else gate.against_usual
        low, high = (float(re.sub("[×+]", "", part).replace("−", "-")) for part in said.split(" to "))
        assert (low, high) == (pytest.approx(read.min(), abs=0.006), pytest.approx(read.max(), abs=0.006))
        assert all(part.startswith(sign or ("+", "−")) for part in said.split(" to "))


def test_a_channel_says_its_own_weight_and_the_usual_one(open_page):
    page = open_page(KNOWN)
    page.locator("canvas.bars").first.focus()
    page.keyboard.press("ArrowRight")
    gate = WEIGHTS[0]
    expected = f"channel 0: {gate.values[0]:.2f}, usually {gate.usual.mean[0]:.2f}"
    assert page.locator(".channel").first.inner_text() == expected


def test_channels_can_be_sorted_by_their_difference_from_usual(open_page):
    page = open_page(KNOWN)
    repainted(page, lambda: page.get_by_label("Order of the channels").first.select_option("above usual first"))
    page.locator("canvas.bars").first.focus()
    page.keyboard.press("ArrowRight")
    most = int(WEIGHTS[0].against_usual.argmax())
    assert page.locator(".channel").first.inner_text().startswith(f"channel {most}: ")


def test_of_many_blocks_those_that_follow_the_image_are_opened_first(open_page):
    fixed, follows = Shares(0.9, 0.05, 0.05), Shares(0.1, 0.1, 0.8)
    blocks = [with_usual(block(f"b{i}", 8, 8 + i), follows if i in (1, 4, 6) else fixed) for i in range(8)]
    page = open_page(lay_out(SMALL, WHOLE, blocks))
    assert texts(page, ".block .title b") == ["b1", "b4", "b6"]


def test_a_gate_whose_mean_is_not_above_zero_has_no_relative_reading(open_page):
    nothing = replace(BLOCKS[0], gates=tuple(replace(gate, values=0 * gate.values) for gate in BLOCKS[0].gates))
    page = open_page(lay_out(SMALL, WHOLE, [nothing]))
    press(page, "relative")
    assert texts(page, ".note") == ["this gate has no such reading: the mean of its values is not above 0"]
    assert np.array_equal(pixels(page.locator("canvas.overlay").first)[::8, ::8], SMALL)


@pytest.mark.parametrize(
    ("odd", "said"),
    [(np.nan, "its values are not finite, but NaN or infinity"), (-0.5, "the mean of its values is not above 0")],
)
def test_a_gate_without_a_shape_says_why_and_not_that_the_usual_is_unknown(open_page, odd, said):
    gates = [replace(gate, values=np.full_like(gate.values, odd)) for gate in BLOCKS[0].gates]
    page = open_page(lay_out(SMALL, WHOLE, [replace(BLOCKS[0], gates=tuple(gates)), BLOCKS[1]]))
    press(page, "relative")
    assert texts(page, ".note") == [f"this gate has no such reading: {said}", ""]
    assert texts(page, ".caption") == [f"this gate has no such reading: {said}", "Channel weights"]
    press(page, "as they are")
    assert texts(page, ".note") == ["", ""]
    assert texts(page, ".caption") == ["Channel weights"] * 2
