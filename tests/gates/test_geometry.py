"""Placements against receptive fields that are measured, layer by layer and on whole networks."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own habit
import torchvision
from torch import Tensor, nn

from cbam_core.errors import CaptureError, ModelError
from cbam_core.gates import place
from cbam_core.nn import CBAM, CBAM_CNN, ChannelAttention, SpatialAttention
from cbam_core.results.placement import Placement

WIDTH, HEIGHT = 60, 48

Look = Callable[[nn.Module], dict[str, Any]]


class Marked(SpatialAttention):
    """A spatial gate that multiplies by 1 and keeps its input: the map whose place is looked for."""

    def __init__(self) -> None:
        super().__init__(1)
        self.map: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        self.map = x
        return x * 1.0


class Call(nn.Module):
    """A function as a layer."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


class Residual(nn.Module):
    def __init__(self, branch: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.branch, self.shortcut = branch, shortcut

    def forward(self, x: Tensor) -> Tensor:
        y = self.branch(x)
        y += self.shortcut(x)
        return F.relu(y)


def measure(model: nn.Module, mark: Marked, cell: tuple[int, int], inputs: int) -> tuple[float, float]:
    """Row and column of the middle of all pixels that change a cell, found by gradients at several inputs."""
    generator = torch.Generator().manual_seed(0)
    seen = torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)
    for _ in range(inputs):
        x = torch.rand(1, 3, HEIGHT, WIDTH, generator=generator).requires_grad_()
        model(x)
        assert mark.map is not None
        (gradient,) = torch.autograd.grad(mark.map[0, :, cell[0], cell[1]].sum(), x)
        seen |= gradient[0].abs().sum(0) > 0
    rows, columns = seen.any(1).nonzero(), seen.any(0).nonzero()
    return (rows.min() + rows.max()).item() / 2, (columns.min() + columns.max()).item() / 2


def conv(inner: int, outer: int, kernel: Any, **options: Any) -> nn.Conv2d:
    layer = nn.Conv2d(inner, outer, kernel, bias=False, **options)
    nn.init.uniform_(layer.weight, 0.1, 1.0)
    return layer


CHAINS: dict[str, Callable[[], nn.Module]] = {
    "nothing": nn.Identity,
    "conv3": lambda: conv(3, 4, 3),
    "conv3 padded": lambda: conv(3, 4, 3, padding=1),
    "conv3 strided": lambda: conv(3, 4, 3, stride=2, padding=1),
    "conv1 strided": lambda: conv(3, 4, 1, stride=2),
    "conv even": lambda: conv(3, 4, 4, stride=2, padding=1),
    "conv oblong": lambda: conv(3, 4, (3, 5), stride=(2, 3), padding=(0, 2)),
    "conv dilated": lambda: conv(3, 4, 3, dilation=2, padding=1),
    "conv dilated oblong": lambda: conv(3, 4, (3, 2), dilation=(1, 3), padding=(2, 1), stride=2),
    "conv grouped": lambda: conv(3, 3, 3, stride=2, groups=3),
    "conv same": lambda: conv(3, 4, 5, padding="same"),
    "conv same even": lambda: conv(3, 4, 4, padding="same"),
    "conv same dilated": lambda: conv(3, 4, 2, padding="same", dilation=3),
    "conv valid": lambda: conv(3, 4, 5, padding="valid", stride=2),
    "conv reflecting": lambda: conv(3, 4, 3, padding=1, stride=2, padding_mode="reflect"),
    "conv by keywords": lambda: Call(
        lambda x: torch.conv2d(x, weight=torch.ones(4, 3, 5, 3), stride=(2, 1), padding=(1, 0))
    ),
    "max pool": lambda: nn.MaxPool2d(2),
    "max pool overlapping": lambda: nn.MaxPool2d(3, stride=2, padding=1),
    "max pool dilated": lambda: nn.MaxPool2d(2, stride=1, dilation=3),
    "max pool ceil": lambda: nn.MaxPool2d(2, ceil_mode=True),
    "max pool with indices": lambda: Call(lambda x: F.max_pool2d(x, 2, return_indices=True)[0]),
    "max pool functional": lambda: Call(lambda x: torch.max_pool2d(x, (3, 2), (1, 2))),
    "mean pool": lambda: nn.AvgPool2d((2, 3)),
    "mean pool ceil": lambda: nn.AvgPool2d(3, 2, 1, True, False),
    "zero pad": lambda: nn.ZeroPad2d((3, 0, 2, 1)),
    "pad functional": lambda: Call(lambda x: F.pad(x, (1, 2))),
    "pad cropping": lambda: Call(lambda x: F.pad(x, (-2, -1, -3, 0))),
    "adaptive mean pool": lambda: nn.AdaptiveAvgPool2d((12, 10)),
    "adaptive max pool": lambda: nn.AdaptiveMaxPool2d((8, 6)),
    "bilinear half": lambda: Call(lambda x: F.interpolate(x, (24, 30), mode="bilinear", antialias=True)),
    "nearest down": lambda: nn.Upsample(scale_factor=0.5, mode="nearest"),
    "nearest exact down": lambda: nn.Upsample(size=(16, 20), mode="nearest-exact"),
    "residual": lambda: Residual(
        nn.Sequential(conv(3, 8, 3, stride=2, padding=1), nn.BatchNorm2d(8), nn.ReLU(True), conv(8, 8, 3, padding=1)),
        conv(3, 8, 1, stride=2),
    ),
    "concatenated": lambda: Call(lambda x: torch.cat([F.avg_pool2d(x, 3, 1, 1), x], 1)),
    "gate before the map": lambda: Call(lambda x: F.adaptive_avg_pool2d(x, 1).sigmoid().detach() * x),
    "three halvings": lambda: nn.Sequential(
        conv(3, 4, 3, stride=2, padding=1), nn.ReLU(), conv(4, 4, 1, stride=2), conv(4, 4, 5, stride=2, padding=2)
    ),
    "mixture": lambda: nn.Sequential(
        nn.ReflectionPad2d(1), conv(3, 4, 5, stride=2), nn.MaxPool2d(2, 1), conv(4, 4, 3, dilation=2), nn.AvgPool2d(2)
    ),
}  # fmt: skip


def middle(shape: torch.Size) -> tuple[int, int]:
    return shape[2] // 2, shape[3] // 2


@pytest.mark.parametrize("name", CHAINS)
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
def test_placement_is_the_middle_of_the_measured_receptive_field(name: str) -> None:
    torch.manual_seed(0)
    mark = Marked()
    model = nn.Sequential(CHAINS[name](), mark).eval()
    placement = place(model, (WIDTH, HEIGHT))["1"]
    assert mark.map is not None
    row, column = middle(mark.map.shape)
    inputs = 60 if "max" in name or name == "mixture" else 2  # each shows but one pixel of a maximum
    for cell in ((row, column), (row + 1, column - 1)):
        expected = measure(model, mark, cell, inputs)
        found = tuple(s + i * d for s, i, d in zip(placement.start, cell, placement.step, strict=True))
        assert found == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    "layer",
    [
        nn.Upsample(scale_factor=2, mode="bilinear"),
        nn.Upsample(scale_factor=2),
        nn.Upsample(size=(30, 100), mode="bicubic"),
        nn.AdaptiveAvgPool2d(7),
    ],
    ids=["bilinear up", "nearest up", "bicubic", "uneven shares"],
)
def test_resampled_maps_are_placed_within_half_a_pixel(layer: nn.Module) -> None:
    mark = Marked()
    model = nn.Sequential(layer, mark)
    placement = place(model, (WIDTH, HEIGHT))["1"]
    for cell in ((2, 5), (3, 4), (5, 3)):
        expected = measure(model, mark, cell, 2)
        found = tuple(s + i * d for s, i, d in zip(placement.start, cell, placement.step, strict=True))
        assert found == pytest.approx(expected, abs=0.5)


def test_corners_of_aligned_interpolation_lie_on_corners() -> None:
    model = nn.Sequential(nn.Upsample((7, 13), mode="bilinear", align_corners=True), Marked())
    placement = place(model, (25, 19))["1"]
    assert placement.start == (0.0, 0.0)
    assert placement.step == pytest.approx((18 / 6, 24 / 12))


def test_blocks_of_the_course_network_have_their_closed_form() -> None:
    # Convolutions of side 3 with padding keep the grid; each 2x2 pooling puts cells between their pixels.
    assert place(CBAM_CNN().eval(), (32, 32)) == {
        "cbam1": Placement((0.5, 0.5), (2.0, 2.0)),
        "cbam2": Placement((1.5, 1.5), (4.0, 4.0)),
        "cbam3": Placement((3.5, 3.5), (8.0, 8.0)),
    }


def test_sides_are_not_mixed_up() -> None:
    model = nn.Sequential(nn.ZeroPad2d((4, 0, 0, 0)), nn.MaxPool2d((2, 3)), Marked())
    assert place(model, (26, 16)) == {"2": Placement((0.5, -3.0), (2.0, 3.0))}


def test_resnet_with_blocks_put_in_by_hand() -> None:
    """All weights one and pooling by means make it linear: the weighted middle of the gradient is the centre."""
    network = torchvision.models.resnet18()
    network.maxpool = nn.AvgPool2d(3, 2, 1)
    marks = {name: Marked() for name in ("layer1", "layer2", "layer3", "layer4")}
    for name, mark in marks.items():
        network.get_submodule(name).append(mark)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.constant_(module.weight, 1 / module.weight[0].numel())
    network.eval()
    x = torch.ones(1, 3, 256, 256, requires_grad=True)
    placements = place(network, (256, 256))
    network(x)
    for name, mark in marks.items():
        assert mark.map is not None
        cell = middle(mark.map.shape)
        (gradient,) = torch.autograd.grad(mark.map[0, 0, cell[0], cell[1]], x, retain_graph=True)
        mass = gradient[0].sum(0)
        centre = (mass.sum(1) @ torch.arange(256.0) / mass.sum()).item()
        found = placements[f"{name}.2"]
        assert found.step == (2.0 ** (int(name[-1]) + 1),) * 2
        # The field of the last stage reaches over the border, which pulls its middle in by a little.
        assert found.start[0] + cell[0] * found.step[0] == pytest.approx(centre, abs=0.01 if name != "layer4" else 1)


def test_real_blocks_do_not_move_the_grid() -> None:
    network = torchvision.models.resnet18().eval()
    network.layer1.append(CBAM(64))
    network.layer2.append(CBAM(128))
    network.layer2.append(ChannelAttention(128))
    assert place(network, (64, 64)) == {
        "layer1.2": Placement((0.0, 0.0), (4.0, 4.0)),
        "layer2.2": Placement((0.0, 0.0), (8.0, 8.0)),
        "layer2.3": Placement((0.0, 0.0), (8.0, 8.0)),
    }


def test_maps_that_cannot_be_followed_are_unknown_and_stretched_over_the_input() -> None:
    model = nn.Sequential(
        Marked(),
        Call(lambda x: x.flatten(1).reshape(x.shape[0], 12, 4, 4)),  # scatters pixels
        Marked(),
    )
    assert place(model, (8, 8)) == {
        "0": Placement((0.0, 0.0), (1.0, 1.0)),
        "2": Placement((0.5, 0.5), (2.0, 2.0), "unknown", math.inf),
    }


def test_a_shared_block_is_placed_where_it_is_first_called() -> None:
    shared = Marked()
    model = nn.Sequential(shared, nn.MaxPool2d(2), shared)
    assert place(model, (8, 8)) == {"0": Placement((0.0, 0.0), (1.0, 1.0))}


def test_a_block_that_is_called_by_keyword_is_left_out() -> None:
    class ByKeyword(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gate = Marked()

        def forward(self, x: Tensor) -> Tensor:
            return self.gate(x=x)

    assert place(ByKeyword(), (8, 8)) == {}


def test_a_network_without_gates_or_parameters_has_no_places() -> None:
    assert place(nn.Sequential(nn.ReLU()), (8, 8)) == {}


def test_placing_leaves_the_model_alone(model: CBAM_CNN, hooks: Look, state: Look) -> None:
    before = hooks(model), state(model)
    place(model, (32, 32))
    assert (hooks(model), state(model)) == before


def test_a_size_that_the_network_does_not_take_is_its_error_and_leaves_no_hook(model: CBAM_CNN, hooks: Look) -> None:
    with pytest.raises(ModelError) as error:
        place(model, (64, 64))
    assert error.value.code == "model.input-size"
    assert not any(hooks(model).values())


def test_a_sealed_model_is_refused() -> None:
    with pytest.raises(CaptureError):
        place(torch.fx.symbolic_trace(nn.Sequential(nn.ReLU())), (8, 8))
