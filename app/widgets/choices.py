"""One of a few things: a row of segments of which exactly one is chosen, and lists that keep what is chosen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import streamlit as st

from app.session.choices import Choice, Remembered

One = TypeVar("One", bound=str)


def keep_listed(key: str, words: Sequence[str]) -> None:
    """Keep what is chosen in a drop-down list whose words may have changed since; call it before the list is drawn.

    A browser says its choice by the words that it shows, and learns of new ones only where the script sets the value:
    it would send old words with the next step, which are none of the choices any more.

    Args:
        key: of the list.
        words: all that can be chosen, as the page says it.
    """
    choice, known = Choice(key), Remembered[list[str]](f"{key}-words", list)
    if choice.is_known and known.get() != list(words):
        choice.set(choice.get())
    known.set(list(words))


def told_apart(named: Mapping[str, str]) -> dict[str, str]:
    """Words of choices by their names; where several choices have the same words, their names are added."""
    words = Counter(named.values())
    return {name: f"{said} ({name})" if words[said] > 1 else said for name, said in named.items()}


def choose_one(
    label: str,
    choices: Sequence[One],
    names: Mapping[str, str],
    *,
    key: str,
    first: One | None = None,
    labelled: bool = False,
    on_change: Callable[[], None] | None = None,
) -> One:
    """Let the visitor choose one of a few things.

    Args:
        label: what is chosen; read aloud, and shown where `labelled`.
        choices: what there is.
        names: what stands on each segment.
        key: where the choice is kept.
        first: what is chosen at first; None where the session says so already under `key`.
        labelled: whether the label stands above the segments.
        on_change: called when another one is chosen.
    """
    chosen = st.segmented_control(
        label,
        list(choices),
        default=first,
        required=True,
        format_func=names.__getitem__,
        label_visibility="visible" if labelled else "collapsed",
        key=key,
        on_change=on_change,
        width="content",
    )
    return chosen or first or choices[0]  # a browser can send anything
