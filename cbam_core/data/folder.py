"""Pictures in a folder that whoever runs the app has chosen, for every visitor to look at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from cbam_core.data.images import decode
from cbam_core.errors import DataError

ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".avif", ".gif", ".bmp", ".tif", ".tiff")
"""Of files that are looked at; what is in them decides whether they are pictures."""

MOST = 200
"""Pictures of a folder that are shown, the first by name."""


@dataclass(frozen=True)
class GalleryPicture:
    """One picture file.

    Attributes:
        name: of the file, which stands for it in links.
        path: of the file.
    """

    name: str
    path: Path


def list_pictures(folder: Path) -> tuple[GalleryPicture, ...]:
    """The first `MOST` picture files of a folder by name; see `all_pictures`."""
    return all_pictures(folder)[:MOST]


def all_pictures(folder: Path) -> tuple[GalleryPicture, ...]:
    """The picture files of a folder by name, without those of its sub folders.

    Left out are hidden files, files that are not there any more, and those whose names hold what no text can, as those
    of an archive in another encoding.

    Raises:
        DataError: the folder is none, or may not be read.
    """
    try:
        found = sorted(path for path in folder.iterdir() if path.suffix.lower() in ENDINGS)
    except OSError as error:
        raise DataError(
            "gallery.unreadable",
            "the image folder {folder} cannot be read ({reason}); set CBAM_IMAGE_DIR to a folder of images",
            folder=str(folder),
            reason=error.strerror or type(error).__name__,
        ) from error
    named = [path for path in found if not path.name.startswith(".") and path.name.isprintable()]
    return tuple(GalleryPicture(path.name, path) for path in named if path.is_file())


def thumbnail(path: Path, side: int) -> UInt8[np.ndarray, "s s 3"]:
    """The middle square of a picture file, made small.

    Args:
        path: of the file.
        side: of the result, pixels.

    Raises:
        ImageError: the file is no picture that can be read.
    """
    pixels = decode(path).pixels
    height, width = pixels.shape[:2]
    square = min(height, width)
    top, left = (height - square) // 2, (width - square) // 2
    middle = Image.fromarray(np.ascontiguousarray(pixels[top : top + square, left : left + square]))
    return np.asarray(middle.resize((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0))
