"""Rectangles of one image pasted into another, and targets that say how much of each is to be seen.

Source: S. Yun et al., *CutMix: Regularization Strategy to Train Strong Classifiers with Localizable Features*, 2019.
Every image has a rectangle of its own here, not one for the whole batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.nn import functional


def draw_patches(chance: float, batch: int, side: tuple[int, int], generator: torch.Generator) -> Int64[Tensor, "b 4"]:
    """Draw a rectangle for each image: top, left, bottom, right; what lies outside the image is cut off.

    Its area before that is any share of the image, all equally likely; its middle lies anywhere.

    Args:
        chance: of an image to get one, in [0, 1]; the others get an empty one.
        batch: number of images.
        side: (height, width) of the images.
        generator: of random numbers, on the CPU.
    """
    length = torch.rand(batch, generator=generator).sqrt() * (torch.rand(batch, generator=generator) < chance)
    ends = []
    for size in side:
        middle = torch.randint(0, size, (batch,), generator=generator)
        half = (length * size / 2).long()
        ends.append(((middle - half).clamp(0, size), (middle + half).clamp(0, size)))
    (top, bottom), (left, right) = ends
    return torch.stack([top, left, bottom, right], dim=1)


def paste(
    images: Float[Tensor, "b c h w"], others: Float[Tensor, "b c h w"], patches: Int64[Tensor, "b 4"]
) -> Float[Tensor, "b c h w"]:
    """Each image with the rectangle of the other in the same place (``CutMix``)."""
    return torch.where(_inside(patches, images.shape[2], images.shape[3])[:, None], others, images)


def _inside(patches: Int64[Tensor, "b 4"], height: int, width: int) -> Bool[Tensor, "b h w"]:
    top, left, bottom, right = patches[:, :, None].unbind(dim=1)
    rows, columns = torch.arange(height, device=patches.device), torch.arange(width, device=patches.device)
    in_rows, in_columns = (rows >= top) & (rows < bottom), (columns >= left) & (columns < right)
    return in_rows[:, :, None] & in_columns[:, None, :]


@dataclass(frozen=True, eq=False)
class Targets:
    """What a network should answer for a batch.

    Attributes:
        labels: int64 (B,).
        others: labels of what was pasted in; None where nothing was.
        kept: float32 (B,), in [0, 1], the share of each image that is its own.
    """

    labels: Tensor
    others: Tensor | None = None
    kept: Tensor | None = None

    @classmethod
    def pasted(cls, labels: Tensor, others: Tensor, patches: Int64[Tensor, "b 4"], side: tuple[int, int]) -> Targets:
        """Targets of images after `paste`."""
        top, left, bottom, right = patches.unbind(dim=1)
        return cls(labels, others, 1 - ((bottom - top) * (right - left)) / (side[0] * side[1]))

    def loss(self, logits: Float[Tensor, "b k"], smoothing: float) -> Float[Tensor, ""]:
        """Mean cross-entropy; of an image with a patch, that of both labels by their shares."""
        if self.others is None or self.kept is None:
            return functional.cross_entropy(logits, self.labels, label_smoothing=smoothing)
        own = functional.cross_entropy(logits, self.labels, label_smoothing=smoothing, reduction="none")
        other = functional.cross_entropy(logits, self.others, label_smoothing=smoothing, reduction="none")
        return (self.kept * own + (1 - self.kept) * other).mean()

    def right(self, logits: Float[Tensor, "b k"]) -> int:
        """How many answers name the class that fills more of the image."""
        wanted = self.labels
        if self.others is not None and self.kept is not None:
            wanted = torch.where(self.kept >= 0.5, self.labels, self.others)
        return int((logits.argmax(1) == wanted).sum())
