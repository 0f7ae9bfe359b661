"""Grey and colour values of more than eight bits: one rule for what black and white are, whatever file they come in."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import UInt8
from numpy.typing import NDArray
from PIL import Image
from PIL.ImageFile import ImageFile

from cbam_core.errors import ImageError, Message

DEPTHS = (8, 10, 12, 14, 16)
"""Bits of sensors and screens: values that no file explains are of the smallest of these depths that holds them."""

NARROW = 0.25
"""Share of its range below which an image looks flat."""

WIDE_MODES = {"RGB": "RGB", "RGBA": "RGBA", "LA": "LA"}
"""Modes whose files may have 16 bits for each colour, of which Pillow reads the upper eight."""

Number = float | int
Range = tuple[Number, Number]


def is_deep(image: Image.Image) -> bool:
    """Check that an image has grey values of more than eight bits."""
    return image.mode in {"I", "F"} or image.mode.startswith("I;16")


def eight_bits(
    image: Image.Image, notes: list[Message], *, bits: int | None = None, stretch: bool = False
) -> Image.Image:
    """Scale grey values of more than eight bits to 0-255; mode L, or LA where one value means transparent.

    Args:
        image: loaded image of a deep mode.
        notes: list that notes are added to.
        bits: significant bits that the file declares; None where it does not.
        stretch: whether the smallest value becomes black and the largest white.

    Raises:
        ImageError: a value is not a number.
    """
    values = np.asarray(image)
    if not np.isfinite(values).all():
        raise ImageError(
            "image.not-finite",
            "this image has grey values that are infinite or not numbers; export it with 8 bits per channel",
        )
    smallest, largest = values.min().item(), values.max().item()
    low, high = (smallest, largest) if stretch else _range(image, smallest, largest, bits)
    range_said = Message("image.scaled", "grey values from {low} to {high} were scaled to 0 to 255")
    taken = Message("image.as-8-bits", "grey values are at most {largest}, so they were taken as values of 8 bits")
    notes += _notes_on_range(range_said, taken, smallest, largest, low, high)
    shallow = _scaled(values, low, high)
    if tag(image, 262) == 0:  # TIFF: 0 is white, and Pillow undoes that for eight bits only
        shallow = 255 - shallow
    scaled = Image.fromarray(shallow)
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        scaled.putalpha(Image.fromarray(np.where(values == transparent, 0, 255).astype(np.uint8)))
    return scaled


def _range(image: Image.Image, smallest: Number, largest: Number, bits: int | None) -> Range:
    """Return black and white: what the file declares, else the smallest usual depth, else the values' own range."""
    declared = _declared(image, bits)
    if declared is not None and declared[0] <= smallest and largest <= declared[1]:
        return declared
    if image.mode == "F" and smallest >= 0 and largest <= 1:
        return 0, 1
    for depth in DEPTHS:
        if smallest >= 0 and largest < 1 << depth:
            return 0, (1 << depth) - 1
    return smallest, largest


def _declared(image: Image.Image, bits: int | None) -> Range | None:
    """Return the range that a file declares: SMinSampleValue and SMaxSampleValue of a TIFF, or its significant bits."""
    for first, last in ((340, 341), (280, 281)):
        low, high = _number(tag(image, first)), _number(tag(image, last))
        if high is not None and (low or 0) < high:
            return low or 0, high
    depth = bits or (_number(tag(image, 258)) if not image.mode.startswith("F") else None)
    usual = {32, 64} if image.mode == "I" else {16}
    if depth is None or not 8 < depth <= 32 or (bits is None and depth in usual):
        return None
    return 0, (1 << int(depth)) - 1


def _number(value: Any) -> Number | None:
    """Return a number that a tag holds, alone or first of several."""
    first = value[0] if isinstance(value, tuple) and value else value
    try:
        return first if isinstance(first, int | float) and math.isfinite(first) else None
    except OverflowError:
        return None


def _notes_on_range(
    scaled: Message, taken: Message, smallest: Number, largest: Number, low: Number, high: Number
) -> list[Message]:
    """Note which range of values is shown from black to white.

    Args:
        scaled: says that the range was scaled, without its numbers.
        taken: says that values were taken as they are.
        smallest: smallest value of the image.
        largest: its largest one.
        low: value that is black.
        high: value that is white.
    """
    notes = []
    if (low, high) == (0, 255) and largest > smallest:
        notes.append(replace(taken, values={"largest": largest}))
    elif (low, high) != (0, 255) and high > low:
        notes.append(replace(scaled, values={"low": low, "high": high}))
    if smallest == largest:
        said = Message("image.one-value", "every value of the image is {value}, so it is of one shade")
        notes.append(replace(said, values={"value": largest}))
    return notes + _note_on_use(smallest, largest, low, high)


def _note_on_use(smallest: Number, largest: Number, low: Number, high: Number) -> list[Message]:
    """Note that an image uses a small part of its range, and so looks flat."""
    if high <= low or (largest - smallest) / (high - low) >= NARROW or largest == smallest:
        return []
    percent = max(1, round(100 * (largest - smallest) / (high - low)))
    return [
        Message(
            "image.narrow",
            "the values use only {percent} % of that range, so the image looks flat; they can be stretched",
            {"percent": percent},
        )
    ]


def _scaled(values: NDArray[Any], low: Number, high: Number) -> UInt8[np.ndarray, "h w"]:
    factor = 255 / (high - low) if high > low else 0.0
    # Single precision is exact for 16 bits, and takes half the memory.
    wide: NDArray[Any] = values.astype(np.float32 if values.dtype.itemsize == 2 else np.float64)
    shallow: NDArray[np.uint8] = np.rint((wide - low) * factor).astype(np.uint8)
    return shallow


def tag(image: Image.Image, number: int) -> Any:
    """Return a tag of a TIFF file; None for other formats."""
    tags = getattr(image, "tag_v2", None)
    return None if tags is None else tags.get(number)


def has_deep_colours(image: ImageFile) -> bool:
    """Check, before it is loaded, that a file has 16 bits for each colour."""
    return image.mode in WIDE_MODES and any(";16" in str(tile.args) for tile in image.tile[:1])


def lower_bytes(image: ImageFile) -> bool:
    """Have Pillow decode the lower byte of each colour instead of the upper one; return whether it can.

    Args:
        image: an opened file with deep colours; its pixels are not decoded yet.
    """
    swaps = {";16B": ";16L", ";16L": ";16B", ";16N": ";16B"}
    tiles = []
    for tile in image.tile:
        args = tile.args
        mode, *rest = (args,) if isinstance(args, str) else args or ("",)
        if not isinstance(mode, str) or mode[-4:] not in swaps:
            return False
        other = mode[:-4] + swaps[mode[-4:]]
        tiles.append(tile._replace(args=other if isinstance(args, str) else (other, *rest)))
    image.tile = tiles
    return True


def spread_colours(
    upper: Image.Image, lower: Image.Image, notes: list[Message], *, bits: int | None = None, stretch: bool = False
) -> Image.Image:
    """Scale colours of 16 bits by the rule for grey values; alpha keeps its upper byte.

    Args:
        upper: loaded image of the upper bytes.
        lower: loaded image of the lower bytes.
        notes: list that notes are added to.
        bits: significant bits that the file declares; None where it does not.
        stretch: whether the smallest value becomes black and the largest white.

    Returns:
        The scaled image; `upper` itself where the colours use all 16 bits.
    """
    colours = 1 if upper.mode == "LA" else 3
    high, low = np.asarray(upper), np.asarray(lower)
    values = high[..., :colours].astype(np.uint16) << 8 | low[..., :colours]
    smallest, largest = values.min().item(), values.max().item()
    black, white = (smallest, largest) if stretch else _range(Image.new("I;16", (1, 1)), smallest, largest, bits)
    if (black, white) == (0, 65535):
        return upper
    scaled = Message("image.scaled-colours", "colours from {low} to {high} were scaled to 0 to 255")
    taken = Message("image.as-8-bits", "colours are at most {largest}, so they were taken as values of 8 bits")
    notes += _notes_on_range(scaled, taken, smallest, largest, black, white)
    factor = 255 / (white - black) if white > black else 0.0
    shallow = np.rint((values.astype(np.float32) - black) * factor).astype(np.uint8)
    return Image.fromarray(np.concatenate([shallow, high[..., colours:]], axis=2))
