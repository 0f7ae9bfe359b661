import base64
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from cbam_core.errors import CbamError
from cbam_core.results.explanation import ChannelMap
from cbam_core.results.frame import Frame
from cbam_core.results.placement import Placement
from cbam_core.viewer import WORDS, Payload, Settings, ViewedBlock, lay_out
from cbam_core.viewer.payload import png, trace_as_dict
from tests.plain_blocks import block_of, usual_of

INPUT = np.arange(32 * 32 * 3, dtype=np.uint32).reshape(32, 32, 3).astype(np.uint8)
POOLED = Placement(start=(0.5, 0.5), step=(2.0, 2.0))
WHOLE = Frame(original_size=(32, 32), input_size=(32, 32), box=(0.0, 0.0, 32.0, 32.0))


def numbers(text):
    return np.frombuffer(base64.b64decode(text), "<f4")


def test_png_gives_the_same_pixels_back():
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(png(INPUT)))), INPUT)


def test_numbers_travel_without_loss():
    mask = np.random.default_rng(0).random((4, 6)).astype(np.float32)
    weights = np.random.default_rng(1).random(5).astype(np.float32)
    block = ViewedBlock(block_of("cbam1", {"spatial": mask, "channel": weights})).as_dict()
    assert (block["mask"]["height"], block["mask"]["width"]) == (4, 6)
    assert np.array_equal(numbers(block["mask"]["values"]).reshape(4, 6), mask)
    assert np.array_equal(numbers(block["weights"]["values"]), weights)


def test_missing_gates_are_null():
    block = ViewedBlock(block_of("se", {})).as_dict()
    assert (block["mask"], block["weights"], block["cells"]) == (None, None, {})


def test_payload_of_an_explanations_blocks_is_json():
    mask = np.full((16, 16), 0.5, np.float32)
    block = block_of("cbam1", {"channel": np.full(32, 0.25, np.float32), "spatial": mask}, POOLED)
    values = json.loads(json.dumps(lay_out(INPUT, WHOLE, [block]).as_dict()))
    assert [image["id"] for image in values["images"]] == ["input"]
    assert values["images"][0]["pixelated"] is True
    assert values["images"][0]["seen"] == [0, 0, 32, 32]
    assert values["blocks"][0]["cells"] == {"input": {"x0": 1, "y0": 1, "dx": 2, "dy": 2}}
    assert values["settings"] == Settings().as_dict()
    assert values["digits"] == {"short": 2, "table": 4}


def test_original_is_sent_small_with_cells_and_crop_to_match():
    original = np.zeros((200, 300, 3), np.uint8)
    frame = Frame((300, 200), (32, 32), (50.0, 0.0, 250.0, 200.0))
    mask = np.zeros((16, 16), np.float32)
    payload = lay_out(INPUT, frame, [block_of("b", {"spatial": mask}, POOLED)], original=original, longest=150)
    picture = payload.pictures[1]
    assert picture.image.shape == (100, 150, 3)
    assert picture.seen == (25.0, 0.0, 125.0, 100.0)
    cells = payload.blocks[0].cells["original"]
    assert (cells.x0, cells.y0, cells.dx, cells.dy) == (28.125, 3.125, 6.25, 6.25)


def test_small_original_keeps_its_pixels():
    original = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    frame = Frame((50, 40), (32, 32), (0.0, 0.0, 50.0, 40.0))
    assert np.array_equal(lay_out(INPUT, frame, [], original=original).pictures[1].image, original)


def test_a_mask_without_a_place_gets_no_cells():
    mask = np.zeros((2, 2), np.float32)
    assert lay_out(INPUT, WHOLE, [block_of("b", {"spatial": mask})]).blocks[0].cells == {}


@pytest.mark.parametrize(
    ("placement", "sent"),
    [
        (None, None),
        (POOLED, None),
        (replace(POOLED, status="approximate", bound=1.5), {"status": "approximate", "bound": 1.5}),
        (Placement.stretched((2, 2), (32, 32)), {"status": "unknown", "bound": None}),
    ],
    ids=["none", "exact", "approximate", "unknown"],
)
def test_a_place_that_is_not_exact_is_sent_with_its_bound(placement, sent):
    block = block_of("b", {"spatial": np.zeros((2, 2), np.float32)}, placement)
    assert json.loads(json.dumps(lay_out(INPUT, WHOLE, [block]).as_dict()))["blocks"][0]["place"] == sent


def test_a_mask_of_unknown_place_is_stretched_over_the_input():
    block = block_of("b", {"spatial": np.zeros((2, 4), np.float32)}, Placement.stretched((2, 4), (32, 32)))
    cells = lay_out(INPUT, WHOLE, [block]).blocks[0].cells["input"]
    assert (cells.x0, cells.y0, cells.dx, cells.dy) == (4, 8, 8, 16)


def test_translations_replace_words_and_the_rest_stays_english():
    words = Payload((), (), words={"opacity": "不透明度"}).as_dict()["words"]
    assert words["opacity"] == "不透明度"
    assert words["colours"] == WORDS["colours"]
    assert words.keys() == WORDS.keys()


@pytest.mark.parametrize("wrong", [{"opacity": 1.5}, {"opacity": float("nan")}, {"colours": "jet"}])
def test_settings_outside_their_bounds_are_refused(wrong):
    with pytest.raises(CbamError, match=f"setting '{next(iter(wrong))}' cannot be") as caught:
        Settings(**wrong)
    assert caught.value.code == "viewer.setting"


def test_settings_from_a_browser_are_taken_where_they_make_sense():
    sent = {
        "opacity": 1,
        "colours": ["x"],
        "scale": "stretch",
        "smooth": "yes",
        "image": 3,
        "order": "sorted",
        "block": "cbam2",
        "more": object(),
    }
    assert Settings(smooth=True).changed_by(sent) == Settings(
        colours="viridis", scale="stretch", opacity=1.0, smooth=True, order="sorted", block="cbam2"
    )


@pytest.mark.parametrize(
    ("name", "sent", "kept"),
    [
        ("place", [10, 99.96], (10.0, 100.0)),
        ("place", None, None),
        ("channel", ["cbam2", 5], ("cbam2", 5)),
        ("channel", None, None),
    ],
)
def test_a_pinned_place_and_channel_are_taken_as_pairs(name, sent, kept):
    begun = Settings(place=(1.0, 2.0), channel=("cbam1", 1))
    assert getattr(begun.changed_by({name: sent}), name) == kept


@pytest.mark.parametrize("place", [[1], [1, 2, 3], ["1", 2], [-1, 5], [5, 101], [True, 5], [float("nan"), 5], "ab", {}])
def test_what_is_not_a_place_changes_nothing(place):
    assert Settings().changed_by({"place": place}) == Settings()


@pytest.mark.parametrize("channel", [["cbam1"], [5, 5], ["cbam1", -1], ["cbam1", 1.0], ["cbam1", True], "ab", {}])
def test_what_is_not_a_channel_changes_nothing(channel):
    assert Settings().changed_by({"channel": channel}) == Settings()


def test_blocks_and_channels_that_a_network_does_not_have_are_left_out():
    weights = np.full(32, 0.25, np.float32)
    blocks = [ViewedBlock(block_of("cbam1", {"channel": weights})).as_dict()]
    blocks += [ViewedBlock(block_of("masked", {})).as_dict()]
    known = Settings(block="cbam1", channel=("cbam1", 31))
    assert known.known_to(blocks) == known
    for channel in (("cbam1", 32), ("masked", 0), ("nobody", 0)):
        assert Settings(block="nobody", channel=channel).known_to(blocks) == Settings()


def test_a_module_stands_for_the_block_that_it_makes_up_with_another_one():
    gates = {"channel": np.full(4, 0.25, np.float32), "spatial": np.full((2, 2), 0.5, np.float32)}
    blocks = [ViewedBlock(block_of(name, gates)).as_dict() for name in ("ca + sa", "ca + sa#2", "cbam1")]
    for module in ("ca", "sa", "ca + sa"):
        found = Settings(block=module, channel=(module, 3), origin=(module, "spatial")).known_to(blocks)
        assert (found.block, found.channel, found.origin) == ("ca + sa", ("ca + sa", 3), ("ca + sa", "spatial"))
    assert Settings(block="ca + sa#2").known_to(blocks).block == "ca + sa#2"
    assert Settings(block="c").known_to(blocks).block is None


def test_feature_maps_are_sent_with_all_their_numbers():
    maps = np.random.default_rng(3).normal(size=(2, 3, 5)).astype(np.float32)
    sent = trace_as_dict(ChannelMap("cbam1", 4, 0.25, maps[0], maps[1], None))
    assert (sent["height"], sent["width"], sent["block"], sent["channel"], sent["weight"]) == (3, 5, "cbam1", 4, 0.25)
    for name, values in (("before", maps[0]), ("after", maps[1])):
        assert np.array_equal(numbers(sent[name]).reshape(3, 5), values)


@pytest.mark.parametrize("opacity", [True, None, "0.4", float("inf"), {}])
def test_an_opacity_that_is_no_number_changes_nothing(opacity):
    assert Settings().changed_by({"opacity": opacity}) == Settings()


def test_a_gate_brings_what_is_usual_for_it_and_how_it_is_said():
    mean = np.array([0.2, 0.6], np.float32)
    usual = usual_of("b.channel", "channel", mean)
    block = block_of("b", {"channel": np.array([0.1, 0.4], np.float32)}, usual={"channel": usual})
    weights = json.loads(json.dumps(ViewedBlock(block).as_dict()))["weights"]
    assert weights["level"] == pytest.approx(0.25)
    assert np.array_equal(numbers(weights["usual"].pop("values")), mean)
    assert weights["usual"] == {
        "level": pytest.approx(0.4),
        "sentence": {"code": "usual.channels", "values": {}},
        "follows": True,
        "shares": {"fixed": 0.1, "gain": 0.2, "pattern": 0.7},
        "images": "cifar10:train",
        "count": 123,
    }


def test_usual_values_of_another_size_are_left_out():
    usual = usual_of("b.channel", "channel", np.full(3, 0.5))
    block = block_of("b", {"channel": np.array([0.1, 0.4], np.float32)}, usual={"channel": usual})
    assert ViewedBlock(block).as_dict()["weights"]["usual"] is None


def test_values_that_are_no_numbers_make_no_level():
    block = block_of("b", {"channel": np.array([np.nan, 0.4], np.float32)})
    assert ViewedBlock(block).as_dict()["weights"]["level"] is None


def test_gates_that_the_viewer_does_not_draw_are_told_by_their_size():
    rows, volume = np.zeros((8, 5), np.float32), np.zeros((3, 4, 5), np.float32)
    block = ViewedBlock(block_of("a", {"row": rows, "spatial": volume, "channel": np.zeros(8, np.float32)})).as_dict()
    assert block["mask"] is None
    assert block["undrawn"] == [[8, 5], [3, 4, 5]]


def test_a_gate_says_what_multiplies_the_map_where_that_is_not_its_values():
    block = block_of("b", {"channel": np.array([0.1, 0.4], np.float32)})
    assert ViewedBlock(block).as_dict()["weights"]["use"] is None
    (gate,) = block.gates
    used = replace(block, gates=(replace(gate, shift=1.0),))
    assert ViewedBlock(used).as_dict()["weights"]["use"] == {"scale": 1.0, "shift": 1.0}
