"""Image files in a folder, such as the one that the app's operator shows to every visitor."""

from __future__ import annotations

import importlib.util
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from cbam_core.data.fitting import spare_for_input
from cbam_core.data.images import decode
from cbam_core.errors import DataError

ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".avif", ".gif", ".bmp", ".tif", ".tiff")
"""Endings of files that are listed; their contents decide whether they are images."""

HEIC_ENDINGS = (".heic", ".heif")
"""Endings of photos that need the optional decoder."""

Why = Literal["hidden", "ending", "unprintable", "missing"]
"""Why a file of a folder is not among its images."""

MOST = 200
"""Largest number of images of a folder that are shown, the first by name."""


@dataclass(frozen=True)
class GalleryImage:
    """One image file.

    Attributes:
        name: file name, which identifies it in links.
        path: path of the file.
    """

    name: str
    path: Path


@dataclass
class Unlisted:
    """Files of a folder that are not among its images, counted by why.

    Attributes:
        hidden: files whose name, or that of a folder below, begins with a dot.
        ending: files without the ending of an image that can be read.
        unprintable: files whose name cannot be printed.
        missing: links that lead nowhere, and what is neither a file nor a folder.
        first: path of one of them in the folder; "" where there is none.
    """

    hidden: int = 0
    ending: int = 0
    unprintable: int = 0
    missing: int = 0
    first: str = ""

    def __len__(self) -> int:
        """Number of files."""
        return self.hidden + self.ending + self.unprintable + self.missing

    def lists(self, path: Path, root: Path) -> bool:
        """Check by its name that a file is listed, and that it is there; count it if it is not.

        Args:
            path: path of the file.
            root: the folder.
        """
        inside = path.relative_to(root)
        why: Why
        if any(part.startswith(".") for part in inside.parts):
            why = "hidden"
        elif not path.name.lower().endswith(endings()):
            why = "ending"
        elif not str(inside).isprintable():
            why = "unprintable"
        elif not path.is_file():
            why = "missing"
        else:
            return True
        if not path.is_dir():
            self.leave_out(why, inside)
        return False

    def leave_out(self, why: Why, inside: Path) -> None:
        """Count a file that is not listed.

        Args:
            why: why it is not.
            inside: its path in the folder.
        """
        setattr(self, why, getattr(self, why) + 1)
        self.first = self.first or str(inside)


@cache
def endings() -> tuple[str, ...]:
    """Return the endings of files that can be read here: those of HEIC photos where their decoder is installed."""
    return (*ENDINGS, *(HEIC_ENDINGS if importlib.util.find_spec("pillow_heif") else ()))


def list_images(folder: Path) -> tuple[GalleryImage, ...]:
    """List the first `MOST` image files of a folder by name; see `all_images`."""
    return all_images(folder)[:MOST]


def all_images(folder: Path, unlisted: Unlisted | None = None) -> tuple[GalleryImage, ...]:
    """List the image files of a folder by name, without those of its subfolders.

    Hidden files, files that no longer exist, and those with unprintable names (as from an archive in another encoding)
    are left out.

    Args:
        folder: the folder.
        unlisted: counts what is left out.

    Raises:
        DataError: the folder does not exist, or cannot be read.
    """
    try:
        found = sorted(folder.iterdir())
    except OSError as error:
        raise DataError(
            "gallery.unreadable",
            "the image folder {folder} cannot be read ({reason}); set CBAM_IMAGE_DIR to a folder of images",
            folder=str(folder),
            reason=error.strerror or type(error).__name__,
        ) from error
    left_out = Unlisted() if unlisted is None else unlisted
    return tuple(GalleryImage(path.name, path) for path in found if left_out.lists(path, folder))


def thumbnail(path: Path, side: int) -> UInt8[np.ndarray, "s s 3"]:
    """Make a small square image of the middle of an image file.

    Args:
        path: path of the file.
        side: side of the result in pixels.

    Raises:
        ImageError: the file is not an image that can be read.
    """
    image = decode(path, spare=lambda original: spare_for_input(original, (side, side)))
    width, height = image.grid.size
    square = min(height, width)
    x, y = (width - square) // 2, (height - square) // 2
    left, top, right, bottom = image.grid.decoded((float(x), float(y), float(x + square), float(y + square)))
    first, above = math.floor(left), math.floor(top)
    middle = Image.fromarray(np.ascontiguousarray(image.pixels[above : math.ceil(bottom), first : math.ceil(right)]))
    box = (left - first, top - above, right - first, bottom - above)
    return np.asarray(middle.resize((side, side), Image.Resampling.LANCZOS, box=box, reducing_gap=2.0))
