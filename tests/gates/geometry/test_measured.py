"""Placements in whole networks against the centres that gradients show, with gates held."""

from __future__ import annotations

import importlib
import runpy
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own habit
import torchvision
from torch import Tensor, nn
from torchvision.models.convnext import CNBlockConfig, ConvNeXt
from torchvision.models.swin_transformer import SwinTransformer

from cbam_core.gates.geometry import locate
from cbam_core.nn import CBAM_CNN, CBAM_ResNet
from cbam_core.results.placement import Placement

FIELDS = Path(__file__).resolve().parents[3] / "benchmarks" / "apparatus" / "fields.py"
middle_cells = runpy.run_path(str(FIELDS))["middle_cells"]

INPUTS = 10


class Decoder(nn.Module):
    """A map is halved, enlarged again, and joined with what it was."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 16, 3, 2, 1)
        self.second = nn.Conv2d(16, 16, 3, 2, 1)
        self.last = nn.Conv2d(32, 16, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.first(x))
        deep = F.interpolate(F.relu(self.second(x)), scale_factor=2)
        out: Tensor = F.relu(self.last(torch.cat((deep, x), 1)))
        return out


def residual(**options: object) -> nn.Module:
    """A ResNet of timm with one block in each of its first two stages."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch, about timm
        resnet = importlib.import_module("timm.models.resnet")
    network = resnet.ResNet(resnet.BasicBlock, (1, 1, 1, 1), num_classes=2, **options)
    return nn.Sequential(network.conv1, network.bn1, network.act1, network.maxpool, network.layer1, network.layer2)


def densenet() -> nn.Module:
    network = torchvision.models.DenseNet(12, (2, 2, 1), 16)
    return nn.Sequential(*network.features[:7])


def convnext() -> nn.Module:
    network = ConvNeXt([CNBlockConfig(24, 48, 1), CNBlockConfig(48, None, 1)])
    return nn.Sequential(*network.features[:4])


Build = Callable[[], nn.Module]

NETWORKS: dict[str, tuple[Build, tuple[str, ...], int, float]] = {
    "ours": (lambda: CBAM_CNN(image_size=48), ("cbam1", "cbam2", "cbam3"), 48, 0.5),
    "our ResNet": (CBAM_ResNet, ("stage1.1", "stage2.1"), 80, 0.5),
    "ResNet": (residual, ("4", "5"), 96, 0.5),
    "ResNet with CBAM of timm": (lambda: residual(block_args={"attn_layer": "cbam"}), ("4", "5"), 96, 0.5),
    "VGG": (lambda: torchvision.models.vgg11().features[:11], ("2", "5", "10"), 64, 0.5),
    "DenseNet": (densenet, ("4", "6"), 96, 0.5),
    "ConvNeXt": (convnext, ("1", "3"), 128, 0.5),
    "MobileNet": (lambda: torchvision.models.mobilenet_v2().features[:7], ("3", "6"), 96, 1.0),
    "ResNet-D": (lambda: residual(stem_type="deep", stem_width=8, avg_down=True), ("4", "5"), 96, 0.5),
    "decoder": (Decoder, ("last",), 48, 0.0),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_cells_look_where_they_are_placed(name: str) -> None:
    build, layers, size, limit = NETWORKS[name]
    torch.manual_seed(0)
    network = build().eval()
    placed = locate(network, (size, size), layers)
    joins = name in ("ResNet-D", "decoder")
    assert placed[layers[-1]].status == ("approximate" if joins else "exact")
    for layer, (cell, centre) in middle_cells(network, layers, size, INPUTS).items():
        grid = placed[layer]
        room = grid.bound if grid.status == "approximate" else limit
        for at in (0, 1):
            assert abs(grid.start[at] + cell[at] * grid.step[at] - centre[at]) <= room


def test_maps_with_channels_last_are_not_read_as_channels_first() -> None:
    network = SwinTransformer([4, 4], 12, [1, 1], [1, 1], [4, 4]).eval()
    placed = locate(network, (64, 64), ["features.0", "features.1", "features.2"])
    assert placed["features.0"] == Placement((1.5, 1.5), (4.0, 4.0))
    windowed = placed["features.1"]  # each cell also takes what its window of 4x4 cells holds
    assert (windowed.start, windowed.step, windowed.status) == ((1.5, 1.5), (4.0, 4.0), "approximate")
    assert windowed.bound == 3 * 4 + 0.5
    assert placed["features.2"].step == (8.0, 8.0)
