"""Random transforms of training images as tensor operations on whole batches, on any device.

Random numbers are drawn first, for every image of a batch (`draw`), and then applied (`Draws.apply`), so that several
processes that share a batch transform each image as one process would, and a test can give torchvision the same draw.
Every transform equals torchvision's of the same name for floats in [0, 1], in the course's order: crop, flip, colour
jitter, rotation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields

import torch
from jaxtyping import Bool, Float, Int64, UInt8
from torch import Tensor
from torch.nn import functional

from cbam_core.data.normalisation import to_unit_range
from cbam_core.training.cutmix import draw_patches
from cbam_core.training.recipes import Recipe

GREY = (0.2989, 0.587, 0.114)
"""Weights of red, green and blue in a grey value, as in torchvision (ITU-R 601-2)."""


@dataclass(frozen=True, eq=False)
class Draws:
    """Random parameters for each image of a batch; None for transforms that the recipe leaves out.

    Attributes:
        shift: row and column of the crop's corner in the padded image, in pixels.
        mirrored: whether each image is flipped.
        factors: factors of brightness, contrast and saturation, and the hue shift as a share of the colour circle.
        order: order of these four.
        degrees: angles of rotation in degrees, counter-clockwise.
        hole: row and column of the centre of the erased square.
        patches: top, left, bottom and right of the rectangle from another image; see `cbam_core.training.cutmix`.
    """

    shift: Int64[Tensor, "b 2"] | None = None
    mirrored: Bool[Tensor, " b"] | None = None
    factors: Float[Tensor, "b 4"] | None = None
    order: Int64[Tensor, "b 4"] | None = None
    degrees: Float[Tensor, " b"] | None = None
    hole: Int64[Tensor, "b 2"] | None = None
    patches: Int64[Tensor, "b 4"] | None = None

    def part(self, which: slice | Tensor) -> Draws:
        """Select the draws of some of the images."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return Draws(**{name: None if value is None else value[which] for name, value in values.items()})

    def apply(self, images: UInt8[Tensor, "b 3 h w"], recipe: Recipe) -> Float[Tensor, "b 3 h w"]:
        """Apply all transforms except CutMix to the images; return float32 in [0, 1]."""
        if self.shift is not None:
            images = crop(images, self.shift.to(images.device), recipe.crop_padding)
        if self.mirrored is not None:
            images = flip(images, self.mirrored.to(images.device))
        result = to_unit_range(images)
        if self.factors is not None and self.order is not None:
            result = jitter(result, self.factors.to(images.device), self.order.to(images.device))
        if self.degrees is not None:
            result = rotate(result, self.degrees.to(images.device))
        if self.hole is not None:
            result = erase(result, self.hole.to(images.device), recipe.erased)
        return result


def draw(recipe: Recipe, batch: int, side: tuple[int, int], generator: torch.Generator) -> Draws:
    """Draw the random parameters of the recipe's transforms.

    Args:
        recipe: transforms and their ranges.
        batch: number of images.
        side: (height, width) of the images in pixels.
        generator: generator of random numbers, on the CPU.
    """

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(batch, generator=generator)

    shift = mirrored = factors = order = degrees = hole = patches = None
    if recipe.crop_padding:
        shift = torch.randint(0, 2 * recipe.crop_padding + 1, (batch, 2), generator=generator)
    if recipe.flip:
        mirrored = torch.rand(batch, generator=generator) < 0.5
    ranges = (recipe.brightness, recipe.contrast, recipe.saturation)
    if any(ranges) or recipe.hue:
        scales = [uniform(max(0.0, 1 - change), 1 + change) for change in ranges]
        factors = torch.stack([*scales, uniform(-recipe.hue, recipe.hue)], dim=1)
        order = torch.rand(batch, 4, generator=generator).argsort(dim=1)
    if recipe.rotation:
        degrees = uniform(-recipe.rotation, recipe.rotation)
    if recipe.erased:
        rows = torch.randint(0, side[0], (batch,), generator=generator)
        hole = torch.stack([rows, torch.randint(0, side[1], (batch,), generator=generator)], dim=1)
    if recipe.pasted:
        patches = draw_patches(recipe.pasted, batch, side, generator)
    return Draws(shift, mirrored, factors, order, degrees, hole, patches)


def alternate(count: int, epoch: int, seed: int) -> Bool[Tensor, " n"]:
    """Choose the images that are flipped in an epoch: a random half in the first, then alternating for each image.

    Two consecutive epochs show every image both ways; independent draws would show half of them twice the same way.
    Source: K. Jordan, *94% on CIFAR-10 in 3.29 Seconds on a Single GPU*, 2024, section 3.6.
    """
    first = torch.rand(count, generator=torch.Generator().manual_seed(seed)) < 0.5
    return first ^ (epoch % 2 == 0)


def crop(images: UInt8[Tensor, "b c h w"], shift: Int64[Tensor, "b 2"], padding: int) -> UInt8[Tensor, "b c h w"]:
    """Pad every image with black and crop it to its size, each at its own corner (``RandomCrop``)."""
    height, width = images.shape[2:]
    padded = functional.pad(images, (padding, padding, padding, padding))
    windows = padded.unfold(2, height, 1).unfold(3, width, 1)  # (B, C, rows, columns, H, W), without a copy
    return windows[torch.arange(len(images), device=images.device), :, shift[:, 0], shift[:, 1]]


def flip(images: UInt8[Tensor, "b c h w"], mirrored: Bool[Tensor, " b"]) -> UInt8[Tensor, "b c h w"]:
    """Mirror the chosen images left to right (``RandomHorizontalFlip``)."""
    return torch.where(mirrored[:, None, None, None], images.flip(3), images)


def jitter(
    images: Float[Tensor, "b 3 h w"], factors: Float[Tensor, "b 4"], order: Int64[Tensor, "b 4"]
) -> Float[Tensor, "b 3 h w"]:
    """Change brightness, contrast, saturation and hue, in each image's own order (``ColorJitter``).

    Args:
        images: RGB in [0, 1].
        factors: factors of brightness, contrast and saturation, and hue shift in [-0.5, 0.5].
        order: indices of the four, in the order of application.
    """
    changes: tuple[Callable[[Tensor, Tensor], Tensor], ...] = (_brighten, _contrast, _saturate, _shift_hue)
    images = images.clone()
    for kind in order.unbind(dim=1):
        for number, change in enumerate(changes):
            chosen = kind == number
            images[chosen] = change(images[chosen], factors[chosen, number][:, None, None, None])
    return images


def rotate(images: Float[Tensor, "b c h w"], degrees: Float[Tensor, " b"]) -> Float[Tensor, "b c h w"]:
    """Rotate every image counter-clockwise about its centre, nearest pixel, black corners (``RandomRotation``)."""
    height, width = images.shape[2:]
    angle = degrees * (math.pi / 180)
    cosine, sine = angle.cos()[:, None, None], angle.sin()[:, None, None]
    down = torch.arange(height, device=images.device)[:, None] - (height - 1) / 2
    right = torch.arange(width, device=images.device)[None, :] - (width - 1) / 2
    columns = (cosine * right - sine * down + (width - 1) / 2).round().long()  # where each pixel comes from, (B, H, W)
    rows = (sine * right + cosine * down + (height - 1) / 2).round().long()
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    which = torch.arange(len(images), device=images.device)[:, None, None]
    turned = images.permute(0, 2, 3, 1)[which, rows.clamp(0, height - 1), columns.clamp(0, width - 1)]
    return (turned * inside[..., None]).permute(0, 3, 1, 2)


def erase(images: Float[Tensor, "b c h w"], hole: Int64[Tensor, "b 2"], side: int) -> Float[Tensor, "b c h w"]:
    """Cover a square with mid-grey, clipped to the image (Cutout).

    Source: T. DeVries and G. W. Taylor, *Improved Regularization of Convolutional Neural Networks with Cutout*, 2017.
    """
    height, width = images.shape[2:]
    top, left = (hole - side // 2)[:, :, None].unbind(dim=1)
    rows, columns = torch.arange(height, device=images.device), torch.arange(width, device=images.device)
    in_rows = (rows >= top) & (rows < top + side)
    in_columns = (columns >= left) & (columns < left + side)
    return images.masked_fill((in_rows[:, :, None] & in_columns[:, None, :])[:, None], 0.5)


def shuffled(count: int, batch_size: int, generator: torch.Generator) -> Iterator[Int64[Tensor, " b"]]:
    """Yield the indices of one epoch in random order, in full batches."""
    order = torch.randperm(count, generator=generator)
    for start in range(0, count - batch_size + 1, batch_size):
        yield order[start : start + batch_size]


def _blend(images: Tensor, other: Tensor, factor: Tensor) -> Tensor:
    return (factor * images + (1 - factor) * other).clamp(0, 1)


def _grey(images: Tensor) -> Tensor:
    weights = torch.tensor(GREY, device=images.device)[:, None, None]
    return (images * weights).sum(dim=1, keepdim=True)


def _brighten(images: Tensor, factor: Tensor) -> Tensor:
    return (images * factor).clamp(0, 1)


def _contrast(images: Tensor, factor: Tensor) -> Tensor:
    return _blend(images, _grey(images).mean(dim=(1, 2, 3), keepdim=True), factor)


def _saturate(images: Tensor, factor: Tensor) -> Tensor:
    return _blend(images, _grey(images), factor)


def _shift_hue(images: Tensor, shift: Tensor) -> Tensor:
    """Shift hue at constant saturation and value, in the hexagonal HSV model."""
    value, darkest = images.amax(dim=1, keepdim=True), images.amin(dim=1, keepdim=True)
    chroma = value - darkest
    red, green, blue = ((value - images) / torch.where(chroma == 0, 1, chroma)).unbind(dim=1)
    is_red, is_green = (images[:, 0] == value[:, 0]), (images[:, 1] == value[:, 0])
    # Hue in sixths of the circle; red, green and blue follow from their distances to it.
    hue = torch.where(is_red, blue - green, torch.where(is_green, 2 + red - blue, 4 + green - red))
    hue = hue[:, None] + 6 * shift
    sixths = torch.tensor([5.0, 3.0, 1.0], device=images.device)[:, None, None]
    away = (hue + sixths) % 6  # (B, 3, H, W)
    return value - chroma * torch.minimum(away, 4 - away).clamp(0, 1)
