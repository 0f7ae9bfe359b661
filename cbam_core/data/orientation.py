"""Turning images upright, as their camera recorded, and finding their pixels on the original again."""

from __future__ import annotations

from PIL import Image

from cbam_core.data.headers import orientation
from cbam_core.results.frame import Grid

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

_SWAPPED = {5, 6, 7, 8}
"""Orientations that swap width and height."""

_ENDS_AT_LEFT, _ENDS_AT_TOP = {2, 3, 6, 7}, {3, 4, 7, 8}
"""Orientations after which the end of the stored rows or columns lies at the left, or at the top."""


def upright(image: Image.Image, turned: int) -> Image.Image | None:
    """Turn an image upright; None where it is already.

    Args:
        image: the decoded image.
        turned: its orientation, 1 to 8; see `headers.orientation`.
    """
    turn = _TURNS.get(turned)
    return None if turn is None else image.transpose(turn)


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Return the (width, height) of an opened file after it is turned upright."""
    return image.size[::-1] if orientation(image.info.get("exif")) in _SWAPPED else image.size


def upright_grid(stored: tuple[int, int], decoded: Image.Image, scale: int) -> Grid:
    """Return where the pixels of a reduced image lie on the original, once it is turned upright.

    Args:
        stored: (width, height) of the original as it is stored.
        decoded: the decoded image, as it is stored; its last row and column may extend beyond the original.
        scale: pixels of the original for each decoded pixel, along each side.
    """
    turned = orientation(decoded.info.get("exif"))
    beyond = (scale * decoded.width - stored[0], scale * decoded.height - stored[1])
    if turned in _SWAPPED:
        stored, beyond = stored[::-1], beyond[::-1]
    start = (-beyond[0] if turned in _ENDS_AT_LEFT else 0, -beyond[1] if turned in _ENDS_AT_TOP else 0)
    return Grid(stored, scale, start)
