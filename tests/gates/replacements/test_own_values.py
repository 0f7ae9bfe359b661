"""Replacements made of a gate's own values, on gates of known values."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from cbam_core.errors import EditError
from cbam_core.gates.replacements import AnyReplacement, AsIs, Inverted, OwnMean, Scaled, Shuffled
from tests.gates.replacements.targets import CHANNEL, FULL, MASK, MASKS, WEIGHTS


@pytest.mark.parametrize(
    ("replacement", "expected"),
    [
        (AsIs(), MASKS),
        (OwnMean(), torch.tensor([0.25, 0.75, 0.5]).reshape(3, 1, 1).expand(3, 2, 2)),
        (Scaled(0.5), MASKS / 2),
        (Inverted(), 1 - MASKS),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_mask_becomes_what_the_replacement_says(replacement: AnyReplacement, expected: Tensor) -> None:
    assert torch.equal(replacement(MASK), expected)


def test_the_own_mean_of_a_full_gate_keeps_its_channels_apart() -> None:
    assert torch.allclose(OwnMean()(FULL), FULL.values.mean(dim=(2, 3), keepdim=True).expand_as(FULL.values))


def test_shuffling_keeps_the_values_of_every_image_and_one_order_for_all() -> None:
    values = torch.rand(2, 5, 7)
    shuffled = Shuffled(seed=3)(replace(MASK, values=values))
    assert not torch.equal(shuffled, values)
    assert torch.equal(shuffled.flatten(1).sort().values, values.flatten(1).sort().values)
    order = [values[0].flatten().tolist().index(value) for value in shuffled[0].flatten().tolist()]
    assert torch.equal(shuffled[1].flatten(), values[1].flatten()[order])
    assert torch.equal(Shuffled(seed=3)(replace(MASK, values=values)), shuffled)
    weights = Shuffled()(CHANNEL)
    assert torch.equal(weights.sort().values, WEIGHTS.sort().values)


def test_shuffling_a_full_gate_moves_positions_of_all_channels_together() -> None:
    values = FULL.values + torch.tensor([0.0, 100.0, 200.0]).reshape(1, 3, 1, 1)
    shuffled = Shuffled()(replace(FULL, values=values))
    assert torch.equal(shuffled.floor_divide(100), values.floor_divide(100))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: OwnMean()(CHANNEL), "gate block.channel has no positions to take a mean over"),
        (lambda: Scaled(-1), "0 or more; given -1"),
        (lambda: Scaled(float("inf")), "finite numbers; given inf"),
    ],
)
def test_what_does_not_fit_is_said_in_one_sentence(make: object, said: str) -> None:
    with pytest.raises(EditError, match=said):
        make()
