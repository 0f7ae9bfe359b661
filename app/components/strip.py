"""A strip of thumbnails to choose from, with a filter by class and a random choice."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

import streamlit as st

from app.components.ahead import told_of
from app.words import Words, class_name, language


@dataclass(frozen=True)
class Tile:
    """One thumbnail.

    Attributes:
        index: what choosing it returns.
        label: its name for screen readers and as a tool tip.
        class_: what the filter goes by.
    """

    index: int
    label: str
    class_: str


WORDS = Words(
    {
        "random": "Random",
        "list": "Images to choose from; arrow keys move",
        "class": "Class",
        "all": "all",
        "count": "{count} images",
    }
)


def strip(sheet: bytes, tiles: Sequence[Tile], *, columns: int, chosen: int, key: str, of: str = "") -> int:
    """Show thumbnails in one row, and return the index of the chosen one.

    Args:
        sheet: PNG with the thumbnails in rows of `columns`, in the order of `tiles`.
        tiles: what each thumbnail is.
        columns: thumbnails in a row of the sheet.
        chosen: index that is chosen at first.
        key: of the widget; also the channel of results sent ahead.
        of: the network whose results are shown, see `app.components.ahead`.
    """
    # The data stay the same while the visitor chooses, so that Streamlit sends the sheet only once.
    data = _data(sheet, tuple(tiles), columns, chosen, key, told_of(of), language())
    result = _component()(key=key, data=data, on_chosen_change=lambda: None)
    picked = result.get("chosen")
    known = {tile.index for tile in tiles}
    return picked if isinstance(picked, int) and picked in known else chosen


@lru_cache(maxsize=64)
def _data(
    sheet: bytes, tiles: tuple[Tile, ...], columns: int, chosen: int, channel: str, of: str, language: str
) -> dict[str, Any]:
    described = [{**asdict(tile), "class": tile.class_} for tile in tiles]
    classes = list(dict.fromkeys(tile.class_ for tile in tiles))
    return {
        "id": f"{hash((sheet, tiles, language)):x}",
        "pictures": f"{hash(sheet):x}",
        "sheet": base64.b64encode(sheet).decode("ascii"),
        "tiles": described,
        "columns": columns,
        "classes": classes,
        "names": list(map(class_name, classes)),
        "chosen": chosen,
        "words": dict(WORDS),
        "channel": channel,
        "of": of,
    }


@cache
def _component() -> Any:
    folder = files("app.components")
    return st.components.v2.component(
        "cbam_lens.strip",
        html='<div class="strip"></div>',
        css=folder.joinpath("strip.css").read_text(encoding="utf-8"),
        js=folder.joinpath("strip.js").read_text(encoding="utf-8"),
    )
