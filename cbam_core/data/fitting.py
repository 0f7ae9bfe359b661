"""Fitting an image to a network's input, and the mapping from the input back to the original."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

from cbam_core.data.colours import Ground
from cbam_core.data.images import DecodedImage, ImageSource, decode
from cbam_core.errors import ImageError, Message
from cbam_core.results.frame import FITS, Box, Fit, Frame, Grid, Square

FINE = 3
"""Pixels of a reduced image, at least, for each pixel of an input that is made of it."""

SHOWN = 960
"""Longest side in pixels, at least, of a reduced image; pictures on the screen have fewer."""

ROUNDED = 0.11
"""Pixels by which a square may exceed the image without a note: links and pages round it to one decimal."""


def named_fit(name: str) -> Fit:
    """Check the name of a fit that comes from a user or a link.

    Raises:
        ImageError: there is no such fit.
    """
    for fit in FITS:
        if fit == name:
            return fit
    raise ImageError(
        "fit.unknown",
        "unknown fit '{given}'; expected one of {known}",
        given=name[:40],
        known=", ".join(FITS),
    )


def decode_to_fit(
    source: ImageSource,
    size: tuple[int, int],
    fit: str = "crop",
    *,
    square: Square | Callable[[int, int], Square] | None = None,
    share: float = 1.0,
    stretch: bool = False,
    ground: Ground = "white",
) -> DecodedImage:
    """Decode an image in as much detail as a network's input and a picture on the screen need.

    Args:
        source: as of `cbam_core.data.images.decode`.
        size: (width, height) of the input in pixels.
        fit: how the image will be fitted; see `fit_image`.
        square: for ``"square"``: the part that will be used, or a function that gives it for a width and height.
        share: for ``"crop"``: see `fit_image`.
        stretch: as of `decode`.
        ground: as of `decode`.

    Raises:
        ImageError: the image cannot be read, or not be fitted so.
    """

    def spare(original: tuple[int, int]) -> float:
        part = square(*original) if callable(square) else square
        return min(spare_for_input(original, size, fit, part, share), max(original) / SHOWN)

    return decode(source, stretch=stretch, ground=ground, spare=spare)


def spare_for_input(
    original: tuple[int, int],
    size: tuple[int, int],
    fit: str = "crop",
    square: Square | None = None,
    share: float = 1.0,
) -> float:
    """Return the factor by which the sides of an original may be decoded smaller for a network's input.

    Args:
        original: (width, height) of the original in pixels.
        size: (width, height) of the input in pixels.
        fit: how the image will be fitted; see `fit_image`.
        square: for ``"square"``: the part that will be used.
        share: for ``"crop"``: see `fit_image`.

    Raises:
        ImageError: the original cannot be fitted so.
    """
    frame = _place(original, size, named_fit(fit), square, share).frame
    return min(1 / (FINE * pixels) for pixels in frame.scale)


def whole_picture(image: DecodedImage, longest: int) -> UInt8[np.ndarray, "sh sw 3"]:
    """Return the whole original as a picture of at most `longest` pixels a side; one that is small enough unchanged."""
    factor = longest / max(image.grid.size)
    if factor >= 1:
        return image.pixels
    width, height = (max(1, round(side * factor)) for side in image.grid.size)
    return _resized(image.pixels, (width, height), image.grid.whole, "LANCZOS")


def fit_image(
    pixels: UInt8[np.ndarray, "h w 3"],
    size: tuple[int, int],
    fit: str = "crop",
    *,
    square: Square | None = None,
    fill: tuple[int, int, int] = (0, 0, 0),
    grid: Grid | None = None,
    share: float = 1.0,
) -> tuple[UInt8[np.ndarray, "input_h input_w 3"], Frame, tuple[Message, ...]]:
    """Crop, pad or stretch an image to the size of a network's input.

    Scaling is bicubic and antialiased (Pillow's, with fractional boxes). An image that already has the size is
    returned unchanged, not copied.

    Args:
        pixels: uint8 RGB (H, W, 3).
        size: (width, height) of the input in pixels.
        fit: ``"crop"`` takes the largest centred box of the input's proportions; ``"square"`` the box that
            `square` names; ``"pad"`` the whole image, with bars of the colour `fill`; ``"squash"`` the whole
            image, stretched.
        square: (left, top, side) in pixels of the original; one that reaches over an edge is moved inside.
            Only for ``"square"``.
        fill: colour of the bars, RGB of 0 to 255. Only for ``"pad"``.
        grid: positions of the pixels on the original; by default they are the original.
        share: share of the sides of the largest centred box that is taken, in (0, 1]: networks that were evaluated on
            images a little larger than their input, of which the centre was cut out, have one below 1. Only for
            ``"crop"``.

    Returns:
        The input, uint8 RGB (height, width, 3); its position in the original; notes on what was done.

    Raises:
        ImageError: there is no such fit, or `square` is missing, smaller than one pixel or outside the image.
    """
    grid = Grid((pixels.shape[1], pixels.shape[0])) if grid is None else grid
    placed = _place(grid.size, size, named_fit(fit), square, share)
    inner, box = placed.inner, grid.decoded(placed.box)
    unchanged = inner == (pixels.shape[1], pixels.shape[0]) and box == (0, 0, *inner)
    scaled = pixels if unchanged else _resized(pixels, inner, box)
    if inner != size:
        left, top = placed.corner
        canvas = np.full((size[1], size[0], 3), fill, dtype=np.uint8)
        canvas[top : top + inner[1], left : left + inner[0]] = scaled
        scaled = canvas
    return scaled, placed.frame, tuple(placed.notes)


@dataclass(frozen=True)
class _Placed:
    """Position of an image in a network's input.

    Attributes:
        frame: position of the input in the original.
        box: part of the original that is used.
        inner: (width, height) of that part in the input, in pixels.
        corner: (left, top) of that part in the input, in pixels.
        notes: what was done.
    """

    frame: Frame
    box: Box
    inner: tuple[int, int]
    corner: tuple[int, int]
    notes: list[Message]


def _place(
    original: tuple[int, int], size: tuple[int, int], fit: Fit, square: Square | None, share: float = 1.0
) -> _Placed:
    """Place an original of this size in an input of that size."""
    if fit == "square":
        box, notes = _chosen_box(square, original)
    elif fit == "crop":
        box, notes = _centred_box(original, size, share)
    else:
        box, notes = (0.0, 0.0, float(original[0]), float(original[1])), []
    if fit == "pad":
        inner, left, top = _padded(original, size)
        frame = Frame(original, size, _outer_box(original, size, inner, left, top))
        if inner != size:
            notes.append(Message("fit.padded", "bars were added at the sides to keep the proportions"))
    else:
        inner, left, top = size, 0, 0
        frame = Frame(original, size, box)
    if fit == "squash" and original[0] * size[1] != original[1] * size[0]:
        notes.append(Message("fit.squashed", "stretched to the input's proportions"))
    notes += _notes_on_scale(box, inner)
    return _Placed(frame, box, inner, (left, top), notes)


def _centred_box(original: tuple[int, int], size: tuple[int, int], share: float) -> tuple[Box, list[Message]]:
    """Return a share of the largest box of the input's proportions in the centre of the original."""
    shrink = min(original[0] / size[0], original[1] / size[1])
    # Multiplying before dividing keeps integers exact: 3000 x 2000 gives exactly 2000 x 2000.
    if original[0] * size[1] > original[1] * size[0]:
        width, height = original[1] * size[0] / size[1], float(original[1])
    else:
        width, height = float(original[0]), original[0] * size[1] / size[0]
    width, height = width * share, height * share
    left, top = (original[0] - width) / 2, (original[1] - height) / 2
    if shrink == share == 1:  # without scaling, an offset of half a pixel would only blur
        left, top = math.floor(left), math.floor(top)
    box = (float(left), float(top), left + width, top + height)
    if (width, height) == original:
        return box, []
    note = Message(
        "fit.cropped",
        "cropped to the centre, {width}×{height} of {original_width}×{original_height} pixels",
        {
            "width": round(width),
            "height": round(height),
            "original_width": original[0],
            "original_height": original[1],
        },
    )
    return box, [note]


def _chosen_box(square: Square | None, original: tuple[int, int]) -> tuple[Box, list[Message]]:
    """Return the chosen square, moved and reduced into the original where it reaches over an edge."""
    width, height = original
    if square is None:
        raise ImageError("fit.no-square", "the fit 'square' needs a square: left, top and side in pixels of the image")
    left, top, side = (float(number) for number in square)
    if not all(map(math.isfinite, square)) or side < 1:
        raise ImageError(
            "fit.small-square",
            "the square at {left}, {top} has a side of {side} pixels; expected at least 1",
            left=left,
            top=top,
            side=side,
        )
    if left >= width or top >= height or left + side <= 0 or top + side <= 0:
        raise ImageError(
            "fit.square-outside",
            "the square at {left}, {top} with side {side} lies outside the image of {width}×{height} pixels; "
            "choose one inside",
            left=left,
            top=top,
            side=side,
            width=width,
            height=height,
        )
    inside = min(side, float(width), float(height))
    moved = (min(max(0.0, left), width - inside), min(max(0.0, top), height - inside), inside)
    notes = []
    if max(abs(now - asked) for now, asked in zip(moved, (left, top, side), strict=True)) > ROUNDED:
        notes.append(Message("fit.square-moved", "the chosen square was moved inside the image"))
    if (inside, inside) != original:
        notes.append(
            Message(
                "fit.square",
                "a square of {side:g}×{side:g} pixels was chosen, its corner at {left:g}, {top:g}",
                {"side": round(inside, 1), "left": round(moved[0], 1), "top": round(moved[1], 1)},
            )
        )
    return (moved[0], moved[1], moved[0] + inside, moved[1] + inside), notes


def _padded(original: tuple[int, int], size: tuple[int, int]) -> tuple[tuple[int, int], int, int]:
    """Return the size of the whole original inside the input, in whole pixels, and its left and top."""
    scale = min(size[0] / original[0], size[1] / original[1])
    width = min(size[0], max(1, round(original[0] * scale)))
    height = min(size[1], max(1, round(original[1] * scale)))
    return (width, height), (size[0] - width) // 2, (size[1] - height) // 2


def _outer_box(original: tuple[int, int], size: tuple[int, int], inner: tuple[int, int], left: int, top: int) -> Box:
    """Return the box that fills the whole input, bars included, when the original fills its inner part."""
    across, down = original[0] / inner[0], original[1] / inner[1]
    return -left * across, -top * down, (size[0] - left) * across, (size[1] - top) * down


def _notes_on_scale(box: Box, size: tuple[int, int]) -> list[Message]:
    width, height = box[2] - box[0], box[3] - box[1]
    values = {"width": round(width), "height": round(height), "input_width": size[0], "input_height": size[1]}
    if width < size[0] or height < size[1]:
        return [
            Message("fit.enlarged", "enlarged from {width}×{height} to {input_width}×{input_height} pixels", values)
        ]
    if width > size[0] or height > size[1]:
        return [Message("fit.reduced", "reduced from {width}×{height} to {input_width}×{input_height} pixels", values)]
    return []


def _resized(
    pixels: UInt8[np.ndarray, "h w 3"], size: tuple[int, int], box: Box, way: str = "BICUBIC"
) -> UInt8[np.ndarray, "inner_h inner_w 3"]:
    from PIL import Image

    scaled = Image.fromarray(pixels).resize(size, Image.Resampling[way], box=box)
    return np.frombuffer(scaled.tobytes(), np.uint8).reshape(size[1], size[0], 3)
