"""What the map of an atlas is given: places in a square, sheets of thumbnails in their order, and what it sends."""

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

from app import services
from app.session.tiles import lay_out_tiles
from cbam_core.atlas.regions import MOST_CORNERS, UNITS, Line, squared

if TYPE_CHECKING:
    from cbam_core.atlas.atlas import Atlas

STEPS = 65535
"""Steps of a place across the square."""

COLUMNS = 16
"""Thumbnails in a row of a sheet, and rows of a full one."""

MOST_IMAGES = 10_000
"""Images that are drawn; of more, as many are drawn that lie evenly among them."""


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
    found = squared(points)
    known = np.flatnonzero(np.isfinite(found).all(axis=1))
    drawn = known if known.size <= most else known[np.linspace(0, known.size - 1, most).astype(np.int64)]
    return Places(found, drawn[np.argsort(_along_curve(found[drawn]), kind="stable")])


def places_in(atlas: Atlas, method: str) -> Places:
    """Where the images of an atlas lie on a map of it, remembered.

    Raises:
        AtlasError: there is no such map, or it was not computed yet.
    """
    found = services.map_of(atlas, method)
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
