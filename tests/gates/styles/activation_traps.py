"""Activations: a map times an elementwise function of itself is no gate."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.gates.styles.cases import TRAPS, trap, written

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "x * sigmoid(x)": lambda x: x * torch.sigmoid(x),
    "x.mul(x.sigmoid())": lambda x: x.mul(x.sigmoid()),
    "torch.mul(sigmoid(x), x)": lambda x: torch.mul(torch.sigmoid(x), x),
    "x.sigmoid().mul_(x)": lambda x: x.sigmoid().mul_(x),
    "x.mul_(x.sigmoid())": lambda x: x.mul_(x.sigmoid()),
    "x / (1 + exp(-x))": lambda x: x / (1 + torch.exp(-x)),
    "F.silu": F.silu,
    "swish of a copy": lambda x: x * x.clone().sigmoid(),
    "swish of a view": lambda x: (x.flatten(2) * x.sigmoid().flatten(2)).view_as(x),
    "swish of a shifted map": lambda x: x * torch.sigmoid(x + 1),
    "swish of a half-detached map": lambda x: x * x.detach().sigmoid(),
    "swish by torch.addcmul": lambda x: torch.addcmul(torch.zeros_like(x), x, x.sigmoid()),
    "swish by einsum": lambda x: torch.einsum("bchw,bchw->bchw", x, x.sigmoid()),
    "swish with channels last": lambda x: (x.permute(0, 2, 3, 1) * x.permute(0, 2, 3, 1).sigmoid()).permute(0, 3, 1, 2),
    "swish after a relu": lambda x: F.relu(x) * torch.sigmoid(x),
    "1.702 of quick GELU": lambda x: x * torch.sigmoid(1.702 * x),
    "GELU by tanh": lambda x: 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x.pow(3)))),
    "GELU by erf": lambda x: x * 0.5 * (1.0 + torch.erf(x / math.sqrt(2.0))),
    "hard swish by relu6": lambda x: x * F.relu6(x + 3) / 6,
    "hard swish by its gate": lambda x: x * (F.relu6(x + 3) / 6),
    "hard swish by F.hardsigmoid": lambda x: x * F.hardsigmoid(x),
    "hard swish by clamp": lambda x: x.mul((x + 3).clamp(0, 6).div(6)),
    "mish": lambda x: x * torch.tanh(F.softplus(x)),
    "hard mish": lambda x: 0.5 * x * (x + 2).clamp(min=0, max=2),
    "tanh exp": lambda x: x * torch.tanh(torch.exp(x)),
    "logish": lambda x: x * torch.log(1 + torch.sigmoid(x)),
    "serf": lambda x: x * torch.erf(torch.log(1 + torch.exp(x))),
    "softsign by hand": lambda x: x / (1 + x.abs()),
    "relu by a mask": lambda x: x * (x > 0).float(),
    "relu by a mask of its sign": lambda x: x * x.sign().clamp(min=0),
    "squared relu": lambda x: F.relu(x) * F.relu(x),
    "leaky relu by torch.where": lambda x: x * torch.where(x > 0, 1.0, 0.1),
    "tanh shrink by hand": lambda x: x - x.tanh() * x.sigmoid(),
    "Gaussian weight of itself": lambda x: x * torch.exp(-x * x),
    "temperature": lambda x: x / 0.7,
    "half of the map": lambda x: x * 0.5,
    "1 + tanh of the map": lambda x: x * (1 + x.tanh()),
    "a tanh that is not between 0 and 1, elementwise": lambda x: x * x.tanh(),
}
"""Elementwise functions."""


class Activation(nn.Module):
    """A convolution and a function."""

    def __init__(self, c: int, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.conv, self.function = nn.Conv2d(c, c, 1), function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self.conv(x))


def _add(name: str, function: Callable[[Tensor], Tensor]) -> None:
    written(TRAPS, f"activation: {name}", lambda c: Activation(c, function))


for _name, _function in ACTIVATIONS.items():
    _add(_name, _function)


@trap()
class SwishWithATrainedBeta(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.beta = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(self.beta * x)


@trap()
class SwishWithABetaForEachChannel(nn.Module):
    """ACON-C, as published."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.p1, self.p2 = nn.Parameter(torch.randn(1, c, 1, 1)), nn.Parameter(torch.randn(1, c, 1, 1))
        self.beta = nn.Parameter(torch.ones(1, c, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        dpx = (self.p1 - self.p2) * x
        return dpx * torch.sigmoid(self.beta * dpx) + self.p2 * x


@trap()
class SwishWithSavedTensors(nn.Module):
    """The memory-efficient spelling, as an autograd function."""

    class Function(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x: Tensor) -> Tensor:
            ctx.save_for_backward(x)
            return x * torch.sigmoid(x)

    def __init__(self, c: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(c, c, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.Function.apply(self.conv(x))


@trap()
class SwishInItsOwnModule(nn.Module):
    class Swish(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.sigmoid = nn.Sigmoid()

        def forward(self, x: Tensor) -> Tensor:
            return x * self.sigmoid(x)

    def __init__(self, c: int) -> None:
        super().__init__()
        self.conv, self.bn, self.act = nn.Conv2d(c, c, 3, padding=1), nn.BatchNorm2d(c), self.Swish()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.bn(self.conv(x)))


@trap()
class GatedLinearUnitInOneCall(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(c, 2 * c, 1)

    def forward(self, x: Tensor) -> Tensor:
        return F.glu(self.conv(x), dim=1)


@trap()
class ProductOfTwoHalves(nn.Module):
    """The simple gate of NAFNet: no squash, and no other sign of which factor would be the gate."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(c, 2 * c, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        left, right = self.conv(x).chunk(2, dim=1)
        return left * right


@trap()
class GeluAndSiluUnits(nn.Module):
    """GEGLU and SwiGLU: neither GELU nor SiLU is bounded."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(c, 2 * c, 1), nn.Conv2d(c, 2 * c, 1)

    def forward(self, x: Tensor) -> Tensor:
        a, b = self.one(x).chunk(2, dim=1)
        c, d = self.two(a * F.gelu(b)).chunk(2, dim=1)
        return F.silu(c) * d


@trap()
class LargeKernelAttention(nn.Module):
    """VAN multiplies by an unbounded full map."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.conv0 = nn.Conv2d(c, c, 5, padding=2, groups=c)
        self.conv1 = nn.Conv2d(c, c, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.conv1(self.conv0(x))


@trap()
class BilinearFeatures(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.u, self.v = nn.Conv2d(c, c, 1), nn.Conv2d(c, c, 1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.einsum("bchw,bchw->bchw", self.u(x), self.v(x)) + x * x


class Recurrent(nn.Module):
    def __init__(self, c: int, kind: type[nn.Module]) -> None:
        super().__init__()
        self.cell = kind(c, c, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        sequence, _ = self.cell(x.flatten(2).transpose(1, 2))
        return sequence.transpose(1, 2).reshape(x.shape)


written(TRAPS, "nn.LSTM", lambda c: Recurrent(c, nn.LSTM))
written(TRAPS, "nn.GRU", lambda c: Recurrent(c, nn.GRU))
