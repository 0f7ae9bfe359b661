"""The values of a gate to choose from: channels as rows by how selective they are, or the cells of a mask."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float32, Float64, Int64

from app.atlas.grouping import group_name
from app.session.words import Words, language, translated
from app.widgets.component import component
from cbam_core.render.colours import table
from cbam_core.render.diverging import DIVERGING
from cbam_core.results.look import DEFAULT_COLOURS
from cbam_core.viewer.packing import as_base64

if TYPE_CHECKING:
    from cbam_core.atlas.answers import Profile
    from cbam_core.atlas.gate import AtlasGate

WORDS = Words(
    {
        "head": "Channel",
        "share": "Selective",
        "list": "Channels, the most selective first; move with the arrow keys",
        "grid": "The cells of the mask, brighter where more selective; move with the arrow keys",
        "channel": "Channel {channel}",
        "cell": "Cell [{row}, {column}]",
        "said": "{name}: {share} of its variance lies between the groups. Highest mean: {highest}; lowest: {lowest}.",
        "varying": "{name}: standard deviation {deviation}",
        "mean": "{group} {mean} ({low} to {high})",
        "brief": "{highest} … {lowest}",
        "percent": "{share} %",
        "least": "0",
        "varies": "Deviation",
        "value": "Value",
        "of_one": "{name}: {deviation}",
    }
)

MOST_GROUPS = 30
"""Groups up to which each has a column of colours; of more, the browser is given the ends of each row."""

MOST_ROWS = 1000
"""Channels that are listed, the most selective ones."""


@dataclass(frozen=True, eq=False)
class Values:
    """What is known of the values of a gate over the images of a slice.

    Attributes:
        gate: the gate.
        profile: means by group; None where there are no groups.
        overall: mean of each value over the images.
        measure: what they are ordered by: how selective each is, or its standard deviation where there are no groups.
        order: their indices, those first that are most so.
        is_of_one: whether there is only one image: they are ordered by its values then.
        single: name of the group that all images are in, so that there is nothing to compare; "" for none.
    """

    gate: AtlasGate
    profile: Profile | None
    overall: Float64[np.ndarray, " c"]
    measure: Float64[np.ndarray, " c"]
    order: Sequence[int]
    is_of_one: bool = False
    single: str = ""

    @property
    def groups(self) -> tuple[str, ...]:
        """What the groups are called in the session's language."""
        found = self.profile
        return () if found is None else tuple(map(group_name, found.wheres, found.groups))

    @property
    def is_grid(self) -> bool:
        """Whether they are cells of a mask, which are drawn where they lie."""
        return self.gate.kind == "spatial" and len(self.gate.shape) == 2

    @property
    def limit(self) -> float:
        """The largest difference of a group's mean from that of all: the end of the colours."""
        if self.profile is None or not self.profile.mean.size:
            return 1.0
        return float(np.nanmax(np.abs(self.profile.mean - self.overall), initial=0.0)) or 1.0


def choose_value(values: Values, *, chosen: int, generation: int, key: str) -> int:
    """Let the visitor choose one value of a gate; return its index.

    Args:
        values: what is known of them.
        chosen: what the page chose.
        generation: another number whenever the page chooses anew.
        key: of the widget.
    """
    result = _component()(key=key, data=_data(values, chosen, generation), on_chosen_change=lambda: None)
    match result.get("chosen"):
        case [int() as sent, int() as value] if sent == generation and 0 <= value < len(values.overall):
            return value
    return chosen


def _data(values: Values, chosen: int, generation: int) -> dict[str, Any]:
    gate, found = values.gate, values.profile
    ends = _ends(found) if found is not None and len(found.counts) > MOST_GROUPS else None
    numbers = {name: as_base64(numbers) for name, numbers in _tables(values, ends).items()}
    order = [int(value) for value in values.order[:MOST_ROWS]]
    return {
        **numbers,
        "id": f"{hash((gate, language(), values.groups, *numbers.values(), tuple(order))):x}",
        "overall": as_base64(values.overall.astype(np.float32)),
        "selectivity": as_base64(np.nan_to_num(values.measure).astype(np.float32)),
        "groups": list(values.groups),
        "ends": None if ends is None else ends.tolist(),
        "grid": list(gate.shape) if values.is_grid else None,
        "shape": list(gate.shape),
        "order": order,
        "limit": values.limit,
        "largest": float(np.nan_to_num(values.measure).max(initial=0.0)),
        "is_share": found is not None,
        "width": min(widest(values.groups), 16) * 0.5 + 0.6,
        "upright": any(_width(name) > len(name) for name in values.groups),
        "words": _words(values),
        "generation": generation,
        "chosen": chosen,
    }


def _words(values: Values) -> dict[str, str]:
    """The words of the component; of one image nothing varies, and its values are said."""
    words = translated(WORDS)
    return words | {"varies": words["value"], "varying": words["of_one"]} if values.is_of_one else words


def _ends(found: Profile) -> Int64[np.ndarray, "2 c"]:
    """The groups with the highest and the lowest mean of each value."""
    return np.stack([found.mean.argmax(axis=0), found.mean.argmin(axis=0)]).astype(np.int64)


def _tables(values: Values, ends: Int64[np.ndarray, "2 c"] | None) -> dict[str, Float32[np.ndarray, "g c"]]:
    """Means and intervals that the browser is given: of each group, or of two for each value where there are many."""
    found = values.profile
    if found is None:
        return dict.fromkeys(("mean", "low", "high"), np.zeros((0, len(values.overall)), np.float32))
    tables = {"mean": found.mean, "low": found.low, "high": found.high}
    if ends is not None:
        tables = {name: np.take_along_axis(table, ends, axis=0) for name, table in tables.items()}
    return {name: table.astype(np.float32) for name, table in tables.items()}


def digits_for(span: float) -> int:
    """Digits after the point that tell numbers apart which lie within a span: three, or more where it is narrow."""
    return min(max(3, 1 - math.floor(math.log10(span))), 7) if span > 0 else 3


def widest(names: Sequence[str]) -> int:
    """The width of the widest of some names, in letters."""
    return max(map(_width, names), default=0)


def _width(name: str) -> int:
    """In halves of a Chinese character, which is as wide as two letters."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in name)


@cache
def _component() -> Any:
    tables: Mapping[str, np.ndarray] = {"DIVERGING": DIVERGING, "SEQUENTIAL": table(DEFAULT_COLOURS)}
    before = "".join(f'const {name} = "{colours.tobytes().hex()}";\n' for name, colours in tables.items())
    return component("values", '<div class="values"></div>', before=before, package="app.atlas")
