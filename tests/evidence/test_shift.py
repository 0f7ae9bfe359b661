"""Masks whose relation to place and content is known, on images that are moved."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from cbam_core.errors import ImageError
from cbam_core.evidence.shift import compared, distance_for, moved, shift_test
from tests.evidence.planted_masks import by_content, by_position, flat, noise, planted_mask

IMAGES = noise()


@pytest.mark.parametrize("images", [IMAGES, IMAGES[0]], ids=["set", "image"])
@pytest.mark.parametrize("pool", [1, 2])
@pytest.mark.parametrize(("formula", "verdict"), [(by_content, "follows"), (by_position, "stays"), (flat, "flat")])
def test_planted_masks_get_their_verdict(formula, verdict: str, pool: int, images: np.ndarray) -> None:
    (row,) = shift_test(planted_mask(formula, pool), images).rows
    assert row.verdict == verdict
    assert row.sentence.code == f"shift.{verdict}"
    assert (row.pixels, row.cells) == (4, (4 / pool, 4 / pool))
    if verdict == "follows":
        assert row.followed.mean == pytest.approx(1, abs=1e-5)
    if verdict == "stays":
        assert row.stayed.mean == pytest.approx(1, abs=1e-5)
    assert "part of a cell" not in str(row.notes)


def test_a_mask_of_place_and_content_alike_cannot_be_told() -> None:
    def both(x: Tensor) -> Tensor:
        return (by_position(x) + by_content(x)) / 2

    def striped(x: Tensor) -> Tensor:
        return (0.2 + 0.6 * (torch.arange(x.shape[3]) // 4 % 2)).expand(len(x), 1, *x.shape[2:])

    assert shift_test(planted_mask(both), IMAGES).rows[0].followed.mean < 0.95
    row = shift_test(planted_mask(striped), IMAGES, pixels=8).rows[0]
    assert row.verdict == "unsure"
    assert row.followed.mean == pytest.approx(row.stayed.mean)


@pytest.mark.parametrize("fill", ["mean", "reflect", "edge"])
def test_moving_an_image_moves_its_content_and_fills_the_rest(fill: str) -> None:
    image = noise(1, side=6)[0]
    there = moved(image, 2, -3, fill, (1, 2, 3))
    np.testing.assert_array_equal(there[2:, :3], image[:-2, 3:])
    expected = {"mean": [1, 2, 3], "reflect": image[2, 3], "edge": image[0, 3]}[fill]
    np.testing.assert_array_equal(there[0, 0], expected)
    np.testing.assert_array_equal(moved(image, 0, 0, fill, (0, 0, 0)), image)


def test_correlations_are_over_the_same_cells_of_the_interior() -> None:
    before, after = np.random.default_rng(1).random((2, 6, 5)).astype(np.float32)
    followed, stayed = compared(before, after, 2.0, -1.0)
    assert followed == pytest.approx(np.corrcoef(before[:-2, 1:].ravel(), after[2:, :-1].ravel())[0, 1], abs=1e-6)
    assert stayed == pytest.approx(np.corrcoef(before[2:, :-1].ravel(), after[2:, :-1].ravel())[0, 1], abs=1e-6)
    assert compared(before, after, 5.0, 0.0) == (None, None)


def test_a_part_of_a_cell_is_interpolated() -> None:
    ramp = np.arange(30, dtype=np.float32).reshape(6, 5) ** 2
    between = (ramp[:-1] + ramp[1:]) / 2  # half a cell down: between each row and the one above
    followed, _ = compared(ramp, np.concatenate([ramp[:1], between]), 0.5, 0.0)
    assert followed == pytest.approx(1)


@pytest.mark.parametrize(
    ("step", "wanted", "expected"),
    [((4.0, 4.0), 8, 8), ((32.0, 32.0), 8, 32), ((4.0, 6.0), 8, 12), ((3.5, 3.5), 8, 14), ((224.0, 224.0), 8, 8)],
)
def test_the_distance_is_a_multiple_of_the_cells_where_there_is_one(step, wanted: int, expected: int) -> None:
    assert distance_for(step, wanted, (224, 224)) == expected


def test_a_row_says_what_to_know_about_its_place() -> None:
    class Pooled(nn.Module):
        """Nobody can follow where the cells come from."""

        def __init__(self) -> None:
            super().__init__()
            self.attention = planted_mask(by_content).model.attention

        def forward(self, x: Tensor) -> Tensor:
            """Return logits (B, 3)."""
            numpied = torch.from_numpy(x.detach().numpy().copy())
            return self.attention(nn.functional.avg_pool2d(numpied, 3)).mean(dim=(2, 3))

    found = shift_test(Pooled().eval(), IMAGES, size=16, classes=["a", "b", "c"], mean=(0,) * 3, std=(1,) * 3)
    (row,) = found.rows
    assert row.placement.status == "unknown"
    assert [note.code for note in row.notes] == ["shift.interpolated", "shift.place-unknown"]
    assert "were taken to share out the image" in str(found)


def test_results_are_plain_numbers_with_an_example() -> None:
    found = shift_test(planted_mask(by_content), IMAGES)
    twin = pickle.loads(pickle.dumps(found))
    assert twin.as_dict() == found.as_dict()
    row = found.rows[0]
    assert [one.direction for one in row.moved] == ["up", "down", "left", "right"]
    np.testing.assert_array_equal(row.moved[3].image[:, 4:], IMAGES[0][:, :-4])
    assert row.mask.shape == row.moved[0].mask.shape == (16, 16)
    assert found.as_dict()["rows"][0]["verdict"] == "follows"


def test_impossible_distances_and_fills_are_refused() -> None:
    with pytest.raises(ImageError, match="can be moved by 1 to 8 pixels; given 9"):
        shift_test(planted_mask(flat), IMAGES, pixels=9)
    with pytest.raises(ImageError, match="unknown fill 'noise'; expected mean, reflect or edge"):
        shift_test(planted_mask(flat), IMAGES, fill="noise")


def test_progress_is_reported_up_to_the_end() -> None:
    shares: list[float] = []
    shift_test(planted_mask(flat), IMAGES, report=shares.append)
    assert shares[-1] == 1
