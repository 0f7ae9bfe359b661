"""CBAM in the spellings of public code."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.gates.styles.cases import Expected, channel, logistic, network, spatial, style


def planes(x: Tensor) -> Tensor:
    """Mean and maximum over the channels."""
    return torch.stack([x.mean(1), x.max(1).values], 1)


class Flatten(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.view(x.size(0), -1)


class ChannelGate(nn.Module):
    """That of the paper's authors: a perceptron with biases, any pools, the gate expanded inline."""

    def __init__(self, gate_channels: int, pool_types: tuple[str, ...] = ("avg", "max")) -> None:
        super().__init__()
        self.mlp = nn.Sequential(Flatten(), nn.Linear(gate_channels, 4), nn.ReLU(), nn.Linear(4, gate_channels))
        self.pool_types = pool_types

    def pooled(self, x: Tensor, pool_type: str) -> Tensor:
        size = (x.size(2), x.size(3))
        if pool_type == "avg":
            return F.avg_pool2d(x, size, stride=size)
        if pool_type == "max":
            return F.max_pool2d(x, size, stride=size)
        if pool_type == "lp":
            return F.lp_pool2d(x, 2, size, stride=size)
        flat = x.view(x.size(0), x.size(1), -1)
        top, _ = torch.max(flat, dim=2, keepdim=True)
        return top + (flat - top).exp().sum(dim=2, keepdim=True).log()

    def forward(self, x: Tensor) -> Tensor:
        channel_att_sum = None
        for pool_type in self.pool_types:
            raw = self.mlp(self.pooled(x, pool_type))
            channel_att_sum = raw if channel_att_sum is None else channel_att_sum + raw
        scale = F.sigmoid(channel_att_sum).unsqueeze(2).unsqueeze(3).expand_as(x)
        return x * scale

    def weights(self, x: Tensor) -> Tensor:
        flat = x.flatten(2)
        pools = {
            "avg": lambda: flat.mean(2),
            "max": lambda: flat.max(2).values,
            "lp": lambda: flat.square().sum(2).sqrt(),
            "lse": lambda: flat.logsumexp(2),
        }
        return logistic(sum(self.mlp(pools[name]()) for name in self.pool_types))


class BasicConv(nn.Module):
    def __init__(self, in_planes: int, out_planes: int, kernel_size: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_planes, out_planes, kernel_size, padding=(kernel_size - 1) // 2, bias=False)
        self.bn = nn.BatchNorm2d(out_planes, eps=1e-5, momentum=0.01, affine=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.conv(x))


class ChannelPool(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.cat((torch.max(x, 1)[0].unsqueeze(1), torch.mean(x, 1).unsqueeze(1)), dim=1)


class SpatialGate(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.compress = ChannelPool()
        self.spatial = BasicConv(2, 1, 7)

    def forward(self, x: Tensor) -> Tensor:
        x_compress = self.compress(x)
        x_out = self.spatial(x_compress)
        scale = F.sigmoid(x_out)
        return x * scale

    def mask(self, x: Tensor) -> Tensor:
        return logistic(self.spatial(planes(x).flip(1)))[:, 0]


@style()
class AuthorsCbam(nn.Module):
    pools: tuple[str, ...] = ("avg", "max")
    no_spatial = False

    def __init__(self, gate_channels: int) -> None:
        super().__init__()
        self.ChannelGate = ChannelGate(gate_channels, self.pools)
        if not self.no_spatial:
            self.SpatialGate = SpatialGate()

    def forward(self, x: Tensor) -> Tensor:
        x_out = self.ChannelGate(x)
        if not self.no_spatial:
            x_out = self.SpatialGate(x_out)
        return x_out

    def gates(self, x: Tensor) -> list[Expected]:
        weights = self.ChannelGate.weights(x)
        if self.no_spatial:
            return [channel(weights, "", "ChannelGate")]
        return [channel(weights), spatial(self.SpatialGate.mask(x * weights[:, :, None, None]))]


@style()
class AuthorsCbamWithAllPools(AuthorsCbam):
    pools = ("avg", "max", "lp", "lse")


@style()
class AuthorsCbamWithoutSpatial(AuthorsCbam):
    no_spatial = True


class ChannelAttention(nn.Module):
    """Returns the attention alone; whoever called it multiplies."""

    def __init__(self, in_planes: int) -> None:
        super().__init__()
        self.avg_pool = nn.AdaptiveAvgPool2d(1)
        self.max_pool = nn.AdaptiveMaxPool2d(1)
        self.fc1 = nn.Conv2d(in_planes, 4, 1, bias=False)
        self.relu1 = nn.ReLU()
        self.fc2 = nn.Conv2d(4, in_planes, 1, bias=False)
        self.sigmoid = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        avg_out = self.fc2(self.relu1(self.fc1(self.avg_pool(x))))
        max_out = self.fc2(self.relu1(self.fc1(self.max_pool(x))))
        return self.sigmoid(avg_out + max_out)

    def weights(self, x: Tensor) -> Tensor:
        first, second = self.fc1.weight[:, :, 0, 0], self.fc2.weight[:, :, 0, 0]
        return logistic(sum((pooled @ first.T).clamp(min=0) @ second.T for pooled in (x.mean((2, 3)), x.amax((2, 3)))))


class SpatialAttention(nn.Module):
    def __init__(self, kernel_size: int = 7) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(2, 1, kernel_size, padding=kernel_size // 2, bias=False)
        self.sigmoid = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        avg_out = torch.mean(x, dim=1, keepdim=True)
        max_out, _ = torch.max(x, dim=1, keepdim=True)
        return self.sigmoid(self.conv1(torch.cat([avg_out, max_out], dim=1)))

    def mask(self, x: Tensor) -> Tensor:
        return logistic(self.conv1(planes(x)))[:, 0]


def chained(ca: ChannelAttention, sa: SpatialAttention, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Channel weights, spatial mask, and the map after both."""
    weights = ca.weights(x)
    x = x * weights[:, :, None, None]
    mask = sa.mask(x)
    return weights, mask, x * mask[:, None]


class BasicBlock(nn.Module):
    """The most copied ResNet variant: `ca` and `sa` are children of the residual block."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.ca = ChannelAttention(channels)
        self.sa = SpatialAttention()

    def forward(self, x: Tensor) -> Tensor:
        residual = x
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.ca(out) * out
        out = self.sa(out) * out
        out += residual
        return self.relu(out)


@network()
class MostCopiedResnet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1)
        self.layer1 = nn.Sequential(BasicBlock(8), BasicBlock(8))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer1(self.conv1(x))
        x = self.avgpool(x)
        return self.fc(x.view(x.size(0), -1))

    def gates(self, x: Tensor) -> list[Expected]:
        x = self.conv1(x)
        found = []
        for index, block in enumerate(self.layer1):
            weights, mask, gated = chained(block.ca, block.sa, block.bn1(block.conv1(x)).relu())
            name = f"layer1.{index}"
            found += [channel(weights, name), spatial(mask, name)]
            x = (gated + x).relu()
        return found


@network()
class GatesAtTheRoot(nn.Module):
    """`ca` and `sa` lie in the network itself, before and after its layers."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.ca = ChannelAttention(8)
        self.sa = SpatialAttention()
        self.head = nn.Conv2d(8, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        x = self.ca(x) * x
        x = self.sa(x) * x
        return self.head(x).mean((2, 3))

    def gates(self, x: Tensor) -> list[Expected]:
        weights, mask, _ = chained(self.ca, self.sa, self.conv(x))
        own = type(self).__name__
        return [channel(weights, "ca", own), spatial(mask, "sa", own)]


@style()
class OneClassWithLocalVariables(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.fc = nn.Sequential(nn.Conv2d(c, 4, 1), nn.ReLU(), nn.Conv2d(4, c, 1))
        self.conv = nn.Conv2d(2, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        a = self.fc(F.adaptive_avg_pool2d(x, 1)) + self.fc(F.adaptive_max_pool2d(x, 1))
        a = torch.sigmoid(a)
        x = x * a
        s = torch.cat([x.mean(1, keepdim=True), x.max(1, keepdim=True)[0]], 1)
        s = torch.sigmoid(self.conv(s))
        return x * s

    def parts(self, x: Tensor) -> tuple[Tensor, Tensor]:
        weights = logistic(self.fc(x.mean((2, 3))[:, :, None, None]) + self.fc(x.amax((2, 3))[:, :, None, None]))
        return weights[:, :, 0, 0], logistic(self.conv(planes(x * weights)))[:, 0]

    def gates(self, x: Tensor) -> list[Expected]:
        weights, mask = self.parts(x)
        return [channel(weights), spatial(mask)]


@style()
class CbamWithAnInnerResidual(nn.Module):
    def __init__(self, channel: int) -> None:
        super().__init__()
        self.ca = ChannelAttention(channel)
        self.sa = SpatialAttention(5)

    def forward(self, x: Tensor) -> Tensor:
        residual = x
        out = x * self.ca(x)
        out = out * self.sa(out)
        return out + residual

    def gates(self, x: Tensor) -> list[Expected]:
        weights, mask, _ = chained(self.ca, self.sa, x)
        return [channel(weights), spatial(mask)]


@style()
class SpatialFirst(CbamWithAnInnerResidual):
    def forward(self, x: Tensor) -> Tensor:
        x = x * self.sa(x)
        return x * self.ca(x)

    def gates(self, x: Tensor) -> list[Expected]:
        mask = self.sa.mask(x)
        return [spatial(mask), channel(self.ca.weights(x * mask[:, None]))]


@style()
class BothFromTheSameMap(CbamWithAnInnerResidual):
    """Two gates multiplied before they meet the map."""

    def forward(self, x: Tensor) -> Tensor:
        attention = self.ca(x) * self.sa(x)
        return x * attention

    def gates(self, x: Tensor) -> list[Expected]:
        return [channel(self.ca.weights(x), "", "ca"), spatial(self.sa.mask(x), "", "sa")]


@style()
class ConcurrentBranchesAdded(CbamWithAnInnerResidual):
    def forward(self, x: Tensor) -> Tensor:
        return self.ca(x) * x + self.sa(x) * x

    def gates(self, x: Tensor) -> list[Expected]:
        return [channel(self.ca.weights(x), "", "ca"), spatial(self.sa.mask(x), "", "sa")]


@style()
class ConcurrentBranchesByMaximum(ConcurrentBranchesAdded):
    def forward(self, x: Tensor) -> Tensor:
        return torch.max(self.ca(x) * x, self.sa(x) * x)


@style()
class SpatialWithoutSigmoid(nn.Module):
    """The squash of the mask was forgotten: it is unbounded, and can be negative."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.ca = ChannelAttention(c)
        self.conv = nn.Conv2d(2, 1, 7, padding=3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.ca(x) * x
        mask = self.conv(torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], dim=1))
        return x * mask

    def gates(self, x: Tensor) -> list[Expected]:
        weights = self.ca.weights(x)
        mask = self.conv(planes(x * weights[:, :, None, None]))[:, 0]
        return [channel(weights, "", "ca"), spatial(mask, squashed=False)]


@style()
class CopiedBeforeTheSigmoid(OneClassWithLocalVariables):
    """Both gates are spread over the whole map before they are squashed."""

    def forward(self, x: Tensor) -> Tensor:
        b, c, h, w = x.size()
        a = self.fc(F.adaptive_avg_pool2d(x, 1)) + self.fc(F.adaptive_max_pool2d(x, 1))
        x = x * torch.sigmoid(a.repeat(1, 1, h, w))
        s = torch.cat([x.mean(1, keepdim=True), x.max(1, keepdim=True)[0]], 1)
        return x * torch.sigmoid(self.conv(s).expand(b, c, h, w))


@style()
class CbamOnGroupsOfTheStem(nn.Module):
    """The map is split, one half is gated, and both are put together again."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.ca = ChannelAttention(c // 2)
        self.sa = SpatialAttention(3)

    def forward(self, x: Tensor) -> Tensor:
        left, right = torch.chunk(x, 2, dim=1)
        right = right * self.ca(right)
        right = right * self.sa(right)
        return torch.cat([left, right], dim=1)

    def gates(self, x: Tensor) -> list[Expected]:
        weights, mask, _ = chained(self.ca, self.sa, x[:, x.size(1) // 2 :])
        return [channel(weights), spatial(mask)]


@style()
class PositionalWeightsInPlainParameters(nn.Module):
    """No layer at all: the weights are parameters, used by functions."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.w1 = nn.Parameter(torch.randn(4, c) / math.sqrt(c))
        self.w2 = nn.Parameter(torch.randn(c, 4) / 2)
        self.kernel = nn.Parameter(torch.randn(1, 2, 3, 3) / 3)

    def forward(self, x: Tensor) -> Tensor:
        pooled = x.flatten(2).mean(-1)
        weights = F.linear(F.relu(F.linear(pooled, self.w1)), self.w2).sigmoid()
        x = x * weights[..., None, None]
        mask = F.conv2d(torch.cat((x.mean(1, True), x.max(1, True).values), 1), self.kernel, padding=1).sigmoid()
        return x * mask

    def gates(self, x: Tensor) -> list[Expected]:
        weights = logistic((x.mean((2, 3)) @ self.w1.T).clamp(min=0) @ self.w2.T)
        mask = logistic(F.conv2d(planes(x * weights[:, :, None, None]), self.kernel, padding=1))[:, 0]
        return [channel(weights), spatial(mask)]
