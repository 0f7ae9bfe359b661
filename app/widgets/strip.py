"""A strip of thumbnails to choose from, with a filter by class and a random choice."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache, lru_cache
from typing import Any

from app.session.tiles import Tile
from app.session.words import Words, class_name, language, translated
from app.widgets.component import component
from app.widgets.prefetch import NO_LANE, Lane, results_key

WORDS = Words(
    {
        "random": "Random",
        "list": "Images to choose from; move with the arrow keys",
        "class": "Class",
        "all": "all",
        "count": "Images: {count}",
    }
)


@dataclass(frozen=True)
class PageChoice:
    """The thumbnail that the page chooses, and not the visitor.

    Attributes:
        index: of the image.
        generation: another number whenever the page chooses anew; the strip in the browser follows then.
    """

    index: int
    generation: int = 0


def strip(
    sheet: bytes,
    tiles: Sequence[Tile],
    *,
    columns: int,
    chosen: PageChoice,
    key: str,
    tools: bool = True,
    prefetched: Lane = NO_LANE,
    on_choice: Callable[[], None] = lambda: None,
) -> int:
    """Show thumbnails in one row, and return the index of the chosen one.

    Args:
        sheet: PNG with the thumbnails in rows of `columns`, in the order of `tiles`.
        tiles: what each thumbnail is.
        columns: thumbnails in a row of the sheet.
        chosen: what is chosen at first, and again with every new generation; the same within a generation.
        key: of the widget.
        tools: show the filter by class, where there are several, the random choice and the count.
        prefetched: which results were sent ahead for these thumbnails, see `app.widgets.prefetch`.
        on_choice: called before the page runs with a new choice.
    """
    # The data stay the same while the visitor chooses, so that Streamlit sends the sheet only once.
    data = _data(
        sheet, tuple(tiles), columns, chosen, prefetched.channel, results_key(prefetched.network), tools, language()
    )
    result = _component()(key=key, data=data, on_chosen_change=on_choice)
    picked = picked_in(chosen.generation, result)
    return picked if picked in {tile.index for tile in tiles} else chosen.index


def picked_in(generation: int, state: Mapping[str, Any]) -> int | None:
    """The index that a visitor chose since the page chose last; None where they chose none.

    Args:
        generation: the page's.
        state: what the browser says of a strip; browsers can send anything.
    """
    match state.get("chosen"):
        case [int() as sent, int() as index] if sent == generation:
            return index
    return None


@lru_cache(maxsize=64)
def _data(
    sheet: bytes,
    tiles: tuple[Tile, ...],
    columns: int,
    chosen: PageChoice,
    channel: str,
    key: str,
    tools: bool,
    language: str,
) -> dict[str, Any]:
    return {
        **_pictures(sheet, tiles, columns, language),
        "generation": chosen.generation,
        "chosen": chosen.index,
        "words": translated(WORDS),
        "tools": tools,
        "channel": channel,
        "of": key,
    }


@lru_cache(maxsize=64)
def _pictures(sheet: bytes, tiles: tuple[Tile, ...], columns: int, language: str) -> dict[str, Any]:
    classes = list(dict.fromkeys(tile.class_ for tile in tiles))
    return {
        "id": f"{hash((sheet, tiles, language)):x}",
        "pictures": f"{hash(sheet):x}",
        "sheet": base64.b64encode(sheet).decode("ascii"),
        "tiles": [{**asdict(tile), "class": tile.class_} for tile in tiles],
        "columns": columns,
        "classes": classes,
        "names": list(map(class_name, classes)),
    }


@cache
def _component() -> Any:
    return component("strip", '<div class="strip"></div>')
