"""Each replacement computes what its name says, on gates of known values."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor

from cbam_core.errors import EditError
from cbam_core.gates.replacements import (
    AnyReplacement,
    AsIs,
    BestConstant,
    Borrowed,
    Inverted,
    Off,
    Only,
    OtherImage,
    OwnMean,
    SameClass,
    Scaled,
    Shuffled,
    Target,
    Usual,
    UsualLevel,
    Values,
)

MASKS = torch.tensor([[[0.0, 0.25], [0.5, 0.25]], [[1.0, 1.0], [0.0, 1.0]], [[0.5, 0.5], [0.5, 0.5]]])
WEIGHTS = torch.tensor([[0.0, 0.5, 1.0], [0.25, 0.5, 0.75]])
USUAL = np.array([[0.5, 0.0], [1.0, 0.5]], dtype=np.float32)

MASK = Target("block.spatial", "spatial", MASKS, USUAL)
CHANNEL = Target("block.channel", "channel", WEIGHTS)
FULL = Target("block.full", "full", torch.arange(24.0).reshape(2, 3, 2, 2) / 24)


def everywhere(number: float) -> Tensor:
    return torch.full((3, 2, 2), number)


@pytest.mark.parametrize(
    ("replacement", "expected"),
    [
        (AsIs(), MASKS),
        (Usual(), torch.from_numpy(USUAL).expand(3, 2, 2)),
        (Usual(USUAL / 2), torch.from_numpy(USUAL / 2).expand(3, 2, 2)),
        (UsualLevel(), everywhere(0.5)),
        (UsualLevel(0.125), everywhere(0.125)),
        (OwnMean(), torch.tensor([0.25, 0.75, 0.5]).reshape(3, 1, 1).expand(3, 2, 2)),
        (OtherImage(), MASKS[[2, 0, 1]]),
        (OtherImage((1, 1, 0)), MASKS[[1, 1, 0]]),
        (BestConstant(0.375), everywhere(0.375)),
        (BestConstant(USUAL), torch.from_numpy(USUAL).expand(3, 2, 2)),
        (Values(0.5), everywhere(0.5)),
        (Values(MASKS / 2), MASKS / 2),
        (Off(), everywhere(1.0)),
        (Scaled(0.5), MASKS / 2),
        (Inverted(), 1 - MASKS),
        (Borrowed({"block.spatial": MASKS[1]}), MASKS[1].expand(3, 2, 2)),
        (Only(Off(), cells=[(0, 1)]), MASKS.masked_fill(torch.tensor([[False, True], [False, False]]), 1.0)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_mask_becomes_what_the_replacement_says(replacement: AnyReplacement, expected: Tensor) -> None:
    assert torch.equal(replacement(MASK), expected)


def test_off_leaves_the_map_as_it_is_whatever_the_scale_and_shift() -> None:
    for scale, shift in ((1.0, 0.0), (1.0, 1.0), (2.0, 0.0), (0.5, 0.25)):
        values = Off()(replace(MASK, scale=scale, shift=shift))
        assert torch.equal(scale * values + shift, everywhere(1.0))


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


def test_a_donor_of_the_class_is_another_image_of_it_and_lends_once() -> None:
    labels = (0, 1, 0, 1, 0, 2)
    order = SameClass(labels, seed=1).order()
    assert sorted(order) == list(range(6))
    assert [labels[donor] for donor in order] == list(labels)
    assert [image for image, donor in enumerate(order) if image == donor] == [5]
    target = replace(MASK, values=torch.arange(6.0).reshape(6, 1, 1).expand(6, 2, 2))
    assert SameClass(labels, seed=1)(target)[:, 0, 0].tolist() == list(order)


def test_some_channels_or_cells_alone_are_replaced() -> None:
    assert Only(Off(), channels=[0, 2])(CHANNEL).tolist() == [[1.0, 0.5, 1.0], [1.0, 0.5, 1.0]]
    changed = (Only(Values(0.99), channels=[1], cells=[(0, 0), (1, 1)])(FULL) != FULL.values).nonzero()
    assert changed.tolist() == [[image, 1, place, place] for image in (0, 1) for place in (0, 1)]


@pytest.mark.parametrize("kind", ["record", "explanation", "mapping"])
def test_a_gate_is_borrowed_from_whatever_holds_gates(kind: str) -> None:
    gate = SimpleNamespace(name="block.spatial", values=MASKS)
    one = SimpleNamespace(name="block.spatial", values=MASKS[1].numpy())
    sources = {
        "record": Borrowed(SimpleNamespace(gates=(gate,)), index=1),
        "explanation": Borrowed(SimpleNamespace(blocks=(SimpleNamespace(gates=(one,)),))),
        "mapping": Borrowed({"block.spatial": MASKS[1].tolist()}),
    }
    assert torch.equal(sources[kind](MASK), MASKS[1].expand(3, 2, 2))


def test_given_values_are_copied() -> None:
    given = np.full((2, 2), 0.5)
    values = Values(given)
    given[:] = 0
    assert torch.equal(values(MASK), everywhere(0.5))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: OwnMean()(CHANNEL), "gate block.channel has no positions to take a mean over"),
        (lambda: OtherImage()(replace(MASK, values=MASKS[:1])), "this batch has one image"),
        (lambda: OtherImage((0, 1))(MASK), r"names one of 3 images for each of them; given \(0, 1\)"),
        (lambda: OtherImage((0, 1, 3))(MASK), r"given \(0, 1, 3\)"),
        (lambda: UsualLevel()(CHANNEL), "usual values of gate block.channel are not known"),
        (lambda: Values(1.5), r"lie in \[0, 1\]; given 1.5 to 1.5: say unbounded=True"),
        (lambda: Values([-0.1, 0.5]), "given -0.1 to 0.5"),
        (lambda: Values(float("nan")), "finite numbers; given nan"),
        (lambda: Values("half"), "finite numbers; given 'half'"),
        (lambda: Values(None), "finite numbers; given None"),
        (lambda: Only(Off), r"given Off without \(\)"),
        (lambda: Usual([[1.0], [1.0, 2.0]]), "finite numbers"),
        (lambda: Scaled(-1), "0 or more; given -1"),
        (lambda: Scaled(float("inf")), "finite numbers; given inf"),
        (lambda: Borrowed({"other": 1.0})(MASK), "the other image has no gate block.spatial; it has other"),
        (
            lambda: Borrowed(SimpleNamespace(gates=(SimpleNamespace(name="g", values=MASKS),)), index=3),
            "holds 3 images, numbered from 0; given 3",
        ),
        (lambda: Only(Off(), channels=[1])(MASK), "gate block.spatial has no channels to choose from"),
        (lambda: Only(Off(), cells=[(0, 0)])(CHANNEL), "gate block.channel has no cells to choose from"),
        (lambda: Only(Off(), channels=[3])(CHANNEL), r"numbered from 0 to 2; given \[3\]"),
        (lambda: Only(Off(), cells=[(0, 2)])(MASK), r"numbered from 0, 0 to 1, 1; given \[\(0, 2\)\]"),
        (lambda: Values(np.ones(3))(MASK), r"of shape \(2, 2\) for one image; given \(3,\)"),
    ],
)
def test_what_does_not_fit_is_said_in_one_sentence(make: object, said: str) -> None:
    with pytest.raises(EditError, match=said):
        make()


def test_values_outside_the_range_can_be_meant() -> None:
    assert torch.equal(Values(1.5, unbounded=True)(MASK), everywhere(1.5))


def test_values_keep_the_gates_number_type() -> None:
    for dtype in (torch.float64, torch.bfloat16):
        assert Usual()(replace(MASK, values=MASKS.to(dtype))).dtype is dtype
