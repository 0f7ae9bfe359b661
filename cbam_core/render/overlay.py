"""Overlays: a spatial mask in colours over its picture, exact to the last bit.

Every drawn pixel has the mask's value at its own centre: that of the nearest cell, or, if smooth, interpolated linearly
between the four nearest cell centres. Beyond the outermost centres, the outermost value is used.
Then ``pixel = floor((1 - a) * image + a * colour + 0.5)`` in float64, where a is the
opacity. If the picture shows more than the network saw (a cropped photo), the rest is grey at half contrast:
``pixel = floor((luma + 128) / 2 + 0.5)`` with ``luma = (77 R + 150 G + 29 B) / 256``.

The attention viewer's JavaScript uses the same formulas in the same order, so both give the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64, Int, UInt8

from cbam_core.errors import RenderError
from cbam_core.render.colours import stretch
from cbam_core.render.readings import read_colours
from cbam_core.results.frame import Box, Frame
from cbam_core.results.look import DEFAULT_LOOK, Look
from cbam_core.results.placement import Placement


@dataclass(frozen=True)
class Cells:
    """Positions of a mask's cells on a picture.

    Coordinates are continuous: 0 is the left or top edge of the picture, the centre of the first pixel is 0.5.

    Attributes:
        x0: centre of the first column, in pixels.
        y0: centre of the first row, in pixels.
        dx: distance between the centres of columns, in pixels, above 0.
        dy: distance between the centres of rows, in pixels, above 0.
    """

    x0: float
    y0: float
    dx: float
    dy: float

    def scaled(self, x: float, y: float) -> Cells:
        """Scale the cells for a picture that was resized by the factors `x` and `y`."""
        return Cells(self.x0 * x, self.y0 * y, self.dx * x, self.dy * y)


def cells_on_input(placement: Placement) -> Cells:
    """Convert a placement to cells on the input; `Placement` counts from a pixel's centre, `Cells` from its edge."""
    row, column = placement.start
    down, across = placement.step
    return Cells(x0=column + 0.5, y0=row + 0.5, dx=across, dy=down)


def cells_on_original(placement: Placement, frame: Frame) -> Cells:
    """Convert a placement to cells on the original image, by the frame that cut the input from it."""
    at = cells_on_input(placement)
    x0, y0 = frame.to_original(at.x0, at.y0)
    left, top, right, bottom = frame.box
    width, height = frame.input_size
    return Cells(x0=x0, y0=y0, dx=at.dx * (right - left) / width, dy=at.dy * (bottom - top) / height)


def seen_on_original(frame: Frame) -> Box:
    """Return the part of the original image that the network saw; a padded box ends at the image's edge."""
    left, top, right, bottom = frame.box
    width, height = frame.original_size
    return max(0.0, left), max(0.0, top), min(float(width), right), min(float(height), bottom)


def upsample(
    mask: Float[np.ndarray, "h w"], cells: Cells, size: tuple[int, int], zoom: int = 1, smooth: bool = False
) -> Float64[np.ndarray, "rows columns"]:
    """Compute the mask's value at every drawn pixel.

    Args:
        mask: gate values.
        cells: positions of its cells on the picture.
        size: (width, height) of the picture in pixels.
        zoom: drawn pixels along each side of a pixel of the picture, at least 1.
        smooth: whether values are interpolated linearly between cell centres.

    Returns:
        float64 (height * zoom, width * zoom).
    """
    values = mask.astype(np.float64)
    x = (_centres(size[0], zoom) - cells.x0) / cells.dx
    y = (_centres(size[1], zoom) - cells.y0) / cells.dy
    drawn: Float64[np.ndarray, "rows columns"]
    if not smooth:
        drawn = values[np.ix_(_nearest(y, mask.shape[0]), _nearest(x, mask.shape[1]))]
        return drawn
    row, below, v = _between(y, mask.shape[0])
    column, right, u = _between(x, mask.shape[1])
    v = v[:, None]
    with np.errstate(invalid="ignore"):  # next to an infinite value the result is NaN
        first = (1 - u) * values[np.ix_(row, column)] + u * values[np.ix_(row, right)]
        second = (1 - u) * values[np.ix_(below, column)] + u * values[np.ix_(below, right)]
        drawn = (1 - v) * first + v * second
    return drawn


def overlay(
    image: UInt8[np.ndarray, "h w 3"],
    mask: Float[np.ndarray, "rows columns"],
    cells: Cells,
    look: Look = DEFAULT_LOOK,
    *,
    zoom: int = 1,
    seen: Box | None = None,
) -> UInt8[np.ndarray, "drawn_h drawn_w 3"]:
    """Draw a mask in colours over a picture.

    Args:
        image: uint8 RGB.
        mask: gate values in the look's reading, see `Gate.read`; on the unit scale those outside 0 to 1 get the colour
            of the nearer end.
        cells: positions of the mask's cells on the picture.
        look: colours, scale, opacity and smoothing.
        zoom: drawn pixels along each side of a pixel of the picture, at least 1.
        seen: part of the picture that the network saw, in its pixels; None for all of it. A drawn pixel is inside if
            its centre is.

    Returns:
        uint8 RGB (h * zoom, w * zoom, 3).

    Raises:
        RenderError: the zoom is below 1.
    """
    if zoom < 1:
        raise RenderError("render.zoom", "zoom must be a whole number of at least 1; given {given}", given=zoom)
    height, width = image.shape[:2]
    base = image.repeat(zoom, axis=0).repeat(zoom, axis=1)
    values = upsample(mask, cells, (width, height), zoom, look.smooth)
    colour = read_colours(values, look, stretch(mask))
    share = float(look.opacity)
    drawn: UInt8[np.ndarray, "drawn_h drawn_w 3"] = np.floor((1 - share) * base + share * colour + 0.5).astype(np.uint8)
    if seen is not None:
        outside = ~_inside(seen, (width, height), zoom)
        drawn[outside] = unseen(base)[outside]
    return drawn


def unseen(image: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h w 3"]:
    """Make a picture grey at half contrast, as parts that the network did not see are drawn."""
    luma = image.astype(np.float64) @ np.array([77.0, 150.0, 29.0]) / 256  # exact: integers below 2**53
    grey: UInt8[np.ndarray, "h w"] = np.floor((luma + 128) / 2 + 0.5).astype(np.uint8)
    return np.stack((grey, grey, grey), axis=2)


def raw_mask(
    mask: Float[np.ndarray, "h w"], look: Look = DEFAULT_LOOK, *, zoom: int = 1
) -> UInt8[np.ndarray, "drawn_h drawn_w 3"]:
    """Draw the mask alone in the look's colours and scale, each cell as a square of zoom x zoom pixels.

    Raises:
        RenderError: the zoom is below 1.
    """
    if zoom < 1:
        raise RenderError("render.zoom", "zoom must be a whole number of at least 1; given {given}", given=zoom)
    picture = read_colours(mask, look, stretch(mask))
    return picture.repeat(zoom, axis=0).repeat(zoom, axis=1)


def _centres(pixels: int, zoom: int) -> Float64[np.ndarray, " n"]:
    return (np.arange(pixels * zoom) + 0.5) / zoom


def _nearest(position: Float64[np.ndarray, " n"], count: int) -> Int[np.ndarray, " n"]:
    return np.clip(np.floor(position + 0.5), 0, count - 1).astype(np.intp)


def _between(
    position: Float64[np.ndarray, " n"], count: int
) -> tuple[Int[np.ndarray, " n"], Int[np.ndarray, " n"], Float64[np.ndarray, " n"]]:
    held = np.clip(position, 0, count - 1)
    before = np.floor(held)
    after = np.minimum(before + 1, count - 1)
    return before.astype(np.intp), after.astype(np.intp), held - before


def _inside(seen: Box, size: tuple[int, int], zoom: int) -> Bool[np.ndarray, "rows columns"]:
    left, top, right, bottom = seen
    x, y = _centres(size[0], zoom), _centres(size[1], zoom)
    return ((top <= y) & (y < bottom))[:, None] & ((left <= x) & (x < right))
