"""Choosing among the pictures that whoever runs the app has laid out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import streamlit as st

from app.components.strip import Tile, lay_out_tiles, strip
from app.words import Words
from cbam_core.viewer.payload import png

WORDS = Words({"reading": "Reading {count} pictures", "none": "There are no pictures in the folder yet."})

COLUMNS = 10


def choose_from_gallery(names: Sequence[str], tile: Callable[[int], np.ndarray], *, first: int, key: str) -> int | None:
    """Let the visitor choose a picture.

    Args:
        names: of the pictures' files.
        tile: a picture's thumbnail by its place; all of one size.
        first: place of the picture to begin with.
        key: of the widget.

    Returns:
        The picture's place; None where there are none.
    """
    if not names:
        st.info(WORDS["none"], icon=":material/folder_off:")
        return None
    said = WORDS["reading"].format(count=len(names))
    room = st.empty()
    tiles = []
    for place in range(len(names)):
        if place % 10 == 9:  # a moment at which a visitor who has gone on is noticed
            room.progress((place + 1) / len(names), text=said)
        tiles.append(tile(place))
    described = [Tile(place, name, "") for place, name in enumerate(names)]
    with room.container():
        return strip(png(lay_out_tiles(tiles, COLUMNS)), described, columns=COLUMNS, chosen=first, key=key)
