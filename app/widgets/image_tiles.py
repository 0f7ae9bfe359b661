"""Images of a set side by side, each with what is said of it, and a link to its page."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any
from urllib.parse import urlencode

import numpy as np
from jaxtyping import UInt8

from app.session import links
from app.session.choices import Choice
from app.session.tiles import lay_out_tiles
from app.session.words import Words, language, translated
from app.widgets.component import component
from cbam_core.viewer.payload import png

WORDS = Words({"opens": "{label}. Opens it in Inspect.", "list": "Images; move with the arrow keys"})

COLUMNS = 10
"""Thumbnails in a row of the sheet that the browser receives."""


@dataclass(frozen=True)
class ImageTile:
    """What is said of one image.

    Attributes:
        name: what it is, for its tool tip and those who do not see it: number, class, answer, value.
        lines: one or two short lines below it.
        link: what an address calls it, such as ``"test-17"``; None for one that no other page can show.
        wrong: whether its answer is wrong, which its second line shows.
    """

    name: str
    lines: tuple[str, ...]
    link: str | None
    wrong: bool = False


def image_tiles(
    pictures: UInt8[np.ndarray, "n side side 3"],
    tiles: Sequence[ImageTile],
    *,
    network: str | None,
    key: str,
    goes: Callable[[str], None] | None = None,
) -> None:
    """Show images; a click on one, or Enter, goes to its page.

    Args:
        pictures: thumbnails.
        tiles: what is said of each.
        network: the network as an address names it; None for one that no address can.
        key: of the widget.
        goes: called with the link of the image that was chosen; None to open it in Inspect.
    """
    if not len(tiles):
        return
    choice = Choice(key)
    go = goes or partial(_inspect, network)
    _component()(key=key, data=_data(pictures, tiles, network), on_opened_change=partial(_go, choice, tiles, go))


def _go(choice: Choice, tiles: Sequence[ImageTile], go: Callable[[str], None]) -> None:
    """Follow the link that was chosen; browsers can send anything."""
    asked = choice.get({}).get("opened")
    if asked in {tile.link for tile in tiles} and asked is not None:
        go(asked)


def _inspect(network: str | None, link: str) -> None:
    links.go("inspect", network=network, image=link)


def _data(
    pictures: UInt8[np.ndarray, "n side side 3"], tiles: Sequence[ImageTile], network: str | None
) -> dict[str, Any]:
    sheet = png(lay_out_tiles([*pictures], COLUMNS))
    words, code = translated(WORDS), language()
    return {
        "id": f"{hash((sheet, tuple(tiles), network, code)):x}",
        "sheet": base64.b64encode(sheet).decode("ascii"),
        "columns": COLUMNS,
        "rows": -(-len(tiles) // COLUMNS),
        "list": words["list"],
        "tiles": [
            {
                "name": tile.name if tile.link is None else words["opens"].format(label=tile.name),
                "lines": list(tile.lines),
                "link": tile.link,
                "query": None if tile.link is None else _query(tile.link, network, code),
                "wrong": tile.wrong,
            }
            for tile in tiles
        ],
    }


def _query(link: str, network: str | None, code: str) -> str:
    """The address of an image's page, for a new tab."""
    named = {} if network is None else {"network": network}
    return "?" + urlencode({"lang": code, **named, "image": link})


@cache
def _component() -> Any:
    return component("image_tiles", '<ul class="images"></ul>')
