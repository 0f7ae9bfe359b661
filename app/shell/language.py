"""The switch between languages, and the language that the document says it is in."""

from __future__ import annotations

from functools import cache
from typing import Any

import streamlit as st

from app.session import links
from app.session.choices import Choice, Remembered
from app.session.words import LANGUAGES, Words, change_language, language, settle_language
from app.widgets.choices import choose_one
from app.widgets.component import component

WORDS = Words({"language": "Language"})

LINKED = "lang"
"""Name of the query parameter."""

_SWITCH = Choice("language-switch")
_IN_LINK = Remembered("language-in-link", bool)


def settle() -> None:
    """Choose the language of a session that begins: the link's, else the browser's.

    One that was asked for is kept in the link, from which Streamlit drops it when the page changes.
    """
    asked = st.query_params.get(LINKED)
    settle_language(asked, st.context.locale)
    if _IN_LINK.begin(asked in LANGUAGES) and asked != language():
        links.write_language(language())


def language_switch() -> None:
    """Let the visitor choose a language; the page is drawn anew in it."""
    _SWITCH.set(language())
    choose_one(WORDS["language"], list(LANGUAGES), LANGUAGES, key=_SWITCH.key, on_change=_switch)
    _component()(key="document-language", data={"language": language()})


def _switch() -> None:
    change_language(_SWITCH.get())
    _IN_LINK.set(True)


@cache
def _component() -> Any:
    return component("language", "<span hidden></span>", package="app.shell")
