"""A figure for a paper: the choice of its width, and its files, each made only when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

import streamlit as st

from app.session.choices import Choice
from app.session.scheduling import in_slot
from app.session.words import Words
from app.widgets.choices import choose_one
from cbam_core.render.paper.printed import MEDIA_TYPES, Kind, PrintedFigure
from cbam_core.results.layout import COLUMN, PAGE

WORDS = Words(
    {
        "paper": "Figure for print, laid out in millimetres",
        "width": "Width of the figure",
        "page": "174 mm",
        "column": "84 mm",
        "pdf": "PDF",
        "svg": "SVG",
        "png": "PNG",
        "caption": "Caption",
    }
)

WIDTHS: Mapping[str, float] = MappingProxyType({"page": PAGE, "column": COLUMN})
"""Widths in mm that can be chosen: two columns of a journal's page, and one."""


def paper_downloads(make: Callable[[float], PrintedFigure], *, stem: str, digest: str, key: str) -> None:
    """Offer a figure for a paper as PDF, SVG and PNG, and its caption as text.

    Args:
        make: draws the figure in a width in mm; called when the script has long run.
        stem: what the files' names begin with.
        digest: of all that the figure shows but its width.
        key: what the widgets' keys begin with.
    """
    st.caption(WORDS["paper"])
    chosen = f"{key}-width"
    Choice(chosen).begin("page")
    width = WIDTHS[choose_one(WORDS["width"], [*WIDTHS], WORDS, key=chosen)]
    name = f"{stem}-{width:.0f}mm-{digest}"
    with st.container(horizontal=True, gap="small"):
        for kind, media_type in MEDIA_TYPES.items():
            _button(WORDS[kind], f"{name}.{kind}", partial(_file, make, width, kind), f"{key}-{kind}", media_type)
        _button(WORDS["caption"], f"{name}.txt", partial(_caption, make, width), f"{key}-caption", "text/plain")


def _file(make: Callable[[float], PrintedFigure], width: float, kind: Kind) -> bytes:
    return make(width).as_bytes(kind)


def _caption(make: Callable[[float], PrintedFigure], width: float) -> bytes:
    return f"{make(width).caption}\n".encode()


def _button(label: str, file_name: str, make: Callable[[], bytes], key: str, media_type: str) -> None:
    st.download_button(
        label,
        in_slot(make),
        file_name=file_name,
        mime=media_type,
        on_click="ignore",
        key=key,
        width="content",
    )
