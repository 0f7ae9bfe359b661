"""Small networks with one spatial mask by a formula, whose relation to the image is known beforehand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from cbam_core import Classifier, SpatialAttention

SIDE, CLASSES = 16, ("red", "green", "blue")

Formula = Callable[[Tensor], Tensor]
"""Function of a map (B, C, H, W); returns a mask (B, 1, H, W) in (0, 1)."""


class PlantedMask(SpatialAttention):
    """A mask by a formula."""

    def __init__(self, formula: Formula) -> None:
        nn.Module.__init__(self)
        self.formula = formula
        self.conv = nn.Conv2d(2, 1, 3)  # which the formula ignores
        self.sigmoid = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        """Multiply each position by the mask."""
        return x * self.sigmoid(torch.logit(self.formula(x), eps=1e-7))


class Planted(nn.Module):
    """An image of three colours, pooled; a mask; and logits by the mean of each colour, as it was in the image."""

    def __init__(self, formula: Formula, pool: int = 1) -> None:
        super().__init__()
        self.pool = nn.AvgPool2d(pool)
        self.attention = PlantedMask(formula)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (B, 3)."""
        self.attention(self.pool(x))
        return 40 * x.mean(dim=(2, 3))


def planted_mask(formula: Formula, pool: int = 1, *, classes: tuple[str, ...] = CLASSES) -> Classifier:
    """A classifier of images of three colours that takes any size."""
    model = Planted(formula, pool).eval()
    numbers = {"mean": (0.0,) * 3, "std": (1.0,) * 3}
    return Classifier(model=model, classes=classes, input_size=(SIDE, SIDE), name="planted", **numbers)


def by_position(x: Tensor) -> Tensor:
    """A mask that knows the place alone: high in the middle, and lopsided."""
    rows, columns = (torch.linspace(0, 1, count) for count in x.shape[2:])
    mask = 0.1 + 0.8 * (torch.sin(5 * rows + 1)[:, None] * torch.cos(7 * columns)[None]) ** 2
    return mask.expand(len(x), 1, *mask.shape)


def by_content(x: Tensor) -> Tensor:
    """A mask that is the brightness of the image."""
    return 0.05 + 0.9 * x.mean(dim=1, keepdim=True)


def flat(x: Tensor) -> Tensor:
    """A mask that is nearly one number."""
    return 0.5 + 0.01 * x.mean(dim=1, keepdim=True)


def noise(count: int = 6, side: int = SIDE, seed: int = 0) -> np.ndarray:
    """Images of random pixels."""
    return np.random.default_rng(seed).integers(0, 256, (count, side, side, 3), dtype=np.uint8)
