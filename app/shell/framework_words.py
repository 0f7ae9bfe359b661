"""Words that Streamlit shows by itself, in English, and has no option for: a stylesheet shows others in their place.

What only screen readers and tooltips say stays English; `docs/translating.md` lists it.
"""

from __future__ import annotations

import json

import streamlit as st

from app.session.words import Words, language

WORDS = Words(
    {
        "skip": "Skip to main content",
        "take": "Take Photo",
        "clear": "Clear photo",
        "system": "System",
        "light": "Light",
        "dark": "Dark",
        "print": "Print",
        "record": "Record screen",
        "apply": "Press Enter to apply",
        "apply_lines": "Press Ctrl+Enter to apply",
    }
)

_BUTTON = '[data-testid="stCameraInputButton"]'
_HINT = '[data-testid="InputInstructions"] > span:first-child'
_MENU = '[data-testid="stMainMenuItem-{}"]'

SELECTORS = {
    "skip": '[data-testid="stSkipToContent"]',
    "take": f"{_BUTTON}:not(:has(> span))",
    "clear": f"{_BUTTON} > span",
    "system": _MENU.format("theme-System"),
    "light": _MENU.format("theme-Light"),
    "dark": _MENU.format("theme-Dark"),
    "print": f"{_MENU.format('print')} [data-testid='stMainMenuItemLabel']",
    "record": f"{_MENU.format('recordScreencast')} [data-testid='stMainMenuItemLabel']",
    "apply": f':is([data-testid="stNumberInput"] {_HINT}, [data-testid="stTextInput"] {_HINT}:not(:only-child))',
    "apply_lines": f'[data-testid="stTextArea"] {_HINT}',
}
"""Where each stands on a page."""


def replace_framework_words() -> None:
    """Show Streamlit's own words in the page's language, unless it is theirs."""
    if language() != "en":
        st.html(f"<style>{framework_style()}</style>")


def framework_style() -> str:
    """A stylesheet with the words of the page's language in the place of Streamlit's."""
    hidden = "".join(f"{selector} {{ font-size: 0 !important; }}" for selector in SELECTORS.values())
    return hidden + "".join(
        f"{selector}::after {{ content: {json.dumps(WORDS[name], ensure_ascii=False)}; font-size: 0.875rem; }}"
        for name, selector in SELECTORS.items()
    )
