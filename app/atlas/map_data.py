"""What the map of an atlas is given: places in a square, sheets of thumbnails in their order, and lines."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from PIL import Image

from app.session.tiles import lay_out_tiles

if TYPE_CHECKING:
    from cbam_core.atlas.atlas import Atlas

STEPS = 65535
"""Steps of a place across the square."""

MARGIN = 0.05
"""Of the square, on all sides, so that a line can go around the outermost images."""

UNITS = 4095
"""Steps of a line's corners across the square; ``map.js`` knows it too."""

COLUMNS = 16
"""Thumbnails in a row of a sheet, and rows of a full one."""

MOST_IMAGES = 10_000
"""Images that are drawn; of more, as many are drawn that lie evenly among them."""

MOST_CORNERS = 60
"""Corners of a line; ``map.js`` simplifies what is drawn by hand."""

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

METHODS = ("pca", "tsne")
"""Names of the maps."""

Line = tuple[int, ...]
"""Corners of a closed line one after the other, x and y, each from 0 to `UNITS`."""


@dataclass(frozen=True, eq=False)
class Places:
    """Where images lie in the square from 0 to 1.

    Attributes:
        places: of all images, float64; NaN where an image could not be read.
        drawn: numbers of those that are drawn, near ones near each other in the list, so that they share sheets.
    """

    places: Float[np.ndarray, "n 2"]
    drawn: Int[np.ndarray, " m"]


def places_of(points: Float[np.ndarray, "n 2"], most: int = MOST_IMAGES) -> Places:
    """Put points into the square without stretching, and choose which are drawn.

    Args:
        points: NaN for images without a place.
        most: number of images that are drawn at most.
    """
    found = points.astype(np.float64)
    known = np.flatnonzero(np.isfinite(found).all(axis=1))
    if known.size:
        low, high = found[known].min(axis=0), found[known].max(axis=0)
        found = 0.5 + (1 - 2 * MARGIN) * (found - (low + high) / 2) / (float((high - low).max()) or 1.0)
    drawn = known if known.size <= most else known[np.linspace(0, known.size - 1, most).astype(np.int64)]
    return Places(found, drawn[np.argsort(_along_curve(found[drawn]), kind="stable")])


def places_in(atlas: Atlas, method: str) -> Places:
    """Where the images of an atlas lie on a map of it, remembered.

    Raises:
        AtlasError: there is no such map, or it was not computed yet.
    """
    found = atlas.map(method)
    return atlas.remembered(f"places {found.method}", lambda: places_of(found.points))


def _along_curve(places: Float[np.ndarray, "m 2"]) -> Int[np.ndarray, " m"]:
    """Position of each place on a curve that passes through a whole quarter of the square before the next."""
    cells = np.minimum((places * 256).astype(np.int64), 255)
    position = np.zeros(len(places), np.int64)
    for bit in range(8):
        position |= ((cells[:, 0] >> bit & 1) << (2 * bit)) | ((cells[:, 1] >> bit & 1) << (2 * bit + 1))
    return position


def as_steps(places: Float[np.ndarray, "m 2"]) -> str:
    """Places as little-endian 16-bit steps, x and y in turns, for the browser."""
    return as_text(np.rint(places * STEPS).astype("<u2"))


def as_text(values: np.ndarray) -> str:
    """The bytes of an array for the browser."""
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode("ascii")


def as_mask(inside: Bool[np.ndarray, " m"]) -> str:
    """Which images are inside, one bit each, for the browser."""
    return as_text(np.packbits(inside, bitorder="little"))


def sheets_of(
    numbers: Sequence[int], thumbnails: Callable[[Sequence[int]], UInt8[np.ndarray, "n s s 3"]]
) -> Iterator[bytes]:
    """Sheets of thumbnails as JPEG, `COLUMNS` x `COLUMNS` each.

    Args:
        numbers: of the images, in order.
        thumbnails: gives some images' thumbnails.
    """
    each = COLUMNS * COLUMNS
    for first in range(0, len(numbers), each):
        yield _jpeg(lay_out_tiles([*thumbnails(numbers[first : first + each])], COLUMNS))


def _jpeg(pixels: UInt8[np.ndarray, "h w 3"]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=90, subsampling=0)
    return file.getvalue()


def read_method_and_line(text: str) -> tuple[str, Line] | None:
    """A line of an address after the method of the map that it was drawn on: ``pca.AbCd...``."""
    method, _, drawn = text.partition(".")
    line = read_line(drawn) if method in METHODS else None
    return None if line is None else (method, line)


def read_line(text: str) -> Line | None:
    """A line as text: two characters a number, of which each stands for six bits."""
    if not text or len(text) % 4 or not 3 * 4 <= len(text) <= MOST_CORNERS * 4 or set(text) - set(_ALPHABET):
        return None
    digits = [_ALPHABET.index(letter) for letter in text]
    return tuple(high * 64 + low for high, low in zip(digits[::2], digits[1::2], strict=True))


def line_as_text(line: Line) -> str:
    """A line as `read_line` reads it."""
    return "".join(_ALPHABET[number // 64] + _ALPHABET[number % 64] for number in line)


def checked_line(sent: object) -> Line | None:
    """A line as a browser sends it, which can send anything; None for what is not one."""
    if not isinstance(sent, list | tuple) or len(sent) % 2 or not 6 <= len(sent) <= 2 * MOST_CORNERS:
        return None
    numbers = tuple(number for number in sent if isinstance(number, int) and 0 <= number <= UNITS)
    return numbers if len(numbers) == len(sent) else None


def read_view(text: str) -> tuple[float, float, float] | None:
    """A view of the map: its middle, from 0 to 1, and how much nearer it is than all of the map."""
    found = re.fullmatch(r"(0(?:\.\d{1,4})?|1)~(0(?:\.\d{1,4})?|1)~(\d{1,3}(?:\.\d{1,3})?)", text)
    return None if found is None else checked_view([float(part) for part in found.groups()])


def checked_view(sent: object) -> tuple[float, float, float] | None:
    """A view as a browser sends it, which can send anything; None for what is not one."""
    match sent:
        case [float() | int() as x, float() | int() as y, float() | int() as zoom] if (
            -1 <= x <= 2 and -1 <= y <= 2 and 0.1 <= zoom <= 1000
        ):
            return float(x), float(y), float(zoom)
    return None


def inside_of(line: Line, places: Float[np.ndarray, "n 2"]) -> Bool[np.ndarray, " n"]:
    """Which places lie inside of a line: from which a ray crosses it an odd number of times.

    Args:
        line: the corners.
        places: in the square; NaN lies nowhere.
    """
    corners = np.array(line, np.float64).reshape(-1, 2) / UNITS
    x, y = places[:, 0], places[:, 1]
    inside = np.zeros(len(places), np.bool_)
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, 1, axis=0), strict=True):
        if y1 != y2:
            crosses = ((y1 > y) != (y2 > y)) & (x < (x2 - x1) * (y - y1) / (y2 - y1) + x1)
            inside ^= crosses
    return inside
