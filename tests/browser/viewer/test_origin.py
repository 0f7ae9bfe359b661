"""How a gate came about: requested by a button, drawn from the host's answer, and read at the cross-hair."""

from dataclasses import replace

import numpy as np
import pytest

from cbam_core.render.diverging import DIVERGING
from cbam_core.results.gate_trace import GateTrace, MovedChannel
from cbam_core.viewer import Settings
from cbam_core.viewer.origin import origin_as_dict
from tests.browser.canvas import pixels
from tests.browser.viewer.page import show, texts
from tests.browser.viewer.payloads import SAMPLE

pytestmark = pytest.mark.browser

SIDE = 16
CHANCE = np.random.default_rng(5)
AVERAGE, MAXIMUM = CHANCE.normal(0, 0.5, (2, SIDE, SIDE))
SUM = (AVERAGE + MAXIMUM).astype(np.float32)
BEFORE = CHANCE.uniform(0, 3, (SIDE, SIDE)).astype(np.float32)
MASK = (1 / (1 + np.exp(-SUM))).astype(np.float32)
TRACE = GateTrace(
    gate="cbam1.spatial",
    block="cbam1",
    kind="spatial",
    values=MASK,
    unsquashed=SUM,
    squash="sigmoid",
    average=AVERAGE,
    maximum=MAXIMUM,
    bias=0.0,
    winners=np.where(np.arange(SIDE * SIDE).reshape(SIDE, SIDE) < 40, 7, -1),
    padding_share=np.full((SIDE, SIDE), 0.25),
    map_shape=(32, SIDE, SIDE),
    shares=None,
    channels=(MovedChannel(7, 0.25, 0.125, BEFORE, BEFORE * MASK),),
    placement=None,
    why=None,
)
ASKED = replace(SAMPLE, origins=True)
OPEN = replace(ASKED, settings=Settings(origin=("cbam1", "spatial")))
ANSWERED = replace(OPEN, origin=origin_as_dict(TRACE))


def told(page):
    page.wait_for_function("() => heard.length")
    return page.evaluate("heard.at(-1)[1].origin")


def test_the_button_of_a_block_asks_for_its_mask_and_closes_it_again(mounted):
    show(mounted, ASKED)
    button = mounted.get_by_role("button", name="cbam2: How it came about")
    button.focus()
    mounted.keyboard.press("Enter")
    assert told(mounted) == ["cbam2", "spatial"]
    assert button.get_attribute("aria-expanded") == "true"
    assert texts(mounted, ".origin .said") == ["Following the gate…"]
    mounted.locator(".origin .choice label", has_text="channel weights").click()
    assert told(mounted) == ["cbam2", "channel"]
    mounted.get_by_role("button", name="Close").click()
    assert mounted.evaluate("heard.at(-1)[1].origin") is None
    assert mounted.locator(".origin:visible").count() == 0
    assert mounted.evaluate("document.querySelector('#host').shadowRoot.activeElement.className") == "how"


def test_branches_and_sum_are_drawn_on_one_scale_and_read_at_the_pinned_place(mounted):
    show(mounted, replace(ANSWERED, settings=Settings(origin=("cbam1", "spatial"), place=(80.0, 18.0))))
    assert texts(mounted, ".origin .chain .name") == ["from the mean", "from the maximum", "sum", "sigmoid: the mask"]
    reach = max(abs(part.astype(np.float32)).max() for part in (AVERAGE, MAXIMUM, SUM))
    for number, part in enumerate((AVERAGE, MAXIMUM, SUM)):
        index = np.floor(np.clip(part.astype(np.float32).astype(np.float64) / reach, -1, 1) * 127 + 127.5).astype(int)
        assert np.array_equal(pixels(mounted.locator(".origin .chain canvas.raw").nth(number)), DIVERGING[index])
    row, column = int(0.18 * SIDE), int(0.80 * SIDE)
    found = [float(text.replace("−", "-")) for text in texts(mounted, ".origin .chain .value")]
    expected = [part[row, column] for part in (AVERAGE, MAXIMUM, SUM, MASK)]
    assert found == pytest.approx(expected, rel=6e-3, abs=6e-4)


def test_winners_border_and_moved_channels_are_named(mounted):
    show(mounted, ANSWERED)
    assert texts(mounted, ".origin .legend li") == ["channel 7\n40", "several alike\n216"]
    said = " ".join(texts(mounted, ".origin .part"))
    assert "1 of 32 do so somewhere" in said
    assert "At 256 of 256 positions the kernel also reads zeros of the padding, with up to 25\xa0% of its" in said
    assert "25 → 13\xa0%" in said


def test_without_a_host_that_answers_nothing_is_offered(open_page):
    page = open_page(replace(OPEN, origins=False))
    assert page.locator(".how:visible").count() == 0
    assert page.locator(".origin:visible").count() == 0
