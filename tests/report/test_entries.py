import base64
import io
import json
import re
from pathlib import Path

import numpy as np
from PIL import Image

import cbam_core.report
from cbam_core.render.placed import PLACE_WORDS
from cbam_core.report import Entry, Report, worst_first
from cbam_core.report.entries import pack
from cbam_core.report.page import report_html
from cbam_core.report.summary import data_url
from cbam_core.report.words import WORDS
from tests.plain_explanations import explained
from tests.viewer.test_packing import unpacked
from tests.viewer.test_payload import numbers


def test_numbers_of_one_small_image_are_exact():
    one = explained()
    packed = pack(Report((Entry(one),)))
    assert packed.is_exact
    sent = packed.data["entries"][0]["blocks"][0]["mask"]["values"]
    assert np.array_equal(numbers(sent), one.blocks[0].spatial_mask.ravel())


def test_numbers_of_several_images_are_packed_and_usual_values_are_held_once():
    one = explained()
    data = pack(Report((Entry(one), Entry(one), Entry(explained(usual=False))))).data
    assert len(data["usual"]) == sum(len(block.gates) for block in one.blocks)
    first, second, third = data["entries"]
    assert [block["mask"]["usual"] for block in first["blocks"]] == [
        block["mask"]["usual"] for block in second["blocks"]
    ]
    assert third["blocks"][0]["mask"]["usual"] is None
    gate = first["blocks"][1]["weights"]
    assert np.allclose(unpacked(gate["values"]), one.blocks[1].channel_weights, atol=1e-5)
    usual = unpacked(data["usual"][gate["usual"]]["values"])
    assert np.allclose(usual, one.blocks[1].gate("channel").usual.mean, atol=1e-5)


def test_the_last_images_lose_their_gates_above_the_limit_and_the_page_says_so():
    entries = tuple(Entry(explained(seed=seed), f"{seed}.png", "dog" if seed == 4 else "frog") for seed in range(6))
    whole = pack(Report(entries))
    size = len(json.dumps(whole.data["entries"])) + sum(map(len, whole.pictures.values()))
    report = Report(entries, most=2 * size // 3)
    packed = pack(report)
    assert 1 < packed.held < 6
    assert [row["blocks"] is None for row in packed.data["entries"]] == [False] * packed.held + [True] * (
        6 - packed.held
    )
    assert packed.data["entries"][0]["number"] == 4  # the mistake keeps its gates
    assert len(packed.pictures) == 6
    page = report_html(report)
    assert re.search(rf"numbers of the first {packed.held} images", page)
    assert len(page) < len(report_html(Report(entries)))


def test_worst_mistakes_come_first_and_others_keep_their_order():
    def entry(name, probability, truth):
        one = explained()
        object.__setattr__(one, "probabilities", np.array([0, 1 - probability, probability], np.float32))
        return Entry(one, name, truth)

    given = [entry("a", 0.9, "frog"), entry("b", 0.6, "cat"), entry("c", 0.8, None), entry("d", 0.9, "dog")]
    assert [found.name for found in worst_first(given)] == ["d", "b", "a", "c"]


def test_a_picture_is_a_png_and_reduced_if_asked():
    picture = np.zeros((10, 30, 3), np.uint8)
    assert data_url(picture).startswith("data:image/png;base64,")
    small = Image.open(io.BytesIO(base64.b64decode(data_url(picture, 15).split(",")[1])))
    assert small.size == (15, 5)


def test_every_word_is_used():
    folder = Path(cbam_core.report.__file__).parent
    code = "".join(path.read_text("utf-8") for path in folder.glob("*.[pj]*") if path.name != "words.py")
    by_value = {"crop", "square", "pad", "squash", *PLACE_WORDS}  # how an image was fitted, where its masks lie
    assert {name for name in WORDS if not re.search(rf"words\.{name}\b|[\"']{name}[\"']", code)} == by_value
