"""Thumbnails: small pictures of one size, row by row on one sheet for each shard, which is kept as JPEG."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from threading import Lock

import numpy as np
from jaxtyping import Int, UInt8

from cbam_core.atlas.layout import sheet_path
from cbam_core.atlas.plan import Plan
from cbam_core.errors import AtlasError
from cbam_core.files import write_atomically

KEPT = 1 << 26
"""Most bytes of sheets that are kept: 5 sheets of 4,096 thumbnails of 32 x 32."""

_QUALITY = 90


def blank_sheet(plan: Plan, number: int) -> UInt8[np.ndarray, "h w 3"]:
    """Return the black sheet of a shard; what its last row has too much stays black."""
    down = max(1, -(-plan.size(number) // plan.across))
    return np.zeros((down * plan.side, plan.across * plan.side, 3), np.uint8)


def tiles_of(sheet: UInt8[np.ndarray, "h w 3"], side: int) -> UInt8[np.ndarray, "down across side side 3"]:
    """Return a view of a sheet by its tiles."""
    down, across = sheet.shape[0] // side, sheet.shape[1] // side
    return sheet.reshape(down, side, across, side, 3).transpose(0, 2, 1, 3, 4)


def lay(
    sheet: UInt8[np.ndarray, "h w 3"], images: UInt8[np.ndarray, "n side side 3"], places: Int[np.ndarray, " n"]
) -> None:
    """Lay images on a sheet, which is changed, at places that are counted row by row."""
    tiles = tiles_of(sheet, images.shape[1])
    tiles[np.divmod(places, tiles.shape[1])] = images


def write_sheet(path: Path, sheet: UInt8[np.ndarray, "h w 3"]) -> None:
    """Write a sheet as JPEG without losing colours, complete or not at all.

    Into a file of the system, as other threads wait while Pillow encodes into memory.

    Raises:
        OSError: the folder cannot be written.
    """
    from PIL import Image

    picture = Image.fromarray(sheet)
    write_atomically(path, lambda file: picture.save(file, "JPEG", quality=_QUALITY, subsampling=0))


def read_sheet(path: Path, side: int) -> UInt8[np.ndarray, "n s s 3"]:
    """Read a sheet, and cut it into its images, with those that fill it up.

    Args:
        path: path of the sheet.
        side: side of an image in pixels.

    Raises:
        AtlasError: the sheet is missing or damaged.
    """
    from PIL import Image

    try:
        with Image.open(path, formats=["JPEG"]) as sheet:
            tiles = tiles_of(np.asarray(sheet.convert("RGB")), side)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise damaged_sheet(path) from error
    return np.ascontiguousarray(tiles.reshape(-1, side, side, 3))


def damaged_sheet(path: Path) -> AtlasError:
    """Return the error of a sheet that cannot be read, or is not of its shard."""
    return AtlasError(
        "atlas.damaged-sheet",
        "the thumbnails in {path} are missing or damaged; delete the file, and build the atlas again to replace it",
        path=str(path),
    )


class SheetThumbnails:
    """Small pictures of the images of an atlas.

    Args:
        folder: folder of the atlas.
        plan: its description.
    """

    def __init__(self, folder: Path, plan: Plan) -> None:
        self._folder, self._plan = folder, plan
        self._sheets: OrderedDict[int, np.ndarray] = OrderedDict()
        self._lock = Lock()

    def read(self, images: Int[np.ndarray, " n"]) -> UInt8[np.ndarray, "n side side 3"]:
        """Read the pictures of some images.

        Raises:
            AtlasError: a sheet is missing or damaged, or there is no such image.
        """
        side, size = self._plan.side, self._plan.shard_size
        if len(images) and not 0 <= images.min() <= images.max() < self._plan.count:
            raise AtlasError(
                "atlas.no-thumbnail",
                "images of this atlas are numbered from 0 to {last}; given {given}",
                last=self._plan.count - 1,
                given=str(images.tolist())[:60],
            )
        found = np.zeros((len(images), side, side, 3), np.uint8)
        for number in np.unique(images // size).tolist():
            own = images // size == number
            found[own] = self._sheet(number)[images[own] % size]
        return found

    def _sheet(self, number: int) -> np.ndarray:
        with self._lock:
            if number in self._sheets:
                self._sheets.move_to_end(number)
                return self._sheets[number]
        path = sheet_path(self._folder, number)
        sheet = read_sheet(path, self._plan.side)
        if len(sheet) < self._plan.size(number):
            raise damaged_sheet(path)
        with self._lock:
            self._sheets[number] = sheet
            while len(self._sheets) > 1 and sum(kept.nbytes for kept in self._sheets.values()) > KEPT:
                self._sheets.popitem(last=False)
        return sheet
