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
from app.session.words import Words, language
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


@dataclass(frozen=True)
class Target:
    """Where tiles lead, if not to Inspect.

    Attributes:
        go: called with the link of the tile that was chosen.
        address: below the app's own, with its query, of a link; for a new tab.
        opens: what a tile's name says of it; ``{label}`` stands for the name.
    """

    go: Callable[[str], None]
    address: Callable[[str], str]
    opens: str


def image_tiles(
    pictures: UInt8[np.ndarray, "n height side 3"],
    tiles: Sequence[ImageTile],
    *,
    network: str | None,
    key: str,
    target: Target | None = None,
    side: int | None = None,
) -> None:
    """Show images; a click on one, or Enter, goes to its page.

    Args:
        pictures: thumbnails, all of one shape.
        tiles: what is said of each.
        network: the network as an address names it; None for one that no address can.
        key: of the widget.
        target: where the images lead; None for Inspect.
        side: least width of a tile in pixels; None for the usual one.
    """
    if not len(tiles):
        return
    choice, to = Choice(key), target or _inspect(network)
    _component()(
        key=key, data=_data(pictures, tiles, to) | {"side": side}, on_opened_change=partial(_go, choice, tiles, to)
    )


def _go(choice: Choice, tiles: Sequence[ImageTile], target: Target) -> None:
    """Follow the link that was chosen; browsers can send anything."""
    asked = choice.get({}).get("opened")
    if asked in {tile.link for tile in tiles} and asked is not None:
        target.go(asked)


def _inspect(network: str | None) -> Target:
    def go(link: str) -> None:
        links.go("inspect", network=network, image=link)

    return Target(go, lambda link: address_of("", network=network, image=link), WORDS["opens"])


def address_of(page: str, **parameters: str | None) -> str:
    """The address of a page below the app's own, in the session's language.

    Args:
        page: the page's folder; "" for the first one.
        **parameters: of the address; those that are None are left out.
    """
    known = {name: value for name, value in parameters.items() if value is not None}
    return f"{page}?{urlencode({'lang': language(), **known})}"


def _data(pictures: UInt8[np.ndarray, "n height side 3"], tiles: Sequence[ImageTile], target: Target) -> dict[str, Any]:
    sheet = png(lay_out_tiles([*pictures], COLUMNS))
    listed = [
        {
            "name": tile.name if tile.link is None else target.opens.format(label=tile.name),
            "lines": list(tile.lines),
            "link": tile.link,
            "query": None if tile.link is None else target.address(tile.link),
            "wrong": tile.wrong,
        }
        for tile in tiles
    ]
    height, width = pictures.shape[1:3]
    return {
        "id": f"{hash((sheet, str(listed), language())):x}",
        "sheet": base64.b64encode(sheet).decode("ascii"),
        "columns": COLUMNS,
        "rows": -(-len(tiles) // COLUMNS),
        "shape": f"{width} / {height}",
        "list": WORDS["list"],
        "tiles": listed,
    }


@cache
def _component() -> Any:
    return component("image_tiles", '<style class="sheet"></style><ul class="images"></ul>')
