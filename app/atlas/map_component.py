"""The canvas that draws a map of images, and what it tells."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from app.widgets.component import component, script

PACKAGE = "app.atlas"
PARTS = ("map_grid", "map_sheets", "map_tiles", "map_paint", "map_gestures", "map_parts")
"""Scripts that stand before the component's own, in order."""

HTML = '<div class="map"></div>'


def _nothing() -> None:
    """Do nothing."""


@dataclass(frozen=True)
class Told:
    """What is called before the page runs again.

    Attributes:
        picked: an image was clicked.
        line: a line was drawn around images.
        opened: a button of the selected image was pressed.
        state: the view, the layout, the colours or the way of drawing changed.
    """

    picked: Callable[[], None] = _nothing
    line: Callable[[], None] = _nothing
    opened: Callable[[], None] = _nothing
    state: Callable[[], None] = _nothing


def map_canvas(data: Mapping[str, Any], told: Told, *, key: str) -> Mapping[str, Any]:
    """Draw the map; what the browser says of it is in what is returned, and can be anything.

    Args:
        data: what ``map.js`` is given.
        told: what is called.
        key: of the widget.
    """
    said: Mapping[str, Any] = _component()(
        key=key,
        data=data,
        on_picked_change=told.picked,
        on_line_change=told.line,
        on_opened_change=told.opened,
        on_view_change=told.state,
        on_colours_change=told.state,
        on_draw_change=told.state,
        on_layout_change=told.state,
    )
    return said


def map_scripts() -> str:
    """The scripts before the component's own, in one."""
    return "".join(script(name, PACKAGE) for name in PARTS)


@cache
def _component() -> Any:
    return component("map", HTML, before=map_scripts(), package=PACKAGE)
