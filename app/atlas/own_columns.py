"""Columns of the user's own by which images are chosen: values of a list, or a range of numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import streamlit as st

from app.session.choices import Choice, Generation
from app.session.words import Words, plain_text

if TYPE_CHECKING:
    from cbam_core.atlas.atlas import Atlas

WORDS = Words(
    {
        "columns": "Columns",
        "columns_help": "Columns of the table that was given with the images",
        "any": "any",
        "missing": "no value",
        "too_many": "More than {most} different texts, too many to list: {names}",
    }
)

MOST_VALUES = 200
"""Values of a column up to which they are listed; of numbers with more, a range is chosen."""

STEPS = 200
"""Steps of a range."""

ROUNDED = 1e-5
"""Share by which an end of a range can have been rounded when it was written."""

Chosen = Mapping[str, tuple[str, ...]]
"""What is chosen of each column, as texts: values, or one range such as ``0.2..0.8``."""


def choose_columns(atlas: Atlas, before: Chosen, generation: Generation) -> Chosen:
    """Let the visitor choose images by columns of their own.

    Args:
        atlas: the atlas.
        before: what is chosen where the widgets are drawn for the first time.
        generation: of the widgets' keys.
    """
    if not atlas.metadata:
        return {}
    known = [name for name in atlas.metadata if values_of(atlas, name) or range_of(atlas, name)]
    with st.popover(WORDS["columns"], icon=":material/table_rows:", help=WORDS["columns_help"], key="atlas-columns-of"):
        chosen = {name: _choose(atlas, name, before.get(name, ()), generation) for name in known}
        if others := [name for name in atlas.metadata if name not in chosen]:
            st.caption(WORDS["too_many"].format(most=MOST_VALUES, names=plain_text(", ".join(others))))
    return {name: texts for name, texts in chosen.items() if texts}


def condition_of(atlas: Atlas, column: str, texts: tuple[str, ...]) -> list[Any] | tuple[float, float]:
    """What a query is given for what is chosen of a column."""
    if (values := values_of(atlas, column)) or not texts:
        return [values[text] for text in texts if text in values]
    found = _read_range(texts[0])
    if found is None:
        return -np.inf, np.inf
    low, high = found
    return low - ROUNDED * abs(low), high + ROUNDED * abs(high)


def values_of(atlas: Atlas, column: str) -> dict[str, Any]:
    """The values of a column by their texts, in order; none of a column with more than can be listed."""

    def find() -> dict[str, Any]:
        found = np.unique(atlas.metadata[column])
        return {str(value): value for value in found.tolist()} if len(found) <= MOST_VALUES else {}

    return atlas.remembered(f"values of {column}", find)


def value_name(value: Any) -> str:
    """What a value of a column is called: a whole number has no decimals, and of images without a value it says so."""
    if value == "" or (isinstance(value, float) and math.isnan(value)):
        return WORDS["missing"]
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def range_of(atlas: Atlas, column: str) -> tuple[float, float] | None:
    """The least and the greatest number of a column with more values than can be listed; None of other columns."""
    numbers = atlas.metadata[column]
    if numbers.dtype.kind not in "iuf" or values_of(atlas, column):
        return None
    finite = numbers[np.isfinite(numbers)]
    return (float(finite.min()), float(finite.max())) if len(finite) else None


def _choose(atlas: Atlas, name: str, before: tuple[str, ...], generation: Generation) -> tuple[str, ...]:
    choice = Choice(f"atlas-column-{name}", generation)
    if values := values_of(atlas, name):
        choice.begin([value for value in before if value in values])
        return tuple(
            st.multiselect(
                name,
                [*values],
                format_func=lambda text: value_name(values[text]),
                placeholder=WORDS["any"],
                key=choice.key,
            )
        )
    low, high = range_of(atlas, name) or (0.0, 1.0)
    asked = (_read_range(before[0]) if before else None) or (low, high)
    inside = tuple(min(max(end, low), high) for end in asked)
    choice.begin(inside if inside[0] < inside[1] else (low, high))
    step = (high - low) / STEPS
    whole = atlas.metadata[name].dtype.kind in "iu"
    ends = cast(
        "tuple[float, float]",
        st.slider(name, low, high, step=max(1.0, round(step)) if whole else step, format="%.4g", key=choice.key),
    )
    return () if ends == (low, high) else (f"{ends[0]:.6g}..{ends[1]:.6g}",)


def _read_range(text: str) -> tuple[float, float] | None:
    found = re.fullmatch(r"(-?[0-9.]+(?:e[+-]?[0-9]+)?)\.\.(-?[0-9.]+(?:e[+-]?[0-9]+)?)", text)
    try:
        return None if found is None else (float(found[1]), float(found[2]))
    except ValueError:
        return None
