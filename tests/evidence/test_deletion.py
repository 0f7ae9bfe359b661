"""Deletion and insertion of networks whose answer is a known function of the pixels."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from cbam_core.errors import ImageError, ModelError
from cbam_core.evidence import deletion
from cbam_core.evidence.deletion import area, blur, centre, curves, deletion_test
from cbam_core.results.deletion import Curves, DeletionRow, Gain
from cbam_core.results.resampled import Mean
from tests.evidence.planted_masks import by_content, noise, planted_mask

SIDE, BIAS = 8, 6.0
STATED = {"size": SIDE, "classes": ["no", "yes"], "mean": (0.0,) * 3, "std": (1.0,) * 3}


class Linear(nn.Module):
    """A logit that is a weighted sum of the pixels' red, beside 0; and a mask by a formula."""

    def __init__(self, weights: Tensor, mask: Tensor) -> None:
        super().__init__()
        self.weights = weights
        self.attention = planted_mask(lambda x: mask.expand(len(x), 1, *mask.shape)).model.attention

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (B, 2)."""
        self.attention(x)
        logit = (x[:, 0] * self.weights).sum(dim=(1, 2)) - BIAS
        return torch.stack([torch.zeros_like(logit), logit], dim=1)


def spot() -> Tensor:
    """Weights of an object in a corner."""
    weights = torch.zeros(SIDE, SIDE)
    weights[:3, :3] = 1.0
    return weights


def network(mask: Tensor) -> nn.Module:
    return Linear(spot(), mask).eval()


def objects(count: int) -> np.ndarray:
    """Images with a bright corner."""
    images = np.full((count, SIDE, SIDE, 3), 20, np.uint8)
    images[:, :3, :3] = 220
    return images


def test_curves_of_a_linear_network_are_its_closed_form() -> None:
    image = objects(1)[0]
    model, weights = network(spot() / 2 + 0.1), spot().numpy()
    found = deletion_test(model, image, draws=2, **STATED)
    soft = blur(image, 1.0)
    steps = np.rint(np.linspace(0, 1, 11) * SIDE * SIDE).astype(int)

    def yes(pixels: np.ndarray) -> float:
        return 1 / (1 + np.exp(BIAS - (pixels[:, :, 0] / 255 * weights).sum()))

    whole, gone = yes(image), yes(soft)
    assert (found.rows[0].own.deletion[0], found.rows[0].own.deletion[-1]) == pytest.approx((whole, gone), abs=1e-6)
    assert (found.rows[0].own.insertion[0], found.rows[0].own.insertion[-1]) == pytest.approx((gone, whole), abs=1e-6)
    done = steps >= 18  # the nine pixels of the spot, and those between it and the rest, are ranked first
    np.testing.assert_allclose(found.rows[0].own.deletion[done], gone, atol=1e-6)
    np.testing.assert_allclose(found.rows[0].own.insertion[done], whole, atol=1e-6)
    assert found.answer == "yes"


def test_curves_follow_a_given_order_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deletion, "POINTS", SIDE * SIDE)
    image = objects(1)[0]
    classifier, _ = deletion.opened(network(spot() / 2 + 0.1), image, STATED)
    soft, order = blur(image, 1.0), np.random.default_rng(0).permutation(SIDE * SIDE)
    (found,) = curves(classifier, image, soft, [order], 1)
    red, blurred, weights = (one.ravel() for one in (image[:, :, 0] / 255, soft[:, :, 0] / 255, spot().numpy()))
    sums = np.concatenate([[0], np.cumsum(((blurred - red) * weights)[order])])
    expected = 1 / (1 + np.exp(BIAS - (red @ weights + sums)))
    np.testing.assert_allclose(found[0], expected, atol=1e-6)
    np.testing.assert_allclose(found[1], 1 / (1 + np.exp(BIAS - (blurred @ weights - sums))), atol=1e-6)


def test_a_mask_of_the_object_is_better_in_both_and_its_opposite_worse() -> None:
    good, bad = spot() / 2 + 0.1, 0.9 - spot() / 2
    assert deletion_test(network(good), objects(1)[0], **STATED).rows[0].verdict == "better"
    row = deletion_test(network(bad), objects(1)[0], **STATED).rows[0]
    assert row.verdict in ("no", "worse")
    assert row.gains["alike"].deletion.mean < 0
    assert row.gains["alike"].insertion.mean < 0


def test_any_maps_of_any_resolution_can_be_tested() -> None:
    images = objects(3)
    right, coarse = spot().numpy(), np.zeros((3, 2, 2), np.float32)
    coarse[:, 0, 0] = 1
    found = deletion_test(
        network(spot() / 2 + 0.1), images, {"right": np.stack([right] * 3), "coarse": coarse}, **STATED
    )
    assert [row.map for row in found.rows] == ["right", "coarse"]
    assert (found.count, found.draws) == (3, 1)
    assert found.rows[0].own.deletion_area.mean < found.rows[0].controls["centre"].deletion_area.mean
    assert found.rows[0].own.deletion_area.count == 3
    single = deletion_test(network(spot() / 2 + 0.1), images[0], {"right": right}, **STATED)
    np.testing.assert_allclose(single.rows[0].own.deletion, found.rows[0].own.deletion, atol=0.05)
    for wrong in (right[None], np.stack([right] * 2), np.full((3, 2, 2), np.nan, np.float32)):
        with pytest.raises(ImageError, match="the map wrong does not fit"):
            deletion_test(network(spot()), images, {"wrong": wrong}, **STATED)


def test_the_blur_keeps_constants_and_the_area_is_by_trapezoids() -> None:
    flat = np.full((5, 7, 3), 77, np.uint8)
    np.testing.assert_array_equal(blur(flat, 2.0), flat)
    assert np.ptp(blur(noise(1)[0], 4.0)) < np.ptp(noise(1)[0])
    assert area(np.array([0.0, 1.0, 0.5])) == pytest.approx(np.trapezoid([0, 1, 0.5], dx=0.5))
    spot_map = centre((5, 3))
    assert np.unravel_index(spot_map.argmax(), spot_map.shape) == (1, 2)


def gain(deletion_: float, insertion: float) -> Gain:
    return Gain(*(Mean(mean, (mean - 0.01, mean + 0.01), 9) for mean in (deletion_, insertion)))


@pytest.mark.parametrize(
    ("alike", "spot_gain", "verdict"),
    [
        ((0.1, 0.1), (0.1, 0.1), "better"),
        ((0.1, 0.1), (0.1, 0.0), "centre"),
        ((0.1, -0.1), (0.1, 0.1), "one"),
        ((0.0, 0.0), (0.1, 0.1), "no"),
        ((-0.1, -0.1), (0.1, 0.1), "worse"),
    ],
)
def test_only_both_tests_together_give_a_verdict(alike, spot_gain, verdict: str) -> None:
    curve = np.array([1.0, 0.0])
    nothing = Curves(curve, curve, None, None)
    gains = {"alike": gain(*alike), "centre": gain(*spot_gain), "pixels": gain(-0.1, 0.1)}
    row = DeletionRow("mask", nothing, dict.fromkeys(gains, nothing), gains)
    assert (row.verdict, row.sentence.code) == (verdict, f"deletion.{verdict}")
    assert f"{100 * alike[0]:+.1f} points" in str(row.sentence) or verdict in ("better", "centre")


@pytest.mark.parametrize("size", [0.0004, -0.0004])
def test_gains_that_would_be_written_as_0_are_none(size: float) -> None:
    curve = np.array([1.0, 0.0])
    nothing = Curves(curve, curve, None, None)
    certain = Mean(size, (size - 0.0001, size + 0.0001), 9)
    gains = dict.fromkeys(("alike", "centre", "pixels"), Gain(certain, certain))
    row = DeletionRow("mask", nothing, dict.fromkeys(gains, nothing), gains)
    assert row.verdict == "no"
    assert "+0.0 points of probability in deletion, +0.0 in insertion" in str(row.sentence)


def test_results_are_plain_and_without_classes_there_is_no_answer() -> None:
    found = deletion_test(planted_mask(by_content), noise(2))
    twin = pickle.loads(pickle.dumps(found))
    assert twin.as_dict() == found.as_dict()
    assert set(found.as_dict()["rows"][0]["controls"]) == {"alike", "centre", "pixels"}
    with pytest.raises(ModelError, match="planted has no classes, so it has no answer"):
        deletion_test(replace(planted_mask(by_content), classes=()), noise(1)[0])
