"""A button that copies the page's address, which says what is on it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import streamlit as st

from app.session.words import Words, translated
from app.widgets.component import component

if TYPE_CHECKING:
    from app.streamlit_internals import Container

WORDS = Words(
    {
        "copy": "Copy link",
        "copied": "Copied",
        "help": "Copy an address that shows others what you see here",
        "field": "Address of what you see",
        "impossible": "Uploads cannot be linked. Download everything as a ZIP instead.",
        "no_zip": "Uploads cannot be linked.",
    }
)

# A chain; drawn for this button.
_ICON = (
    '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M7 7h4v2H7a3 3 0 0 0 0 6h4v2H7A5 5 0 0 1 7 7Zm6 0h4a5 5 0 0 '
    '1 0 10h-4v-2h4a3 3 0 0 0 0-6h-4V7Zm-5 4h8v2H8v-2Z"/></svg>'
)


def copy_link(
    *,
    possible: bool = True,
    zipped: bool = True,
    query: str | None = None,
    below: Container | None = None,
    key: str,
) -> None:
    """Offer to copy the address, or say why there is none.

    Args:
        possible: whether the address says all that is on the page; not where the visitor uploaded something.
        zipped: whether the page offers a ZIP instead.
        query: what the copied address says where the page's own address does not say what is on it; else None.
        below: where the sentence stands that says why there is none; None for below the button.
        key: of the widget.
    """
    words = translated(WORDS)
    reason = words["impossible" if zipped else "no_zip"]
    _component()(key=key, data={"possible": possible, "query": query, "words": {**words, "impossible": reason}})
    if not possible:
        (below or st).caption(reason)


@cache
def _component() -> Any:
    button = f'<button type="button">{_ICON}<span></span></button>'
    return component("copy_link", f'{button}<input readonly hidden><span role="status"></span>')
