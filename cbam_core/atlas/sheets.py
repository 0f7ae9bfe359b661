"""Thumbnails, read from their sheets; the sheets that were read last are kept."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from threading import Lock

import numpy as np
from jaxtyping import Int, UInt8

from cbam_core.atlas.layout import sheet_path
from cbam_core.atlas.plan import Plan
from cbam_core.atlas.shards import damaged_sheet, decode_sheet

KEPT = 1 << 26
"""Most bytes of sheets that are kept: 8 sheets of 2,560 thumbnails of 32 x 32."""


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
            AtlasError: a sheet is missing or damaged.
            IndexError: there is no such image.
        """
        side, size = self._plan.side, self._plan.shard_size
        if len(images) and not 0 <= images.min() <= images.max() < self._plan.count:
            raise IndexError(f"images are numbered from 0 to {self._plan.count - 1}")
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
        sheet = decode_sheet(path, self._plan.side)
        if len(sheet) < self._plan.size(number):
            raise damaged_sheet(path)
        with self._lock:
            self._sheets[number] = sheet
            while len(self._sheets) > 1 and sum(kept.nbytes for kept in self._sheets.values()) > KEPT:
                self._sheets.popitem(last=False)
        return sheet
