"""Which class's logit the page asks about: the answer, or one that the visitor chooses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import streamlit as st

from app.session.choices import Choice
from app.session.words import Words, class_name
from app.widgets.choices import keep_listed
from cbam_core.results.explanation import Explanation

if TYPE_CHECKING:
    from app.streamlit_internals import Container

WORDS = Words({"class": "Class that is asked about", "answer": "{name} (the answer)"})

ANSWER = ""
"""Stands for the class that the network answers, whatever it is."""

_TARGET = Choice("evidence-target")


def open_target(asked: Mapping[str, Any], classes: tuple[str, ...]) -> None:
    """Begin with the class that an address asks for, or with the one that was chosen last."""
    if asked:
        _TARGET.set(asked.get("target", ANSWER))
    _TARGET.resume(ANSWER)
    if _TARGET.get() not in (ANSWER, *classes):
        _TARGET.set(ANSWER)


def choose_target(explanation: Explanation) -> tuple[int, Container]:
    """Let the visitor choose a class of a network; return its index, and the place beside the choice."""
    classes, answer = explanation.classes, explanation.predicted or ""
    named = {ANSWER: WORDS["answer"].format(name=class_name(answer)), **{name: class_name(name) for name in classes}}
    keep_listed(_TARGET.key, [*named.values()])
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        chosen = st.selectbox(
            WORDS["class"],
            [*named],
            format_func=named.__getitem__,
            key=_TARGET.key,
            label_visibility="collapsed",
            width=220,
        )
        beside = st.container(width="stretch")
    _TARGET.remember()
    return _index(explanation, chosen), beside


def _index(explanation: Explanation, chosen: str) -> int:
    """Index of a class; of several that share a name, the answer, or the first."""
    answer = int(explanation.probabilities.argmax())
    known = chosen in explanation.classes and chosen != explanation.classes[answer]
    return explanation.classes.index(chosen) if known else answer


def target_as_parameter() -> str | None:
    """What an address says of the class; None for the answer."""
    return _TARGET.get(ANSWER) or None
