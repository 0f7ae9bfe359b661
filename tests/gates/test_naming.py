"""Names of gates where one module multiplies by several: those of its children, else numbers."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from cbam_core import Off, capture, edit, explain
from cbam_core.gates.block_trace import follow_block
from cbam_core.gates.channel_trace import follow_channel
from cbam_core.gates.geometry.placing import place
from cbam_core.results.block_names import modules_of


class ChannelPart(nn.Module):
    """Returns weights (B, C, 1, 1), and multiplies nothing."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x.mean((2, 3), keepdim=True)).sigmoid()


class SpatialPart(nn.Module):
    """Returns a mask (B, 1, H, W), and multiplies nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], 1)).sigmoid()


class Pasted(nn.Module):
    """Two pairs of children that return attention; the code of this module multiplies."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 2, stride=2), nn.Conv2d(4, 6, 2, stride=2)
        self.ca1, self.sa1, self.ca2, self.sa2 = ChannelPart(4), SpatialPart(), ChannelPart(6), SpatialPart()

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        x = self.ca1(x) * x
        x = self.sa1(x) * x
        x = self.second(x)
        x = self.ca2(x) * x
        return (self.sa2(x) * x).mean((2, 3))


class Inline(nn.Module):
    """Two gates of each kind in the code of one module, squashed there."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.one, self.other = nn.Conv2d(3, 4, 1), nn.Linear(4, 4), nn.Linear(4, 4)
        self.mask = nn.Conv2d(4, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = x * torch.sigmoid(self.one(x.mean((2, 3))))[:, :, None, None]
        x = x * torch.sigmoid(self.mask(x))
        x = x * torch.sigmoid(self.other(x.mean((2, 3))))[:, :, None, None]
        return x * torch.sigmoid(self.mask(x))


class Multiplying(nn.Module):
    """Two pairs of children that multiply themselves, in one module that is not the network."""

    def __init__(self) -> None:
        super().__init__()
        self.parts = nn.ModuleList(
            Gated(kind) for kind in (ChannelPart(3), SpatialPart(), ChannelPart(3), SpatialPart())
        )
        self.ca1, self.sa1, self.ca2, self.sa2 = self.parts

    def forward(self, x: Tensor) -> Tensor:
        return self.sa2(self.ca2(self.sa1(self.ca1(x))))


class Gated(nn.Module):
    """Multiplies a map by what its part returns."""

    def __init__(self, part: nn.Module) -> None:
        super().__init__()
        self.part = part

    def forward(self, x: Tensor) -> Tensor:
        return x * self.part(x)


def _seeded(kind: type[nn.Module]) -> nn.Module:
    torch.manual_seed(0)
    return kind().eval()


def _names(model: nn.Module, size: int = 8) -> list[str]:
    with torch.inference_mode(), capture(model) as record:
        model(torch.rand(2, 3, size, size))
    assert all(gate.name.endswith(f".{gate.kind}") for gate in record.gates)
    assert all(gate.name.rpartition(".")[0].partition("#")[0] in modules_of(gate.block) for gate in record.gates)
    return [gate.name for gate in record.gates]


def test_gates_that_the_network_itself_multiplies_are_named_by_the_children_that_return_them() -> None:
    assert _names(_seeded(Pasted)) == ["ca1.channel", "sa1.spatial", "ca2.channel", "sa2.spatial"]


def test_gates_that_a_stage_multiplies_are_named_by_the_children_that_return_them() -> None:
    model = nn.Sequential(_seeded(Pasted)).eval()
    assert _names(model) == ["0.ca1.channel", "0.sa1.spatial", "0.ca2.channel", "0.sa2.spatial"]


def test_one_pair_of_children_names_the_module_that_multiplies() -> None:
    model = _seeded(Pasted)
    model.ca2, model.sa2 = nn.Identity(), nn.Identity()
    assert _names(nn.Sequential(model).eval())[:2] == ["0.channel", "0.spatial"]


def test_pairs_of_children_that_multiply_themselves_keep_their_own_names() -> None:
    names = _names(nn.Sequential(nn.Conv2d(3, 3, 1), _seeded(Multiplying)).eval())
    assert [name.rpartition(".")[2] for name in names] == ["channel", "spatial", "channel", "spatial"]
    assert len(set(names)) == 4


def test_gates_squashed_in_the_code_of_the_network_are_named_by_the_layer_that_computes_them() -> None:
    assert _names(_seeded(Inline)) == ["one.channel", "mask.spatial", "other.channel", "mask#2.spatial"]


def test_gates_in_the_code_of_one_module_are_numbered_as_calls_are() -> None:
    model = nn.Sequential(_seeded(Inline)).eval()
    with torch.inference_mode(), capture(model) as record:
        model(torch.rand(2, 3, 8, 8))
    assert [gate.name for gate in record.gates] == ["0.channel", "0.spatial", "0#2.channel", "0#2.spatial"]
    assert {gate.block for gate in record.gates} == {"0"}
    assert {gate.call for gate in record.gates} == {1}


def test_an_edit_by_kind_reaches_every_gate_and_one_by_number_a_single_one() -> None:
    model, batch = nn.Sequential(_seeded(Inline)).eval(), torch.rand(2, 3, 8, 8)
    for name, edited in (("*.channel", [True, False, True, False]), ("0#2.channel", [False, False, True, False])):
        with torch.inference_mode(), edit(model, {name: Off()}), capture(model) as record:
            model(batch)
        assert [bool((gate.values == 1).all()) for gate in record.gates] == edited


def test_every_gate_of_one_module_is_in_a_block_of_an_explanation() -> None:
    model = nn.Sequential(_seeded(Inline)).eval()
    explanation = explain(model, torch.rand(3, 8, 8))
    assert [block.name for block in explanation.blocks] == ["0", "0#2"]
    assert [len(block.gates) for block in explanation.blocks] == [2, 2]


def test_the_numbered_gates_of_a_module_can_be_followed() -> None:
    model, batch = nn.Sequential(_seeded(Inline)).eval(), torch.rand(1, 3, 8, 8)
    with torch.inference_mode():
        output = model(batch)
    passages = follow_block(model, batch, "0#2")
    assert [passage.kind for passage in passages] == ["channel", "spatial"]
    assert torch.equal(passages[-1].after, output)
    before, after = follow_channel(model, batch, "0#2", 1)
    assert torch.equal(before, passages[0].before[:, 1])
    assert torch.equal(after, output[:, 1])


@pytest.mark.parametrize(("name", "step"), [("ca1 + sa1", 2.0), ("ca2 + sa2", 4.0)])
def test_masks_that_the_network_itself_multiplies_have_a_place(name: str, step: float) -> None:
    found = place(_seeded(Pasted), (16, 16))[name]
    assert (found.status, found.step) == ("exact", (step, step))
