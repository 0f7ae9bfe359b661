"""The images that the operator has provided for every visitor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import streamlit as st

from app.services.dataset import operators_set
from app.services.file_version import Stamp, stamp_of
from app.session.scheduling import slot
from app.session.tiles import lay_out_tiles
from app.session.uploads import Upload, uploaded
from cbam_core.data.folder import MOST as MOST_IMAGES
from cbam_core.data.folder import GalleryImage, list_images, thumbnail
from cbam_core.data.images import MAX_BYTES
from cbam_core.errors import CbamError, DataError, ImageError
from cbam_core.places import image_folder
from cbam_core.viewer.payload import png

TILE = 88
"""Side of a thumbnail of the gallery, pixels: twice the side on the page, for dense screens."""

MOST_SHEETS = 4
"""Sheets that are remembered: the folder as it is, and as it was a moment ago."""


def has_gallery() -> bool:
    """Whether the operator has provided images for every visitor, and not a folder of classes."""
    return image_folder() is not None and operators_set() is None


def gallery() -> tuple[GalleryImage, ...]:
    """The images that the operator has provided for every visitor.

    Raises:
        DataError: the folder cannot be read.
    """
    folder = image_folder()
    return () if folder is None else list_images(folder)


def gallery_by_name() -> dict[str, GalleryImage]:
    """The same by the names of their files; none where the folder cannot be read, which the part that shows it says."""
    try:
        return {image.name: image for image in gallery()}
    except CbamError:
        return {}


def gallery_sheet(images: Sequence[GalleryImage], columns: int, report: Callable[[int], object]) -> bytes:
    """Thumbnails of images as one PNG, so many in a row; grey where a file cannot be shown.

    Args:
        images: which.
        columns: thumbnails in a row.
        report: called now and then with the number of those that are done, where they are not known yet.
    """
    files, sheets = tuple((str(image.path), stamp_of(image.path)) for image in images), _sheets()
    sheet = sheets.get((columns, files))
    if sheet is None:
        tiles = []
        for path, stamp in files:
            tiles.append(_gallery_tile(path, stamp))
            if len(tiles) % 10 == 0:
                report(len(tiles))
        with slot():
            sheet = sheets[columns, files] = png(lay_out_tiles(tiles, columns))
        while len(sheets) > MOST_SHEETS:
            sheets.pop(next(iter(sheets)), None)
    return sheet


def gallery_file(image: GalleryImage) -> Upload:
    """An image of the gallery as if the visitor had uploaded it.

    Raises:
        DataError: the file is gone, or grew too large.
    """
    return _gallery_file(str(image.path), stamp_of(image.path))


@st.cache_resource(show_spinner=False)
def _sheets() -> dict[tuple[int, tuple[tuple[str, Stamp | None], ...]], bytes]:
    """A place to remember sheets in: a cached function that made them could not say how far it is."""
    return {}


@st.cache_data(max_entries=2 * MOST_IMAGES, show_spinner=False)
def _gallery_tile(path: str, stamp: Stamp | None) -> np.ndarray:
    try:
        with slot():
            return thumbnail(Path(path), TILE)
    except ImageError:
        return np.full((TILE, TILE, 3), 128, np.uint8)


@st.cache_resource(max_entries=8, show_spinner=False)  # bytes are never changed
def _gallery_file(path: str, stamp: Stamp | None) -> Upload:
    file = Path(path)
    try:
        with file.open("rb") as opened:
            content = opened.read(MAX_BYTES + 1)  # a larger one is refused when it is decoded
    except OSError as error:
        raise DataError(
            "gallery.gone",
            "{name} can no longer be read ({reason}); choose another image",
            name=file.name,
            reason=error.strerror or type(error).__name__,
        ) from error
    return uploaded(file.name, content)
