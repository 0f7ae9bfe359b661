"""CBAM in the spellings of timm, ultralytics and pytorchcv."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.gates.styles.cases import Expected, channel, logistic, spatial, style
from tests.gates.styles.cbam_styles import BasicConv, SpatialGate, planes


class TimmChannel(nn.Module):
    def __init__(self, channels: int, gate_layer: type[nn.Module] = nn.Sigmoid) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, 4, 1, bias=False)
        self.act = nn.ReLU(inplace=True)
        self.fc2 = nn.Conv2d(4, channels, 1, bias=False)
        self.gate = gate_layer()

    def forward(self, x: Tensor) -> Tensor:
        x_avg = self.fc2(self.act(self.fc1(x.mean((2, 3), keepdim=True))))
        x_max = self.fc2(self.act(self.fc1(x.amax((2, 3), keepdim=True))))
        return x * self.gate(x_avg + x_max)

    def logits(self, x: Tensor) -> Tensor:
        first, second = self.fc1.weight[:, :, 0, 0], self.fc2.weight[:, :, 0, 0]
        return sum((pooled @ first.T).clamp(min=0) @ second.T for pooled in (x.mean((2, 3)), x.amax((2, 3))))

    def weights(self, x: Tensor) -> Tensor:
        return logistic(self.logits(x))


class TimmLightChannel(TimmChannel):
    """Calls `F.sigmoid` although it has a gate of its own."""

    def forward(self, x: Tensor) -> Tensor:
        x_pool = 0.5 * x.mean((2, 3), keepdim=True) + 0.5 * x.amax((2, 3), keepdim=True)
        x_attn = self.fc2(self.act(self.fc1(x_pool)))
        return x * F.sigmoid(x_attn)

    def logits(self, x: Tensor) -> Tensor:
        pooled = (x.mean((2, 3)) + x.amax((2, 3))) / 2
        return (pooled @ self.fc1.weight[:, :, 0, 0].T).clamp(min=0) @ self.fc2.weight[:, :, 0, 0].T


class TimmSpatial(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = BasicConv(2, 1, 7)
        self.gate = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        x_attn = torch.cat([x.mean(dim=1, keepdim=True), x.amax(dim=1, keepdim=True)], dim=1)
        return x * self.gate(self.conv(x_attn))

    def mask(self, x: Tensor) -> Tensor:
        return logistic(self.conv(planes(x)))[:, 0]


@style()
class TimmCbam(nn.Module):
    part: type[TimmChannel] = TimmChannel

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channel = self.part(channels)
        self.spatial = TimmSpatial()

    def forward(self, x: Tensor) -> Tensor:
        return self.spatial(self.channel(x))

    def gates(self, x: Tensor) -> list[Expected]:
        weights = self.channel.weights(x)
        return [channel(weights), spatial(self.spatial.mask(x * weights[:, :, None, None]))]


@style()
class TimmLightCbam(TimmCbam):
    part = TimmLightChannel


class HardTimmChannel(TimmChannel):
    def __init__(self, channels: int) -> None:
        super().__init__(channels, nn.Hardsigmoid)

    def weights(self, x: Tensor) -> Tensor:
        return (self.logits(x) / 6 + 0.5).clamp(0, 1)


@style()
class TimmCbamWithHardGate(TimmCbam):
    part = HardTimmChannel


class UltralyticsChannel(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Conv2d(channels, channels, 1, 1, 0, bias=True)
        self.act = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        return x * self.act(self.fc(self.pool(x)))


class UltralyticsSpatial(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cv1 = nn.Conv2d(2, 1, 7, padding=3, bias=False)
        self.act = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        return x * self.act(self.cv1(torch.cat([torch.mean(x, 1, keepdim=True), torch.max(x, 1, keepdim=True)[0]], 1)))


@style()
class UltralyticsCbam(nn.Module):
    def __init__(self, c1: int) -> None:
        super().__init__()
        self.channel_attention = UltralyticsChannel(c1)
        self.spatial_attention = UltralyticsSpatial()

    def forward(self, x: Tensor) -> Tensor:
        return self.spatial_attention(self.channel_attention(x))

    def gates(self, x: Tensor) -> list[Expected]:
        fc = self.channel_attention.fc
        weights = logistic(x.mean((2, 3)) @ fc.weight[:, :, 0, 0].T + fc.bias)
        mask = logistic(self.spatial_attention.cv1(planes(x * weights[:, :, None, None])))[:, 0]
        return [channel(weights), spatial(mask)]


class PytorchcvChannel(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.init_fc = nn.Linear(channels, 4)
        self.fc = nn.Linear(4, channels)
        self.sigmoid = nn.Sigmoid()

    def branch(self, x: Tensor) -> Tensor:
        return self.fc(self.init_fc(x).relu())

    def forward(self, x: Tensor) -> Tensor:
        att1 = self.branch(F.adaptive_avg_pool2d(x, (1, 1)).view(x.size(0), -1))
        att2 = self.branch(F.adaptive_max_pool2d(x, (1, 1)).view(x.size(0), -1))
        att = self.sigmoid(att1 + att2)
        att = att.unsqueeze(2).unsqueeze(3).expand_as(x)
        return x * att


@style()
class PytorchcvCbam(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.ch_gate = PytorchcvChannel(channels)
        self.sp_gate = SpatialGate()

    def forward(self, x: Tensor) -> Tensor:
        return self.sp_gate(self.ch_gate(x))

    def gates(self, x: Tensor) -> list[Expected]:
        gate = self.ch_gate
        weights = logistic(gate.branch(x.mean((2, 3))) + gate.branch(x.amax((2, 3))))
        return [channel(weights), spatial(self.sp_gate.mask(x * weights[:, :, None, None]))]
