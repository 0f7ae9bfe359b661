"""Every word on the map's canvas and around it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.session.words import Words, translated

WORDS = Words(
    {
        "map": "Map of the images. Arrow keys move it, plus and minus zoom, 0 shows all, Enter selects the image in "
        "the middle.",
        "help": "Drag to move; wheel, two fingers or + and − to zoom, 0 for all. Draw with the lasso around images, "
        "or a box while holding Shift: they become the slice of the page. A click selects an image.",
        "tools": "What dragging does",
        "move": "Move",
        "lasso": "Lasso",
        "nearer": "Zoom in",
        "farther": "Zoom out",
        "all": "Show all",
        "view": "Slice of what is in view",
        "layout": "Layout",
        "colours": "Colours",
        "draw": "Draw",
        "right": "right",
        "wrong": "wrong",
        "unknown": "not known",
        "image": "image {number}",
        "answer": "answer: {answer}, {share} %",
        "neighbours": "Its neighbours",
        "inspect": "Open in Inspect",
        "leave": "Clear the selection",
        "nothing": "No image lies inside.",
        "chosen": "{count} images lie inside.",
    }
)

COLOUR_WORDS = Words({"class": "class", "answer": "answer", "right": "right or wrong", "confidence": "confidence"})
"""What colours can say."""

DRAW_WORDS = Words({"auto": "thumbnails from near", "images": "thumbnails", "points": "points"})
"""How images can be drawn."""


def words_of_map(kinds: Sequence[str] = tuple(COLOUR_WORDS)) -> dict[str, Any]:
    """The words as ``map.js`` is given them, in the session's language.

    Args:
        kinds: what colours can say of the images.
    """
    colours = {kind: COLOUR_WORDS[kind] for kind in kinds}
    return {"words": translated(WORDS), "colour_kinds": colours, "draw_kinds": translated(DRAW_WORDS)}
