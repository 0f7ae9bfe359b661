"""Where Inspect begins: with what an address asks for, or with what was there before another page was shown."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import streamlit as st

from app import services
from app.inspect.link import settings_of
from app.inspect.test_set import EVERY, keep_chosen
from app.session import last_image
from app.session.uploads import Upload
from app.widgets.prediction import framed_square
from app.widgets.uploads import FIT, square_key
from cbam_core.data.cifar10 import CLASSES, LabelledImages
from cbam_core.evaluation.selection import Selection, select
from cbam_core.network import Classifier
from cbam_core.viewer import Settings

FIRST = 31
"""Place in the sample sheet of the image to begin with: a cat that faces us shows best that masks have places."""

SOURCE = "inspect-source"
"""Key of the choice of where pictures come from."""

_STARTS = "inspect-starts"

Square = tuple[float, float, float]
"""Left, top and side in the picture's own pixels."""


def starts() -> dict[str, Any]:
    """What this visitor's widgets begin with, and what is noted while they are on the page."""
    known: dict[str, Any] = st.session_state[_STARTS]
    return known


def follow(classifier: Classifier, asked: dict[str, Any]) -> None:
    """Begin with what an address asked for, as far as there is such a thing."""
    begin = {"source": "sample", "sample": FIRST, "folder": "", "viewer": 0, "frame": 0}
    begin |= {"strip-sample": 0, "strip-folder": 0, "settings": {}, "begun": {}, "squares": {}, "linked": {}}
    known = st.session_state.setdefault(_STARTS, {**begin, "visited": set()})
    if SOURCE not in st.session_state:
        _come_back(known)
    if not asked:
        return
    source, which = asked.get("image", ("", None))
    test = services.test_set()
    if source == "sample" and which < len(services.samples().images):
        known["sample"] = which
    elif source == "test" and test is not None and which < len(test.labels):
        keep_chosen(which, _selection_with(which, classifier, test, asked))
    elif source == "folder" and which in services.gallery_by_name():
        known["folder"] = which
        FIT.set(asked.get("fit", "crop"))
        known["squares"], known["linked"] = {}, {which: asked["square"]} if "square" in asked else {}
        known["frame"] += 1  # what was framed since is gone
    else:
        source = ""
    if source:
        st.session_state[SOURCE] = source
        if (strip := f"strip-{source}") in known:
            known[strip] += 1
    settings = settings_of(asked)
    if settings != known["settings"]:
        known["settings"] = settings
        known["viewer"] += 1


def _selection_with(index: int, classifier: Classifier, test: LabelledImages, asked: dict[str, Any]) -> Selection:
    """The filters that an address asks for; all images where those would hide the one that it names."""
    truth = CLASSES.index(asked["class"]) if asked.get("class") in CLASSES else None
    selection = Selection(truth=truth, answers=asked.get("answers", "all"), order=asked.get("by", "index"))
    answers = services.kept_answers(classifier, test)
    if answers is None and selection.needs_answers:
        selection = Selection(truth=truth)
    return selection if index in select(test.labels, selection, answers) else EVERY


def _come_back(known: dict[str, Any]) -> None:
    """Begin with what was chosen before another page was shown, for which Streamlit forgot every widget."""
    st.session_state[SOURCE] = known["source"]
    last = last_image.last()
    if last is None:
        return
    if last.source == "sample" and last.index is not None:
        known["sample"] = last.index
    elif last.upload is not None:
        FIT.set(last.fit)
        if last.square is not None:
            known["squares"] = {last.upload.digest: last.square}
        if known["source"] == "folder" and last.upload.name in services.gallery_by_name():
            known["folder"] = last.upload.name
        elif known["source"] == "upload":
            known["brought"] = last.upload


def settings_to_begin_with(viewer: str) -> dict[str, Any]:
    """Changes of settings that a viewer begins with: those of the one that was looked at last.

    They stay while it is on the page: it would take others for a wish of the page, and let go of the visitor's.
    """
    begun: dict[str, dict[str, Any]] = starts()["begun"]
    if viewer not in st.session_state or viewer not in begun:
        begun[viewer] = dict(starts()["settings"])
    return begun[viewer]


def note_settings(chosen: Settings, usual: Settings, *, without: Collection[str] = ()) -> None:
    """Keep what the visitor changed, for the next viewer.

    Args:
        chosen: what the viewer shows.
        usual: what it would show if nobody had chosen anything.
        without: settings that there was no choice of.
    """
    now, before, known = chosen.as_dict(), usual.as_dict(), starts()["settings"]
    for name in now:
        if now[name] != before[name]:
            known[name] = now[name]
        elif name not in without:
            known.pop(name, None)


def square_of(upload: Upload) -> Square | None:
    """The part of a picture that the visitor framed, or came with."""
    known = starts()
    linked: Square | None = known["linked"].get(upload.name) if known["source"] == "folder" else None
    kept: Square | None = known["squares"].get(upload.digest)
    return framed_square(frame_key(upload)) or kept or linked


def frame_key(upload: Upload) -> str:
    """Key of the widget in which the visitor frames a part of a picture."""
    return turned(square_key(upload), "frame")


def was_shown(source: str, shown: bool) -> bool:
    """Whether a source was ever looked at: before that it costs nothing, after that it keeps what was chosen."""
    visited: set[str] = starts()["visited"]
    if shown:
        visited.add(source)
    return source in visited


def turned(key: str, what: str) -> str:
    """A widget's key; another one after an address asked for something else, so that the widget begins with that."""
    turn = starts()[what]
    return f"{key}-{turn}" if turn else key
