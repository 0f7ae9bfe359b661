"""The slice: which images of the atlas every section is about, chosen by class, answer, confidence and columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import streamlit as st
from jaxtyping import Int64

from app.atlas.link import where_as_text, where_of
from app.atlas.map_data import places_in
from app.atlas.own_columns import choose_columns, condition_of
from app.session.choices import Choice, Generation, Remembered
from app.session.words import Words, class_name
from app.widgets.choices import choose_one, keep_listed
from cbam_core.atlas.regions import Line, inside_of, method_and_line_as_text
from cbam_core.errors import AtlasError

if TYPE_CHECKING:
    from cbam_core.atlas.atlas import Atlas

WORDS = Words(
    {
        "class": "Class",
        "answer": "Answer",
        "any": "any",
        "answers": "Answers",
        "all": "all",
        "right": "right",
        "wrong": "wrong",
        "confidence": "Confidence (%)",
        "every": "All {total} images",
        "only": "The only image",
        "some": "{count} of {total} images",
        "picked": "{count} of {total} images, inside a line on the map",
        "clear": "All images",
    }
)

ANY = ""
"""Stands for every class, and every answer."""

ALL = "all"

CERTAIN = (0, 100)
"""Every confidence, in percent."""

_STYLE = """<style>
[class*="st-key-atlas"] .stButtonGroup button { min-height: 2.5rem; }
.st-key-atlas-sections, .st-key-atlas-title { row-gap: 0.5rem !important; }
@media (max-width: 640px) {
  [class*="st-key-atlas"][data-testid="stHorizontalBlock"] >
  :is(.stElementContainer, [data-testid="stLayoutWrapper"], .stColumn):has(.stSelectbox, .stSlider) {
    flex: 1 1 8.5rem; width: auto !important; min-width: 0; max-width: none; }
  .st-key-atlas-title { column-gap: 1rem !important; }
  .st-key-atlas-title > :is(.stElementContainer, [data-testid="stLayoutWrapper"]):has(.stSelectbox) {
    flex: 1 1 14rem !important; }
  .st-key-atlas-section [role=radiogroup] { flex-wrap: wrap; overflow: visible; gap: 0.3rem; }
  .st-key-atlas-section [role=radiogroup] button {
    margin: 0; border: 1px solid rgba(128, 128, 128, 0.35) !important; border-radius: 0.5rem; }
  .st-key-atlas-section [role=radiogroup] button[data-selected] { border-color: currentcolor !important; }
  [class*="st-key-atlas"] :is(.stSelectbox, .stSlider, div:has(> .stSlider)) { width: 100% !important; }
}
</style>"""
"""Segments stand beside lists, and are as high as these; two controls stand in a row of a narrow window."""

_GENERATION = Generation("atlas-slice-generation")
_CLASS = Choice("atlas-class", _GENERATION)
_ANSWER = Choice("atlas-answer", _GENERATION)
_ANSWERS = Choice("atlas-answers", _GENERATION)
_CONFIDENCE = Choice("atlas-confidence", _GENERATION)
_FIRST: Mapping[Choice, Any] = {_CLASS: ANY, _ANSWER: ANY, _ANSWERS: ALL, _CONFIDENCE: CERTAIN}
"""What each choice holds where it leaves out no image."""

_COLUMNS: Remembered[dict[str, tuple[str, ...]]] = Remembered("atlas-columns", dict)
_LINE: Remembered[tuple[str, Line] | None] = Remembered("atlas-line", lambda: None)
"""A line that was drawn on the map by hand: the map's method, and the line."""

_INSIDE: Remembered[tuple[tuple[str, str, Line], Int64[np.ndarray, " n"]] | None] = Remembered(
    "atlas-inside", lambda: None
)
"""Images inside of the line, with what they were found for."""


@dataclass(frozen=True, eq=False)
class Slice:
    """Which images of an atlas the page is about.

    Attributes:
        where: what queries of the atlas are given: None for all images; conditions by name; or indices of images that
            lie inside of a line on the map and meet the conditions.
        images: indices of the images in the atlas, in order.
        total: how many images the atlas has that can be chosen.
        columns: values of the user's own columns that are chosen, as texts.
        conditions: the conditions by name, also where `where` has indices.
        line: the line on the map, with the map's method; None for none.
    """

    where: Mapping[str, Any] | Int64[np.ndarray, " n"] | None
    images: Int64[np.ndarray, " n"]
    total: int
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    conditions: Mapping[str, Any] = field(default_factory=dict)
    line: tuple[str, Line] | None = None

    @property
    def is_whole(self) -> bool:
        """Whether it is all images of the atlas."""
        return self.where is None

    def parameters(self) -> dict[str, Any]:
        """What an address says of it."""
        low, high = (round(100 * end) for end in self.conditions.get("confidence", (0, 1)))
        right = self.conditions.get("right")
        return {
            "class": self.conditions.get("class"),
            "answer": self.conditions.get("answer"),
            "answers": None if right is None else "right" if right else "wrong",
            "confidence": None if (low, high) == CERTAIN else f"{low}~{high}",
            "where": where_as_text(self.columns),
            "line": None if self.line is None else method_and_line_as_text(*self.line),
        }


def open_slice(asked: Mapping[str, Any]) -> None:
    """Begin with the slice that an address asks for, or with the last one where the visitor came by none.

    Args:
        asked: what the address asks for, see `app.session.links.arrive`.
    """
    if asked:
        clear()
        low, high = asked.get("confidence", CERTAIN)
        named = {_CLASS: asked.get("class", ANY), _ANSWER: asked.get("answer", ANY)}
        for choice, value in {**named, _ANSWERS: asked.get("answers", ALL), _CONFIDENCE: (int(low), int(high))}.items():
            choice.set(value)
        _COLUMNS.set(where_of(asked.get("where", "")))
        _LINE.set(asked.get("line"))
    for choice, first in _FIRST.items():
        choice.resume(first)


def take_line(method: str, line: Line) -> None:
    """Choose the images inside of a line on a map, beside what else is chosen; for what a click calls.

    Args:
        method: of the map.
        line: its corners.
    """
    _LINE.set((method, line))


def forget_line() -> None:
    """Let go of the line; other conditions stay."""
    _LINE.forget()


def drawn_line() -> tuple[str, Line] | None:
    """The line that was drawn on a map, with the map's method; None where there is none."""
    return _LINE.get()


def clear() -> None:
    """Go back to all images; for what a click calls."""
    _LINE.forget()
    _COLUMNS.forget()
    _GENERATION.advance()
    for choice, first in _FIRST.items():
        choice.set(first)
        choice.remember()


def choose_slice(atlas: Atlas) -> Slice:
    """Let the visitor choose a slice."""
    total = len(atlas.select())
    st.html(_STYLE)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="atlas-slice"):
        where = _conditions(atlas)
        columns = choose_columns(atlas, _COLUMNS.get(), _GENERATION)
        _COLUMNS.set({**columns})
        where |= {name: condition_of(atlas, name, texts) for name, texts in columns.items()}
    images, inside = atlas.select(where or None), _inside(atlas)
    if inside is None:
        return Slice(where or None, images, total, columns, where)
    images = images[np.isin(images, inside, assume_unique=True)]
    return Slice(images, images, total, columns, where, _LINE.get())


def _inside(atlas: Atlas) -> Int64[np.ndarray, " n"] | None:
    """The images inside of the line; None where there is no line, or not the map that it was drawn on."""
    line = _LINE.get()
    if line is None:
        return None
    of = (_which(atlas), *line)
    known = _INSIDE.get()
    if known is not None and known[0] == of:
        return known[1]
    try:
        found = np.flatnonzero(inside_of(line[1], places_in(atlas, line[0]).places))
    except AtlasError:  # t-SNE was not computed yet
        return None
    _INSIDE.set((of, found))
    return found


def _which(atlas: Atlas) -> str:
    """What distinguishes an atlas from others of the visit."""
    return f"{atlas.folder} {atlas.facts.get('digest')}"


def _conditions(atlas: Atlas) -> dict[str, Any]:
    """Draw the choices that an atlas has something for; give the conditions that they make."""
    where: dict[str, Any] = {}
    if atlas.has_labels:
        where |= _chosen("class", _one("class", _CLASS, atlas.label_classes), ANY)
    if atlas.has_answers:
        where |= _chosen("answer", _one("answer", _ANSWER, atlas.classes), ANY)
    if atlas.can_be_right:
        chosen = choose_one(WORDS["answers"], [ALL, "right", "wrong"], WORDS, key=_ANSWERS.key, labelled=True)
        where |= {} if chosen == ALL else {"right": chosen == "right"}
    if atlas.has_answers:
        where |= _confidence()
    for choice in _FIRST:
        choice.remember()
    return where


def _chosen(name: str, value: str, every: str) -> dict[str, str]:
    return {} if value == every else {name: value}


def _one(name: str, choice: Choice, classes: Sequence[str]) -> str:
    """One of the classes, or `ANY`."""
    named = {ANY: WORDS["any"], **{one: class_name(one) for one in classes}}
    if choice.get() not in named:
        choice.set(ANY)
    keep_listed(choice.key, [*named.values()])
    chosen = st.selectbox(WORDS[name], [*named], format_func=named.__getitem__, key=choice.key, width=150)
    return chosen or ANY


def _confidence() -> dict[str, tuple[float, float]]:
    low, high = cast("tuple[int, int]", st.slider(WORDS["confidence"], *CERTAIN, key=_CONFIDENCE.key, width=200))
    return {} if (low, high) == CERTAIN else {"confidence": (low / 100, high / 100)}


def say_slice(found: Slice) -> None:
    """Say how many images there are, and offer the way back to all of them."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", width="content", key="atlas-count"):
        count, total = f"{len(found.images):,}", f"{found.total:,}"
        whole = "every" if found.total != 1 else "only"
        kind = whole if found.is_whole else "some" if found.line is None else "picked"
        st.text(WORDS[kind].format(count=count, total=total), width="content")
        if not found.is_whole:
            st.button(WORDS["clear"], icon=":material/close:", type="tertiary", key="atlas-clear", on_click=clear)
