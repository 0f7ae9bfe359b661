"""A network of classes that this library does not know, with a gate for channels and one for positions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from cbam_core.gates import capture

Look = Callable[[nn.Module], dict[str, Any]]


class Squeeze(nn.Module):
    """Channel weights by convolutions, without a module for the sigmoid."""

    def __init__(self, channels: int = 8) -> None:
        super().__init__()
        self.down, self.up = nn.Conv2d(channels, 2, 1), nn.Conv2d(2, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(self.up(nn.functional.relu(self.down(x.mean((2, 3), keepdim=True)))))


class Mask(nn.Module):
    """A spatial mask, and the convolution that makes it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        planes = torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], 1)
        return x * self.conv(planes).sigmoid().expand_as(x)


class Foreign(nn.Module):
    """A network with batch normalisation and dropout around two gates."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.squeeze, self.mask, self.drop = Squeeze(), Mask(), nn.Dropout(0.3)
        self.head = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.mask(self.squeeze(nn.functional.relu(self.norm(self.stem(x)))))
        return self.head(self.drop(x).mean((2, 3)))


NAMES = ["squeeze.channel", "mask.spatial"]


def seeded(make: Callable[[], nn.Module]) -> nn.Module:
    torch.manual_seed(0)
    return make().eval()


def images(count: int = 3, side: int = 9, seed: int = 1) -> Tensor:
    return torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(seed))


def captured(model: nn.Module, batch: Tensor) -> tuple[Tensor, tuple[Any, ...]]:
    with torch.inference_mode(), capture(model) as record:
        output = model(batch)
    return output, record.gates


def same(first: Any, second: Any) -> bool:
    return (
        torch.equal(first[0], second[0])
        and [gate.name for gate in first[1]] == [gate.name for gate in second[1]]
        and all(torch.equal(a.values, b.values) for a, b in zip(first[1], second[1], strict=True))
    )
