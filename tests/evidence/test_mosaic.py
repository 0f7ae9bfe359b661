"""Masks of which is known how much lies where, on a canvas and in mosaics."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from cbam_core import CBAM_CNN
from cbam_core.errors import ModelError
from cbam_core.evidence.mosaic import in_mosaic, on_canvas, share_in_tile, tile_test
from cbam_core.results.mosaic import verdict_of
from cbam_core.results.placement import Placement
from cbam_core.results.resampled import Mean
from tests.evidence.planted_masks import CLASSES, by_position, planted_mask

FOUR = (*CLASSES, "black")


def coloured() -> np.ndarray:
    """Twelve images of one bright colour or none, which a planted network answers as their classes."""
    colours = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [8, 8, 8]] * 3, dtype=np.uint8)
    return np.ascontiguousarray(np.broadcast_to(colours[:, None, None], (12, 16, 16, 3)))


def where_anything_is(x: Tensor) -> Tensor:
    """1 where an object is, and 0 on an empty canvas."""
    return (x.sum(dim=1, keepdim=True) > 0).float()


class FourClasses(nn.Module):
    """The colour with most red, green or blue; or black, where there is little of any. A mosaic is answered red."""

    def __init__(self, formula) -> None:
        super().__init__()
        self.attention = planted_mask(formula).model.attention

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (B, 4)."""
        self.attention(x)
        means = x.mean(dim=(2, 3)) + torch.tensor([0.01, 0.0, 0.0])
        return torch.cat([means, torch.full_like(means[:, :1], 0.05)], dim=1)


def four_classes(formula) -> nn.Module:
    return FourClasses(formula).eval()


STATED = {"size": 16, "classes": list(FOUR), "mean": (0.0,) * 3, "std": (1.0,) * 3, "name": "four"}


def test_a_mask_equal_to_the_object_lies_on_it_wholly() -> None:
    found = tile_test(four_classes(where_anything_is), coloured(), **STATED)
    (row,) = found.rows
    assert (row.alone.mean, row.alone.low) == (pytest.approx(1), pytest.approx(1))
    assert verdict_of(row.alone) == "more"
    assert "100 % of it lies there" in str(row.sentences[0])


def test_a_mask_of_the_answered_object_lies_in_its_tile() -> None:
    found = tile_test(four_classes(lambda x: (x[:, :1] > 0.5).float()), coloured(), **STATED)
    (row,) = found.rows
    assert found.mosaics == found.answered == 12
    assert {found.example.answer} == {"red"}
    assert row.answered.mean == pytest.approx(1)
    assert row.fixed == pytest.approx(0.25, abs=0.1)
    assert verdict_of(row.answered) == "more"


@pytest.mark.parametrize("formula", [by_position, lambda x: 0.5 + 0 * x[:, :1]], ids=["position", "constant"])
def test_a_mask_that_knows_no_content_has_a_quarter(formula) -> None:
    found = tile_test(four_classes(formula), coloured(), **STATED)
    (row,) = found.rows
    assert row.alone.mean == pytest.approx(0.25, abs=1e-6)
    assert verdict_of(row.alone) == "even"
    assert row.answered.mean == pytest.approx(row.fixed, abs=1e-6)
    assert row.answered.low <= 0.25 <= row.answered.high


def test_averaged_over_tiles_every_mask_has_a_quarter() -> None:
    mask = np.random.default_rng(0).random((7, 5)).astype(np.float32)
    placement = Placement((1.0, 2.0), (4.5, 6.1))
    shares = [share_in_tile(mask, placement, tile, (30, 32)) for tile in range(4)]
    assert sum(shares) == pytest.approx(1)


def test_cells_count_by_the_area_that_they_cover() -> None:
    mask = np.array([[1, 1, 1]], dtype=np.float32)
    thirds = Placement.stretched((1, 3), (6, 6))
    assert share_in_tile(mask, thirds, 0, (6, 6)) == pytest.approx(0.25)
    left = np.array([[1, 0, 0]], dtype=np.float32)
    assert [share_in_tile(left, thirds, tile, (6, 6)) for tile in range(4)] == pytest.approx([0.5, 0, 0.5, 0])
    assert share_in_tile(-mask, thirds, 0, (6, 6)) is None


def test_canvas_and_mosaic_hold_the_images() -> None:
    images = np.random.default_rng(0).integers(0, 256, (4, 3, 5, 3), dtype=np.uint8)
    canvas = on_canvas(images[0], 2, (1, 2, 3))
    np.testing.assert_array_equal(canvas[3:, :5], images[0])
    assert (canvas[:3] == (1, 2, 3)).all()
    mosaic = in_mosaic(list(images))
    for tile, image in enumerate(images):
        down, right = divmod(tile, 2)
        np.testing.assert_array_equal(mosaic[3 * down :, 5 * right :][:3, :5], image)


def test_one_image_is_put_beside_others() -> None:
    found = tile_test(four_classes(where_anything_is), coloured()[0], partners=coloured(), **STATED)
    assert (found.count, found.mosaics) == (1, 8)
    assert found.rows[0].alone.count == 4
    twin = pickle.loads(pickle.dumps(found))
    assert twin.as_dict() == found.as_dict()
    assert found.rows[0].mosaic_mask.shape == (32, 32)


def test_without_four_answers_or_classes_the_canvas_is_left() -> None:
    found = tile_test(planted_mask(by_position), coloured())
    assert found.why_none.code == "mosaic.one-class"
    assert (found.mosaics, found.rows[0].answered, found.example) == (0, None, None)
    found = tile_test(four_classes(by_position), coloured(), **(STATED | {"classes": ()}))
    assert found.why_none.code == "mosaic.no-classes"
    assert str(found).endswith("without classes there is no answered tile")


def test_a_network_of_one_size_says_so() -> None:
    torch.manual_seed(0)
    numbers = {"size": 32, "classes": list("abcdefghij"), "mean": (0.0,) * 3, "std": (1.0,) * 3, "name": "tiny"}
    with pytest.raises(ModelError, match="tiny does not take images of 64×64 pixels"):
        tile_test(CBAM_CNN().eval(), coloured()[0], **numbers)


@pytest.mark.parametrize(
    ("low", "high", "verdict"), [(0.28, 0.4, "more"), (0.1, 0.22, "less"), (0.24, 0.26, "even"), (0.2, 0.3, "unsure")]
)
def test_verdicts_follow_the_interval(low: float, high: float, verdict: str) -> None:
    assert verdict_of(Mean((low + high) / 2, (low, high), 9)) == verdict
