"""CutMix: rectangles of one image pasted into another, and targets by the visible share of each.

Source: S. Yun et al., *CutMix: Regularization Strategy to Train Strong Classifiers with Localizable Features*, 2019.
Here every image has its own rectangle, instead of one for the whole batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.nn import functional


def draw_patches(chance: float, batch: int, side: tuple[int, int], generator: torch.Generator) -> Int64[Tensor, "b 4"]:
    """Draw a rectangle for each image: top, left, bottom, right, clipped to the image.

    Before clipping, its share of the image's area is uniform in [0, 1], and its centre is uniform over the image.

    Args:
        chance: probability that an image gets one, in [0, 1]; the others get an empty one.
        batch: number of images.
        side: (height, width) of the images in pixels.
        generator: generator of random numbers, on the CPU.
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
    """Replace the rectangle of each image by that of the other at the same position (``CutMix``)."""
    return torch.where(_inside(patches, images.shape[2], images.shape[3])[:, None], others, images)


def _inside(patches: Int64[Tensor, "b 4"], height: int, width: int) -> Bool[Tensor, "b h w"]:
    top, left, bottom, right = patches[:, :, None].unbind(dim=1)
    rows, columns = torch.arange(height, device=patches.device), torch.arange(width, device=patches.device)
    in_rows, in_columns = (rows >= top) & (rows < bottom), (columns >= left) & (columns < right)
    return in_rows[:, :, None] & in_columns[:, None, :]


@dataclass(frozen=True, eq=False)
class Targets:
    """Targets of a batch.

    Attributes:
        labels: labels of the images, int64 (B,).
        others: labels of the pasted rectangles, int64 (B,); None where nothing was pasted.
        kept: share of each image that is its own, float32 (B,), in [0, 1].
    """

    labels: Tensor
    others: Tensor | None = None
    kept: Tensor | None = None

    @classmethod
    def pasted(cls, labels: Tensor, others: Tensor, patches: Int64[Tensor, "b 4"], side: tuple[int, int]) -> Targets:
        """Make the targets of images after `paste`."""
        top, left, bottom, right = patches.unbind(dim=1)
        return cls(labels, others, 1 - ((bottom - top) * (right - left)) / (side[0] * side[1]))

    def loss(self, logits: Float[Tensor, "b k"], smoothing: float) -> Float[Tensor, ""]:
        """Compute the mean cross-entropy, weighted by their shares where an image has two labels."""
        if self.others is None or self.kept is None:
            return functional.cross_entropy(logits, self.labels, label_smoothing=smoothing)
        own = functional.cross_entropy(logits, self.labels, label_smoothing=smoothing, reduction="none")
        other = functional.cross_entropy(logits, self.others, label_smoothing=smoothing, reduction="none")
        return (self.kept * own + (1 - self.kept) * other).mean()

    def right(self, logits: Float[Tensor, "b k"]) -> int:
        """Count the predictions of the class with the larger share of its image."""
        wanted = self.labels
        if self.others is not None and self.kept is not None:
            wanted = torch.where(self.kept >= 0.5, self.labels, self.others)
        return int((logits.argmax(1) == wanted).sum())
