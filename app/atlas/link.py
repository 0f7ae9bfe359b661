"""The address of Atlas: which atlas, which slice of its images, the section that is open, and what is chosen there.

Each section has readers of its own parameters here; those of several sections stand once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl, urlencode

from app.atlas.map_data import read_view
from app.session.links import Readers, one_of, read_name, read_text, read_yes
from app.widgets.image import address as image
from cbam_core.atlas.regions import read_method_and_line

MOST_CONDITIONS = 400
"""Conditions on columns of the user's own in an address: of two columns, all values that can be chosen."""


@dataclass(frozen=True)
class Usual:
    """A value of a parameter that is on the page and need not be in its address, because it is usual there."""

    value: Any


def usual_if(is_usual: bool, value: Any) -> Any:
    """A value of a parameter, marked if it is usual."""
    return Usual(value) if is_usual else value


def split_usual(said: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Split what a section says into what is usual, and what an address has to name."""
    usual = {name: value.value for name, value in said.items() if isinstance(value, Usual)}
    return usual, {name: value for name, value in said.items() if name not in usual}


def read_range(text: str) -> tuple[float, float] | None:
    """A range of percent from 0 to 100: ``90~100``."""
    found = re.fullmatch(r"([0-9]{1,3})~([0-9]{1,3})", text)
    ends = None if found is None else (float(found[1]), float(found[2]))
    return ends if ends is not None and ends[0] < ends[1] <= 100 else None


def read_where(text: str) -> str | None:
    """Conditions on columns as `where_as_text` writes them."""
    return text if 0 < len(parse_qsl(text, keep_blank_values=True)) <= MOST_CONDITIONS else None


def where_of(text: str) -> dict[str, tuple[str, ...]]:
    """Values by column, of a text that `read_where` lets through; "" is that of images without a text there."""
    found: dict[str, tuple[str, ...]] = {}
    for column, value in parse_qsl(text, keep_blank_values=True):
        found[column] = (*found.get(column, ()), value)
    return found


def where_as_text(values: Mapping[str, tuple[str, ...]]) -> str:
    """Conditions on columns as an address has them: ``weather=rain&weather=fog``."""
    return urlencode([(column, value) for column, listed in values.items() for value in listed])


def read_entry(text: str) -> str | None:
    """A channel, ``17``, or a cell, ``3.5``: its place in a gate, counted from 0."""
    return text if re.fullmatch(r"[0-9]{1,6}(?:\.[0-9]{1,5}){0,2}", text) else None


def read_image_number(text: str) -> int | None:
    """The index of an image in an atlas."""
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else None


SLICE: Readers = MappingProxyType(
    {
        "class": read_text,
        "answer": read_text,
        "answers": image.PARAMETERS["answers"],
        "confidence": read_range,
        "where": read_where,
        "line": read_method_and_line,
    }
)
"""Parameters of the slice, which all sections share."""

CHANNELS: Readers = MappingProxyType({"gate": read_text, "entry": read_entry, "groups": read_text})

MASKS: Readers = MappingProxyType(
    {"mask": read_text, "groups": read_text, "show": one_of("deviation", "difference"), "mean_image": read_yes}
)

NEIGHBOURS: Readers = MappingProxyType({"number": read_image_number, "block": read_text, "mask": read_text})

MAP: Readers = MappingProxyType(
    {
        "number": read_image_number,
        "layout": one_of("tsne"),
        "view": read_view,
        "coloured": one_of("answer", "right", "confidence"),
        "draw": one_of("images", "points"),
    }
)

COMPARE: Readers = MappingProxyType({"beside": read_text, "gate": read_text, "images": one_of("newly_right", "moved")})

OF_SECTION: Mapping[str, Readers] = {
    "channels": CHANNELS,
    "masks": MASKS,
    "neighbours": NEIGHBOURS,
    "map": MAP,
    "compare": COMPARE,
}
"""Parameters of each section that has some."""

PARAMETERS: Readers = {
    "atlas": read_text,
    "section": read_name,
    **SLICE,
    **CHANNELS,
    **MASKS,
    **NEIGHBOURS,
    **MAP,
    **COMPARE,
}
