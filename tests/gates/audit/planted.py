"""CBAM with deviations from the paper planted, one or more in each."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own habit
from torch import Tensor, nn

from tests.gates.audit.spellings import HIDDEN, Base, Block, C

PLANTED: dict[str, tuple[Callable[[], nn.Module], set[str]]] = {}
"""Blocks with deviations, and the codes of these without ``audit.``."""


def planted(*codes: str) -> Callable[[Block], Block]:
    """Note a block with deviations."""

    def note(block: Block) -> Block:
        PLANTED[block.__name__] = block, set(codes)
        return block

    return note


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
