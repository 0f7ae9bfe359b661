"""Gates borrowed from other images of the batch, or from elsewhere."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from cbam_core.errors import EditError
from cbam_core.gates.replacements import AnyReplacement, Borrowed, OtherImage, SameClass
from tests.gates.replacements.targets import MASK, MASKS


@pytest.mark.parametrize(
    ("replacement", "expected"),
    [
        (OtherImage(), MASKS[[2, 0, 1]]),
        (OtherImage((1, 1, 0)), MASKS[[1, 1, 0]]),
        (Borrowed({"block.spatial": MASKS[1]}), MASKS[1].expand(3, 2, 2)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_mask_becomes_what_the_replacement_says(replacement: AnyReplacement, expected: Tensor) -> None:
    assert torch.equal(replacement(MASK), expected)


def test_a_donor_of_the_class_is_another_image_of_it_and_lends_once() -> None:
    labels = (0, 1, 0, 1, 0, 2)
    order = SameClass(labels, seed=1).order()
    assert sorted(order) == list(range(6))
    assert [labels[donor] for donor in order] == list(labels)
    assert [image for image, donor in enumerate(order) if image == donor] == [5]
    target = replace(MASK, values=torch.arange(6.0).reshape(6, 1, 1).expand(6, 2, 2))
    assert SameClass(labels, seed=1)(target)[:, 0, 0].tolist() == list(order)


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


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: OtherImage()(replace(MASK, values=MASKS[:1])), "this batch has one image"),
        (lambda: OtherImage((0, 1))(MASK), r"names one of 3 images for each of them; given \(0, 1\)"),
        (lambda: OtherImage((0, 1, 3))(MASK), r"given \(0, 1, 3\)"),
        (lambda: Borrowed({"other": 1.0})(MASK), "the other image has no gate block.spatial; it has other"),
        (
            lambda: Borrowed(SimpleNamespace(gates=(SimpleNamespace(name="g", values=MASKS),)), index=3),
            "holds 3 images, numbered from 0; given 3",
        ),
    ],
)
def test_what_does_not_fit_is_said_in_one_sentence(make: object, said: str) -> None:
    with pytest.raises(EditError, match=said):
        make()
