"""Choosing among the ten thousand test images: by class, by what the network answered, by number, or by chance."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
import streamlit as st

from app.session.tiles import Tile
from app.session.words import Words, class_name
from app.widgets.choices import choose_one, keep_listed
from app.widgets.strip import PageChoice, picked_in, strip
from cbam_core.evaluation.selection import Order, Selection

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
        "other_classes": "This network's classes differ from those of the test set, so images cannot be filtered by "
        "right, wrong or confidence.",
        "own": "Filtering by right, wrong or confidence needs the network's predictions on the test set. They exist "
        "only for networks that the operator has evaluated.",
        "not_kept": "Filtering by right, wrong or confidence needs this network's predictions on the test set, which "
        "were not saved. The operator can save them with `cbam evaluate --keep`.",
    }
)

EVERY = Selection()
"""All images, by number."""

SHOWN = 100
"""Thumbnails at a time."""

COLUMNS = 10
ANY = -1

_KEPT, _BEGUN, _FILTERS, _TO_FIRST = "test-chosen", "test-begun", "test-filters", "test-to-first"
_NUMBER, _STRIP = "test-number", "test-strip"

_UNFILTERED: dict[str, int | str] = {"test-class": ANY, "test-answers": "all", "test-order": "index"}
"""By the widget's key."""


ORDERS: tuple[Order, ...] = get_args(Order)


@dataclass(frozen=True)
class Answered:
    """What is known of an image.

    Attributes:
        truth: its class.
        predicted: what the network took it for; None where that was not kept.
    """

    truth: str
    predicted: str | None


def choose_test_image(
    classes: Sequence[str],
    *,
    first: int,
    count: int,
    find: Callable[[Selection], np.ndarray],
    about: Callable[[int], Answered],
    sheet: Callable[[tuple[int, ...]], bytes],
    unanswered: str | None,
) -> int | None:
    """Let the visitor choose one of many images.

    Args:
        classes: names of the true classes.
        first: number of the image to begin with.
        count: number of images.
        find: numbers of the images of a selection.
        about: what is known of an image.
        sheet: a PNG with the thumbnails of some images, `COLUMNS` in a row.
        unanswered: why the selection cannot be by what the network answered, ``"own"``, ``"other_classes"`` or
            ``"not_kept"``; None where it can.

    Returns:
        The image's number; None where the selection is empty.
    """
    st.session_state.setdefault(_KEPT, first)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="test-tools"):
        found = find(_selection(classes, has_answers=unanswered is None))
        place = _settle(found)
        chosen: int = st.session_state[_KEPT]
        st.session_state[_NUMBER] = chosen
        st.number_input(
            WORDS["number"],
            min_value=0,
            max_value=count - 1,
            key=_NUMBER,
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
        if len(found):
            _page_buttons(found, place // SHOWN * SHOWN)
    if unanswered is not None:
        st.caption(WORDS[unanswered])
    if not len(found):
        st.info(WORDS["none"], icon=":material/search_off:")
        return None
    return _page_of_strip(found, place, about, sheet)


def keep_chosen(index: int, selection: Selection = EVERY) -> None:
    """Set which test image is chosen when the page is drawn next, and the filters.

    Args:
        index: the image's number.
        selection: one that it is in.
    """
    _choose(index)
    truth = ANY if selection.truth is None else selection.truth
    filters = dict(zip(_UNFILTERED, (truth, selection.answers, selection.order), strict=True))
    st.session_state[_FILTERS] = filters
    st.session_state.update(filters)  # told to the browser too, which would keep what it shows otherwise


def chosen_filters() -> Selection:
    """What the visitor filters by."""
    filters = st.session_state.get(_FILTERS, _UNFILTERED)
    truth, answers, order = (filters[key] for key in _UNFILTERED)
    return Selection(truth=None if truth == ANY else truth, answers=answers, order=order)


def _settle(found: np.ndarray) -> int:
    """Choose one of those found: the same as before where it is among them; give its place."""
    to_first = st.session_state.pop(_TO_FIRST, False)
    places = np.flatnonzero(found == st.session_state[_KEPT])
    if len(places) and not to_first:
        return int(places[0])
    if len(found):
        _choose(int(found[0]))
    return 0


def _selection(classes: Sequence[str], *, has_answers: bool) -> Selection:
    filters = st.session_state.setdefault(_FILTERS, dict(_UNFILTERED))
    for key, value in filters.items():
        st.session_state.setdefault(key, value)  # Streamlit forgets widgets while another page is shown
    selection = _choose_filters(classes, has_answers)
    filters.update({key: st.session_state[key] for key in filters})
    return selection


def _choose_filters(classes: Sequence[str], has_answers: bool) -> Selection:
    named = {ANY: WORDS["any"], **{i: class_name(name) for i, name in enumerate(classes)}}
    keep_listed("test-class", [*named.values()])
    chosen = st.selectbox(
        WORDS["class"],
        [*named],
        format_func=named.__getitem__,
        key="test-class",
        label_visibility="collapsed",
        width=150,
    )
    truth = None if chosen == ANY else chosen
    if not has_answers:
        return Selection(truth=truth)
    labels = {word: WORDS[word] for word in ("all", "right", "wrong", *ORDERS)}
    answers = choose_one(WORDS["answers"], ["all", "right", "wrong"], labels, key="test-answers")
    keep_listed("test-order", [labels[order] for order in ORDERS])
    order = st.selectbox(
        WORDS["order"],
        ORDERS,
        format_func=labels.__getitem__,
        key="test-order",
        on_change=_order,
        label_visibility="collapsed",
        width=170,
    )
    return Selection(truth=truth, answers=answers, order=order)


def _page_of_strip(
    found: np.ndarray, place: int, about: Callable[[int], Answered], sheet: Callable[[tuple[int, ...]], bytes]
) -> int:
    """The thumbnails around a place."""
    start = place // SHOWN * SHOWN
    shown = tuple(found[start : start + SHOWN].tolist())
    tiles = [Tile(index, _label(index, about(index)), about(index).truth) for index in shown]
    begun = st.session_state.get(_BEGUN, {})
    if begun.get("shown") != shown:  # otherwise its data stay, so that the sheet is sent once while the visitor clicks
        turn = begun.get("turn", 0) + 1
        begun = st.session_state[_BEGUN] = {"shown": shown, "chosen": int(found[place]), "turn": turn}
    strip(
        sheet(shown),
        tiles,
        columns=COLUMNS,
        chosen=PageChoice(begun["chosen"], begun["turn"]),
        key=_STRIP,
        tools=False,
        on_choice=lambda: _take(begun["turn"], shown),
    )
    return int(found[place])


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
    truth = class_name(answered.truth)
    if answered.predicted is None or answered.predicted == answered.truth:
        return WORDS["tile"].format(index=index, truth=truth)
    return WORDS["answered"].format(index=index, truth=truth, predicted=class_name(answered.predicted))


def _take(turn: int, shown: tuple[int, ...]) -> None:
    """An image that was clicked."""
    given = picked_in(turn, st.session_state.get(_STRIP, {}))
    if given in shown:
        st.session_state[_KEPT] = given


def _choose(index: int) -> None:
    """An image that was chosen elsewhere than on the strip, which follows."""
    st.session_state[_KEPT] = index
    st.session_state.get(_BEGUN, {}).pop("shown", None)


def _go(count: int, found: np.ndarray) -> None:
    """An image by its number, whatever the filters are: where they hide it, they are left."""
    given = st.session_state.get(_NUMBER)
    if not isinstance(given, int) or not 0 <= given < count:  # the browser can send anything
        return
    if given in found:
        _choose(given)
    else:
        keep_chosen(given)


def _order() -> None:
    """Another order; one by confidence is asked for to see what comes first."""
    st.session_state[_TO_FIRST] = st.session_state["test-order"] != _UNFILTERED["test-order"]


def _chance(found: np.ndarray, chosen: int) -> None:
    _choose(secrets.choice(found[found != chosen].tolist()))
