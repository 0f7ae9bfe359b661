"""Replacements by numbers that are the same for every image, on gates of known values."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from cbam_core.errors import EditError
from cbam_core.gates.replacements import AnyReplacement, BestConstant, Off, Usual, UsualLevel, Values
from tests.gates.replacements.targets import CHANNEL, MASK, MASKS, USUAL, everywhere


@pytest.mark.parametrize(
    ("replacement", "expected"),
    [
        (Usual(), torch.from_numpy(USUAL).expand(3, 2, 2)),
        (Usual(USUAL / 2), torch.from_numpy(USUAL / 2).expand(3, 2, 2)),
        (UsualLevel(), everywhere(0.5)),
        (UsualLevel(0.125), everywhere(0.125)),
        (BestConstant(0.375), everywhere(0.375)),
        (BestConstant(USUAL), torch.from_numpy(USUAL).expand(3, 2, 2)),
        (Values(0.5), everywhere(0.5)),
        (Values(MASKS / 2), MASKS / 2),
        (Off(), everywhere(1.0)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_mask_becomes_what_the_replacement_says(replacement: AnyReplacement, expected: Tensor) -> None:
    assert torch.equal(replacement(MASK), expected)


def test_off_leaves_the_map_as_it_is_whatever_the_scale_and_shift() -> None:
    for scale, shift in ((1.0, 0.0), (1.0, 1.0), (2.0, 0.0), (0.5, 0.25)):
        values = Off()(replace(MASK, scale=scale, shift=shift))
        assert torch.equal(scale * values + shift, everywhere(1.0))


def test_given_values_are_copied() -> None:
    given = np.full((2, 2), 0.5)
    values = Values(given)
    given[:] = 0
    assert torch.equal(values(MASK), everywhere(0.5))


def test_values_outside_the_range_can_be_meant() -> None:
    assert torch.equal(Values(1.5, unbounded=True)(MASK), everywhere(1.5))


def test_values_keep_the_gates_number_type() -> None:
    for dtype in (torch.float64, torch.bfloat16):
        assert Usual()(replace(MASK, values=MASKS.to(dtype))).dtype is dtype


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: UsualLevel()(CHANNEL), "usual values of gate block.channel are not known"),
        (lambda: Values(1.5), r"lie in \[0, 1\]; given 1.5 to 1.5: say unbounded=True"),
        (lambda: Values([-0.1, 0.5]), "given -0.1 to 0.5"),
        (lambda: Values(float("nan")), "finite numbers; given nan"),
        (lambda: Values("half"), "finite numbers; given 'half'"),
        (lambda: Values(None), "finite numbers; given None"),
        (lambda: Usual([[1.0], [1.0, 2.0]]), "finite numbers"),
        (lambda: Values(np.ones(3))(MASK), r"of shape \(2, 2\) for one image; given \(3,\)"),
    ],
)
def test_what_does_not_fit_is_said_in_one_sentence(make: object, said: str) -> None:
    with pytest.raises(EditError, match=said):
        make()
