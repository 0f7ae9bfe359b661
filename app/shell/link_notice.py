"""One line about a link that asks for something which is not here, and about what is shown instead."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from app import services
from app.session import links
from app.session.words import LANGUAGES, Words, class_name, listed, plain_text

WORDS = Words(
    {
        "instead": "This link asks for what cannot be shown here: {asked}. Shown instead: {shown}.",
        "without": "This link asks for what cannot be shown here: {asked}.",
        "no_test_set": "The test set is not on this server.",
        "page": "page {value}",
        "network": "network {value}",
        "class": "class {value}",
        "run": "run {value}",
        "block": "block {value}",
        "lang": "language {value}",
        "sample": "sample image {value}",
        "test": "test image {value}",
        "folder": "image {value}",
        "image": "image {value}",
    }
)

NAMED = ("page", "network", "class", "run", "block", "image")
"""Parameters that have a word of their own."""

MOST = 3
"""Parameters that are named; a line holds no more."""

LONGEST = 40
"""Characters of a value that are shown."""


def say_unmet(titles: Mapping[str, str]) -> None:
    """Say what the address asks for and the page does not show; nothing where it shows all of it.

    Args:
        titles: of the pages, by their folders.
    """
    unmet = links.unmet()
    if unmet is None:
        return
    asked, shown = (_listed(parameters, titles) for parameters in (unmet.asked, unmet.shown))
    said = WORDS["instead"].format(asked=asked, shown=shown) if shown else WORDS["without"].format(asked=asked)
    if _asks_for_test_set(unmet.asked) and services.test_count() is None:
        said = f"{said} {WORDS['no_test_set']}"
    with st.container(key="link-notice"):
        st.info(said, icon=":material/link_off:")


def _asks_for_test_set(asked: Mapping[str, str]) -> bool:
    return any(text == "test" or text.startswith("test-") for text in asked.values())


def _listed(parameters: Mapping[str, str], titles: Mapping[str, str]) -> str:
    """The first few parameters in words."""
    named = {name: titles.get(text, text) if name == "page" else text for name, text in parameters.items()}
    described = [_described(name, text) for name, text in named.items()]
    return listed([*described[:MOST], *(["…"] if len(described) > MOST else [])])


def _described(name: str, text: str) -> str:
    """A parameter in words; in those of the address where there are none for it."""
    if name in ("a", "b"):
        return f"{name.upper()}: {_described('image' if links.read_image(text) else '', text)}"
    if name == "image" and (image := links.read_image(text)) is not None:
        source, which = image
        return WORDS[source].format(value=_plain(str(which)))
    if name == "lang":
        return WORDS[name].format(value=LANGUAGES.get(text, _plain(text)))
    if name in NAMED:
        return WORDS[name].format(value=_plain(class_name(text) if name == "class" else text))
    return _plain(f"{name}={text}") if name else _plain(class_name(text))


def _plain(text: str) -> str:
    """A text of an address that nothing is made of, in one line and not too long."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text)
    return plain_text(shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 1]}…")
