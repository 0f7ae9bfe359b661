"""A row of segments of which exactly one is chosen, named by the page that shows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import streamlit as st

One = TypeVar("One", bound=str)


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
