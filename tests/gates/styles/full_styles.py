"""Full gates: one value for each element of a map."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.gates.styles.cases import Expected, full, logistic, style
from tests.gates.styles.cbam_styles import Flatten


@style()
class Bam(nn.Module):
    """Both parts are added, squashed together, and one is added: a full gate in [1, 2]."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.gate_c = nn.Sequential(Flatten(), nn.Linear(c, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, c))
        self.gate_s = nn.Sequential(nn.Conv2d(c, 4, 1), nn.Conv2d(4, 4, 3, padding=2, dilation=2), nn.Conv2d(4, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        pooled = F.avg_pool2d(x, x.shape[2:], stride=x.shape[2:])
        a = self.gate_c(pooled).unsqueeze(2).unsqueeze(3).expand_as(x)
        b = self.gate_s(x).expand_as(x)
        att = 1 + torch.sigmoid(a * b)
        return att * x

    def gates(self, x: Tensor) -> list[Expected]:
        logits = self.gate_c(x.mean((2, 3)))[:, :, None, None] * self.gate_s(x)
        return [full(logistic(logits), shift=1.0)]


@style()
class SimAm(nn.Module):
    """A full gate without a single parameter."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.activaton = nn.Sigmoid()
        self.e_lambda = 1e-4

    def forward(self, x: Tensor) -> Tensor:
        _, _, h, w = x.size()
        n = w * h - 1
        x_minus_mu_square = (x - x.mean(dim=[2, 3], keepdim=True)).pow(2)
        y = x_minus_mu_square / (4 * (x_minus_mu_square.sum(dim=[2, 3], keepdim=True) / n + self.e_lambda)) + 0.5
        return x * self.activaton(y)

    def gates(self, x: Tensor) -> list[Expected]:
        variance = x.var((2, 3), keepdim=True)
        squares = (x - x.mean((2, 3), keepdim=True)).square()
        return [full(logistic(squares / (4 * variance + 4e-4) + 0.5))]


@style()
class PixelAttention(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(c, c, 1)
        self.sigmoid = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        y = self.sigmoid(self.conv(x))
        return torch.mul(x, y)

    def logits(self, x: Tensor) -> Tensor:
        return torch.einsum("bchw,oc->bohw", x, self.conv.weight[:, :, 0, 0]) + self.conv.bias[:, None, None]

    def gates(self, x: Tensor) -> list[Expected]:
        return [full(logistic(self.logits(x)))]


@style()
class ResidualAttentionMask(PixelAttention):
    def forward(self, x: Tensor) -> Tensor:
        return (1 + self.sigmoid(self.conv(x))) * x

    def gates(self, x: Tensor) -> list[Expected]:
        return [full(logistic(self.logits(x)), shift=1.0)]


@style()
class GatedLinearUnitByHand(nn.Module):
    """The two halves of one convolution: one of them gates the other."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(c, 2 * c, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        a, b = self.conv(x).chunk(2, dim=1)
        return a * b.sigmoid()

    def gates(self, x: Tensor) -> list[Expected]:
        return [full(logistic(self.conv(x)[:, x.size(1) :]))]


@style()
class GatherExcite(nn.Module):
    """The gate is made on a coarse grid and repeated to the size of the map."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.gather = nn.Conv2d(c, c, 2, stride=2, groups=c)

    def forward(self, x: Tensor) -> Tensor:
        gate = F.interpolate(self.gather(x), size=x.shape[-2:], mode="nearest").sigmoid()
        return x * gate

    def gates(self, x: Tensor) -> list[Expected]:
        coarse = logistic(self.gather(x))
        return [full(coarse.repeat_interleave(2, 2).repeat_interleave(2, 3))]


@style()
class StripPooling(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.conv_h = nn.Conv2d(c, c, (3, 1), padding=(1, 0))
        self.conv_w = nn.Conv2d(c, c, (1, 3), padding=(0, 1))
        self.fuse = nn.Conv2d(c, c, 1)

    def forward(self, x: Tensor) -> Tensor:
        x1 = self.conv_h(F.adaptive_avg_pool2d(x, (None, 1))).expand_as(x)
        x2 = self.conv_w(F.adaptive_avg_pool2d(x, (1, None))).expand_as(x)
        return x * self.fuse(F.relu(x1 + x2)).sigmoid()

    def gates(self, x: Tensor) -> list[Expected]:
        both = self.conv_h(x.mean(3, keepdim=True)) + self.conv_w(x.mean(2, keepdim=True))
        return [full(logistic(self.fuse(both.clamp(min=0))))]


@style()
class GlobalAttentionMechanism(nn.Module):
    """GAM: two full gates; the first by a perceptron over the channels of each position."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.channel_attention = nn.Sequential(nn.Linear(c, 4), nn.ReLU(inplace=True), nn.Linear(4, c))
        self.spatial_attention = nn.Sequential(nn.Conv2d(c, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, c, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        b, c, h, w = x.shape
        x_permute = x.permute(0, 2, 3, 1).view(b, -1, c)
        x_att_permute = self.channel_attention(x_permute).view(b, h, w, c)
        x = x * x_att_permute.permute(0, 3, 1, 2).sigmoid()
        return x * self.spatial_attention(x).sigmoid()

    def gates(self, x: Tensor) -> list[Expected]:
        first = logistic(self.channel_attention(x.movedim(1, -1)).movedim(-1, 1))
        return [full(first), full(logistic(self.spatial_attention(x * first)))]
