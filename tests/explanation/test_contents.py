"""What files of an explanation hold: raw values, tables and the figure."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from PIL import Image

from cbam_core.explanation.contents import as_csv, as_npz, as_png, means_as_npz
from cbam_core.explanation.saving import as_files
from cbam_core.render.figure import WORDS
from cbam_core.render.overlay import cells_on_input, cells_on_original, overlay, seen_on_original
from cbam_core.render.paper.single import figure_of
from cbam_core.results.explanation import Block, Explanation, Gate
from cbam_core.results.frame import Frame
from cbam_core.results.layout import Layout
from cbam_core.results.look import Look
from tests.plain_blocks import block_of, by_kind
from tests.plain_means import means_of


def pixels_of(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)))


def holds(large: np.ndarray, small: np.ndarray) -> bool:
    height, width = small.shape[:2]
    corners = np.argwhere((large == small[0, 0]).all(axis=2)).tolist()
    return any(np.array_equal(large[y : y + height, x : x + width], small) for y, x in corners)


def test_raw_values_come_back_bit_for_bit(explanation: Explanation) -> None:
    with np.load(io.BytesIO(as_npz(explanation)), allow_pickle=False) as loaded:
        arrays = dict(loaded)
    expected = {
        "probabilities": explanation.probabilities,
        "input_image": explanation.input_image,
        **{f"{block.name}.{kind}": gate for block in explanation.blocks for kind, gate in by_kind(block).items()},
    }
    assert {"cbam1.spatial", "cbam1.channel", "bam.full"} < set(arrays)
    assert arrays.keys() == expected.keys()
    for name, array in expected.items():
        assert arrays[name].dtype == array.dtype
        assert arrays[name].tobytes() == array.tobytes()


def test_raw_values_say_how_a_gate_multiplies_the_map(explanation: Explanation) -> None:
    first, *others = explanation.blocks
    gate, *rest = first.gates
    used = replace(first, gates=(replace(gate, scale=2.0, shift=1.0), *rest))
    with np.load(io.BytesIO(as_npz(replace(explanation, blocks=(used, *others))))) as stored:
        assert (stored[f"{gate.name}.scale"], stored[f"{gate.name}.shift"]) == (2.0, 1.0)
        assert sum(name.endswith((".scale", ".shift")) for name in stored) == 2


def test_means_keep_every_number_by_name_block_and_kind(explanation: Explanation) -> None:
    other = replace(explanation, probabilities=np.array([0.6, 0.2, 0.2], np.float32))
    both = means_of([explanation, other])
    with np.load(io.BytesIO(means_as_npz({"cat": both, "dog": both})), allow_pickle=False) as loaded:
        stored = dict(loaded)
    assert int(stored["dog.count"]) == 2
    assert np.array_equal(stored["cat.probabilities"], both.probabilities)
    assert np.array_equal(stored["cat.cbam2.spatial.mean"], both.blocks[1].spatial_mask)
    assert np.array_equal(stored["dog.layer1.se.channel.std"], both.deviation[2].channel_weights)
    assert len(stored) == 2 * (2 + 2 * 6)


def test_channel_weights_in_the_table_give_every_float_back(explanation: Explanation) -> None:
    awkward = np.array([0.1, 1 / 3, 1e-38, 1.4e-45, 0.99999994, 1.0, 0.0], np.float32)
    block = block_of('odd, "name"', {"channel": awkward}, None)
    rows = list(csv.DictReader(io.StringIO(as_csv(replace(explanation, blocks=(block,))).decode())))
    assert [row["block"] for row in rows] == ['odd, "name"'] * 7
    assert [int(row["channel"]) for row in rows] == list(range(7))
    assert np.array([np.float32(row["weight"]) for row in rows]).tobytes() == awkward.tobytes()


def test_table_holds_every_block_that_has_weights(explanation: Explanation) -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(explanation).decode())))
    for block in explanation.blocks:
        weights = [np.float32(row["weight"]) for row in rows if row["block"] == block.name]
        assert np.array_equal(weights, [] if block.channel_weights is None else block.channel_weights)


def test_figure_holds_the_overlays_on_the_input(explanation: Explanation) -> None:
    page = pixels_of(as_png(explanation))
    for block in explanation.blocks[:2]:
        assert block.spatial_mask is not None
        assert block.placement is not None
        cells = cells_on_input(block.placement)
        over = overlay(explanation.input_image, block.spatial_mask, cells, zoom=7)
        assert holds(page, over)


def test_figure_holds_the_overlays_on_the_original(explanation: Explanation, photo: np.ndarray) -> None:
    look = Look(colours="magma", scale="stretch", opacity=0.8, smooth=True)
    page = pixels_of(as_png(explanation, original=photo, look=look))
    block, frame = explanation.blocks[0], explanation.frame
    assert block.spatial_mask is not None
    assert block.placement is not None
    over = overlay(
        photo,
        block.spatial_mask,
        cells_on_original(block.placement, frame),
        look,
        seen=seen_on_original(frame),
        zoom=2,
    )
    assert holds(page, over)


def test_figure_is_for_print(explanation: Explanation) -> None:
    with Image.open(io.BytesIO(as_png(explanation))) as picture:
        assert picture.format == "PNG"
        assert picture.info["dpi"] == pytest.approx((300, 300), abs=0.1)


def test_figure_speaks_another_language(explanation: Explanation) -> None:
    other = as_png(explanation, words={**WORDS, "weights": "poids des canaux"})
    assert not np.array_equal(pixels_of(other), pixels_of(as_png(explanation)))


def test_masks_lie_on_an_original_that_was_decoded_smaller_as_on_the_whole_one(explanation: Explanation) -> None:
    large, small = (gradient_of(*size) for size in ((2000, 1500), (1000, 750)))
    frame = Frame((2000, 1500), (32, 32), (750.0, 50.0, 1250.0, 550.0))
    explanation = replace(explanation, frame=frame, blocks=explanation.blocks[:1])
    look = Look("viridis", "unit", 1.0, False)
    for draw in (partial(as_png, look=look), _printed):
        pages = [pixels_of(draw(explanation, original=original)).astype(int) for original in (large, small)]
        assert pages[0].shape == pages[1].shape
        assert (np.abs(pages[0] - pages[1]).max(axis=-1) > 20).mean() < 0.01


def gradient_of(width: int, height: int) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width]
    return np.stack((x * 255 // width, y * 255 // height, 0 * x), axis=-1).astype(np.uint8)


def _printed(explanation: Explanation, original: np.ndarray) -> bytes:
    return figure_of(explanation, Layout(), original=original).as_bytes("png", 60)


def test_two_gates_of_one_kind_in_a_block_are_kept_apart(explanation: Explanation) -> None:
    first, second = (np.full((2, 2), value, np.float32) for value in (0.25, 0.75))
    twins = tuple(
        Gate(name, "spatial", 1, mask) for name, mask in (("a.left.spatial", first), ("a.right.spatial", second))
    )
    doubled = replace(explanation, blocks=(Block("a", twins, None),))
    assert doubled.blocks[0].spatial_mask is first
    with np.load(io.BytesIO(as_npz(doubled))) as stored:
        assert np.array_equal(stored["a.left.spatial"], first)
        assert np.array_equal(stored["a.right.spatial"], second)
    (entry,) = json.loads(as_files(doubled)["manifest.json"])["blocks"]
    assert [gate["array"] for gate in entry["gates"].values()] == ["a.left.spatial", "a.right.spatial"]
    assert [gate["least"] for gate in entry["gates"].values()] == [0.25, 0.75]
