"""Gates of maps with one axis and with three, and of maps whose channels are not where they usually are."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.gates.styles.cases import CONVOLUTIONS, Expected, channel, full, logistic, network, spatial, style


class Excite(nn.Module):
    """Squeeze and excite for any number of axes."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.fc = nn.Linear(c, c)

    def forward(self, x: Tensor) -> Tensor:
        g = self.fc(x.flatten(2).mean(2)).sigmoid()
        return x * g.reshape(*g.shape, *[1] * (x.ndim - 2))

    def gates(self, x: Tensor) -> list[Expected]:
        return [channel(logistic(x.flatten(2).mean(2) @ self.fc.weight.T + self.fc.bias))]


@style(axes=1)
class ExciteOfSeries(Excite):
    pass


@style(axes=3)
class ExciteOfVolumes(Excite):
    pass


class AnyCbam(nn.Module):
    axes = 1

    def __init__(self, c: int) -> None:
        super().__init__()
        self.fc = nn.Sequential(nn.Linear(c, 4), nn.ReLU(), nn.Linear(4, c))
        self.conv = CONVOLUTIONS[self.axes](2, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        flat = x.flatten(2)
        weights = torch.sigmoid(self.fc(flat.mean(2)) + self.fc(flat.amax(2)))
        x = x * weights.view(*weights.shape, *[1] * self.axes)
        pooled = torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], 1)
        return x * torch.sigmoid(self.conv(pooled))

    def gates(self, x: Tensor) -> list[Expected]:
        flat = x.flatten(2)
        weights = logistic(self.fc(flat.sum(2) / flat.size(2)) + self.fc(flat.max(2).values))
        x = (flat * weights[:, :, None]).view_as(x)
        return [channel(weights), spatial(logistic(self.conv(torch.stack([x.mean(1), x.amax(1)], 1)))[:, 0])]


@style(axes=1)
class CbamOfSeries(AnyCbam):
    axes = 1


@style(axes=3)
class CbamOfVolumes(AnyCbam):
    axes = 3


@style(axes=1)
class GatedActivationOfWaves(nn.Module):
    """The gated unit of WaveNet."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.filter = nn.Conv1d(c, c, 3, padding=2, dilation=2)
        self.gate = nn.Conv1d(c, c, 3, padding=2, dilation=2)

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.tanh(self.filter(x)) * torch.sigmoid(self.gate(x))

    def gates(self, x: Tensor) -> list[Expected]:
        return [full(logistic(self.gate(x)))]


class LastExcite(nn.Module):
    """All in NHWC: the channels are the last axis."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.norm, self.fc1, self.fc2 = nn.LayerNorm(c), nn.Linear(c, 4), nn.Linear(4, c)

    def forward(self, x: Tensor) -> Tensor:  # (B, H, W, C)
        x = self.norm(x)
        g = self.fc2(F.gelu(self.fc1(x.mean(dim=(1, 2), keepdim=True))))
        return x * g.sigmoid()


@style()
class ChannelsLastExcite(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.inner = LastExcite(c)

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

    def gates(self, x: Tensor) -> list[Expected]:
        own = self.inner
        pooled = own.norm(x.permute(0, 2, 3, 1)).flatten(1, 2).mean(1)
        return [channel(logistic(own.fc2(F.gelu(own.fc1(pooled)))), "inner")]


@style()
class ChannelsLastMask(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.fc = nn.Linear(c, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = x.permute(0, 2, 3, 1)
        x = x * torch.sigmoid(self.fc(x))
        return x.permute(0, 3, 1, 2).contiguous()

    def gates(self, x: Tensor) -> list[Expected]:
        return [spatial(logistic(torch.einsum("bchw,c->bhw", x, self.fc.weight[0]) + self.fc.bias))]


@style()
class ChannelsLastPixels(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.fc = nn.Linear(c, c)

    def forward(self, x: Tensor) -> Tensor:
        x = x.movedim(1, -1)
        return (torch.sigmoid(self.fc(x)) * x).movedim(-1, 1)

    def gates(self, x: Tensor) -> list[Expected]:
        return [full(logistic(torch.einsum("bchw,oc->bohw", x, self.fc.weight) + self.fc.bias[:, None, None]))]


@network(inputs=lambda generator: (torch.randn(2, 3, 4, 10, 14, generator=generator),))
class FramesOfAVideo(nn.Module):
    """Frames are folded into the batch, gated, and unfolded."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.att = nn.Conv2d(3, 8, 3, padding=1), Excite(8)

    def frames(self, x: Tensor) -> Tensor:
        return self.conv(x.transpose(1, 2).flatten(0, 1))

    def forward(self, x: Tensor) -> Tensor:
        y = self.att(self.frames(x))
        return y.view(x.size(0), x.size(2), *y.shape[1:]).mean((1, 3, 4))

    def gates(self, x: Tensor) -> list[Expected]:
        return [gate.named_below("att") for gate in self.att.gates(self.frames(x))]


@style()
class GroupsOfChannels(nn.Module):
    """One weight for each group of channels: the map is folded by groups, gated, and unfolded."""

    groups = 4

    def __init__(self, c: int) -> None:
        super().__init__()
        self.fc = nn.Linear(c, self.groups)

    def forward(self, x: Tensor) -> Tensor:
        b, c, h, w = x.shape
        g = self.fc(x.mean((2, 3))).sigmoid()
        x = x.view(b, self.groups, c // self.groups, h, w) * g.view(b, self.groups, 1, 1, 1)
        return x.view(b, c, h, w)

    def gates(self, x: Tensor) -> list[Expected]:
        g = logistic(self.fc(x.mean((2, 3))))
        return [channel((g.repeat_interleave(x.size(1) // self.groups, 1), g))]
