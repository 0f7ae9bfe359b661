"""Two atlases of the same images: another checkpoint, or the same images changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from app import services
from app.atlas import pairs
from app.atlas.changed_gates import gate_table, median_correlation
from app.atlas.changed_values import changed_channels, changed_masks
from app.atlas.corrupting import change_name, offer_corrupted, show_building
from app.atlas.extremes import pictures_of, tile_of
from app.atlas.link import usual_if
from app.atlas.slices import Slice
from app.session import links
from app.session.choices import Choice
from app.session.scheduling import slot
from app.session.words import Words, class_name, listed, paragraph, plain_text, sentence
from app.widgets.choices import choose_one, keep_listed, told_apart
from app.widgets.evaluate_here import set_name
from app.widgets.image_tiles import ImageTile, image_tiles
from app.widgets.waiting import waiting_shown
from cbam_core.errors import CbamError
from cbam_core.network import Classifier
from cbam_core.results.score_words import signed

if TYPE_CHECKING:
    from cbam_core.atlas.answers import AtlasComparison, GateChange
    from cbam_core.atlas.atlas import Atlas

WORDS = Words(
    {
        "other": "Compared with",
        "named": "{images}, {network}",
        "named_changed": "{images}, {changed}, {network}",  # what differs comes before a narrow window cuts it
        "none": "There is no other atlas of these images yet. Build one of altered copies above, or one of another "
        "network over the same images.",
        "paired_one": "One image is in both, paired by its name.",
        "paired": "{count} images are in both, paired by their names.",
        "other_network": "These are two networks: a channel of one need not mean what the channel of the same number "
        "means in the other, unless one was trained from the other.",
        "skipped": "Not compared, for only one network has them, or with another shape: {gates}.",
        "no_gates": "The two networks share no gate by name and shape, so only answers can be compared.",
        "gate": "Gate",
        "answers": "Of {count} answers, {right} became right, {wrong} became wrong, and {other} changed from one wrong "
        "class to another. The share of right answers went from {before} to {after}: {difference} points, 95 % "
        "interval {low} to {high}.",
        "no_answers": "Answers cannot be compared: one network has none, or their classes differ.",
        "only_changed": "Of {total} answers, {count} changed. There are no labels, so no answer is right or wrong.",
        "newly_wrong": "Became wrong",
        "newly_right": "Became right",
        "changed": "Answer changed",
        "moved": "Gates changed most",
        "show": "Images",
        "shown": "{shown} of {count}; above the image in this atlas, below it in the other one.",
        "one_picture": "{shown} of {count}.",
        "moved_by": "The number is how far all its gates moved: the Euclidean distance between the two.",
        "no_such": "There is no such image in this slice.",
        "was_now": "{before} → {after}",
        "share": "{share:.2f} %",
    }
)

SHOWN = 14
"""Images of a kind on the page."""

_OTHER, _GATE, _SHOW = Choice("atlas-other"), Choice("atlas-compared-gate"), Choice("atlas-changed-images")


def open_compare(asked: Mapping[str, Any]) -> None:
    """Begin with what an address asks for, or with the last choices."""
    if asked:
        _OTHER.set(asked.get("beside"))
        _GATE.set(asked.get("gate"))
        _SHOW.set(asked.get("images", "newly_wrong"))
    for choice, first in ((_OTHER, None), (_GATE, None), (_SHOW, "newly_wrong")):
        choice.resume(first)


def compare_section(classifier: Classifier, atlas: Atlas, chosen: Slice) -> Mapping[str, Any]:
    """Draw what differs in another atlas of the same images."""
    built = services.take_in_changed(classifier, atlas)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        entry = _choose_other(atlas, built)
        offer_corrupted(classifier, atlas)
    show_building(classifier, atlas)
    if entry is None:
        st.info(WORDS["none"], icon=":material/info:")
        return {}
    usual, _ = services.first_that_opens(services.comparable_atlases(atlas))
    said: dict[str, Any] = {"beside": usual_if(entry.name == usual, entry.name)}
    try:
        other = services.atlas_at(entry)
        with waiting_shown(), slot():
            found = atlas.compare(other, chosen.where, SHOWN)
    except CbamError as error:
        st.info(plain_text(sentence(error)), icon=":material/info:")
        return said
    _say(atlas, other, found)
    said["images"] = _images(classifier, atlas, other, found)
    if found.gates:
        said["gate"] = _gates(atlas, found)
    return said


def _choose_other(atlas: Atlas, built: str | None) -> services.AtlasEntry | None:
    """Let the visitor choose the other atlas; one that was just built is chosen."""
    entries = services.comparable_atlases(atlas)
    if not entries:
        return None
    if built in entries:
        _OTHER.set(built)
    if _OTHER.get() not in entries:
        _OTHER.set(services.first_that_opens(entries)[0])
    named = told_apart({name: _named(entry) for name, entry in entries.items()})
    keep_listed(_OTHER.key, [*named.values()])
    st.selectbox(WORDS["other"], [*named], format_func=named.__getitem__, key=_OTHER.key, width=520)
    _OTHER.remember()
    return entries.get(_OTHER.get())


def _named(entry: services.AtlasEntry) -> str:
    template = WORDS["named_changed" if entry.changed else "named"]
    return template.format(network=entry.network, images=set_name(entry.title), changed=change_name(entry.changed))


def _say(atlas: Atlas, other: Atlas, found: AtlasComparison) -> None:
    """How many pairs there are, what of them cannot be compared, and how the answers changed."""
    said = [WORDS["paired" if len(found.images) > 1 else "paired_one"].format(count=f"{len(found.images):,}")]
    if atlas.facts.get("network", {}).get("digest") != other.facts.get("network", {}).get("digest"):
        said.append(WORDS["other_network"])
    if not found.gates:
        said.append(WORDS["no_gates"])
    elif found.skipped:
        said.append(WORDS["skipped"].format(gates=listed(found.skipped)))
    st.caption(plain_text(paragraph(*said)))
    st.markdown(plain_text(_answers(found)))


def _answers(found: AtlasComparison) -> str:
    if found.answered_other is None:
        return WORDS["no_answers"]
    changed = found.answers
    if changed is None or found.newly_right is None or found.newly_wrong is None:
        count, total = int(found.answered_other.sum()), len(found.answered_other)
        return WORDS["only_changed"].format(count=f"{count:,}", total=f"{total:,}")
    right, wrong = int(found.newly_right.sum()), int(found.newly_wrong.sum())
    low, high = changed.interval
    return WORDS["answers"].format(
        right=f"{right:,}",
        wrong=f"{wrong:,}",
        other=f"{int(found.answered_other.sum()) - right - wrong:,}",
        count=f"{changed.count:,}",
        before=WORDS["share"].format(share=changed.accuracy - changed.points),
        after=WORDS["share"].format(share=changed.accuracy),
        difference=signed(changed.points),
        low=signed(low),
        high=signed(high),
    )


def _images(classifier: Classifier, atlas: Atlas, other: Atlas, found: AtlasComparison) -> str | None:
    """Draw the images whose answers, or gates, changed; gives the choice as an address has it."""
    lists = {"newly_wrong": found.newly_wrong, "newly_right": found.newly_right}
    if found.newly_wrong is None:
        lists = {"changed": found.answered_other}
    kinds = [kind for kind, flags in lists.items() if flags is not None] + (["moved"] if found.gates else [])
    if not kinds:
        return None
    if _SHOW.get() not in kinds:
        _SHOW.set(kinds[0])
    show = choose_one(WORDS["show"], kinds, WORDS, key=_SHOW.key)
    _SHOW.remember()
    order = np.argsort(-found.moved, kind="stable")
    flags = lists.get(show)
    if flags is not None:
        order = order[flags[order]]
    _changed_tiles(classifier, atlas, other, found, order)
    return None if show == kinds[0] else show


def _changed_tiles(
    classifier: Classifier, atlas: Atlas, other: Atlas, found: AtlasComparison, order: np.ndarray
) -> None:
    shown = order[:SHOWN]
    if not len(shown):
        st.caption(WORDS["no_such"])
        return
    images, others = found.images[shown], found.others[shown]
    pictures = [pairs.enlarged(pictures_of(one, numbers), 64) for one, numbers in ((atlas, images), (other, others))]
    same = pictures[0].shape == pictures[1].shape and np.array_equal(pictures[0], pictures[1])
    both = pictures[0] if same or pictures[0].shape != pictures[1].shape else pairs.above(*pictures)
    tiles = [_changed_tile(atlas, other, found, int(place)) for place in shown]
    image_tiles(both, tiles, network=links.network_of(classifier), key="atlas-changed-tiles")
    template = WORDS["one_picture" if both is pictures[0] else "shown"]
    said = [template.format(shown=len(shown), count=f"{len(order):,}"), *([WORDS["moved_by"]] if found.gates else [])]
    st.caption(plain_text(paragraph(*said)))


def _changed_tile(atlas: Atlas, other: Atlas, found: AtlasComparison, place: int) -> ImageTile:
    """What is said of an image: the answers, and how far its gates moved."""
    image, before, after = int(found.images[place]), *_answered(atlas, other, found, place)
    is_other = before and after and before != after
    answers = WORDS["was_now"].format(before=before, after=after) if is_other else before or after
    moved = f"{found.moved[place]:.2f}" if found.gates else ""
    lines = tuple(line for line in (moved, answers) if line)
    wrong = found.newly_wrong is not None and bool(found.newly_wrong[place])
    return replace(tile_of(atlas, image, ", ".join(lines)), lines=lines, wrong=wrong)


def _answered(atlas: Atlas, other: Atlas, found: AtlasComparison, place: int) -> tuple[str, str]:
    said = []
    for one, number in ((atlas, found.images[place]), (other, found.others[place])):
        answer = int(one.answers[number])
        said.append(class_name(one.classes[answer]) if answer >= 0 else "")
    return said[0], said[1]


def _gates(atlas: Atlas, found: AtlasComparison) -> Any:
    """Draw a table of all gates, and the values of the chosen one; gives the choice as an address has it."""
    st.html(gate_table(found.gates))
    names = [one.gate for one in found.gates]
    most = _most_changed(found.gates)
    if _GATE.get() not in names:
        _GATE.set(most)
    keep_listed(_GATE.key, names)
    chosen = st.selectbox(WORDS["gate"], names, key=_GATE.key, width=240) or most
    _GATE.remember()
    change = next(one for one in found.gates if one.gate == chosen)
    gate = atlas.gate(chosen)
    if {"H", "W"} <= set(gate.axes):
        changed_masks(gate, change)
    elif "C" in gate.axes:
        changed_channels(change)
    return usual_if(chosen == most, chosen)


def _most_changed(gates: tuple[GateChange, ...]) -> str:
    """Name of the gate whose values correlate least over the images."""
    found = [median_correlation(one) for one in gates]
    return gates[int(np.argmin([1.0 if one is None else one for one in found]))].gate
