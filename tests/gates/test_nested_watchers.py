"""Watchers inside each other, where a gate is multiplied in the network's own forward or in a module inside."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from cbam_core import Off, Scaled, Values, capture, edit, explain


class Direct(nn.Module):
    """A channel gate that the network's own forward multiplies."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.linear = nn.Conv2d(3, 8, 3), nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1] != 3:
            raise ValueError("three channels, please")
        x = self.conv(x)
        weights = torch.sigmoid(self.linear(x.mean((2, 3))))
        return (x * weights[:, :, None, None]).mean((2, 3))


def within() -> nn.Module:
    return nn.Sequential(nn.Identity(), Direct()).eval()


BATCH = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
NETWORKS = [Direct().eval(), within()]


def gates_in(model: nn.Module) -> list[Tensor]:
    with torch.no_grad(), capture(model) as record:
        model(BATCH)
    return [gate.values for gate in record.gates]


def name_in(model: nn.Module) -> str:
    with torch.no_grad(), capture(model) as record:
        model(BATCH)
    return record.gates[0].name


@pytest.mark.parametrize("model", NETWORKS)
def test_a_record_inside_or_outside_an_edit_holds_the_replaced_gate(model: nn.Module) -> None:
    with torch.no_grad(), capture(model) as outer, edit(model, {"*": Off()}), capture(model) as inner:
        model(BATCH)
    for record in (outer, inner):
        (gate,) = record.gates
        assert torch.equal(gate.values, torch.ones(2, 8))


@pytest.mark.parametrize("model", NETWORKS)
def test_the_inner_of_two_edits_replaces_what_the_outer_one_gives(model: nn.Module) -> None:
    name = name_in(model)
    with (
        torch.no_grad(), edit(model, {name: Values(0.5)}), capture(model) as record, edit(model, {name: Scaled(0.5)})
    ):  # fmt: skip
        model(BATCH)
    assert torch.equal(record.gates[0].values, torch.full((2, 8), 0.25))
    with torch.no_grad(), edit(model, {name: Scaled(0.5)}), edit(model, {name: Values(0.5)}), capture(model) as record:
        model(BATCH)
    assert torch.equal(record.gates[0].values, torch.full((2, 8), 0.5))


@pytest.mark.parametrize("model", NETWORKS)
def test_two_records_in_each_other_are_alike(model: nn.Module) -> None:
    (alone,) = gates_in(model)
    with torch.no_grad(), capture(model) as outer, capture(model, grad=True) as inner:
        model(BATCH)
    assert torch.equal(outer.gates[0].values, alone)
    assert torch.equal(inner.gates[0].values, alone)


def test_an_explanation_with_edits_is_that_of_the_edited_network() -> None:
    model = Direct().eval()
    found = explain(model, BATCH[0], classes=8, edits={"*": Off()})
    with torch.no_grad():
        expected = model.conv(BATCH[:1]).mean((2, 3)).softmax(1)[0]
    assert found.probabilities == pytest.approx(expected.numpy(), abs=1e-6)


@pytest.mark.parametrize("model", NETWORKS)
def test_an_error_of_the_network_itself_is_what_an_edit_lets_through(model: nn.Module) -> None:
    with pytest.raises(ValueError, match="three channels, please"), edit(model, {"*": Off()}):
        model(torch.rand(2, 4, 8, 8))
