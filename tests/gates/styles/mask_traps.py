"""Masks and scales that are drawn, given, fixed or trained, but not computed from the map."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.gates.styles.cases import TRAPS, network, trap, written

DRAWN: dict[str, Callable[[Tensor], Tensor]] = {
    "dropout by torch.rand_like": lambda x: x * (torch.rand_like(x) > 0.3).float() / 0.7,
    "dropout by bernoulli": lambda x: x * torch.bernoulli(torch.full_like(x, 0.7)) / 0.7,
    "dropout by bernoulli_": lambda x: x.mul(x.new_empty(x.shape).bernoulli_(0.7)),
    "dropout of whole channels": lambda x: x * torch.rand(*x.shape[:2], 1, 1).gt(0.3),
    "dropout of positions": lambda x: x * (torch.rand(x.size(0), 1, *x.shape[2:], device=x.device) < 0.7).to(x),
    "dropped blocks": lambda x: x * (1 - F.max_pool2d((torch.rand_like(x[:, :1]) < 0.05).float(), 3, 1, 1)),
    "dropped rows": lambda x: x * torch.rand(x.size(0), 1, x.size(2), 1).round(),
    "stochastic depth": lambda x: x + x.neg() * x.new_empty(x.size(0), 1, 1, 1).bernoulli_(0.8).div_(0.8),
    "stochastic depth by floor": lambda x: x.div(0.8) * torch.floor(0.8 + torch.rand(x.size(0), 1, 1, 1)),
    "Gaussian dropout": lambda x: x * (1 + 0.3 * torch.randn_like(x)),
    "uniform noise for each channel": lambda x: x * torch.rand(x.size(0), x.size(1), 1, 1),
    "noise that is added": lambda x: x + torch.randn_like(x) * torch.rand(x.size(0), x.size(1), 1, 1),
    "mixup": lambda x: (lam := torch.rand(())) * x + (1 - lam) * x[torch.randperm(x.size(0))],
    "mixup for each image": lambda x: (lam := torch.rand(x.size(0), 1, 1, 1)) * x + (1 - lam) * x.flip(0),
    "shaken branches": lambda x: (a := torch.rand(x.size(0), 1, 1, 1)) * x.tanh() + (1 - a) * x.relu(),
    "CutMix by a mask": lambda x: x * (m := (torch.rand(1, 1, *x.shape[2:]) > 0.5).float()) + x.flip(0) * (1 - m),
    "brightness and contrast": lambda x: x * torch.empty(x.size(0), 1, 1, 1).uniform_(0.8, 1.2) + 0.1,
}
"""Drawn at random."""

FIXED: dict[str, Callable[[Tensor], Tensor]] = {
    "coordinates of rows": lambda x: x * torch.linspace(0, 1, x.size(2), device=x.device).view(1, 1, -1, 1),
    "coordinates of both": lambda x: (
        x * torch.meshgrid(torch.arange(x.size(2)) / x.size(2), torch.arange(x.size(3)) / x.size(3), indexing="ij")[0]
    ),
    "coordinates from ones like the map": lambda x: x * (torch.ones_like(x[:, :1]).cumsum(2) / x.size(2)),
    "a window": lambda x: x * torch.outer(torch.hann_window(x.size(2)), torch.hann_window(x.size(3))),
    "weights of the channels by their index": lambda x: x * torch.linspace(0.1, 1, x.size(1)).view(1, -1, 1, 1),
    "ones like the map": lambda x: x * torch.ones_like(x).sigmoid(),
    "the size of the map": lambda x: x * (1 / (x.size(2) * x.size(3))),
    "undone normalisation": lambda x: x * torch.tensor([0.2] * x.size(1)).view(1, -1, 1, 1) + 0.5,
    "one image's share": lambda x: x * torch.sigmoid(x.new_tensor([0.3, 0.4])).view(-1, 1, 1, 1),
}
"""The same for every image."""


class Applied(nn.Module):
    """A convolution and a function."""

    def __init__(self, c: int, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.conv, self.function = nn.Conv2d(c, c, 1), function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self.conv(x))


def _add(name: str, function: Callable[[Tensor], Tensor]) -> None:
    written(TRAPS, name, lambda c: Applied(c, function))


for _name, _function in DRAWN.items():
    _add(f"drawn: {_name}", _function)
for _name, _function in FIXED.items():
    _add(f"fixed: {_name}", _function)


class Scaled(nn.Module):
    """A map times something of a trained parameter."""

    def __init__(self, c: int, shape: tuple[int, ...], factor: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(c, c, 3, padding=1)
        self.gamma, self.factor = nn.Parameter(torch.rand(shape)), factor

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) * self.factor(self.gamma)


TRAINED: dict[str, tuple[tuple[int, ...], Callable[[Tensor], Tensor]]] = {
    "LayerScale": ((8, 1, 1), lambda gamma: gamma),
    "LayerScale under a sigmoid": ((8,), lambda gamma: gamma.sigmoid().view(1, -1, 1, 1)),
    "a scalar from zero on": ((), lambda gamma: gamma),
    "a scalar under a sigmoid": ((1,), torch.sigmoid),
    "a scalar under tanh": ((1, 1, 1, 1), torch.tanh),
    "a positional embedding": ((1, 8, 10, 14), lambda gamma: gamma),
    "a positional embedding under a sigmoid": ((1, 8, 10, 14), torch.sigmoid),
    "a spatial prior under a sigmoid": ((1, 1, 10, 14), torch.sigmoid),
    "a spatial prior by interpolation": (
        (1, 1, 5, 7),
        lambda gamma: F.interpolate(gamma.sigmoid(), size=(10, 14), mode="bilinear"),
    ),
    "a softmax over the channels": ((8,), lambda gamma: gamma.softmax(0).view(1, -1, 1, 1)),
    "a masked, pruned channel": ((8,), lambda gamma: (gamma > 0.5).float().view(1, -1, 1, 1)),
}
"""Trained, and the same for every image."""


def _add_trained(name: str, shape: tuple[int, ...], factor: Callable[[Tensor], Tensor]) -> None:
    written(TRAPS, f"trained: {name}", lambda c: Scaled(c, shape, factor))


for _name, (_shape, _factor) in TRAINED.items():
    _add_trained(_name, _shape, _factor)


@trap()
class FastNormalisedFusion(nn.Module):
    """BiFPN: positive weights of the levels, divided by their sum."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.w, self.conv = nn.Parameter(torch.rand(2)), nn.Conv2d(c, c, 1)

    def forward(self, x: Tensor) -> Tensor:
        w = F.relu(self.w)
        weight = w / (torch.sum(w, dim=0) + 1e-4)
        return weight[0] * x + weight[1] * self.conv(x)


@trap()
class OneNumberAnImage(nn.Module):
    """A confidence that scales the whole map of an image: it varies along no axis of the map."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.fc = nn.Linear(c, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(self.fc(x.mean((2, 3)))).view(-1, 1, 1, 1)


@network(TRAPS)
class GatedVector(nn.Module):
    """Context gating of pooled features: a vector is no map."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.fc, self.head = nn.Conv2d(3, 8, 3), nn.Linear(8, 8), nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x).relu().mean((2, 3))
        return self.head(x * torch.sigmoid(self.fc(x)))


def _with_mask(generator: torch.Generator) -> tuple[Any, ...]:
    image = torch.randn(2, 3, 10, 14, generator=generator)
    return image, (torch.rand(2, 10, 14, generator=generator) > 0.3)


@network(TRAPS, inputs=_with_mask)
class PaddingMask(nn.Module):
    """A mask that came with the images hides what is padding."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.body = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        x = self.stem(x) * mask.unsqueeze(1)
        return self.body(x).mul(mask[:, None].float()).mean((2, 3))


@network(TRAPS, inputs=_with_mask)
class ResizedPaddingMask(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        x = self.stem(x)
        small = F.interpolate(mask[:, None].float(), size=x.shape[-2:])
        return (x * small).sum((2, 3)) / small.sum((2, 3))


@network(TRAPS)
class PaddingMaskFromTheImage(nn.Module):
    """What is zero in the image is padding."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        mask = (x.abs().sum(1, keepdim=True) > 0.1).to(x.dtype)
        return (self.stem(x) * mask).mean((2, 3))


@network(TRAPS, inputs=_with_mask)
class PartialConvolution(nn.Module):
    """Each position is rescaled by how much of its window was known."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.register_buffer("ones", torch.ones(1, 1, 3, 3))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        known = mask.unsqueeze(1).float()
        ratio = 9 / (F.conv2d(known, self.ones, padding=1) + 1e-8)
        return self.conv(x * known) * ratio


def _with_condition(generator: torch.Generator) -> tuple[Any, ...]:
    return torch.randn(2, 3, 10, 14, generator=generator), torch.randn(2, 5, generator=generator)


@network(TRAPS, inputs=_with_condition)
class ModulatedByACondition(nn.Module):
    """FiLM: scale and shift of another input, without a squash."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.film = nn.Conv2d(3, 8, 3, padding=1), nn.Linear(5, 16)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        gamma, beta = self.film(condition)[:, :, None, None].chunk(2, dim=1)
        return (self.stem(x) * (1 + gamma) + beta).relu()


@network(TRAPS)
class BoxesOfADetector(nn.Module):
    """A detector's head: sigmoids are scaled to places, and scores times scores stay scores."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.head = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 4 + 1 + 3, 1)
        self.register_buffer("anchors", torch.tensor([4.0, 6.0]).view(1, 2, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        y = self.head(self.stem(x).relu())
        rows, columns = torch.meshgrid(torch.arange(y.size(2)), torch.arange(y.size(3)), indexing="ij")
        place = (y[:, :2].sigmoid() * 2 - 0.5 + torch.stack([columns, rows]).float()) * 8
        size = (y[:, 2:4].sigmoid() * 2) ** 2 * self.anchors
        scores = y[:, 4:5].sigmoid() * y[:, 5:].sigmoid()
        return torch.cat([place, size, scores], 1).flatten(2)


@network(TRAPS)
class ImageOfADecoder(nn.Module):
    """A sigmoid that ends a decoder is brought to grey values."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = nn.Conv2d(3, 8, 2, stride=2), nn.ConvTranspose2d(8, 3, 2, stride=2)
        self.register_buffer("deviation", torch.tensor([0.2, 0.3, 0.4]).view(1, 3, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return (self.decoder(self.encoder(x).relu()).sigmoid() * 255 / 255 - 0.5) / self.deviation
