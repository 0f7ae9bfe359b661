"""Relatives of CBAM: one gate or several, along channels, positions, rows, columns or all elements."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.gates.styles.cases import Expected, channel, column, logistic, network, row, spatial, style
from tests.gates.styles.cbam_styles import planes


@style()
class SqueezeExcite(nn.Module):
    """The most copied spelling."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.avg_pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Sequential(
            nn.Linear(c, 4, bias=False), nn.ReLU(inplace=True), nn.Linear(4, c, bias=False), nn.Sigmoid()
        )

    def forward(self, x: Tensor) -> Tensor:
        b, c, _, _ = x.size()
        y = self.avg_pool(x).view(b, c)
        y = self.fc(y).view(b, c, 1, 1)
        return x * y.expand_as(x)

    def gates(self, x: Tensor) -> list[Expected]:
        hidden = (x.mean((2, 3)) @ self.fc[0].weight.T).clamp(min=0)
        return [channel(logistic(hidden @ self.fc[2].weight.T), "", "fc")]


@style()
class TorchvisionSqueezeExcite(nn.Module):
    def __init__(self, c: int, scale_activation: type[nn.Module] = nn.Sigmoid) -> None:
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc1, self.activation = nn.Conv2d(c, 4, 1), nn.ReLU()
        self.fc2, self.scale_activation = nn.Conv2d(4, c, 1), scale_activation()

    def _scale(self, input: Tensor) -> Tensor:  # noqa: A002
        scale = self.fc2(self.activation(self.fc1(self.avgpool(input))))
        return self.scale_activation(scale)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        return self._scale(input) * input

    def logits(self, x: Tensor) -> Tensor:
        hidden = (x.mean((2, 3)) @ self.fc1.weight[:, :, 0, 0].T + self.fc1.bias).clamp(min=0)
        return hidden @ self.fc2.weight[:, :, 0, 0].T + self.fc2.bias

    def gates(self, x: Tensor) -> list[Expected]:
        return [channel(logistic(self.logits(x)))]


@style()
class HardSqueezeExcite(TorchvisionSqueezeExcite):
    def __init__(self, c: int) -> None:
        super().__init__(c, nn.Hardsigmoid)

    def gates(self, x: Tensor) -> list[Expected]:
        return [channel((self.logits(x) / 6 + 0.5).clamp(0, 1))]


@style()
class SequentialAttention(nn.Module):
    """The whole attention is one `nn.Sequential`, squash included."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.se = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(c, 4, 1), nn.ReLU(), nn.Conv2d(4, c, 1), nn.Sigmoid()
        )
        self.conv = nn.Conv2d(c, c, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        out = self.conv(x)
        return x + out * self.se(out)

    def gates(self, x: Tensor) -> list[Expected]:
        pooled = self.conv(x).mean((2, 3), keepdim=True)
        return [channel(logistic(self.se[3](self.se[1](pooled).relu()))[:, :, 0, 0], "", "se")]


@style()
class Eca(nn.Module):
    """The gate is made as (B, 1, C), by a convolution over the channels."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.avg_pool = nn.AdaptiveAvgPool2d(1)
        self.conv = nn.Conv1d(1, 1, kernel_size=3, padding=1, bias=False)
        self.sigmoid = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        y = self.avg_pool(x)
        y = self.conv(y.squeeze(-1).transpose(-1, -2)).transpose(-1, -2).unsqueeze(-1)
        return x * self.sigmoid(y).expand_as(x)

    def gates(self, x: Tensor) -> list[Expected]:
        padded = F.pad(x.mean((2, 3)), (1, 1))
        left, middle, right = self.conv.weight.flatten()
        return [channel(logistic(left * padded[:, :-2] + middle * padded[:, 1:-1] + right * padded[:, 2:]))]


@style()
class EffectiveSqueezeExcite(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.fc = nn.Conv2d(c, c, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x * F.hardsigmoid(self.fc(x.mean((2, 3), keepdim=True)))

    def gates(self, x: Tensor) -> list[Expected]:
        logits = x.mean((2, 3)) @ self.fc.weight[:, :, 0, 0].T + self.fc.bias
        return [channel((logits / 6 + 0.5).clamp(0, 1))]


@style()
class ConcurrentSqueeze(nn.Module):
    """scSE: both parts gate the same map, and the results are added."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.cSE = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(c, 4, 1), nn.ReLU(inplace=True), nn.Conv2d(4, c, 1), nn.Sigmoid()
        )
        self.sSE = nn.Sequential(nn.Conv2d(c, 1, 1), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        return x * self.cSE(x) + x * self.sSE(x)

    def gates(self, x: Tensor) -> list[Expected]:
        pooled = x.mean((2, 3), keepdim=True)
        weights = logistic(self.cSE[3](self.cSE[1](pooled).relu()))[:, :, 0, 0]
        mask = logistic(torch.einsum("bchw,c->bhw", x, self.sSE[0].weight.flatten()) + self.sSE[0].bias)
        return [channel(weights, "", "cSE"), spatial(mask, "", "sSE")]


@style()
class CoordinateAttention(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.pool_h = nn.AdaptiveAvgPool2d((None, 1))
        self.pool_w = nn.AdaptiveAvgPool2d((1, None))
        self.conv1, self.bn1, self.act = nn.Conv2d(c, 4, 1), nn.BatchNorm2d(4), nn.Hardswish()
        self.conv_h, self.conv_w = nn.Conv2d(4, c, 1), nn.Conv2d(4, c, 1)

    def forward(self, x: Tensor) -> Tensor:
        identity = x
        _, _, h, w = x.size()
        x_h = self.pool_h(x)
        x_w = self.pool_w(x).permute(0, 1, 3, 2)
        y = self.act(self.bn1(self.conv1(torch.cat([x_h, x_w], dim=2))))
        x_h, x_w = torch.split(y, [h, w], dim=2)
        a_h = self.conv_h(x_h).sigmoid()
        a_w = self.conv_w(x_w.permute(0, 1, 3, 2)).sigmoid()
        return identity * a_w * a_h

    def part(self, profile: Tensor, conv: nn.Conv2d) -> Tensor:
        return logistic(conv(self.act(self.bn1(self.conv1(profile[..., None])))))[..., 0]

    def gates(self, x: Tensor) -> list[Expected]:
        return [column(self.part(x.mean(2), self.conv_w)), row(self.part(x.mean(3), self.conv_h))]


class ZPoolGate(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        pooled = torch.cat((torch.max(x, 1)[0].unsqueeze(1), torch.mean(x, 1).unsqueeze(1)), dim=1)
        scale = torch.sigmoid_(self.conv(pooled))
        return x * scale

    def mask(self, x: Tensor) -> Tensor:
        return logistic(self.conv(planes(x).flip(1)))[:, 0]


@style()
class TripletAttention(nn.Module):
    """Three branches, two of which turn the map so that its rows or columns take the place of the channels."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.cw, self.hc, self.hw = ZPoolGate(), ZPoolGate(), ZPoolGate()

    def forward(self, x: Tensor) -> Tensor:
        x_perm1 = x.permute(0, 2, 1, 3).contiguous()
        x_out1 = self.cw(x_perm1).permute(0, 2, 1, 3).contiguous()
        x_perm2 = x.permute(0, 3, 2, 1).contiguous()
        x_out2 = self.hc(x_perm2).permute(0, 3, 2, 1).contiguous()
        return 1 / 3 * (self.hw(x) + x_out1 + x_out2)

    def gates(self, x: Tensor) -> list[Expected]:
        by_column = self.cw.mask(x.transpose(1, 2))  # (B, C, W)
        by_row = self.hc.mask(x.transpose(1, 3)).transpose(1, 2)  # (B, H, C) -> (B, C, H)
        return [column(by_column, "", "cw"), row(by_row, "", "hc"), spatial(self.hw.mask(x), "", "hw")]


@network(inputs=lambda generator: (torch.randn(2, 3, 10, 14, generator=generator),))
class AttentionGateOfUnet(nn.Module):
    """A decoder's map says where its skip counts."""

    def __init__(self) -> None:
        super().__init__()
        self.enc1, self.enc2 = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 12, 3, padding=1)
        self.W_g, self.W_x = nn.Conv2d(12, 6, 1), nn.Conv2d(8, 6, 1)
        self.psi = nn.Sequential(nn.Conv2d(6, 1, 1), nn.BatchNorm2d(1), nn.Sigmoid())
        self.up = nn.ConvTranspose2d(12, 12, 2, stride=2)
        self.out = nn.Conv2d(20, 2, 1)

    def encoded(self, image: Tensor) -> tuple[Tensor, Tensor]:
        x = self.enc1(image).relu()
        return x, self.up(self.enc2(F.max_pool2d(x, 2)).relu())

    def forward(self, image: Tensor) -> Tensor:
        x, g = self.encoded(image)
        psi = self.psi(F.relu(self.W_g(g) + self.W_x(x)))
        return self.out(torch.cat([x * psi, g], dim=1))

    def gates(self, image: Tensor) -> list[Expected]:
        x, g = self.encoded(image)
        logits = self.psi[1](self.psi[0]((self.W_g(g) + self.W_x(x)).relu()))
        return [spatial(logistic(logits)[:, 0], "psi", type(self).__name__)]


@style()
class PolarizedSelfAttention(nn.Module):
    """The softmax lies inside; the gates are sigmoids of what it pooled."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.ch_wv, self.ch_wq, self.ch_wz = nn.Conv2d(c, 4, 1), nn.Conv2d(c, 1, 1), nn.Conv2d(4, c, 1)
        self.sp_wv, self.sp_wq = nn.Conv2d(c, 4, 1), nn.Conv2d(c, 4, 1)
        self.ln = nn.LayerNorm(c)

    def forward(self, x: Tensor) -> Tensor:
        b, c, h, w = x.size()
        channel_wv = self.ch_wv(x).reshape(b, 4, -1)
        channel_wq = self.ch_wq(x).reshape(b, -1, 1).softmax(1)
        channel_wz = torch.matmul(channel_wv, channel_wq).unsqueeze(-1)
        logits = self.ln(self.ch_wz(channel_wz).reshape(b, c, 1).permute(0, 2, 1))
        channel_out = logits.sigmoid().permute(0, 2, 1).reshape(b, c, 1, 1) * x
        spatial_wq = self.sp_wq(x).mean((2, 3)).reshape(b, 1, 4).softmax(-1)
        spatial_wz = torch.matmul(spatial_wq, self.sp_wv(x).reshape(b, 4, -1))
        return channel_out + spatial_wz.reshape(b, 1, h, w).sigmoid() * x

    def gates(self, x: Tensor) -> list[Expected]:
        focus = self.ch_wq(x)[:, 0].flatten(1).softmax(1).view(x.size(0), *x.shape[2:])
        pooled = torch.einsum("bchw,bhw->bc", self.ch_wv(x), focus)
        weights = logistic(self.ln(self.ch_wz(pooled[:, :, None, None])[:, :, 0, 0]))
        mix = self.sp_wq(x).mean((2, 3)).softmax(1)
        mask = logistic(torch.einsum("bchw,bc->bhw", self.sp_wv(x), mix))
        return [channel(weights), spatial(mask)]


@style()
class FrequencyChannelAttention(nn.Module):
    """Pools by fixed cosines, which multiply the map too but are no gate."""

    def __init__(self, c: int) -> None:
        super().__init__()
        rows = torch.cos(math.pi * (torch.arange(10) + 0.5) / 10)
        self.register_buffer("weight", rows[:, None].expand(10, 14).repeat(c, 1, 1))
        self.fc = nn.Sequential(nn.Linear(c, 4, bias=False), nn.ReLU(inplace=True), nn.Linear(4, c, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        b, c, _, _ = x.shape
        y = torch.sum(x * self.weight, dim=[2, 3])
        y = torch.sigmoid(self.fc(y)).view(b, c, 1, 1)
        return x * y.expand_as(x)

    def gates(self, x: Tensor) -> list[Expected]:
        pooled = torch.einsum("bchw,chw->bc", x, self.weight)
        hidden = (pooled @ self.fc[0].weight.T).clamp(min=0)
        return [channel(logistic(hidden @ self.fc[2].weight.T), "", "fc")]


@style()
class StyleRecalibration(nn.Module):
    """SRM: mean and deviation of each channel, weighted and normalised by themselves."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.cfc = nn.Parameter(torch.randn(c, 2))
        self.bn = nn.BatchNorm2d(c)
        self.activation = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        n, c, _, _ = x.size()
        flat = x.view(n, c, -1)
        t = torch.cat((flat.mean(dim=2, keepdim=True), (flat.var(dim=2, keepdim=True) + 1e-5).sqrt()), dim=2)
        z = torch.sum(t * self.cfc[None, :, :], dim=2)[:, :, None, None]
        g = self.activation(self.bn(z))
        return x * g

    def gates(self, x: Tensor) -> list[Expected]:
        deviation = (x.var((2, 3)) + 1e-5).sqrt()
        z = self.cfc[:, 0] * x.mean((2, 3)) + self.cfc[:, 1] * deviation
        return [channel(logistic(z / math.sqrt(1 + 1e-5)))]


@style()
class GatedChannelTransformation(nn.Module):
    """Channels compete by their norms, without a layer: one more than a tanh."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.alpha, self.gamma, self.beta = (nn.Parameter(torch.randn(1, c, 1, 1)) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        embedding = (x.pow(2).sum((2, 3), keepdim=True) + 1e-5).pow(0.5) * self.alpha
        norm = self.gamma / (embedding.pow(2).mean(dim=1, keepdim=True) + 1e-5).pow(0.5)
        return x * (1.0 + torch.tanh(embedding * norm + self.beta))

    def gates(self, x: Tensor) -> list[Expected]:
        strength = (x.square().sum((2, 3)) + 1e-5).sqrt() * self.alpha[0, :, 0, 0]
        shares = strength / (strength.square().mean(1, keepdim=True) + 1e-5).sqrt()
        return [channel(logistic(2 * (shares * self.gamma[0, :, 0, 0] + self.beta[0, :, 0, 0])), scale=2.0)]
