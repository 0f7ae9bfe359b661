"""One hundred CIFAR-10 test images that ship with the package, so that everything works before any download.

The first ten images of each class, in the order of the test set, are in one lossless sheet: ten rows of ten tiles, one
row for each class. ``python -m cbam_core.data.samples`` makes it again from the full data set.
"""

from __future__ import annotations

import functools
import io
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int, UInt8

from cbam_core.data.cifar10 import CLASSES, LabelledImages, open_split
from cbam_core.errors import CbamError
from cbam_core.files import write_atomically

SHEET = Path(__file__).with_name("samples.png")
INDEX = Path(__file__).with_name("samples.json")
PER_CLASS = 10

_FILMED = tuple(PER_CLASS * label for label in (0, 1, 2, 3, 4, 5, 7, 8))

SOURCE = "CIFAR-10 test set: the first ten images of each class, in order, unchanged"
CITATION = "A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009"


@dataclass(frozen=True, eq=False)
class SampleSheet:
    """The bundled images, row by row: the first ten are airplanes, the last ten are trucks.

    Attributes:
        images: uint8 RGB (100, 32, 32, 3), read-only.
        labels: uint8 (100,), indices into `CLASSES`, read-only.
        indices: int (100,), indices of the images in the CIFAR-10 test set, from 0, read-only.
    """

    images: UInt8[np.ndarray, "n 32 32 3"]
    labels: UInt8[np.ndarray, " n"]
    indices: Int[np.ndarray, " n"]


@functools.cache
def sample_sheet() -> SampleSheet:
    """Read the bundled sheet; once, then the same object is returned."""
    from PIL.PngImagePlugin import PngImageFile

    tiles = json.loads(INDEX.read_text(encoding="utf-8"))["tiles"]
    with PngImageFile(SHEET) as sheet:
        images = _cut(np.asarray(sheet))
    labels = np.array([tile["label"] for tile in tiles], dtype=np.uint8)
    indices = np.array([tile["index"] for tile in tiles], dtype=np.int64)
    for array in (images, labels, indices):
        array.setflags(write=False)
    return SampleSheet(images, labels, indices)


def film_images() -> tuple[UInt8[np.ndarray, "n 32 32 3"], UInt8[np.ndarray, " n"]]:
    """Return the images that every training run is filmed on, and their labels: the first of each of eight classes."""
    sheet = sample_sheet()
    return sheet.images[list(_FILMED)], sheet.labels[list(_FILMED)]


def build_sheet(test: LabelledImages, sheet: Path = SHEET, index: Path = INDEX) -> None:
    """Write the sheet and its index from the test split.

    Args:
        test: complete test split.
        sheet: PNG file to write.
        index: JSON file to write.
    """
    from PIL import Image

    indices = np.concatenate([np.flatnonzero(test.labels == label)[:PER_CLASS] for label in range(len(CLASSES))])
    content = io.BytesIO()
    Image.fromarray(_lay_out(test.images[indices])).save(content, "PNG", optimize=True)
    described = {
        "source": SOURCE,
        "citation": CITATION,
        "classes": CLASSES,
        "tiles": [{"index": int(i), "label": int(test.labels[i])} for i in indices],
    }
    text = json.dumps(described, indent=1) + "\n"
    write_atomically(sheet, lambda file: file.write(content.getvalue()))
    write_atomically(index, lambda file: file.write(text.encode()))


def _lay_out(images: UInt8[np.ndarray, "n 32 32 3"]) -> UInt8[np.ndarray, "h w 3"]:
    """Arrange (N, 32, 32, 3) as (N / 10 * 32, 320, 3), ten tiles in a row."""
    rows = images.reshape(-1, PER_CLASS, 32, 32, 3).transpose(0, 2, 1, 3, 4)
    return np.ascontiguousarray(rows.reshape(-1, PER_CLASS * 32, 3))


def _cut(sheet: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "n 32 32 3"]:
    """Cut (H, 320, 3) into (H / 32 * 10, 32, 32, 3), row by row."""
    tiles = sheet.reshape(-1, 32, PER_CLASS, 32, 3).transpose(0, 2, 1, 3, 4)
    return np.ascontiguousarray(tiles.reshape(-1, 32, 32, 3))


def main() -> int:
    """Make the bundled sheet again; return the exit status."""
    try:
        build_sheet(open_split("test"))
    except CbamError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{SHEET}\n{INDEX}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
