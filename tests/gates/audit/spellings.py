"""CBAM as in the paper, in several spellings, and a network around one."""

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


def plain(block: Block) -> Block:
    """Note a spelling of the paper's block."""
    PLAIN[block.__name__] = block
    return block


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


class Network(nn.Module):
    """A network around a block: a convolution before it, and a classifier behind it."""

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        self.conv, self.block, self.fc = nn.Conv2d(3, C, 3, padding=1), block, nn.Linear(C, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.block(self.conv(x)).mean((2, 3)))
