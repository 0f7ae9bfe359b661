"""How a gate came about: exact to the bit, and only what is known is said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from cbam_core import capture
from cbam_core.errors import CaptureError
from cbam_core.gates.gate_trace import follow_gate, padding_share
from cbam_core.nn import CBAM_CNN, ChannelAttention, SpatialAttention
from tests.gates.watched import Twice

GATES = [f"cbam{block}.{kind}" for block in (1, 2, 3) for kind in ("channel", "spatial")]


@pytest.fixture
def image(batch: Tensor) -> Tensor:
    return batch[:1]


@pytest.mark.parametrize("name", GATES)
def test_the_branches_give_the_recorded_gate_to_the_bit(model: CBAM_CNN, image: Tensor, name: str) -> None:
    with torch.inference_mode(), capture(model) as record:
        model(image)
    found = follow_gate(model, image, name)
    recorded = next(gate for gate in record.gates if gate.name == name)
    assert found.branches is not None
    assert found.squash == "sigmoid"
    summed = (found.branches.average + found.branches.maximum).float()
    assert torch.equal(torch.sigmoid(summed), recorded.values)
    assert torch.equal(summed, found.unsquashed)


def test_the_branches_of_channel_weights_are_those_of_the_shared_perceptron() -> None:
    gate = ChannelAttention(2, ratio=1)
    with torch.no_grad():
        gate.fc[0].weight.copy_(torch.eye(2))
        gate.fc[2].weight.copy_(torch.tensor([[1.0, 0.0], [-1.0, 2.0]]))
    image = torch.tensor([[[[1.0, 3.0]], [[0.0, 8.0]]]])  # means 2 and 4, maxima 3 and 8
    found = follow_gate(nn.Sequential(gate), image, "0.channel")
    assert found.branches is not None
    assert found.branches.average.tolist() == [[2, 6]]
    assert found.branches.maximum.tolist() == [[3, 13]]
    assert found.unsquashed is not None
    assert found.unsquashed.tolist() == [[5, 19]]
    assert torch.equal(found.before, image)


def test_the_branches_of_a_mask_are_what_each_plane_adds_through_the_kernel() -> None:
    gate = SpatialAttention(kernel_size=3)
    with torch.no_grad():
        gate.conv.weight.zero_()
        gate.conv.weight[0, 0, 1, 1] = 2  # the mean at the position itself
        gate.conv.weight[0, 1, 1, 0] = -1  # the maximum one column to the left
    image = torch.tensor([[[[1.0, 2.0, 0.0]], [[3.0, 6.0, 4.0]]]])
    found = follow_gate(nn.Sequential(gate), image, "0.spatial")
    assert found.branches is not None
    assert found.branches.average.tolist() == [[[4, 8, 4]]]
    assert found.branches.maximum.tolist() == [[[0, -3, -6]]]


@pytest.mark.parametrize("bias", [0.0, 0.25, -3e-8])
def test_the_sum_of_a_mask_keeps_every_bit_also_with_a_bias(bias: float) -> None:
    torch.manual_seed(3)
    gate = SpatialAttention()
    gate.conv.bias = nn.Parameter(torch.tensor([bias]))
    found = follow_gate(nn.Sequential(gate), 5 * torch.randn(1, 16, 12, 9), "0.spatial")
    assert found.branches is not None
    assert found.branches.bias == pytest.approx(bias)
    summed = found.branches.average + found.branches.maximum + found.branches.bias
    assert torch.equal(summed.float(), found.unsquashed)
    planes = found.before.amax(dim=1, keepdim=True).double()
    expected = nn.functional.conv2d(planes, gate.conv.weight[:, 1:].double(), padding=3)[:, 0]
    assert torch.allclose(found.branches.maximum, expected, atol=1e-4)


def test_a_subclass_that_orders_its_planes_otherwise_is_split_right() -> None:
    class MaximumFirst(SpatialAttention):
        def forward(self, x: Tensor) -> Tensor:
            planes = torch.cat([x.amax(dim=1, keepdim=True), x.mean(dim=1, keepdim=True)], dim=1)
            out: Tensor = x * self.sigmoid(self.conv(planes))
            return out

    torch.manual_seed(0)
    gate = MaximumFirst(3)
    nn.init.zeros_(gate.conv.weight[:, 0])  # nothing of the maximum
    found = follow_gate(nn.Sequential(gate), torch.randn(1, 4, 5, 5), "0.spatial")
    assert found.branches is not None
    assert found.branches.maximum.abs().max() < 1e-6
    assert found.branches.average.abs().max() > 0.01


def test_a_subclass_that_adds_something_else_shows_its_sum_alone() -> None:
    class Shifted(ChannelAttention):
        def forward(self, x: Tensor) -> Tensor:
            average, maximum = self.fc(x.mean(dim=(2, 3))), self.fc(x.amax(dim=(2, 3)))
            out: Tensor = x * self.sigmoid(average + maximum + 1)[:, :, None, None]
            return out

    found = follow_gate(nn.Sequential(Shifted(16)), torch.randn(1, 16, 5, 5), "0.channel")
    assert found.branches is None
    assert found.unsquashed is not None
    assert torch.equal(torch.sigmoid(found.unsquashed), found.gate.values)


def test_the_second_call_of_a_block_is_the_one_that_is_named() -> None:
    model, image = Twice().eval(), torch.randn(1, 16, 8, 8)
    with torch.inference_mode():
        between = model.block(image)
    first, second = (follow_gate(model, image, name) for name in ("block.channel", "block#2.channel"))
    assert torch.equal(first.before, image)
    assert torch.equal(second.before, between)
    assert second.branches is not None


class Foreign(nn.Module):
    """Channel weights of another class, by a function of torch."""

    def __init__(self, squash: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.weigh = nn.Conv2d(8, 8, 1)
        self.squash = squash

    def forward(self, x: Tensor) -> Tensor:
        features = self.first(x).relu()
        out: Tensor = features * self.squash(self.weigh(features.mean(dim=(2, 3), keepdim=True)))
        return out


def _by_hand(x: Tensor) -> Tensor:
    return 1 / (1 + (-x).exp())


@pytest.mark.parametrize(
    ("squash", "name"),
    [(torch.sigmoid, "sigmoid"), (nn.functional.hardsigmoid, "hardsigmoid"), (Tensor.sigmoid_, "sigmoid")],
)
def test_what_the_squash_of_a_foreign_gate_was_given_is_found(squash: Any, name: str) -> None:
    torch.manual_seed(0)
    model, image = Foreign(squash).eval(), torch.randn(1, 3, 6, 6)
    with capture(model) as record:
        model(image)
    found = follow_gate(model, image, record.gates[0].name)
    with torch.inference_mode():
        features = model.first(image).relu()
        given = model.weigh(features.mean(dim=(2, 3), keepdim=True)).flatten(1)
    assert found.squash == name
    assert torch.equal(found.unsquashed, given)
    assert torch.equal(found.before, features)
    assert found.branches is None


def test_a_squash_that_is_no_function_of_its_own_is_not_known() -> None:
    model, image = Foreign(_by_hand).eval(), torch.randn(1, 3, 6, 6)
    with capture(model) as record:
        model(image)
    found = follow_gate(model, image, record.gates[0].name)
    assert (found.unsquashed, found.squash) == (None, None)
    assert found.before is not None


def test_nothing_is_left_on_the_model(model: CBAM_CNN, image: Tensor) -> None:
    follow_gate(model, image, "cbam1.spatial")
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_an_unknown_gate_is_named_with_the_known_ones(model: CBAM_CNN, image: Tensor) -> None:
    with pytest.raises(CaptureError, match=r"no gate 'cbam9\.spatial'; this network has cbam1\.channel, "):
        follow_gate(model, image, "cbam9.spatial")
    with pytest.raises(CaptureError, match="did not run"):
        follow_gate(model, image, "cbam1#2.spatial")


def test_the_share_of_a_kernel_beyond_the_border_is_that_of_its_weights() -> None:
    layer = nn.Conv2d(2, 1, 3, padding=1, bias=False)
    with torch.no_grad():
        layer.weight.zero_()
        layer.weight[0, 0, 1, 1] = 6  # the position itself
        layer.weight[0, 0, 0, 1] = -3  # above
        layer.weight[0, 1, 1, 2] = 1  # to the right
    share = padding_share(layer, (2, 3))
    assert share is not None
    expected = torch.tensor([[0.3, 0.3, 0.4], [0.0, 0.0, 0.1]], dtype=torch.float64)
    assert torch.allclose(share, expected)


def test_a_border_that_is_not_zeros_has_no_share() -> None:
    assert padding_share(nn.Conv2d(2, 1, 3, padding=1, padding_mode="reflect"), (4, 4)) is None


class PastedChannel(nn.Module):
    """Channel weights as people paste them: a perceptron of two convolutions, called for the mean and the maximum."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Conv2d(4, 2, 1, bias=False), nn.Conv2d(2, 4, 1, bias=False)

    def forward(s, x: Tensor) -> Tensor:  # noqa: N805 - as people write it
        return torch.sigmoid(s._scores(x.mean((2, 3), keepdim=True)) + s._scores(x.amax((2, 3), keepdim=True)))

    def _scores(s, pooled: Tensor) -> Tensor:  # noqa: N805
        return s.fc2(torch.relu(s.fc1(pooled)))


class PastedMask(nn.Module):
    """A mask as people paste it; `maximum` stacks another plane."""

    def __init__(self, maximum: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.conv, self.maximum = nn.Conv2d(2, 1, 3, padding=1, bias=False), maximum

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.conv(torch.cat([x.mean(1, keepdim=True), self.maximum(x)], 1)))


class Pasted(nn.Module):
    def __init__(self, maximum: Callable[[Tensor], Tensor] = lambda x: x.amax(1, keepdim=True)) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 3, padding=1)
        self.ca, self.sa = PastedChannel(), PastedMask(maximum)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv2(self.conv1(x))
        x = self.ca(x) * x
        return self.sa(x) * x


def test_the_branches_of_a_pasted_cbam_are_those_of_its_layers() -> None:
    torch.manual_seed(0)
    model, batch = Pasted().eval(), torch.rand(1, 3, 6, 6)
    weights, mask = (follow_gate(model, batch, f"Pasted.{kind}") for kind in ("channel", "spatial"))
    assert weights.branches is not None
    assert mask.branches is not None
    for branch, pooled in (
        ("average", weights.before.mean((2, 3), True)),
        ("maximum", weights.before.amax((2, 3), True)),
    ):
        assert torch.allclose(getattr(weights.branches, branch), model.ca._scores(pooled).flatten(1), atol=1e-6)
    assert torch.equal(weights.branches.average + weights.branches.maximum, weights.unsquashed)
    expected = functional.conv2d(mask.before.mean(1, keepdim=True), model.sa.conv.weight[:, :1], padding=1)[:, 0]
    assert torch.allclose(mask.branches.average.float(), expected, atol=1e-5)
    assert torch.equal((mask.branches.average + mask.branches.maximum).float(), mask.unsquashed)


def test_a_pasted_mask_of_another_plane_has_no_branches() -> None:
    torch.manual_seed(0)
    found = follow_gate(Pasted(lambda x: x.amin(1, keepdim=True)).eval(), torch.rand(1, 3, 6, 6), "Pasted.spatial")
    assert found.unsquashed is not None
    assert found.branches is None
