"""By what the images of a slice are grouped: class, answer, right or wrong, confused pair, or a column of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import streamlit as st

from app.atlas.link import usual_if
from app.atlas.own_columns import value_name
from app.session.choices import Choice
from app.session.words import Words, class_name
from app.widgets.choices import keep_listed
from cbam_core.atlas.profiles import groupings_of

if TYPE_CHECKING:
    from cbam_core.atlas.atlas import Atlas

WORDS = Words(
    {
        "by": "Groups",
        "class": "by class",
        "answer": "by answer",
        "right": "right and wrong",
        "pair": "confused pairs",
        "column": "by {name}",
        "is_right": "right",
        "is_wrong": "wrong",
        "confused": "{truth} as {answer}",
    }
)

OWN = ("class", "answer", "right", "pair")
"""Groups that are no column of the user's."""

_BY = Choice("atlas-by")


def open_grouping(asked: Mapping[str, Any]) -> None:
    """Begin with what an address asks for, or with what was chosen last."""
    if asked:
        _BY.set(asked.get("groups"))
    _BY.resume(None)


def choose_grouping(atlas: Atlas) -> str | None:
    """Let the visitor choose what the groups are; None for images of which nothing is known."""
    known = groupings(atlas)
    if not known:
        return None
    if _BY.get() not in known:
        _BY.set(next(iter(known)))
    keep_listed(_BY.key, [*known.values()])
    chosen = st.selectbox(WORDS["by"], [*known], format_func=known.__getitem__, key=_BY.key, width=200)
    _BY.remember()
    return chosen


def grouping_as_parameter(atlas: Atlas, by: str | None) -> Any:
    """What an address says of it; the first is usual."""
    return usual_if(by == next(iter(groupings(atlas)), None), by)


def groupings(atlas: Atlas) -> dict[str, str]:
    """What there are groups by, and what each is called."""
    return {name: WORDS[name] if name in OWN else WORDS["column"].format(name=name) for name in groupings_of(atlas)}


def group_name(where: Mapping[str, Any], name: str) -> str:
    """What a group is called in the session's language.

    Args:
        where: what selects its images.
        name: what the atlas calls it.
    """
    if "class" in where and "answer" in where:
        return WORDS["confused"].format(truth=class_name(where["class"]), answer=class_name(where["answer"]))
    if "right" in where:
        return WORDS["is_right" if where["right"] else "is_wrong"]
    if "class" in where or "answer" in where:
        return class_name(name)
    (value,) = where.values()
    return value_name(value)


def short_percent(share: float) -> str:
    """A share in percent, with two digits at most: ``0.09``, ``7.1``, ``57``."""
    percent = 100 * share
    return f"{percent:.2g}" if percent < 99.5 else "100"
