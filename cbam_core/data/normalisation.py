"""Normalisation of pixels for a network: one formula, on any device.

`explain`, evaluation, films and training all normalise here, so that a network gets the same input everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Float32, UInt8
from torch import Tensor


def to_unit_range(pixels: UInt8[Tensor, "b c h w"]) -> Float32[Tensor, "b c h w"]:
    """Scale bytes to [0, 1], as torchvision's ToTensor does, in the channels-last memory format.

    Convolutions of small images on a CPU are faster in that format.
    """
    return pixels.to(torch.float32, memory_format=torch.channels_last).div_(255)


def as_grey(images: UInt8[Tensor, "b 3 h w"]) -> UInt8[Tensor, "b 1 h w"]:
    """Turn RGB into brightness, as Pillow's mode L and torchvision's Grayscale do (ITU-R 601-2)."""
    red, green, blue = images.to(torch.int32).unbind(1)
    return ((19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16).to(torch.uint8)[:, None]


def normalise(
    images: Float32[Tensor, "b c h w"] | UInt8[Tensor, "b c h w"], mean: Sequence[float], std: Sequence[float]
) -> Float[Tensor, "b c h w"]:
    """Subtract the mean and divide by the standard deviation of each channel.

    Args:
        images: bytes, which are scaled to [0, 1] first, or floats in [0, 1]; not changed in place.
        mean: mean of each channel, in [0, 1].
        std: standard deviation of each channel, greater than 0.

    Returns:
        The network's input, channels last; on a CPU bit-identical to torchvision's ToTensor and Normalize.
    """
    unit = to_unit_range(images) if images.dtype == torch.uint8 else images
    shift = torch.tensor(mean, device=images.device)[:, None, None]
    scale = torch.tensor(std, device=images.device)[:, None, None]
    return unit.to(memory_format=torch.channels_last).sub(shift).div_(scale)
