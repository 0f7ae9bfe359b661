"""CBAM as others write it, in the layouts that weights are carried from and to."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

HIDDEN = 16


def pooled(x: Tensor, axes: tuple[int, ...]) -> list[Tensor]:
    return [x.mean(axes, keepdim=True), x.amax(axes, keepdim=True)]


class Conv1x1Attention(nn.Module):
    """Perceptron of 1x1 convolutions named fc1 and fc2, as in layouts ca-sa and channel-attention."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Conv2d(c, c // HIDDEN, 1, bias=False), nn.Conv2d(c // HIDDEN, c, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(sum(self.fc2(self.fc1(v).relu()) for v in pooled(x, (2, 3))))


class SequentialAttention(nn.Module):
    """The same as a sequence named fc, as in layout ca-sa-fc."""

    def __init__(self, c: int) -> None:
        super().__init__()
        down, up = nn.Conv2d(c, c // HIDDEN, 1, bias=False), nn.Conv2d(c // HIDDEN, c, 1, bias=False)
        self.fc = nn.Sequential(down, nn.ReLU(), up)

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(sum(self.fc(v) for v in pooled(x, (2, 3))))


class LinearAttention(nn.Module):
    """Perceptron of linear layers as a sequence named mlp, with or without flattening inside and biases."""

    def __init__(self, c: int, flatten: bool = False, bias: bool = False) -> None:
        super().__init__()
        first = [nn.Flatten()] if flatten else []
        down, up = nn.Linear(c, c // HIDDEN, bias=bias), nn.Linear(c // HIDDEN, c, bias=bias)
        self.mlp = nn.Sequential(*first, down, nn.ReLU(), up)

    def forward(self, x: Tensor) -> Tensor:
        total = sum(self.mlp(v.flatten(1)) for v in pooled(x, (2, 3)))
        return torch.sigmoid(total)[:, :, None, None]


class NamedMlp(nn.Module):
    """Perceptron in a module of its own, with biases, as in layout pytorchcv."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(c, c // HIDDEN), "fc2": nn.Linear(c // HIDDEN, c)})

    def forward(self, x: Tensor) -> Tensor:
        both = (self.mlp["fc2"](self.mlp["fc1"](v.flatten(1)).relu()) for v in pooled(x, (2, 3)))
        return torch.sigmoid(sum(both))[:, :, None, None]


class Mask(nn.Module):
    """Mask of a convolution under some name, the mean first."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.add_module(name, nn.Conv2d(2, 1, 7, padding=3, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.get_submodule(self.name)(torch.cat(pooled(x, (1,)), 1)))


class NormMask(nn.Module):
    """Mask of a convolution with a norm behind it."""

    def __init__(self, inside: str, maximum_first: bool) -> None:
        super().__init__()
        self.inside, self.maximum_first = inside, maximum_first
        both = nn.ModuleDict({"conv": nn.Conv2d(2, 1, 7, padding=3, bias=False), "bn": nn.BatchNorm2d(1)})
        self.add_module(inside, both)

    def forward(self, x: Tensor) -> Tensor:
        inside, planes = self.get_submodule(self.inside), pooled(x, (1,))
        planes = planes[::-1] if self.maximum_first else planes
        return torch.sigmoid(inside["bn"](inside["conv"](torch.cat(planes, 1))))


class Block(nn.Module):
    """Channel weights, then a mask, under some names."""

    def __init__(self, channel: tuple[str, nn.Module], spatial: tuple[str, nn.Module]) -> None:
        super().__init__()
        self.order = channel[0], spatial[0]
        self.add_module(*channel)
        self.add_module(*spatial)

    def forward(self, x: Tensor) -> Tensor:
        for name in self.order:
            x = x * self.get_submodule(name)(x)
        return x


FOREIGN: dict[str, Callable[[int], nn.Module]] = {
    "ca-sa": lambda c: Block(("ca", Conv1x1Attention(c)), ("sa", Mask("conv1"))),
    "ca-sa-fc": lambda c: Block(("ca", SequentialAttention(c)), ("sa", Mask("conv1"))),
    "channel-attention": lambda c: Block(
        ("channel_attention", Conv1x1Attention(c)), ("spatial_attention", Mask("conv1"))
    ),
    "channel-attention-mlp": lambda c: Block(
        ("channel_attention", LinearAttention(c)), ("spatial_attention", Mask("conv1"))
    ),
    "authors": lambda c: Block(
        ("ChannelGate", LinearAttention(c, flatten=True, bias=True)), ("SpatialGate", NormMask("spatial", True))
    ),
    "timm": lambda c: Block(("channel", Conv1x1Attention(c)), ("spatial", NormMask("conv", False))),
    "pytorchcv": lambda c: Block(("ch_gate", NamedMlp(c)), ("sp_gate", NormMask("conv", True))),
}
"""A block of each layout but this library's own."""
