"""CBAM in several spellings, and with deviations from the paper planted, one or more in each."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own habit
from torch import Tensor, nn

Block = TypeVar("Block", bound=type[nn.Module])

C, RATIO = 32, 16
HIDDEN = C // RATIO

PLAIN: dict[str, Callable[[], nn.Module]] = {}
"""The paper's block in different spellings."""

PLANTED: dict[str, tuple[Callable[[], nn.Module], set[str]]] = {}
"""Blocks with deviations, and the codes of these without ``audit.``."""


def plain(block: Block) -> Block:
    """Note a spelling of the paper's block."""
    PLAIN[block.__name__] = block
    return block


def planted(*codes: str) -> Callable[[Block], Block]:
    """Note a block with deviations."""

    def note(block: Block) -> Block:
        PLANTED[block.__name__] = block, set(codes)
        return block

    return note


class Base(nn.Module):
    """The paper's block in parts, which blocks with deviations replace."""

    bias, kernel, squash = False, 7, staticmethod(torch.sigmoid)

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Linear(C, HIDDEN, bias=self.bias)
        self.up = nn.Linear(HIDDEN, C, bias=self.bias)
        self.conv = nn.Conv2d(2, 1, self.kernel, padding=self.kernel // 2, bias=False)

    def perceptron(self, v: Tensor) -> Tensor:
        return self.up(F.relu(self.down(v)))

    def weights(self, x: Tensor) -> Tensor:
        logits = self.perceptron(x.mean((2, 3))) + self.perceptron(x.amax((2, 3)))
        return self.squash(logits)[:, :, None, None]

    def planes(self, x: Tensor) -> Tensor:
        return torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], 1)

    def mask(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.conv(self.planes(x)))

    def forward(self, x: Tensor) -> Tensor:
        x = x * self.weights(x)
        return x * self.mask(x)


@plain
class Parts(Base):
    """The base itself."""


@plain
class Modules(nn.Module):
    """Modules of torch that return attention, multiplied by the container; 1x1 convolutions."""

    class Channel(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.avg, self.max = nn.AdaptiveAvgPool2d(1), nn.AdaptiveMaxPool2d(1)
            self.fc1, self.relu = nn.Conv2d(C, HIDDEN, 1, bias=False), nn.ReLU()
            self.fc2, self.sigmoid = nn.Conv2d(HIDDEN, C, 1, bias=False), nn.Sigmoid()

        def forward(self, x: Tensor) -> Tensor:
            mean = self.fc2(self.relu(self.fc1(self.avg(x))))
            return self.sigmoid(mean + self.fc2(self.relu(self.fc1(self.max(x)))))

    class Spatial(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1, self.sigmoid = nn.Conv2d(2, 1, 7, padding=3, bias=False), nn.Sigmoid()

        def forward(self, x: Tensor) -> Tensor:
            largest, _ = torch.max(x, dim=1, keepdim=True)
            return self.sigmoid(self.conv1(torch.cat([torch.mean(x, dim=1, keepdim=True), largest], dim=1)))

    def __init__(self) -> None:
        super().__init__()
        self.ca, self.sa = self.Channel(), self.Spatial()

    def forward(self, x: Tensor) -> Tensor:
        out = self.ca(x) * x
        return self.sa(out) * out


@plain
class OneFunction(nn.Module):
    """Bare parameters, functional calls, expanded gates, and a sigmoid by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.w0, self.w1 = nn.Parameter(0.3 * torch.randn(HIDDEN, C)), nn.Parameter(0.3 * torch.randn(C, HIDDEN))
        self.k = nn.Parameter(0.1 * torch.randn(1, 2, 7, 7))

    def forward(self, x: Tensor) -> Tensor:
        b, c, h, w = x.shape
        both = [F.avg_pool2d(x, (h, w)).view(b, c), F.max_pool2d(x, (h, w)).view(b, c)]
        total = sum(F.linear(F.relu(F.linear(v, self.w0)), self.w1) for v in both)
        x = x * (1 / (1 + torch.exp(-total))).view(b, c, 1, 1).expand_as(x)
        planes = torch.stack([x.sum(1) / c, x.max(1).values], 1)
        return x * F.conv2d(planes, self.k, padding=3).sigmoid().expand_as(x)


@plain
class Stacked(Base):
    """Both pools as rows of one batch, flattened positions, matrix products, in-place calls."""

    def weights(self, x: Tensor) -> Tensor:
        flat = x.flatten(2)
        both = torch.stack([flat.mean(-1), flat.max(-1)[0]]).flatten(0, 1)
        hidden = (both @ self.down.weight.t()).relu_()
        return (hidden @ self.up.weight.t()).view(2, -1, C).sum(0).sigmoid_()[..., None, None]


@plain
class LastAxis(Base):
    """Channels as the last axis."""

    def forward(self, x: Tensor) -> Tensor:
        y = x.permute(0, 2, 3, 1)
        logits = self.perceptron(y.mean((1, 2))) + self.perceptron(y.amax((1, 2)))
        y = y * logits.sigmoid()[:, None, None, :]
        planes = torch.stack([y.mean(-1), y.amax(-1)], 1)
        return (y * self.conv(planes).sigmoid().permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


@plain
class Indirect(Base):
    """Pools by sorting and by a product with ones, stacked along an axis of positions; a kernel in two halves."""

    def weights(self, x: Tensor) -> Tensor:
        flat = x.flatten(2)
        mean = flat @ flat.new_ones(flat.shape[-1], 1) / flat.shape[-1]
        both = torch.cat([mean, flat.sort(-1).values[..., -1:]], 2)[..., None]  # (B, C, 2, 1)
        hidden = F.conv2d(both, self.down.weight[:, :, None, None]).relu()
        return F.conv2d(hidden, self.up.weight[:, :, None, None]).sum(2, keepdim=True).sigmoid()

    def mask(self, x: Tensor) -> Tensor:
        mean, largest = x.mean(1, keepdim=True), x.topk(1, dim=1).values
        kernel = self.conv.weight
        logits = F.conv2d(mean, kernel[:, :1], padding=3) + F.conv2d(largest, kernel[:, 1:], padding=3)
        return logits.sigmoid()


@plain
class TopPlane(Base):
    """The maximum as the first of one."""

    def planes(self, x: Tensor) -> Tensor:
        return torch.cat([x.mean(1, keepdim=True), x.topk(1, dim=1).values], 1)


@planted("reversed")
class Reversed(Base):
    def forward(self, x: Tensor) -> Tensor:
        x = x * self.mask(x)
        return x * self.weights(x)


@planted("side-by-side")
class SideBySide(Base):
    def forward(self, x: Tensor) -> Tensor:
        return x * self.weights(x) + x * self.mask(x)


@planted("same-map")
class SameMap(Base):
    def forward(self, x: Tensor) -> Tensor:
        weights, mask = self.weights(x), self.mask(x)
        return x * weights * mask


@planted("no-mask")
class NoMask(Base):
    def forward(self, x: Tensor) -> Tensor:
        return x * self.weights(x)


@planted("no-channel")
class NoChannel(Base):
    def forward(self, x: Tensor) -> Tensor:
        return x * self.mask(x)


@planted("channel-mean")
class MeanAlone(Base):
    def weights(self, x: Tensor) -> Tensor:
        return self.perceptron(x.mean((2, 3))).sigmoid()[:, :, None, None]


@planted("channel-max")
class MaxAlone(Base):
    def weights(self, x: Tensor) -> Tensor:
        return self.perceptron(x.amax((2, 3))).sigmoid()[:, :, None, None]


@planted("channel-pools")
class Deviation(Base):
    def weights(self, x: Tensor) -> Tensor:
        logits = self.perceptron(x.mean((2, 3))) + self.perceptron(x.std((2, 3)))
        return logits.sigmoid()[:, :, None, None]


@planted("channel-joined")
class JoinedBefore(Base):
    def weights(self, x: Tensor) -> Tensor:
        return self.perceptron(0.5 * x.mean((2, 3)) + 0.5 * x.amax((2, 3))).sigmoid()[:, :, None, None]


@planted("channel-apart")
class Apart(Base):
    def weights(self, x: Tensor) -> Tensor:
        found = self.perceptron(x.mean((2, 3))).sigmoid() + self.perceptron(x.amax((2, 3))).sigmoid()
        return found[:, :, None, None] / 2


@planted("not-shared")
class NotShared(Base):
    def __init__(self) -> None:
        super().__init__()
        self.second = nn.Sequential(nn.Linear(C, HIDDEN, bias=False), nn.ReLU(), nn.Linear(HIDDEN, C, bias=False))

    def weights(self, x: Tensor) -> Tensor:
        return (self.perceptron(x.mean((2, 3))) + self.second(x.amax((2, 3)))).sigmoid()[:, :, None, None]


@planted("ratio")
class Ratio(Base):
    def __init__(self) -> None:
        super().__init__()
        self.down, self.up = nn.Linear(C, C // 4, bias=False), nn.Linear(C // 4, C, bias=False)


@planted("layers")
class OneLayer(Base):
    def __init__(self) -> None:
        super().__init__()
        self.up = nn.Linear(C, C, bias=False)

    def perceptron(self, v: Tensor) -> Tensor:
        return self.up(v)


@planted("channel-bias")
class Bias(Base):
    bias = True


@planted("channel-bias")
class BiasByHand(Base):
    def __init__(self) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.randn(C))

    def perceptron(self, v: Tensor) -> Tensor:
        return self.up(F.relu(self.down(v))) + self.shift


@planted("activation")
class Gelu(Base):
    def perceptron(self, v: Tensor) -> Tensor:
        return self.up(F.gelu(self.down(v)))


@planted("activation")
class NoActivation(Base):
    def perceptron(self, v: Tensor) -> Tensor:
        return self.up(self.down(v))


@planted("norm-hidden")
class NormInside(Base):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(HIDDEN)

    def perceptron(self, v: Tensor) -> Tensor:
        return self.up(F.relu(self.norm(self.down(v))))


@planted("mask-mean")
class MaskOfMean(Base):
    def planes(self, x: Tensor) -> Tensor:
        return x.mean(1, keepdim=True)

    def mask(self, x: Tensor) -> Tensor:
        return F.conv2d(self.planes(x), self.conv.weight[:, :1], padding=3).sigmoid()


@planted("mask-max")
class MaskOfMax(MaskOfMean):
    def planes(self, x: Tensor) -> Tensor:
        return x.amax(1, keepdim=True)


@planted("mask-joined")
class MaskJoined(MaskOfMean):
    def planes(self, x: Tensor) -> Tensor:
        return 0.5 * x.mean(1, keepdim=True) + 0.5 * x.amax(1, keepdim=True)


@planted("mask-learned", "kernel")
class MaskLearned(Base):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(C, 1, 1, bias=False)

    def mask(self, x: Tensor) -> Tensor:
        return self.conv(x).sigmoid()


@planted("mask-pools")
class ThreePlanes(Base):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 1, 7, padding=3, bias=False)

    def planes(self, x: Tensor) -> Tensor:
        return torch.cat([super().planes(x), x.std(1, keepdim=True)], 1)


@planted("mask-bias")
class MaskBias(Base):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, 7, padding=3)


@planted("kernel")
class Kernel(Base):
    kernel = 3


@planted("dilation", "kernel")
class Dilated(Base):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, 3, padding=2, dilation=2, bias=False)


@planted("planes")
class Planes(Base):
    def planes(self, x: Tensor) -> Tensor:
        return torch.cat([x.amax(1, keepdim=True), x.mean(1, keepdim=True)], 1)


@planted("mask-layers", "kernel")
class TwoConvolutions(Base):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1, bias=False), nn.Conv2d(4, 1, 3, padding=1, bias=False))


@planted("norm-logit")
class Norm(Base):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(1)

    def mask(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(self.planes(x))).sigmoid()


@planted("late")
class LateRelu(Base):
    def mask(self, x: Tensor) -> Tensor:
        return F.relu(self.conv(self.planes(x))).sigmoid()


@planted("residual")
class Residual(Base):
    def forward(self, x: Tensor) -> Tensor:
        return x + super().forward(x)


@planted("residual")
class ScaledResidual(Base):
    def __init__(self) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.full((1,), 0.3))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.gamma * (super().forward(x) - x)


@planted("one-plus")
class OnePlus(Base):
    def forward(self, x: Tensor) -> Tensor:
        x = x * self.weights(x)
        return x * (1 + self.mask(x))


@planted("scale")
class Doubled(Base):
    def weights(self, x: Tensor) -> Tensor:
        return 2 * super().weights(x)


@planted("no-squash")
class NoSigmoid(Base):
    def mask(self, x: Tensor) -> Tensor:
        return self.conv(self.planes(x))


@planted("squash")
class HardSigmoid(Base):
    squash = staticmethod(F.hardsigmoid)


@planted("squash")
class Softmax(Base):
    def weights(self, x: Tensor) -> Tensor:
        logits = self.perceptron(x.mean((2, 3))) + self.perceptron(x.amax((2, 3)))
        return torch.softmax(logits, 1)[:, :, None, None]


@planted("squash")
class Tanh(Base):
    squash = staticmethod(torch.tanh)


@planted("channel-ordered", "channel-joined")
class Ordered(Base):
    """Pools of the middle, so that it matters where values are."""

    def weights(self, x: Tensor) -> Tensor:
        middle = x * torch.hann_window(x.shape[-1], device=x.device)
        return self.perceptron(middle.mean((2, 3)) + x.amax((2, 3))).sigmoid()[:, :, None, None]


@planted("reversed", "channel-bias", "channel-mean", "kernel", "planes", "norm-logit")
class Combined(Base):
    bias, kernel = True, 5

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(1)

    def weights(self, x: Tensor) -> Tensor:
        return self.perceptron(F.adaptive_avg_pool2d(x, 1).flatten(1)).sigmoid()[:, :, None, None]

    def mask(self, x: Tensor) -> Tensor:
        planes = torch.cat([torch.max(x, 1, keepdim=True)[0], torch.mean(x, 1, keepdim=True)], 1)
        return self.norm(self.conv(planes)).sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        x = x * self.mask(x)
        return x * self.weights(x)


@planted("side-by-side", "residual", "squash", "not-shared", "ratio")
class CombinedToo(Base):
    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Sequential(nn.Conv2d(C, C // 8, 1, bias=False), nn.ReLU(), nn.Conv2d(C // 8, C, 1, bias=False))
        self.two = nn.Sequential(nn.Conv2d(C, C // 8, 1, bias=False), nn.ReLU(), nn.Conv2d(C // 8, C, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        logits = self.one(F.adaptive_avg_pool2d(x, 1)) + self.two(F.adaptive_max_pool2d(x, 1))
        return x + x * F.hardsigmoid(logits) + x * self.mask(x)


class Network(nn.Module):
    """A network around a block: a convolution before it, and a classifier behind it."""

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        self.conv, self.block, self.fc = nn.Conv2d(3, C, 3, padding=1), block, nn.Linear(C, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.block(self.conv(x)).mean((2, 3)))
