"""A network that gives NaN or infinity is recorded as it is, and said where that begins."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from cbam_core import capture, explain
from cbam_core.errors import ModelError
from cbam_core.gates.not_finite import first_not_finite, weights_not_finite

PICTURE = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
STATED: dict[str, Any] = {"size": 16, "normalisation": "half"}


class Block(nn.Module):
    """A mask that a function changes before it multiplies the map."""

    def __init__(self, change: Callable[[Tensor, Tensor], Any]) -> None:
        super().__init__()
        self.conv, self.change = nn.Conv2d(8, 1, 3, padding=1), change

    def forward(self, x: Tensor) -> Any:
        return x * self.change(torch.sigmoid(self.conv(x)), x)


class Net(nn.Module):
    def __init__(self, change: Callable[[Tensor, Tensor], Any] = lambda mask, _map: mask) -> None:
        super().__init__()
        self.stem, self.block, self.head = nn.Conv2d(3, 8, 3, padding=1), Block(change), nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Any:
        return self.head(self.block(self.stem(x)).mean((2, 3)))


def made(change: Callable[[Tensor, Tensor], Any] = lambda mask, _map: mask) -> Net:
    torch.manual_seed(0)
    model = Net(change)
    model.eval()
    return model


def said(model: nn.Module) -> str:
    with pytest.raises(ModelError) as caught:
        explain(model, PICTURE, classes=4, **STATED)
    assert caught.value.code == "model.not-finite"
    return str(caught.value)


NAN = math.nan

CHANGES: dict[str, Callable[[Tensor, Tensor], Any]] = {
    "number": lambda mask, _: mask * NAN,
    "infinite number": lambda mask, _: mask * math.inf,
    "tensor": lambda mask, _: mask * torch.tensor(NAN),
    "added": lambda mask, _: mask + torch.tensor(NAN),
    "read": lambda mask, x: mask * (x * NAN).max().item(),
    "of the map": lambda mask, x: mask * (x.mean() * NAN),
    "filled": lambda mask, _: mask.masked_fill(mask > 0, NAN),
    "clamped": lambda mask, _: mask.clamp(NAN, 1),
    "divided": lambda mask, _: mask / (mask - mask),
    "replaced": lambda mask, _: torch.nan_to_num(mask * NAN, nan=0.5),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_gate_that_is_not_finite_is_recorded(change: Callable[[Tensor, Tensor], Any]) -> None:
    model = made(change)
    for _ in range(2):
        with torch.inference_mode(), capture(model) as record:
            model(torch.rand(1, 3, 16, 16))
        (gate,) = record.gates
        assert (gate.name, gate.kind) == ("block.spatial", "spatial")
        assert repr(gate).endswith(", not finite)")
    with torch.inference_mode(), capture(made()) as record:
        made()(torch.rand(1, 3, 16, 16))
    assert "finite" not in repr(record)


@pytest.mark.parametrize("change", [one for name, one in CHANGES.items() if name != "replaced"])
def test_the_gate_and_the_module_that_make_the_output_not_finite_are_named(
    change: Callable[[Tensor, Tensor], Any],
) -> None:
    assert said(made(change)).startswith(
        "the output of Net is not finite: its gate block.spatial is NaN or infinity, which the forward of block "
        "(Block) makes of finite numbers"
    )


def test_weights_that_are_not_finite_are_named() -> None:
    model = made()
    model.register_buffer("mask", torch.full((2, 2), -math.inf))  # as of attention
    assert weights_not_finite(model) == []
    model.block.conv.weight.data[0, 0] = math.inf
    assert "some of its weights are NaN or infinity (block.conv.weight): load weights" in said(model)
    model.mask[0] = NAN  # type: ignore[index]
    assert weights_not_finite(model) == ["block.conv.weight", "mask"]


def test_a_layer_that_has_no_weights_yet_is_passed_over() -> None:
    model = made()
    model.never = nn.LazyLinear(3)
    assert weights_not_finite(model) == []


def test_the_layer_whose_numbers_are_too_large_is_named() -> None:
    model = made()
    model.stem.weight.data.fill_(3e38)
    assert "not finite: stem (Conv2d) makes NaN or infinity of finite numbers, so its weights" in said(model)
    assert first_not_finite(made(), torch.rand(1, 3, 16, 16)) == ("", False)
    assert not model.stem._forward_hooks
    assert not model.stem._forward_pre_hooks


def test_a_forward_without_a_bad_gate_is_named_alone() -> None:
    class Bad(Net):
        def forward(self, x: Tensor) -> Any:
            return super().forward(x) / 0

    torch.manual_seed(0)
    assert "not finite: the forward of Bad makes NaN or infinity of finite numbers" in said(Bad().eval())


def test_a_gate_that_is_not_finite_is_noted_where_there_is_no_prediction() -> None:
    seen = explain(made(CHANGES["divided"]), PICTURE, classes=(), **STATED)
    (note,) = [note for note in seen.notes if note.code == "gate.not-finite"]
    assert str(note).startswith("values of some gates are not finite but NaN or infinity (block.spatial): check that")
    assert "gate.not-finite" not in [note.code for note in explain(made(), PICTURE, classes=(), **STATED).notes]
