"""A grid of explanations: each image with the masks of all blocks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cbam_core.errors import Message, RenderError
from cbam_core.render.overlay import cells_on_input, overlay
from cbam_core.render.paper.grid import figure_grid
from tests.plain_explanations import explained
from tests.render.paper.page import check_page

MANY = [explained(seed=seed) for seed in range(5)]


@pytest.fixture(scope="module")
def figures() -> dict[str, Any]:
    """Both figures of all images, by what their rows are; shared, so never changed by a test."""
    truths = ["cat", "dog", None, "frog", "cat"]
    return {"images": figure_grid(MANY, truths=truths), "blocks": figure_grid(MANY, rows="blocks")}


def names(figure: Any) -> list[str]:
    return [one.get_gid() for one in figure.drawn.axes if one.images]


def pixels(figure: Any, name: str) -> np.ndarray:
    (found,) = [one for one in figure.drawn.axes if one.get_gid() == name]
    return np.asarray(found.images[0].get_array())


def texts(figure: Any) -> list[str]:
    return [text.get_text() for text in figure.drawn.texts]


def place(figure: Any, name: str) -> tuple[float, float]:
    (found,) = [one for one in figure.drawn.axes if one.get_gid() == name]
    return round(found.bbox.x0, 2), round(found.bbox.y1, 2)


@pytest.mark.parametrize("rows", ["images", "blocks"])
def test_every_mask_of_every_image_is_drawn_at_its_place(figures: dict[str, Any], rows: str) -> None:
    figure = figures[rows]
    assert sorted(names(figure)) == sorted(
        ["scale", *(f"{name}.{at}" for at in range(5) for name in ("input", "cbam1.masks", "cbam2.masks"))]
    )
    for at, explanation in enumerate(MANY):
        block = explanation.blocks[0]
        drawn = pixels(figure, f"cbam1.masks.{at}")
        cells = cells_on_input(block.placement)
        assert np.array_equal(
            drawn, overlay(explanation.input_image, block.spatial_mask, cells, zoom=drawn.shape[0] // 32)
        )


def test_images_stand_in_rows_or_in_columns(figures: dict[str, Any]) -> None:
    rows, columns = figures["images"], figures["blocks"]
    across = [place(rows, f"{name}.2") for name in ("input", "cbam1.masks", "cbam2.masks")]
    assert len({y for _, y in across}) == 1
    assert [x for x, _ in across] == sorted(x for x, _ in across)
    down = [place(columns, f"{name}.2") for name in ("input", "cbam1.masks", "cbam2.masks")]
    assert len({x for x, _ in down}) == 1
    assert [y for _, y in down] == sorted((y for _, y in down), reverse=True)


def test_usual_masks_are_drawn_once() -> None:
    figure = figure_grid(MANY[:2], parts=("input", "masks", "usual"))
    gate = MANY[0].blocks[0].gate("spatial")
    assert [name for name in names(figure) if name.endswith("usual")] == ["cbam1.usual", "cbam2.usual"]
    assert "usual" in texts(figure)
    assert "Usual: the mean over 1,000 images (photos)." in figure.caption
    assert gate is not None


def test_labels_are_predictions_and_true_classes(figures: dict[str, Any]) -> None:
    figure = figures["images"]
    assert texts(figure).count("frog") == 5
    assert texts(figure).count("70.0 %") == 5
    assert texts(figure).count("truth: cat") == 2
    assert not [text for text in texts(figures["blocks"]) if text.startswith("truth")]


def test_the_caption_ends_with_the_rule_by_which_images_were_chosen() -> None:
    rule = Message("sample.rule", "{count} images drawn with seed {seed}.", {"count": 5, "seed": 0})
    for given in (rule, str(rule)):
        assert figure_grid(MANY[:1], parts=("masks",), rule=given).caption.endswith("5 images drawn with seed 0.")


def test_the_scale_marks_the_range_over_all_images(figures: dict[str, Any]) -> None:
    masks = [block.spatial_mask for one in MANY for block in one.blocks]
    figure = figures["images"]
    (line,) = [one for one in figure.drawn.axes if one.get_gid() == "scale range"]
    expected = [min(mask.min() for mask in masks), max(mask.max() for mask in masks)]
    assert line.lines[0].get_xdata() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("rows", "width", "blocks", "images"),
    [("images", 84, 9, 2), ("images", 174, 14, 3), ("blocks", 84, 1, 9), ("blocks", 174, 9, 3)],
)
def test_many_blocks_and_images_wrap_and_stay_on_the_page(rows: Any, width: int, blocks: int, images: int) -> None:
    sizes = tuple((f"layer{number}.attention", 4, 4) for number in range(blocks))
    figure = figure_grid([explained(sizes, seed=seed) for seed in range(images)], rows=rows, width=width)
    check_page(figure)
    pictures = [one.bbox for one in figure.drawn.axes if "masks" in one.get_gid()]
    assert len(pictures) == blocks * images
    assert min(box.width for box in pictures) >= 9 / 25.4 * 72 - 0.01


def test_a_file_is_written(tmp_path: Path) -> None:
    figure = figure_grid(MANY[:2], tmp_path / "grid.pdf", width=84)
    assert (tmp_path / "grid.pdf").read_bytes() == figure.as_bytes("pdf")


@pytest.mark.parametrize(
    ("given", "options", "said"),
    [
        ([], {}, "a grid needs explanations"),
        (MANY[:2], {"truths": ["cat"]}, "1 true classes are given for 2 images"),
        ([MANY[0], explained((("other", 4, 4),))], {}, "different blocks"),
    ],
)
def test_what_makes_no_grid_is_refused(given: Any, options: Any, said: str) -> None:
    with pytest.raises(RenderError, match=said):
        figure_grid(given, **options)
