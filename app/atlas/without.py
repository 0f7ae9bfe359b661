"""What the answers are without one value of a gate: for the images in which it is highest, and for the slice."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from app import services
from app.atlas.slices import Slice
from app.services import what_if
from app.services.one_value import Located, OneValue
from app.session import links
from app.session.words import Words, paragraph, plain_text, sentence
from app.widgets.duration import duration
from app.widgets.progress import counts_of, show_progress
from cbam_core.errors import CbamError
from cbam_core.network import Classifier
from cbam_core.results.gate_edits import GateEdit, edits_as_text
from cbam_core.results.score_words import signed

if TYPE_CHECKING:
    from app.streamlit_internals import Container
    from cbam_core.atlas.answers import Ranking
    from cbam_core.atlas.atlas import Atlas
    from cbam_core.atlas.gate import AtlasGate
    from cbam_core.evidence.one_value import Replaced

WORDS = Words(
    {
        "title": "Without it",
        "about": "Its mean over the atlas, {mean}, stands in its place for every image; later gates follow. Others can "
        "say the same as this one, so a small loss does not mean that it says nothing.",
        "few": "Of the {count} images in which it is highest, {changed} get another answer; the probability of their "
        "answer goes from {before} % to {after} % on average.",
        "few_of": "Of {count} of the {tied} images in which it is highest, {changed} get another answer; the "
        "probability of their answer goes from {before} % to {after} % on average.",
        "one_same": "The image keeps its answer; its probability goes from {before} % to {after} %.",
        "one_other": "The image gets another answer; the probability of the one it had goes from {before} % to "
        "{after} %.",
        "many": "Over {count} images, {changed} get another answer; the probability of their answer goes from "
        "{before} % to {after} % on average.",
        "accuracy": "Accuracy changes by {points} points ({low} to {high}).",
        "gate": "All of {gate} with its usual values: {points} points ({images} images, scorecard).",
        "begin": "Over all {count} images",
        "time": "About {time} of this server, in the background.",
        "progress": "{done} of {total} images",
        "what_if": "Open in What if",
        "what_if_help": "The image in which it is highest, with this value at its mean",
        "no_images": "The images of this atlas are not on this server, so answers cannot be computed again.",
    }
)


def without(classifier: Classifier, atlas: Atlas, chosen: Slice, gate: AtlasGate, place: int, top: Ranking) -> None:
    """Draw what changes without one value.

    Args:
        classifier: the network.
        atlas: the atlas.
        chosen: the slice.
        gate: the gate.
        place: index of the value in it.
        top: the images in which it is highest.
    """
    if not atlas.has_answers or not len(top.images):
        return
    value = OneValue(gate.name, place, round(mean_of(atlas, gate, place), 4))
    st.markdown(f"**{plain_text(WORDS['title'])}**")
    few = services.located(atlas, top.images)
    if few is None:
        st.caption(WORDS["no_images"])
        return
    try:
        found = services.worth_of(classifier, value, few)
    except CbamError as error:
        st.caption(plain_text(sentence(error)))
        return
    if found is not None:
        are_alike = top.undecided and top.values[0] == top.values[-1]
        st.markdown(plain_text(_said("few_of" if are_alike else "few", found, tied=f"{top.tied:,}")))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        beside = st.container(width="content")
        _offer_what_if(classifier, value, few)
    many = services.located(atlas, chosen.images)
    if many is not None and len(chosen.images) > 1:
        _over_slice(classifier, value, many, beside)
    _say_gate(classifier, gate)
    st.caption(plain_text(WORDS["about"].format(mean=f"{value.constant:.3f}")))


def mean_of(atlas: Atlas, gate: AtlasGate, place: int) -> float:
    """The mean of one value over all images of an atlas that have a finite one."""
    column = atlas.contents.values[atlas.ok, gate.first + place]
    finite = column[np.isfinite(column)]
    return float(np.asarray(finite, np.float64).mean()) if len(finite) else float("nan")


def _said(which: str, found: Replaced, tied: str = "") -> str:
    if len(found.before) == 1:
        which = "one_other" if found.changed else "one_same"
    said = WORDS[which].format(
        tied=tied,
        count=f"{len(found.before):,}",
        changed=f"{found.changed:,}",
        before=f"{100 * found.probability.mean():.1f}",
        after=f"{100 * found.left.mean():.1f}",
    )
    change = found.change
    if which != "many" or change is None:
        return said
    low, high = change.interval
    accuracy = WORDS["accuracy"].format(points=signed(change.points), low=signed(low), high=signed(high))
    return paragraph(said, accuracy)


def _over_slice(classifier: Classifier, value: OneValue, many: Located, beside: Container) -> None:
    """The whole slice: what was found, how far it is, or a button."""
    work = services.worth_work(classifier, value, many)
    if work is not None and work.result is not None:
        st.markdown(plain_text(_said("many", work.result)))
    elif work is not None and not work.cancelled:
        show_progress(
            partial(services.worth_work, classifier, value, many),
            lambda work: WORDS["progress"].format(**counts_of(work)),
            services.cancel_worth,
            key="atlas-worth",
        )
    else:
        seconds = max(1.0, services.worth_seconds(classifier, many))
        beside.button(
            WORDS["begin"].format(count=f"{len(many.numbers):,}"),
            icon=":material/play_arrow:",
            help=WORDS["time"].format(time=duration(seconds)),
            key="atlas-worth-begin",
            on_click=services.begin_worth,
            args=(classifier, value, many),
        )


def _offer_what_if(classifier: Classifier, value: OneValue, few: Located) -> None:
    edits = edits_as_text({value.gate: GateEdit(values=((value.place, round(value.constant, 3)),))})
    image = f"{few.source}-{few.numbers[0]}"
    st.button(
        WORDS["what_if"],
        icon=":material/experiment:",
        help=WORDS["what_if_help"],
        key="atlas-to-whatif",
        on_click=partial(links.go, "whatif", network=links.network_of(classifier), image=image, edits=edits),
    )


def _say_gate(classifier: Classifier, gate: AtlasGate) -> None:
    """What the scorecard says of the whole gate."""
    change = what_if.changes_of(classifier).get(gate.name)
    if change is not None:
        said = WORDS["gate"].format(gate=gate.name, points=signed(change.points), images=f"{change.count:,}")
        st.caption(plain_text(said))
