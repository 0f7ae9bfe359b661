"""Normalisations by hand: a map is divided by a statistic of itself."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.gates.styles.cases import TRAPS, trap, written

NORMALISATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "instance": lambda x: (x - x.mean((2, 3), keepdim=True)) / (x.var((2, 3), keepdim=True) + 1e-5).sqrt(),
    "instance by rsqrt": lambda x: x * torch.rsqrt(x.var((2, 3), keepdim=True) + 1e-5),
    "layer, over channels": lambda x: (x - x.mean(1, keepdim=True)) * (x.var(1, keepdim=True) + 1e-6).rsqrt(),
    "layer, over all": lambda x: x / (x.flatten(1).std(1).view(-1, 1, 1, 1) + 1e-5),
    "group": lambda x: ((g := x.view(x.size(0), 2, -1)) / (g.std(2, keepdim=True) + 1e-5)).view_as(x),
    "root mean square": lambda x: x * x.square().mean(1, keepdim=True).add(1e-6).rsqrt(),
    "filter response": lambda x: x * torch.rsqrt(x.pow(2).mean([2, 3], keepdim=True) + 1e-6),
    "global response": lambda x: x + x * ((n := x.norm(dim=(2, 3), keepdim=True)) / (n.mean(1, keepdim=True) + 1e-6)),
    "unit length": lambda x: x / x.norm(dim=1, keepdim=True).clamp_min(1e-12),
    "unit length by F.normalize": lambda x: F.normalize(x, dim=1) * 4,
    "pixel norm": lambda x: x * (1 / torch.sqrt(torch.mean(x**2, dim=1, keepdim=True) + 1e-8)),
    "by the maximum": lambda x: x / (x.amax((2, 3), keepdim=True) + 1e-6),
    "times its share of the maximum": lambda x: (r := F.relu(x)) * (r / (r.amax((2, 3), keepdim=True) + 1e-6)),
    "by the largest value of each image": lambda x: x * (1 / x.abs().amax((1, 2, 3), keepdim=True)),
    "from zero to one": lambda x: (
        (x - (low := x.amin((2, 3), keepdim=True))) / (x.amax((2, 3), keepdim=True) - low + 1e-6)
    ),
    "local response": lambda x: (
        x / (1 + 1e-2 * F.avg_pool3d(x.square().unsqueeze(1), (5, 1, 1), 1, (2, 0, 0))[:, 0]) ** 0.75
    ),
    "centring": lambda x: x - x.mean((2, 3), keepdim=True) * 0.5,
    "by the deviation of the batch": lambda x: x * x.var((0, 2, 3), keepdim=True).add(1e-5).rsqrt(),
    "own layer norm with channels last": lambda x: F.layer_norm(x.permute(0, 2, 3, 1), (8,)).permute(0, 3, 1, 2) * 2,
    "share of each position": lambda x: F.relu(x) / (F.relu(x).sum((2, 3), keepdim=True) + 1e-6),
    "style of another image": lambda x: (
        x * (x.flip(0).std((2, 3), keepdim=True) / (x.std((2, 3), keepdim=True) + 1e-5))
    ),
}
"""Without parameters."""


class Normalised(nn.Module):
    """A convolution, a normalisation, and a scale and shift for each channel."""

    def __init__(self, c: int, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.conv, self.function = nn.Conv2d(c, c, 3, padding=1), function
        self.gamma, self.beta = nn.Parameter(torch.rand(1, c, 1, 1)), nn.Parameter(torch.rand(1, c, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.gamma * self.function(self.conv(x)) + self.beta


def _add(name: str, function: Callable[[Tensor], Tensor]) -> None:
    written(TRAPS, f"normalisation: {name}", lambda c: Normalised(c, function))


for _name, _function in NORMALISATIONS.items():
    _add(_name, _function)


@trap(training=True)
class BatchNormalisationByHand(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.rand(c)), nn.Parameter(torch.rand(c))
        self.register_buffer("running_var", torch.ones(c))

    def forward(self, x: Tensor) -> Tensor:
        var, mean = torch.var_mean(x, (0, 2, 3))
        self.running_var.lerp_(var.detach(), 0.1)
        scale = self.weight * (var + 1e-5).rsqrt()
        return x * scale[:, None, None] + (self.bias - mean * scale)[:, None, None]


@trap()
class FrozenBatchNormalisation(nn.Module):
    """As in detectors: buffers alone."""

    def __init__(self, c: int) -> None:
        super().__init__()
        for name in ("weight", "bias", "running_mean", "running_var"):
            self.register_buffer(name, torch.rand(c) + 0.1)

    def forward(self, x: Tensor) -> Tensor:
        scale = self.weight.view(1, -1, 1, 1) * (self.running_var.view(1, -1, 1, 1) + 1e-5).rsqrt()
        return x * scale + self.bias.view(1, -1, 1, 1) - self.running_mean.view(1, -1, 1, 1) * scale


@trap()
class ThresholdedResponse(nn.Module):
    """Filter response normalisation with its threshold."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.tau, self.gamma = nn.Parameter(torch.zeros(1, c, 1, 1)), nn.Parameter(torch.ones(1, c, 1, 1))
        self.eps = nn.Parameter(torch.full((1, c, 1, 1), 1e-6))

    def forward(self, x: Tensor) -> Tensor:
        nu2 = torch.mean(x**2, dim=[2, 3], keepdim=True)
        return torch.max(self.gamma * (x * torch.rsqrt(nu2 + self.eps.abs())), self.tau)


@trap()
class EvolvedNormalisation(nn.Module):
    """EvoNorm: a swish divided by a deviation."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.v, self.gamma = nn.Parameter(torch.ones(1, c, 1, 1)), nn.Parameter(torch.ones(1, c, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        groups = x.view(x.size(0), 2, -1)
        std = (groups.var(2, keepdim=True) + 1e-5).sqrt().expand_as(groups).reshape(x.shape)
        return x * torch.sigmoid(self.v * x) / std * self.gamma


@trap()
class StandardisedWeights(nn.Module):
    """The kernel is normalised, not the map."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(c, c, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        weight = self.conv.weight
        weight = weight - weight.mean((1, 2, 3), keepdim=True)
        weight = weight * (weight.var((1, 2, 3), keepdim=True) + 1e-5).rsqrt()
        return F.conv2d(x, weight * torch.sigmoid(self.conv.bias).view(-1, 1, 1, 1), padding=1)
