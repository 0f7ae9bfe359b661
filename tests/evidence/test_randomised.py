"""Masks that ignore weights, or are made by some, when weights are shuffled."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from cbam_core import SpatialAttention
from cbam_core.errors import ModelError
from cbam_core.evidence.randomised import randomised_test
from tests.evidence.planted_masks import PlantedMask, by_content, by_position, flat, noise, planted_mask

STATED = {"size": 16, "classes": (), "mean": (0.0,) * 3, "std": (1.0,) * 3, "name": "made"}
IMAGES = noise(4)


class Two(nn.Module):
    """A convolution, a mask, and a layer after it."""

    def __init__(self, attention: nn.Module, first: nn.Module) -> None:
        super().__init__()
        self.after = nn.Conv2d(3 if isinstance(first, nn.Identity) else 4, 4, 3)
        self.attention, self.first = attention, first

    def forward(self, x: Tensor) -> Tensor:
        """Return a map."""
        return self.after(self.attention(self.first(x)))


def two(attention: nn.Module, first: nn.Module | None = None) -> nn.Module:
    torch.manual_seed(1)
    return Two(attention, first or nn.Conv2d(3, 4, 5, padding=2)).eval()


def test_a_mask_that_ignores_weights_stays_the_same() -> None:
    (row,) = randomised_test(two(PlantedMask(by_position)), IMAGES, **STATED).rows
    assert set(row.parts) == {"own", "below", "both"}
    for part in row.parts.values():
        assert part.correlation.mean == part.size.mean == pytest.approx(1)
    assert row.verdict == "padding"
    assert "made by padding and position" in str(row.sentence)
    assert row.chance.mean < 0.7


def test_a_mask_by_the_layer_below_changes_with_that_alone() -> None:
    def rectified(x: Tensor) -> Tensor:
        return x[:, :1].sigmoid()

    (row,) = randomised_test(two(PlantedMask(rectified)), IMAGES, **STATED).rows
    assert row.parts["own"].size.mean == pytest.approx(1)
    assert row.parts["below"].size.mean < 0.5
    assert row.verdict == "below"


def test_a_mask_by_its_own_weights_changes_with_these_alone() -> None:
    class OwnPattern(PlantedMask):
        def __init__(self) -> None:
            super().__init__(by_position)
            self.pattern = nn.Parameter(torch.randn(16, 16, generator=torch.Generator().manual_seed(0)))

        def forward(self, x: Tensor) -> Tensor:
            """Multiply by the sigmoid of the pattern."""
            return x * self.sigmoid(self.pattern.expand(len(x), 1, 16, 16))

    (row,) = randomised_test(two(OwnPattern()), IMAGES, **STATED).rows
    assert row.parts["below"].size.mean == pytest.approx(1)
    assert row.parts["own"].size.mean < 0.5
    assert row.verdict == "own"


def test_trained_like_attention_changes_with_the_weights_and_the_network_does_not() -> None:
    model = two(SpatialAttention(7))
    with torch.no_grad():
        model.attention.conv.weight.mul_(30)
    before = copy.deepcopy(model.state_dict())
    (row,) = randomised_test(model, noise(4), **STATED).rows
    assert row.parts["both"].size.mean < 0.6
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not any(module._forward_pre_hooks for module in model.modules())


def test_layers_after_the_mask_are_not_below_it() -> None:
    (row,) = randomised_test(two(PlantedMask(by_content), nn.Identity()), IMAGES, **STATED).rows
    assert set(row.parts) == {"own"}
    assert row.verdict == "padding"
    assert "there are none below" in str(row.sentence)


def test_flat_masks_have_no_pattern_and_one_image_has_ranges() -> None:
    found = randomised_test(planted_mask(flat), IMAGES[0])
    assert (found.rows[0].verdict, found.rows[0].parts) == ("flat", {})
    (row,) = randomised_test(two(SpatialAttention(3)), IMAGES[0], trials=3, **STATED).rows
    assert row.parts == {} or row.parts["own"].size.count == 3


def test_results_are_plain_and_the_same_for_a_seed() -> None:
    first, second = (randomised_test(two(PlantedMask(by_content)), IMAGES, trials=2, **STATED) for _ in range(2))
    assert pickle.loads(pickle.dumps(first)).as_dict() == second.as_dict()
    assert first.rows[0].parts["below"].mask.shape == (16, 16)
    np.testing.assert_array_equal(first.rows[0].mask, second.rows[0].mask)


def test_a_network_that_cannot_be_copied_says_so() -> None:
    class Unique(PlantedMask):
        def __deepcopy__(self, memo: object) -> Unique:
            raise TypeError("there is only one of me")

    with pytest.raises(ModelError, match="made cannot be copied, and its own weights must not change: there is only"):
        randomised_test(two(Unique(by_position)), IMAGES[0], **STATED)
