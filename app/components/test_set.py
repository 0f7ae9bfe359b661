"""Choosing among the ten thousand test images: by class, by what the network answered, by number, or by chance."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from app.components.one_of import choose_one
from app.components.strip import Tile, strip
from app.words import Words, class_name
from cbam_core.training.selection import Selection

WORDS = Words(
    {
        "class": "Class",
        "any": "any class",
        "answers": "Answers",
        "all": "all",
        "right": "right",
        "wrong": "wrong",
        "order": "Order",
        "index": "by number",
        "sure": "surest first",
        "unsure": "least sure first",
        "number": "Number",
        "random": "Random",
        "page": "Page",
        "before": "Earlier ones",
        "after": "Later ones",
        "found": "{first:,} to {last:,} of {count:,} images",
        "none": "No test image is like that. Choose another class, or all answers.",
        "tile": "test image {index}: {truth}",
        "answered": "test image {index}: {truth}, taken for {predicted}",
        "no_answers": "Right, wrong and confidence need this network's answers, which were not kept; whoever runs the "
        "app keeps them with `cbam evaluate --keep`.",
    }
)

SHOWN = 100
"""Thumbnails at a time."""

COLUMNS = 10
ANY = -1

_KEPT, _BEGUN = "test-chosen", "test-begun"


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
    has_answers: bool,
) -> int | None:
    """Let the visitor choose one of many images.

    Args:
        classes: names of the true classes.
        first: number of the image to begin with.
        count: number of images.
        find: numbers of the images of a selection.
        about: what is known of an image.
        sheet: a PNG with the thumbnails of some images, `COLUMNS` in a row.
        has_answers: whether the selection may be by what the network answered.

    Returns:
        The image's number; None where the selection is empty.
    """
    chosen: int = st.session_state.setdefault(_KEPT, first)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="test-tools"):
        found = find(_selection(classes, has_answers))
        st.number_input(
            WORDS["number"],
            min_value=0,
            max_value=count - 1,
            value=chosen,
            key=f"test-number-{chosen}",
            on_change=_go,
            args=(f"test-number-{chosen}", count),
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
            places = np.flatnonzero(found == chosen)
            place = int(places[0]) if len(places) else 0
            if not len(places):
                _choose(int(found[0]))
            _page_buttons(found, place // SHOWN * SHOWN)
    if not has_answers:
        st.caption(WORDS["no_answers"])
    if not len(found):
        st.info(WORDS["none"], icon=":material/search_off:")
        return None
    return _page_of_strip(found, place, about, sheet)


def keep_chosen(index: int) -> None:
    """Set which test image is chosen when the page is drawn next."""
    _choose(index)
    _leave_filters()


def _selection(classes: Sequence[str], has_answers: bool) -> Selection:
    truth = st.selectbox(
        WORDS["class"],
        [ANY, *range(len(classes))],
        format_func=_named(classes),
        key="test-class",
        label_visibility="collapsed",
        width=150,
    )
    truth = None if truth == ANY else truth
    if not has_answers:
        return Selection(truth=truth)
    labels = {word: WORDS[word] for word in ("all", "right", "wrong", "index", "sure", "unsure")}
    answers = choose_one(WORDS["answers"], ["all", "right", "wrong"], labels, first="all", key="test-answers")
    order = st.selectbox(
        WORDS["order"],
        ["index", "sure", "unsure"],
        format_func=labels.__getitem__,
        key="test-order",
        label_visibility="collapsed",
        width=170,
    )
    return Selection(truth=truth, answers=answers, order=order)


def _named(classes: Sequence[str]) -> Callable[[int], str]:
    labels = {ANY: WORDS["any"], **{i: class_name(name) for i, name in enumerate(classes)}}
    return labels.__getitem__


def _page_of_strip(
    found: np.ndarray, place: int, about: Callable[[int], Answered], sheet: Callable[[tuple[int, ...]], bytes]
) -> int:
    """The thumbnails around a place."""
    start = place // SHOWN * SHOWN
    shown = tuple(found[start : start + SHOWN].tolist())
    tiles = [Tile(index, _label(index, about(index)), about(index).truth) for index in shown]
    begun = st.session_state.get(_BEGUN, {})
    if begun.get("shown") != shown:  # otherwise it stays, so that the sheet is sent once while the visitor clicks
        turn = begun.get("turn", 0) + 1
        begun = st.session_state[_BEGUN] = {"shown": shown, "chosen": int(found[place]), "turn": turn}
    key = f"test-strip-{begun['turn']}"
    strip(
        sheet(shown),
        tiles,
        columns=COLUMNS,
        chosen=begun["chosen"],
        key=key,
        tools=False,
        on_choice=lambda: _take(key, shown),
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


def _take(key: str, shown: tuple[int, ...]) -> None:
    """An image that was clicked."""
    given = st.session_state.get(key, {}).get("chosen")
    if given in shown:
        st.session_state[_KEPT] = given


def _choose(index: int) -> None:
    """An image that was chosen elsewhere than on the strip, which begins anew with it."""
    st.session_state[_KEPT] = index
    st.session_state.get(_BEGUN, {}).pop("shown", None)


def _go(key: str, count: int) -> None:
    """An image by its number, whatever the filters are: where they hide it, they are left."""
    given = st.session_state.get(key)
    if isinstance(given, int) and 0 <= given < count:  # the browser can send anything
        keep_chosen(given)


def _chance(found: np.ndarray, chosen: int) -> None:
    _choose(secrets.choice(found[found != chosen].tolist()))


def _leave_filters() -> None:
    for name in ("test-class", "test-answers", "test-order"):
        st.session_state.pop(name, None)
