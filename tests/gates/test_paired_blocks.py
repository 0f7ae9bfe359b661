"""A channel gate and a mask of two children of one module are one block where the second follows the first."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from app.compare.link import read_channels
from cbam_core import Off, capture, edit, explain
from cbam_core.evidence.by_captum import _layer
from cbam_core.evidence.randomised import _modules
from cbam_core.evidence.subject import Subject
from cbam_core.explanation.channels import explain_channel
from cbam_core.gates.anatomy import summarise
from cbam_core.gates.audit import audit_network
from cbam_core.gates.block_trace import follow_block
from cbam_core.gates.channel_trace import follow_channel
from cbam_core.gates.gate_trace import follow_gate
from cbam_core.gates.geometry.placing import place
from cbam_core.network import Classifier
from tests.gates.test_naming import ChannelPart, Gated, SpatialPart

FIRST, LAST = "ca + sa", "ca1 + sa1"


class Pasted(nn.Module):
    """A pair of children after the stem, and another before pooling, as in the most copied ResNet."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.layer1 = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 6, 2, stride=2)
        self.ca, self.sa, self.ca1, self.sa1 = ChannelPart(4), SpatialPart(), ChannelPart(6), SpatialPart()
        self.fc = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.conv1(x))
        x = self.ca(x) * x
        x = self.sa(x) * x
        x = torch.relu(self.layer1(x))
        x = self.ca1(x) * x
        x = self.sa1(x) * x
        return self.fc(x.mean((2, 3)))


class Written(Pasted):
    """The same children, in the code of a test."""

    def __init__(self, code: Callable[[Pasted, Tensor], Tensor]) -> None:
        super().__init__()
        self.code = code
        self.cas = nn.ModuleList([self.ca, ChannelPart(4)])
        self.sas = nn.ModuleList([self.sa, SpatialPart()])
        self.mid, self.norm = nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4)
        self.se, self.mask = Gated(ChannelPart(4)), Gated(SpatialPart())

    def forward(self, x: Tensor) -> Tensor:
        return self.code(self, torch.relu(self.conv1(x))).mean((2, 3))


def _seeded(model: Callable[[], nn.Module]) -> nn.Module:
    torch.manual_seed(0)
    return model().eval()


def _images(count: int = 2, side: int = 8) -> Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(1))


def _blocks(model: nn.Module) -> dict[str, str]:
    with torch.inference_mode(), capture(model) as record:
        model(_images())
    return {gate.name: gate.block for gate in record.gates}


def _classifier(model: nn.Module, classes: tuple[str, ...] = ("a", "b", "c")) -> Classifier:
    return Classifier(model=model, classes=classes, mean=(0.5,) * 3, std=(0.5,) * 3, input_size=(8, 8), name="pasted")


def test_each_pair_of_the_network_is_a_block_and_its_gates_keep_their_names() -> None:
    assert _blocks(_seeded(Pasted)) == {
        "ca.channel": FIRST,
        "sa.spatial": FIRST,
        "ca1.channel": LAST,
        "sa1.spatial": LAST,
    }


def test_each_pair_of_a_stage_is_a_block() -> None:
    blocks = _blocks(nn.Sequential(_seeded(Pasted)).eval())
    assert list(dict.fromkeys(blocks.values())) == ["0.ca + 0.sa", "0.ca1 + 0.sa1"]
    assert list(blocks) == ["0.ca.channel", "0.sa.spatial", "0.ca1.channel", "0.sa1.spatial"]


def _thrice(net: Pasted, x: Tensor) -> Tensor:
    x = net.ca(x) * x
    x = net.sa(x) * x
    x = net.ca(x) * x
    x = net.sa(x) * x
    x = net.cas[1](x) * x
    return net.sas[1](x) * x


def _by_one_mask(net: Pasted, x: Tensor) -> Tensor:
    x = net.ca(x) * x
    x = net.sa(x) * x
    x = net.cas[1](x) * x
    return net.sa(x) * x


def _through_steps(net: Pasted, x: Tensor) -> Tensor:
    x = torch.relu(0.5 * (net.ca(x) * x))
    x = net.sa(x) * x
    x = x + net.cas[1](x) * x
    return net.sas[1](x) * x


def _a_mask_before(net: Pasted, x: Tensor) -> Tensor:
    x = net.sa(x) * x
    x = net.cas[1](x) * x
    return net.sas[1](x) * x


def _mask_first(net: Pasted, x: Tensor) -> Tensor:
    x = net.sa(x) * x
    x = net.ca(x) * x
    x = net.mid(x)
    x = net.sas[1](x) * x
    return net.cas[1](x) * x


def _in_one_product(net: Pasted, x: Tensor) -> Tensor:
    x = x * (net.ca(x) * net.sa(x))
    x = net.mid(x)
    return x * net.cas[1](x) * net.sas[1](x)


def _multiplying(net: Pasted, x: Tensor) -> Tensor:
    return net.mask(net.se(x))


PAIRED = {
    "a shared pair": (_thrice, [FIRST, FIRST, "ca + sa#2", "ca + sa#2", "cas.1 + sas.1", "cas.1 + sas.1"]),
    "one mask for two": (_by_one_mask, [FIRST, FIRST, "cas.1 + sa", "cas.1 + sa"]),
    "through steps": (_through_steps, [FIRST, FIRST, "cas.1 + sas.1", "cas.1 + sas.1"]),
    "a mask before": (_a_mask_before, ["sa", "cas.1 + sas.1", "cas.1 + sas.1"]),
    "the mask first": (_mask_first, ["sa + ca", "sa + ca", "sas.1 + cas.1", "sas.1 + cas.1"]),
    "in one product": (_in_one_product, [FIRST, FIRST, "cas.1 + sas.1", "cas.1 + sas.1"]),
    "children that multiply": (_multiplying, ["se + mask", "se + mask"]),
}


@pytest.mark.parametrize(("code", "expected"), PAIRED.values(), ids=PAIRED)
def test_a_pair_is_known_by_what_the_forward_does(
    code: Callable[[Pasted, Tensor], Tensor], expected: list[str]
) -> None:
    model = _seeded(lambda: Written(code))
    with torch.inference_mode(), capture(model) as record:
        model(_images())
    assert [gate.block for gate in record.gates] == expected
    explained = explain(_classifier(model, classes=()), _images()[0])
    assert [block.name for block in explained.blocks] == list(dict.fromkeys(expected))


def _with_a_layer_between(net: Pasted, x: Tensor) -> Tensor:
    x = net.mid(net.ca(x) * x)
    x = net.norm(net.sa(x) * x)
    x = net.mid(net.cas[1](x) * x)
    return net.sas[1](x) * x


def _side_by_side(net: Pasted, x: Tensor) -> Tensor:
    x = net.ca(x) * x + net.sa(x) * x
    return torch.maximum(net.cas[1](x) * x, net.sas[1](x) * x)


def _behind_a_residual(net: Pasted, x: Tensor) -> Tensor:
    y = net.ca(x) * net.mid(x) + x
    y = net.sa(y) * y
    return net.sas[1](y) * (net.cas[1](y) * net.mid(y) + y)


APART = {"a layer between": _with_a_layer_between, "side by side": _side_by_side, "a residual": _behind_a_residual}


@pytest.mark.parametrize("code", APART.values(), ids=APART)
def test_gates_that_do_not_follow_each_other_stay_apart(code: Callable[[Pasted, Tensor], Tensor]) -> None:
    blocks = _blocks(_seeded(lambda: Written(code)))
    assert len(set(blocks.values())) == 4
    assert all(name.startswith(f"{block}.") for name, block in blocks.items())


def test_the_gate_of_a_bottleneck_and_the_mask_behind_it_stay_apart() -> None:
    class Bottleneck(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.se = nn.Conv2d(3, 4, 1), ChannelPart(4)

        def forward(self, x: Tensor) -> Tensor:
            x = self.conv(x)
            return x * self.se(x)

    assert _blocks(_seeded(lambda: nn.Sequential(Bottleneck(), Gated(SpatialPart())))) == {
        "0.channel": "0",
        "1.spatial": "1",
    }


def test_an_explanation_shows_both_gates_of_a_pair_and_its_place() -> None:
    explanation = explain(_classifier(_seeded(Pasted)), _images()[0])
    assert [block.name for block in explanation.blocks] == [FIRST, LAST]
    for block, channels, cells, step in zip(explanation.blocks, (4, 6), ((8, 8), (4, 4)), (1.0, 2.0), strict=True):
        assert block.channel_weights is not None
        assert block.channel_weights.shape == (channels,)
        assert block.spatial_mask is not None
        assert block.spatial_mask.shape == cells
        assert block.placement is not None
        assert (block.placement.status, block.placement.step) == ("exact", (step, step))


def test_every_call_of_a_pair_has_a_place() -> None:
    placed = place(_seeded(lambda: Written(_thrice)), (8, 8), every_call=True)
    assert list(placed) == [FIRST, "ca + sa#2", "cas.1 + sas.1"]


def test_one_channel_is_followed_through_a_pair() -> None:
    model, batch = _seeded(Pasted), _images()
    with torch.inference_mode(), capture(model) as record:
        model(batch)
    weights, mask = (gate.values for gate in record.gates[2:])
    for name in (LAST, "ca1"):
        before, after = follow_channel(model, batch, name, 1)
        torch.testing.assert_close(after, before * weights[:, 1, None, None] * mask)
    explanation = explain(_classifier(model), batch[0])
    assert explain_channel(_classifier(model), explanation, LAST, 1).block == LAST


def test_the_second_call_of_a_pair_can_be_followed() -> None:
    model, batch = _seeded(lambda: Written(_thrice)), _images()
    first, second = follow_block(model, batch, FIRST), follow_block(model, batch, "ca + sa#2")
    assert [passage.kind for passage in second] == ["channel", "spatial"]
    assert torch.equal(first[1].after, second[0].before)


def test_a_gate_of_a_pair_is_followed_and_edited_by_its_own_name() -> None:
    model, batch = _seeded(Pasted), _images(1)
    found = follow_gate(model, batch, "sa1.spatial")
    assert found.gate.block == LAST
    assert found.before is not None
    with torch.inference_mode(), edit(model, {"sa1.spatial": Off()}), capture(model) as record:
        model(batch)
    assert [bool((gate.values == 1).all()) for gate in record.gates] == [False, False, False, True]


def test_a_pair_costs_what_both_of_its_children_cost() -> None:
    model = _seeded(Pasted)
    blocks = summarise(model, (8, 8)).blocks
    assert [block.name for block in blocks] == [FIRST, LAST]
    for block, (channel, spatial) in zip(blocks, ((model.ca, model.sa), (model.ca1, model.sa1)), strict=True):
        parts = [sum(one.numel() for one in module.parameters()) for module in (channel, spatial)]
        assert (block.channel_parameters, block.spatial_parameters) == tuple(parts)
        assert block.parameters == sum(parts)


def test_an_audit_names_pairs_as_a_record_does() -> None:
    found = audit_network(_seeded(Pasted), (8, 8), repeats=0)
    assert [(block.name, block.order) for block in found.blocks] == [
        (FIRST, "channel, spatial"),
        (LAST, "channel, spatial"),
    ]


def test_the_weights_of_a_pair_are_those_of_both_children() -> None:
    model = _seeded(Pasted)
    assert _modules(model, "ca1 + sa1#2") == [model.ca1, model.sa1]


def test_grad_cam_weighs_a_feature_map_and_neither_a_mask_nor_channel_weights() -> None:
    model, batch = _seeded(Pasted), _images(1)
    explanation = explain(_classifier(model), batch[0])
    subject = Subject(_classifier(model), explanation, batch, 0)
    assert _layer(subject, model) == ("layer1", (4, 4))


def test_an_address_names_channels_of_pairs_and_of_later_calls() -> None:
    assert read_channels("ca + sa~5,cbam1#2~17") == (("ca + sa", 5), ("cbam1#2", 17))
