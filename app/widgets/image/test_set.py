"""Choosing among the ten thousand test images: by class, by what the network answered, by number, or by chance."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np
import streamlit as st

from app.session.choices import Choice, Remembered
from app.session.tiles import Tile
from app.session.words import Words, class_name
from app.widgets.choices import choose_one, keep_listed
from app.widgets.strip import PageChoice, picked_in, strip
from cbam_core.evaluation.selection import ImageOrder, Selection

WORDS = Words(
    {
        "class": "Class",
        "any": "any class",
        "answers": "Predictions",
        "all": "all",
        "right": "right",
        "wrong": "wrong",
        "order": "Order",
        "index": "by number",
        "sure": "most confident first",
        "unsure": "least confident first",
        "number": "Number",
        "random": "Random",
        "page": "Page",
        "before": "Previous",
        "after": "Next",
        "found": "Images {first:,} to {last:,} of {count:,}",
        "none": "No test image matches these filters. Choose another class, or all predictions.",
        "tile": "test image {index}: {truth}",
        "answered": "test image {index}: {truth}, predicted as {predicted}",
        "unreadable": "{file}, test image {index}: cannot be read",
        "other_classes": "This network's classes differ from those of the test set, so images cannot be filtered by "
        "right, wrong or confidence.",
        "not_kept": "Filtering by right, wrong or confidence needs this network's predictions on the test set.",
    }
)

EVERY = Selection()
"""All images, by number."""

SHOWN = 100
"""Thumbnails at a time."""

COLUMNS = 10
ANY = -1

ORDERS: tuple[ImageOrder, ...] = get_args(ImageOrder)


@dataclass(frozen=True)
class _OnStrip:
    """What the strip shows; it stays while the visitor clicks, so that the sheet is sent once.

    Attributes:
        images: numbers of the images.
        chosen: the one that the page chose.
    """

    images: tuple[int, ...]
    chosen: PageChoice


_CHOSEN = Remembered("test-chosen", int)
_ON_STRIP = Remembered("test-on-strip", lambda: _OnStrip((), PageChoice(0)))
_TO_FIRST = Remembered("test-to-first", bool)

_CLASS, _ANSWERS, _ORDER = Choice("test-class"), Choice("test-answers"), Choice("test-order")
_NUMBER, _STRIP = Choice("test-number"), Choice("test-strip")

_UNFILTERED: Mapping[Choice, int | str] = {_CLASS: ANY, _ANSWERS: "all", _ORDER: "index"}
"""What each filter holds where all images are shown, by number."""


@dataclass(frozen=True)
class Answered:
    """What is known of an image.

    Attributes:
        truth: its class.
        predicted: what the network took it for; None where that was not kept.
        unreadable: name of its file if that cannot be read; None where it can.
    """

    truth: str
    predicted: str | None
    unreadable: str | None = None


def choose_test_image(
    classes: Sequence[str],
    *,
    first: int,
    count: int,
    find: Callable[[Selection], np.ndarray],
    about: Callable[[int], Answered],
    sheet: Callable[[tuple[int, ...]], bytes],
    unanswered: str | None,
    evaluate: Callable[[str], object] = st.caption,
) -> int | None:
    """Let the visitor choose one of many images.

    Args:
        classes: names of the true classes.
        first: number of the image to begin with.
        count: number of images.
        find: numbers of the images of a selection.
        about: what is known of an image.
        sheet: a PNG with the thumbnails of some images, `COLUMNS` in a row.
        unanswered: why the selection cannot be by what the network answered, ``"other_classes"`` or ``"not_kept"``;
            None where it can.
        evaluate: says why, and offers to find out what the network answers, where that was not kept.

    Returns:
        The image's number; None where the selection is empty.
    """
    _CHOSEN.begin(first)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="test-tools"):
        found = find(_selection(classes, has_answers=unanswered is None))
        position = _settle(found)
        _choose_by_number(found, count)
        if len(found):
            _page_buttons(found, position // SHOWN * SHOWN)
    if unanswered is not None:
        evaluate(WORDS[unanswered])
    if not len(found):
        st.info(WORDS["none"], icon=":material/search_off:")
        return None
    return _page_of_strip(found, position, about, sheet)


def keep_chosen(index: int, selection: Selection = EVERY) -> None:
    """Set which test image is chosen when the page is drawn next, and the filters.

    Args:
        index: the image's number.
        selection: one that it is in.
    """
    _choose(index)
    truth = ANY if selection.truth is None else selection.truth
    for choice, value in zip(_UNFILTERED, (truth, selection.answers, selection.order), strict=True):
        choice.set(value)


def chosen_filters() -> Selection:
    """What the visitor filters by."""
    truth, answers, order = (choice.get(first) for choice, first in _UNFILTERED.items())
    return Selection(truth=None if truth == ANY else truth, answers=answers, order=order)


def _settle(found: np.ndarray) -> int:
    """Choose one of those found: the same as before where it is among them; give its position."""
    to_first = _TO_FIRST.get()
    _TO_FIRST.forget()
    positions = np.flatnonzero(found == _CHOSEN.get())
    if len(positions) and not to_first:
        return int(positions[0])
    if len(found):
        _choose(int(found[0]))
    return 0


def _selection(classes: Sequence[str], *, has_answers: bool) -> Selection:
    for choice, first in _UNFILTERED.items():
        choice.resume(first)
    selection = _choose_filters(classes, has_answers)
    for choice in _UNFILTERED:
        choice.remember()
    return selection


def _choose_filters(classes: Sequence[str], has_answers: bool) -> Selection:
    named = {ANY: WORDS["any"], **{i: class_name(name) for i, name in enumerate(classes)}}
    keep_listed(_CLASS.key, [*named.values()])
    chosen = st.selectbox(
        WORDS["class"],
        [*named],
        format_func=named.__getitem__,
        key=_CLASS.key,
        label_visibility="collapsed",
        width=150,
    )
    truth = None if chosen == ANY else chosen
    if not has_answers:
        return Selection(truth=truth)
    labels = {word: WORDS[word] for word in ("all", "right", "wrong", *ORDERS)}
    answers = choose_one(WORDS["answers"], ["all", "right", "wrong"], labels, key=_ANSWERS.key)
    keep_listed(_ORDER.key, [labels[order] for order in ORDERS])
    order = st.selectbox(
        WORDS["order"],
        ORDERS,
        format_func=labels.__getitem__,
        key=_ORDER.key,
        on_change=_order,
        label_visibility="collapsed",
        width=170,
    )
    return Selection(truth=truth, answers=answers, order=order)


def _choose_by_number(found: np.ndarray, count: int) -> None:
    """A field for the number of the image, and a button that draws one of those found."""
    chosen = _CHOSEN.get()
    _NUMBER.set(chosen)
    st.number_input(
        WORDS["number"],
        min_value=0,
        max_value=count - 1,
        key=_NUMBER.key,
        on_change=_go,
        args=(count, found),
        icon=":material/tag:",
        label_visibility="collapsed",
        width=150,
    )
    st.button(
        WORDS["random"],
        icon=":material/casino:",
        key="test-random",
        disabled=len(found) < 2,
        on_click=_chance,
        args=(found, chosen),
    )


def _page_of_strip(
    found: np.ndarray, position: int, about: Callable[[int], Answered], sheet: Callable[[tuple[int, ...]], bytes]
) -> int:
    """The thumbnails around a position."""
    start = position // SHOWN * SHOWN
    shown = tuple(found[start : start + SHOWN].tolist())
    tiles = [Tile(index, _label(index, about(index)), about(index).truth) for index in shown]
    if _ON_STRIP.get().images != shown:
        generation = _ON_STRIP.get().chosen.generation + 1
        _ON_STRIP.set(_OnStrip(shown, PageChoice(int(found[position]), generation)))
    chosen = _ON_STRIP.get().chosen
    strip(
        sheet(shown),
        tiles,
        columns=COLUMNS,
        chosen=chosen,
        key=_STRIP.key,
        tools=False,
        on_choice=lambda: _take(chosen.generation, shown),
    )
    return int(found[position])


def _page_buttons(found: np.ndarray, start: int) -> None:
    """Which of the images are on the strip, and the way to those before and after."""
    for name, icon, to in (("before", "chevron_left", start - SHOWN), ("after", "chevron_right", start + SHOWN)):
        there = 0 <= to < len(found)
        st.button(
            f":material/{icon}:",
            help=WORDS[name],
            type="tertiary",
            disabled=not there,
            key=f"test-{name}",
            on_click=_choose,
            args=(int(found[to]) if there else 0,),
        )
    last = min(start + SHOWN, len(found))
    st.caption(WORDS["found"].format(first=start + 1, last=last, count=len(found)), width="content")


def _label(index: int, answered: Answered) -> str:
    if answered.unreadable is not None:
        return WORDS["unreadable"].format(index=index, file=answered.unreadable)
    truth = class_name(answered.truth)
    if answered.predicted is None or answered.predicted == answered.truth:
        return WORDS["tile"].format(index=index, truth=truth)
    return WORDS["answered"].format(index=index, truth=truth, predicted=class_name(answered.predicted))


def _take(generation: int, shown: tuple[int, ...]) -> None:
    """An image that was clicked."""
    given = picked_in(generation, _STRIP.get({}))
    if given in shown:
        _CHOSEN.set(given)


def _choose(index: int) -> None:
    """An image that was chosen elsewhere than on the strip, which follows."""
    _CHOSEN.set(index)
    _ON_STRIP.set(replace(_ON_STRIP.get(), images=()))


def _go(count: int, found: np.ndarray) -> None:
    """An image by its number, whatever the filters are: where they hide it, they are left."""
    given = _NUMBER.get()
    if not isinstance(given, int) or not 0 <= given < count:  # the browser can send anything
        return
    if given in found:
        _choose(given)
    else:
        keep_chosen(given)


def _order() -> None:
    """Another order; one by confidence is asked for to see what comes first."""
    _TO_FIRST.set(_ORDER.get() != _UNFILTERED[_ORDER])


def _chance(found: np.ndarray, chosen: int) -> None:
    _choose(secrets.choice(found[found != chosen].tolist()))
