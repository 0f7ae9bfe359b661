"""Regions of a map: closed lines that are drawn by hand, and the images inside of them.

A line of the page has whole numbers as corners, on a square that the map fits into, so that an address can hold it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float

from cbam_core.errors import AtlasError

if TYPE_CHECKING:
    from cbam_core.atlas.atlas import Atlas

METHODS = ("pca", "tsne")
"""Names of the maps."""

MARGIN = 0.05
"""Of the square, on all sides, so that a line can go around the outermost images."""

UNITS = 4095
"""Steps of a line's corners across the square; the page's ``map.js`` knows it too."""

MOST_CORNERS = 60
"""Corners of a line; the page's ``map.js`` simplifies what is drawn by hand."""

Line = tuple[int, ...]
"""Corners of a closed line one after the other, x and y, each from 0 to `UNITS`."""

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def squared(points: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n 2"]:
    """Put points into the square from 0 to 1 without stretching.

    Args:
        points: NaN for images without a place.
    """
    found = points.astype(np.float64)
    known = np.isfinite(found).all(axis=1)
    if known.any():
        low, high = found[known].min(axis=0), found[known].max(axis=0)
        found = 0.5 + (1 - 2 * MARGIN) * (found - (low + high) / 2) / (float((high - low).max()) or 1.0)
    return found


def squared_map(atlas: Atlas, method: str) -> Float[np.ndarray, "n 2"]:
    """Return where the images of an atlas lie in the square that a map fits into.

    Raises:
        AtlasError: there is no such map, or it was not computed yet.
    """
    return squared(atlas.map(method).points)


def inside_of(line: Line, places: Float[np.ndarray, "n 2"]) -> Bool[np.ndarray, " n"]:
    """Return which places lie inside of a line.

    Args:
        line: the corners.
        places: in the square; NaN lies nowhere.
    """
    return enclosed(np.array(line, np.float64).reshape(-1, 2) / UNITS, places)


def enclosed(corners: Float[np.ndarray, "k 2"], points: Float[np.ndarray, "n 2"]) -> Bool[np.ndarray, " n"]:
    """Return which points lie inside of a closed line: from which a ray crosses it an odd number of times.

    Args:
        corners: corners of the line, in the coordinates of the points.
        points: NaN lies nowhere.
    """
    x, y = points[:, 0], points[:, 1]
    inside = np.zeros(len(points), np.bool_)
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, 1, axis=0), strict=True):
        if y1 != y2:
            crosses = ((y1 > y) != (y2 > y)) & (x < (x2 - x1) * (y - y1) / (y2 - y1) + x1)
            inside ^= crosses
    return inside


def read_method_and_line(text: str) -> tuple[str, Line] | None:
    """Read a line after the method of the map that it was drawn on: ``pca.AbCd...``; None for other texts."""
    method, _, drawn = text.partition(".")
    line = read_line(drawn) if method in METHODS else None
    return None if line is None else (method, line)


def method_and_line_as_text(method: str, line: Line) -> str:
    """Write a line as `read_method_and_line` reads it."""
    return f"{method}.{line_as_text(line)}"


def read_line(text: str) -> Line | None:
    """Read a line of two characters a number, of which each stands for six bits; None for other texts."""
    if not text or len(text) % 4 or not 3 * 4 <= len(text) <= MOST_CORNERS * 4 or set(text) - set(_ALPHABET):
        return None
    digits = [_ALPHABET.index(letter) for letter in text]
    return tuple(high * 64 + low for high, low in zip(digits[::2], digits[1::2], strict=True))


def line_as_text(line: Line) -> str:
    """Write a line as `read_line` reads it."""
    return "".join(_ALPHABET[number // 64] + _ALPHABET[number % 64] for number in line)


def images_inside(atlas: Atlas, given: Any) -> Bool[np.ndarray, " n"]:
    """Return which images lie in a region of a map.

    Args:
        atlas: the atlas.
        given: ``"pca.AbCd..."``, as the page's address has it after ``line=``; ``"pca:x,y,x,y,x,y"``, or
            ``("pca", [(x, y), ...])``: corners in the coordinates of `Atlas.map`.

    Raises:
        AtlasError: it is no region, or its map was not computed yet.
    """
    line = read_method_and_line(given) if isinstance(given, str) else None
    if line is not None:
        return inside_of(line[1], squared_map(atlas, line[0]))
    method, corners = _read_corners(given) if isinstance(given, str) else _checked(given)
    return enclosed(corners, atlas.map(method).points.astype(np.float64))


def _read_corners(text: str) -> tuple[str, Float[np.ndarray, "k 2"]]:
    method, _, written = text.partition(":")
    try:
        numbers = [float(part) for part in written.split(",")]
    except ValueError:
        raise _unfit() from None
    return _checked((method, [*zip(numbers[::2], numbers[1::2], strict=True)] if len(numbers) % 2 == 0 else []))


def _checked(given: Any) -> tuple[str, Float[np.ndarray, "k 2"]]:
    match given:
        case (str() as method, Sequence() | np.ndarray() as listed) if method in METHODS:
            try:
                corners = np.array(listed, np.float64)
            except (TypeError, ValueError):
                raise _unfit() from None
            if corners.ndim == 2 and corners.shape[1] == 2 and len(corners) >= 3 and np.isfinite(corners).all():
                return method, corners
    raise _unfit()


def _unfit() -> AtlasError:
    return AtlasError(
        "atlas.bad-region",
        "the condition for inside has to be a line as the page's address has it (pca.AbCd...), or at least three "
        "corners on a map (pca:x,y,x,y,x,y)",
    )
