"""JPEGs that lack their end, and those that are decoded at a reduced size."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from cbam_core.errors import Message
from cbam_core.results.frame import SCALES

END = b"\xff\xd9"
"""Marker at the end of every complete JPEG."""

ENOUGH = 50
"""Share of the rows, in percent, from which on a JPEG that is cut off is shown."""

COMPARED_PIXELS = 4_000_000
"""Size at which a JPEG that is cut off is decoded to find its missing rows."""

MOST_PIXELS = 250_000_000
"""Largest JPEG, in pixels: the sensors of cameras and phones have at most 200 million."""

MOST_PROGRESSIVE_PIXELS = 80_000_000
"""Largest progressive JPEG, whose coefficients all stay in memory: three bytes for each pixel."""

FILLERS = (b"\x55" * 64, b"\xa6\x31" * 32)
"""Bytes that decode to different rows where a file is cut off, and are skipped where all rows are there."""

SCAN = b"\xff\xda"
"""Marker of a scan, which cannot occur inside compressed data."""


def is_progressive(image: Image.Image) -> bool:
    """Check whether a JPEG, its header read, stores its image in several scans."""
    return bool(image.info.get("progressive") or image.info.get("progression"))


@dataclass(frozen=True)
class Size:
    """How much of a JPEG is decoded.

    Attributes:
        most: number of pixels; more are never decoded.
        spare: factor by which each side may be smaller than the file's, at least 1.
    """

    most: int
    spare: float = 1.0

    def scale(self, width: int, height: int) -> int:
        """Return the pixels of the file for each decoded pixel along each side, one of `SCALES`."""
        allowed = max(scale for scale in SCALES if scale <= max(1.0, self.spare))
        needed = next((scale for scale in SCALES if width * height <= self.most * scale**2), SCALES[-1])
        return max(allowed, needed)

    def is_too_small(self, width: int, height: int) -> bool:
        """Check that a file has more pixels than are ever decoded."""
        return width * height > self.most


def reduce(image: JpegImageFile, size: Size) -> list[Message]:
    """Have a JPEG decoded at a half, a quarter or an eighth of its size, where that is enough.

    Args:
        image: the opened file; its pixels are not decoded yet.
        size: how much of it is decoded.

    Returns:
        A note if the file has more pixels than are ever decoded.
    """
    width, height = image.size
    scale = size.scale(width, height)
    if scale > 1:
        image.draft(None, (width // scale, height // scale))
    if not size.is_too_small(width, height):
        return []
    values = {"width": width, "height": height, "scale": scale}
    return [
        Message(
            "image.reduced",
            "of {width}×{height} pixels, one of {scale} was decoded in each direction, which is enough for a network",
            values,
        )
    ]


def load_cut_off(content: bytes, size: Size) -> tuple[JpegImageFile, Message] | None:
    """Decode a JPEG whose end is missing.

    Args:
        content: the file.
        size: how much of it is decoded.

    Returns:
        The image, missing rows filled in by the decoder, and a note on how many are there; None where the file is not
        just cut off, or less than half of it is there.
    """
    if content.rstrip(b"\0").endswith(END):
        return None
    whole = _decoded(content + END, size)
    percent = _rows_there(content)
    if percent == 100:
        return whole, Message("image.no-end", "the file lacks its last bytes, but every row of the image is there")
    if is_progressive(whole):
        return (
            (whole, Message("image.cut-off-detail", "the file is cut off: details of the image are missing"))
            if content.count(SCAN) > 1
            else None
        )
    if percent < ENOUGH:
        return None
    return whole, Message(
        "image.cut-off",
        "the file is cut off: {percent} % of the rows are there, and the others were filled in",
        {"percent": percent},
    )


def _rows_there(content: bytes) -> int:
    """Return the share in percent of the rows that are the same whatever follows the end of the file."""
    first, *others = (_rows(_decoded(content + more + END, Size(COMPARED_PIXELS))) for more in (b"", *FILLERS))
    same = np.all([(first == other).all(axis=1) for other in others], axis=0)
    return 100 if same.all() else 100 * int(same.argmin()) // len(same)


def _rows(image: Image.Image) -> np.ndarray:
    pixels = np.frombuffer(image.tobytes(), np.uint8)
    return pixels.reshape(image.height, -1)


def _decoded(content: bytes, size: Size) -> JpegImageFile:
    image = JpegImageFile(io.BytesIO(content))
    reduce(image, size)
    image.load()
    return image
