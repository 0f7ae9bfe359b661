"""Channels and cells: which groups of images each tells apart, which images drive it, and what it is worth."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st
from jaxtyping import Float64, Int64

from app.atlas.extremes import extremes
from app.atlas.grouping import choose_grouping, group_name, grouping_as_parameter, short_percent
from app.atlas.link import usual_if
from app.atlas.profile import profile_plot, spread
from app.atlas.slices import Slice
from app.atlas.values import MOST_GROUPS, MOST_ROWS, Values, choose_value, digits_for
from app.atlas.without import without
from app.session.choices import Choice, Generation, Remembered
from app.session.words import Words, paragraph, plain_text
from app.widgets.choices import keep_listed
from cbam_core.atlas.finite import with_values
from cbam_core.errors import CbamError
from cbam_core.network import Classifier

if TYPE_CHECKING:
    from cbam_core.atlas.atlas import Atlas
    from cbam_core.atlas.gate import AtlasGate

WORDS = Words(
    {
        "gate": "Gate",
        "number": "Number",
        "about": "Selective: the share of a value's variance that lies between the groups; chance alone makes {chance} "
        "of a value that knows nothing of them. Colours: the group's mean beside that of these {total} images, "
        "orange above and blue below, up to ±{limit}; none where the 95 % interval holds the latter.",
        "about_many": "Selective: the share of a value's variance that lies between the groups; chance alone makes "
        "{chance} of a value that knows nothing of them. Beside it: the groups with the highest and the lowest mean.",
        "about_cells": "Brighter: more of the cell's variance lies between the groups; chance alone makes {chance} of "
        "a cell that knows nothing of them. Rows and columns are counted from 0.",
        "about_varies": "Without groups, values are in the order of their standard deviation over the images.",
        "about_one": "One image tells no groups apart: its values are in their order, the highest first.",
        "about_one_grid": "One image tells no groups apart: brighter cells have higher values. Rows and columns are "
        "counted from 0.",
        "about_single": "All of these images are in one group, {group}: values are in the order of their standard "
        "deviation over them.",
        "about_single_grid": "All of these images are in one group, {group}: brighter cells vary more over them. Rows "
        "and columns are counted from 0.",
        "about_varies_grid": "Without groups, brighter cells vary more from image to image. Rows and columns are "
        "counted from 0.",
        "some": "The {shown} most selective of {count} are listed; the others by their number.",
        "no_groups": "No image of this slice is in such a group.",
        "no_values": "In none of these images are the values of this gate finite.",
        "left_out": "{count} more images of the slice are left out: values of this gate are not finite in them.",
        "left_out_one": "One more image of the slice is left out: values of this gate are not finite in it.",
        "no_gates": "This atlas has no gates.",
        "channel": "Channel {place} of {gate}",
        "cell": "Cell [{row}, {column}] of {gate}",
        "percent": "{share} %",
    }
)

_GATE = Choice("atlas-gate")
_GENERATION = Generation("atlas-entry-generation")
_ENTRIES: Remembered[dict[str, int]] = Remembered("atlas-entries", dict)
"""Index of the value that is chosen, by the name of its gate."""

_ASKED: Remembered[str | None] = Remembered("atlas-entry-asked", lambda: None)

_LAST: Remembered[tuple[tuple[Any, ...], Values | None] | None] = Remembered("atlas-values", lambda: None)
"""What was found for the gate that is open: a choice among its values needs it again."""

FEW_IMAGES = 20_000
"""Images that deviations are computed of, where nothing else is known."""


def open_channels(asked: Mapping[str, Any]) -> None:
    """Begin with the gate and the value that an address asks for, or with the last ones."""
    if asked:
        _GATE.set(asked.get("gate"))
        _ASKED.set(asked.get("entry"))
        _ENTRIES.forget()
        _GENERATION.advance()
    _GATE.resume(None)


def channels_section(classifier: Classifier, atlas: Atlas, chosen: Slice) -> Mapping[str, Any]:
    """Draw a gate's values, the groups and images of the chosen one, and what the answer is without it."""
    if not atlas.gates:
        st.info(WORDS["no_gates"], icon=":material/info:")
        return {}
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="atlas-channels-tools"):
        gate = _choose_gate(atlas)
        by = choose_grouping(atlas)
        values = values_of_gate(atlas, gate, by, chosen)
        number = st.container(width="content")
    if values is None:
        known = len(with_values(atlas, gate, chosen.images))
        st.info(WORDS["no_groups" if known else "no_values"], icon=":material/search_off:")
        return {"gate": _gate_as_parameter(atlas, gate), "groups": grouping_as_parameter(atlas, by)}
    first = int(values.order[0])
    left, right = st.columns([1.15, 1], gap="medium")
    with left:
        value = choose_value(
            values, chosen=_entry(gate, first), generation=_GENERATION.number, key=f"atlas-values-{gate.name}"
        )
        _ENTRIES.set({**_ENTRIES.get(), gate.name: value})
        _say(values)
        _say_left_out(len(chosen.images) - len(with_values(atlas, gate, chosen.images)))
    with number:
        _choose_by_number(gate, value)
    with right:
        st.markdown(f"**{plain_text(name_of(gate, value))}**")
        if values.profile is None:
            images = with_values(atlas, gate, chosen.images)[:FEW_IMAGES]
            spread(np.asarray(atlas.contents.values[images, gate.first + value], np.float64))
        profile_plot(values, value)
    top = extremes(classifier, atlas, chosen, gate, value)
    with right:
        without(classifier, atlas, chosen, gate, value, top)
    return {
        "gate": _gate_as_parameter(atlas, gate),
        "entry": usual_if(value == first, ".".join(map(str, np.unravel_index(value, gate.shape)))),
        "groups": grouping_as_parameter(atlas, by),
    }


def name_of(gate: AtlasGate, value: int) -> str:
    """What a value is called: its channel, or its row and column."""
    place = [int(index) for index in np.unravel_index(value, gate.shape)]
    if gate.kind == "spatial" and len(place) == 2:
        return WORDS["cell"].format(row=place[0], column=place[1], gate=gate.name)
    return WORDS["channel"].format(place=", ".join(map(str, place)), gate=gate.name)


def values_of_gate(atlas: Atlas, gate: AtlasGate, by: str | None, chosen: Slice) -> Values | None:
    """What is known of a gate's values over a slice; None where no image of it is in a group."""
    images = hashlib.sha256(chosen.images.tobytes()).hexdigest()
    key = (id(atlas), str(atlas.folder), images, gate.name, by)
    if (last := _LAST.get()) is None or last[0] != key:
        _LAST.set((key, _values_of_gate(atlas, gate, by, chosen)))
    kept = _LAST.get()
    return None if kept is None else kept[1]


def _values_of_gate(atlas: Atlas, gate: AtlasGate, by: str | None, chosen: Slice) -> Values | None:
    images = with_values(atlas, gate, chosen.images)
    if not len(images):
        return None
    if len(images) == 1:
        (own,) = _rows(atlas, gate, images)
        return Values(gate, None, own, own, np.argsort(-own, kind="stable").tolist(), is_of_one=True)
    if by is None:
        return _without_groups(atlas, gate, chosen)
    found = atlas.profile(gate.name, by, chosen.where)
    if len(found.counts) == 1 and found.counts[0] == len(images):
        return replace(_without_groups(atlas, gate, chosen), single=group_name(found.wheres[0], found.groups[0]))
    if not len(found.counts):
        return None
    return Values(gate, found, _overall(found.counts, found.mean), found.selectivity, found.order.tolist())


def _without_groups(atlas: Atlas, gate: AtlasGate, chosen: Slice) -> Values:
    """The values of images that nothing tells apart, in the order of their standard deviation."""
    part = _rows(atlas, gate, with_values(atlas, gate, chosen.images)[:FEW_IMAGES])
    deviation = part.std(axis=0)
    return Values(gate, None, part.mean(axis=0), deviation, np.argsort(-deviation, kind="stable").tolist())


def _rows(atlas: Atlas, gate: AtlasGate, images: Int64[np.ndarray, " n"]) -> Float64[np.ndarray, "n c"]:
    """The values of some images; NaN for those that are finite in no image."""
    rows = np.asarray(atlas.contents.values[images, gate.columns], np.float64)
    return np.where(np.isfinite(rows), rows, np.nan)


def _overall(counts: Int64[np.ndarray, " g"], mean: Float64[np.ndarray, "g c"]) -> Float64[np.ndarray, " c"]:
    """The mean over the images of all groups."""
    overall: Float64[np.ndarray, " c"] = (counts[:, None] * mean).sum(axis=0) / counts.sum()
    return overall


def _choose_gate(atlas: Atlas) -> AtlasGate:
    names = [gate.name for gate in atlas.gates]
    if _GATE.get() not in names:
        _GATE.set(first_gate(atlas))
    keep_listed(_GATE.key, names)
    chosen = st.selectbox(WORDS["gate"], names, key=_GATE.key, width=240)
    _GATE.remember()
    return atlas.gate(chosen or names[0])


def first_gate(atlas: Atlas) -> str:
    """The gate that is shown first: the last with channels, for late channels are the most selective ones."""
    with_channels = [gate.name for gate in atlas.gates if gate.kind == "channel"]
    return (with_channels or [gate.name for gate in atlas.gates])[-1]


def _gate_as_parameter(atlas: Atlas, gate: AtlasGate) -> Any:
    return usual_if(gate.name == first_gate(atlas), gate.name)


def _entry(gate: AtlasGate, first: int) -> int:
    """Index of the value to show: what an address asks for, what was chosen last, or the first one."""
    asked = _ASKED.get()
    if asked is not None:
        _ASKED.forget()
        if (found := _read(gate, [int(part) for part in asked.split(".")])) is not None:
            return found
    kept = _ENTRIES.get().get(gate.name, first)
    return kept if 0 <= kept < gate.size else first


def _read(gate: AtlasGate, place: Sequence[int]) -> int | None:
    try:
        return gate.flat(tuple(place)) if len(place) > 1 else gate.flat(place[0])
    except CbamError:
        return None


def _choose_by_number(gate: AtlasGate, value: int) -> None:
    """A field for the number of a channel, of gates with so many that not all are listed."""
    if gate.size <= MOST_ROWS or gate.kind == "spatial":
        return
    field = Choice(f"atlas-number-{gate.name}-{value}")  # another value, another field: it shows what the list says

    def take() -> None:
        number = int(field.get(value) or 0)
        _ENTRIES.set({**_ENTRIES.get(), gate.name: min(max(number, 0), gate.size - 1)})
        _GENERATION.advance()

    st.number_input(WORDS["number"], 0, gate.size - 1, value, key=field.key, on_change=take, width=120)


def _say_left_out(count: int) -> None:
    """Of how many images nothing is shown, because a value of the gate is not finite in them."""
    if count:
        st.caption(plain_text(WORDS["left_out" if count > 1 else "left_out_one"].format(count=f"{count:,}")))


def _say(values: Values) -> None:
    """What the table shows."""
    if values.is_of_one:
        st.caption(plain_text(WORDS["about_one_grid" if values.is_grid else "about_one"]))
        return
    if values.profile is None:
        about = f"about_{'single' if values.single else 'varies'}{'_grid' if values.is_grid else ''}"
        st.caption(plain_text(WORDS[about].format(group=values.single)))
        return
    chance = WORDS["percent"].format(share=short_percent(values.profile.chance))
    if values.is_grid:
        st.caption(plain_text(WORDS["about_cells"].format(chance=chance)))
        return
    about = "about" if len(values.groups) <= MOST_GROUPS else "about_many"
    total = f"{int(values.profile.counts.sum()):,}"
    said = WORDS[about].format(chance=chance, limit=f"{values.limit:.{digits_for(2 * values.limit)}f}", total=total)
    if values.gate.size > MOST_ROWS:
        said = paragraph(said, WORDS["some"].format(shown=f"{MOST_ROWS:,}", count=f"{values.gate.size:,}"))
    st.caption(plain_text(said))
