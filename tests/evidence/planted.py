"""Small networks with one gate whose worth is known beforehand, and images for them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from cbam_core import ChannelAttention, Classifier
from cbam_core.data.dataset import Dataset

SIDE, CLASSES = 4, ("red", "green", "blue")

Weights = Callable[[Tensor], Tensor]
"""Function of the mean of each channel (B, C); returns a weight for each channel, in (0, 1)."""


class PlantedGate(ChannelAttention):
    """Channel weights by a formula."""

    def __init__(self, weights: Weights) -> None:
        nn.Module.__init__(self)
        self.weights = weights
        self.sigmoid = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        """Multiply each channel by its weight."""
        weights = self.sigmoid(torch.logit(self.weights(x.mean(dim=(2, 3)))))
        return x * weights[:, :, None, None]


class Planted(nn.Module):
    """A map of the colours of the image, then ones; a gate; and logits by a formula of the means of the channels."""

    def __init__(self, weights: Weights, logits: Weights) -> None:
        super().__init__()
        self.attention = PlantedGate(weights)
        self.logits = logits

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (B, 3)."""
        features = self.attention(torch.cat([x, torch.ones_like(x)], dim=1))
        return self.logits(features.mean(dim=(2, 3)))


def planted(weights: Weights, logits: Weights) -> Classifier:
    """A classifier of images of three colours."""
    model = Planted(weights, logits).eval()
    return Classifier(
        model=model, classes=CLASSES, mean=(0.0,) * 3, std=(1.0,) * 3, input_size=(SIDE, SIDE), name="planted"
    )


def red_by_red() -> Classifier:
    """The gate lets red through where there is much of it; the answer is red if the weighted red is the most."""
    return planted(
        lambda means: torch.cat([means[:, :1].round(), torch.full_like(means[:, 1:], 0.5)], dim=1), lambda m: m[:, :3]
    )


def coloured(count: int = 600, noise: float = 0.0, seed: int = 0) -> Dataset:
    """Grey images that have more of the colour of their class; with noise, some have more of another one."""
    draws = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    levels = 0.5 + 0.1 * np.eye(3)[labels] + noise * draws.standard_normal((count, 3))
    pixels = np.rint(255 * levels.clip(0, 1)).astype(np.uint8)
    images = np.ascontiguousarray(np.broadcast_to(pixels[:, None, None, :], (count, SIDE, SIDE, 3)))
    return Dataset("colours", "test", CLASSES, images, labels.astype(np.uint8))


def constant() -> Classifier:
    """The gate is 0.1 for every image, and the classifier expects features of that size."""
    return planted(lambda means: torch.full_like(means, 0.1), lambda means: -1e4 * (means[:, :3] - 0.06) ** 2)


def fixed_pattern() -> Classifier:
    """The gate is the same for every image, and different for each channel, as the classifier expects."""
    weights = torch.tensor([0.1, 0.3, 0.9, 0.5, 0.5, 0.5])
    return planted(lambda means: weights.expand_as(means), lambda means: 30 * means[:, :3] / weights[:3])


def gain() -> Classifier:
    """The gate is one number an image, higher where it is brighter, and the classifier has no bias."""

    def weights(means: Tensor) -> Tensor:
        return (0.2 + 2 * (means[:, :3].mean(dim=1, keepdim=True) - 0.4)).clamp(0.05, 0.9).expand_as(means)

    return planted(weights, lambda means: 60 * means[:, :3])


def label_carrier() -> Classifier:
    """The gate of ones says what the colours say; half of the evidence passes through it."""

    def weights(means: Tensor) -> Tensor:
        return torch.cat([torch.full_like(means[:, :3], 0.5), means[:, :3].clamp(0.01, 0.99)], dim=1)

    return planted(weights, lambda means: 10 * (2 * means[:, :3] + means[:, 3:]))


def only_label_carrier() -> Classifier:
    """The gate of ones says what the colours say, and the classifier sees nothing else."""

    def weights(means: Tensor) -> Tensor:
        return torch.cat([torch.full_like(means[:, :3], 0.5), means[:, :3].clamp(0.01, 0.99)], dim=1)

    return planted(weights, lambda means: 30 * means[:, 3:])


def noise() -> Classifier:
    """The gate is noise of the right mean: a chaotic function of the colours."""

    def weights(means: Tensor) -> Tensor:
        chaos = torch.sin(1e4 * means[:, :3] * torch.tensor([1.0, 1.7, 2.3]) + 1e4 * means[:, :3].sum(1, keepdim=True))
        return torch.cat([0.5 + 0.2 * chaos, torch.full_like(means[:, :3], 0.5)], dim=1)

    return planted(weights, lambda means: 30 * means[:, :3])
