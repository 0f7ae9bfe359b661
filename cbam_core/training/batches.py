"""Training images as whole batches of tensors: order, random crop and mirror, normalisation."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor
from torch.nn import functional


def random_crop(images: UInt8[Tensor, "b c h w"], padding: int, generator: torch.Generator) -> UInt8[Tensor, "b c h w"]:
    """Shift every image by its own whole number of pixels, at most `padding` each way; black moves in.

    The same as padding with zeros and cropping back to size at a uniformly drawn corner.
    """
    batch, _, height, width = images.shape
    padded = functional.pad(images, (padding, padding, padding, padding))
    top, left = torch.randint(0, 2 * padding + 1, (2, batch), generator=generator)
    rows = top[:, None] + torch.arange(height)  # (B, H)
    columns = left[:, None] + torch.arange(width)  # (B, W)
    which = torch.arange(batch)[:, None, None]
    cropped = padded.permute(0, 2, 3, 1)[which, rows[:, :, None], columns[:, None, :]]  # (B, H, W, C)
    return cropped.permute(0, 3, 1, 2)


def random_flip(images: UInt8[Tensor, "b c h w"], generator: torch.Generator) -> UInt8[Tensor, "b c h w"]:
    """Mirror every image left to right with probability one half."""
    mirrored = torch.rand(len(images), generator=generator) < 0.5
    return torch.where(mirrored[:, None, None, None], images.flip(3), images)


def normalise(
    images: UInt8[Tensor, "b c h w"], mean: tuple[float, ...], std: tuple[float, ...]
) -> Float[Tensor, "b c h w"]:
    """Scale uint8 images to [0, 1], subtract the mean and divide by the deviation of each channel."""
    scale = 1 / (255 * torch.tensor(std))[:, None, None]
    shift = -(torch.tensor(mean) / torch.tensor(std))[:, None, None]
    return images.to(torch.float32, memory_format=torch.channels_last) * scale + shift


def shuffled(count: int, batch_size: int, generator: torch.Generator) -> Iterator[Int64[Tensor, " b"]]:
    """Yield the indices of one epoch in random order, in full batches."""
    order = torch.randperm(count, generator=generator)
    for start in range(0, count - batch_size + 1, batch_size):
        yield order[start : start + batch_size]
