"""Two sides in one figure: both masks, their difference, and bars of both."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cbam_core.explanation.comparison import Comparison, compare, pairs_of
from cbam_core.render.difference import difference_picture
from cbam_core.render.overlay import cells_on_input, overlay
from cbam_core.render.paper.pair import pair_of
from cbam_core.render.paper.sides import side_of_means
from cbam_core.results.look import Look
from tests.plain_explanations import explained
from tests.plain_means import means_of
from tests.render.paper.page import check_page

LEFT, RIGHT = explained(seed=1), explained(seed=2)
BOTH = Comparison(LEFT, RIGHT)


@pytest.fixture(scope="module")
def plain() -> Any:
    """The figure of both with all defaults; shared, so never changed by a test."""
    return BOTH.figure()


def axes(figure: Any, name: str) -> Any:
    (found,) = [one for one in figure.drawn.axes if one.get_gid() == name]
    return found


def pixels(figure: Any, name: str) -> np.ndarray:
    return np.asarray(axes(figure, name).images[0].get_array())


def texts(figure: Any) -> list[str]:
    return [text.get_text() for text in figure.drawn.texts]


def heights(figure: Any, name: str) -> np.ndarray:
    bars = [bar.get_height() + bar.get_y() for bar in axes(figure, name).patches]
    return np.array(bars).reshape(2, -1)


def test_one_figure_has_both_masks_and_their_difference(plain: Any) -> None:
    figure = plain
    for block, other, compared in zip(LEFT.blocks, RIGHT.blocks, BOTH.blocks, strict=True):
        cells = cells_on_input(block.placement)
        for label, one, image in (("A", block, LEFT.input_image), ("B", other, RIGHT.input_image)):
            drawn = pixels(figure, f"{block.name}.{label}")
            assert np.array_equal(drawn, overlay(image, one.spatial_mask, cells, zoom=drawn.shape[0] // 32))
        drawn = pixels(figure, f"{block.name}.difference")
        limit = max(abs(end) for one in BOTH.blocks for end in one.mask.range)
        expected = difference_picture(compared.mask.values, cells, (32, 32), zoom=drawn.shape[0] // 32, limit=limit)
        assert np.abs(drawn.astype(int) - expected).max() <= 3  # one step of the table, where rounding differs
        low, high = compared.mask.range
        assert f"{low:+.2f} to {high:+.2f}".replace("-", "−") in texts(figure)


def test_bars_are_the_weights_of_both(plain: Any) -> None:
    for order, key in (("index", None), ("difference", lambda a, b: -np.abs(b - a)), ("sorted", lambda a, b: -a)):
        figure = plain if key is None else BOTH.figure(order=order, parts=("bars",))  # type: ignore[arg-type]
        for block, other in zip(LEFT.blocks, RIGHT.blocks, strict=True):
            left, right = (one.channel_weights.astype(np.float64) for one in (block, other))
            channels = np.arange(len(left)) if key is None else np.argsort(key(left, right), kind="stable")
            assert heights(figure, f"{block.name}.channel") == pytest.approx(
                np.array([left[channels], right[channels]])
            )


def test_the_channels_of_both_ends_can_be_drawn_alone() -> None:
    figure = BOTH.figure(ends=2)
    left, right = LEFT.blocks[1].channel_weights, RIGHT.blocks[1].channel_weights
    ranked = np.argsort(right.astype(np.float64) - left, kind="stable")
    kept = sorted([*ranked[:2], *ranked[-2:]])
    assert heights(figure, "cbam2.channel") == pytest.approx(np.array([left[kept], right[kept]]))
    assert {str(channel) for channel in kept} <= set(texts(figure))
    assert "the 2 channels each with the largest decrease and increase" in figure.caption


@pytest.mark.parametrize("reading", ["relative", "usual"])
def test_differences_are_of_the_reading(reading: Any) -> None:
    figure = BOTH.figure(reading=reading)
    left, right = (one.blocks[0].gate("spatial").read(reading) for one in (LEFT, RIGHT))
    difference = right - left
    assert f"{difference.min():+.2f} to {difference.max():+.2f}".replace("-", "−") in texts(figure)
    assert pixels(figure, "cbam1.A").shape == pixels(figure, "cbam1.B").shape


def test_a_limit_is_the_end_of_the_scale() -> None:
    figure = BOTH.figure(limit=1.0)
    assert {"−1", "+1"} <= set(texts(figure))
    assert axes(figure, "scale of differences").get_xlim() == (-1, 1)


def test_masks_that_differ_by_rounding_alone_have_no_colours() -> None:
    mask = LEFT.blocks[0].gate("spatial")
    near = replace(mask, values=np.nextafter(mask.values, np.float32(1)))
    block = replace(LEFT.blocks[0], gates=tuple(near if one is mask else one for one in LEFT.blocks[0].gates))
    figure = Comparison(LEFT, replace(LEFT, blocks=(block,))).figure()
    assert {"−1", "+1"} <= set(texts(figure))
    assert np.ptp(pixels(figure, "cbam1.difference"), axis=(0, 1)).max() == 0


def test_heads_name_predictions_truths_and_networks_where_they_differ() -> None:
    figure = BOTH.figure(truths=("cat", "dog"))
    assert {"A", "B", "truth: cat", "truth: dog", "B − A"} <= set(texts(figure))
    assert figure.caption.startswith("A: net, predicted as frog (70.0 %), true class cat. B: net, ")
    other = Comparison(LEFT, replace(LEFT, checkpoint="twin"), ("first", "second")).figure()
    assert {"first: net", "second: twin"} <= set(texts(other))


def test_blocks_without_a_partner_or_of_another_size_say_so() -> None:
    right = explained((("cbam1", 8, 4), ("extra", 4, 2)))
    figure = Comparison(LEFT, right).figure()
    assert "no difference: sizes differ" in " ".join(texts(figure))
    assert "no counterpart" in texts(figure)


@pytest.mark.parametrize("width", [84, 174])
@pytest.mark.parametrize("count", [1, 6])
def test_everything_lies_on_the_page_and_no_picture_on_another(width: int, count: int) -> None:
    sizes = tuple((f"stage{number}.cbam", 64, 8) for number in range(count))
    figure = Comparison(explained(sizes, seed=1), explained(sizes, seed=2)).figure(width=width, truths=("cat", "dog"))
    check_page(figure)


def test_means_are_drawn_without_images() -> None:
    means = [means_of([explained(seed=seed) for seed in seeds]) for seeds in ((1, 2), (3, 4))]
    left, right = (side_of_means(one, label, "net", (32, 32)) for one, label in zip(means, "AB", strict=True))
    figure = pair_of((left, right), pairs_of(compare(means[0].blocks, means[1].blocks)))
    drawn = pixels(figure, "cbam1.A")
    block = means[0].blocks[0]
    blank = np.zeros((32, 32, 3), np.uint8)
    expected = overlay(
        blank, block.spatial_mask, cells_on_input(block.placement), Look(opacity=1.0), zoom=drawn.shape[0] // 32
    )
    assert np.array_equal(drawn, expected)
    assert "each cell at its place on the input" in figure.caption


def test_a_file_is_written(tmp_path: Path) -> None:
    figure = BOTH.figure(tmp_path / "both.svg", width=84)
    assert (tmp_path / "both.svg").read_bytes() == figure.as_bytes("svg")


@pytest.mark.parametrize("odd", [np.nan, np.inf])
def test_the_scale_of_differences_ends_at_the_largest_finite_one(odd: float) -> None:
    left, right = explained(), explained()
    block, *others = right.blocks
    gates = []
    for gate in block.gates:
        values = gate.values.copy()
        if gate.kind == "spatial":
            values += np.float32(0.25)
            values[0, 0] = odd
        gates.append(replace(gate, values=values))
    odd_one = replace(right, blocks=(replace(block, gates=tuple(gates)), *others))
    drawn = Comparison(left, odd_one).figure()
    assert "scale −0.25 to +0.25" in drawn.caption
    assert drawn.as_bytes("svg")


def test_what_cannot_be_compared_says_why() -> None:
    left = explained()
    block, *others = left.blocks
    gates = tuple(replace(gate, values=np.full_like(gate.values, np.nan)) for gate in block.gates)
    odd = replace(left, blocks=(replace(block, gates=gates), *others))
    said = texts(Comparison(left, odd).figure(reading="relative"))
    assert said.count("gate not finite") == 3  # the mask, the difference, and the weights
    assert "no difference: sizes differ" not in said
