"""Compare: two images, two networks on one image, or two classes; what their gates share and where they differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from app import services
from app.compare import link
from app.compare.blocks import SideBlocks, compared_blocks
from app.compare.classes import class_means
from app.compare.download import download_classes, download_sides
from app.compare.link import MODE, MODES
from app.compare.pair import Subject, side_title
from app.compare.readings import offer_readings
from app.compare.sides import (
    LABELS,
    Gallery,
    Sources,
    choose_image,
    choose_network,
    side_columns,
    swap_button,
)
from app.compare.state import Selected, Source, begin
from app.server.upload_limits import uploads_stay_in_memory
from app.services.prediction import closed_world
from app.session import last_image, links
from app.session.last_image import Picked
from app.session.uploads import Fitted, Upload
from app.session.words import Words
from app.widgets.choices import choose_one
from app.widgets.copy_link import copy_link
from app.widgets.figures import Side
from app.widgets.prediction import prediction
from app.widgets.uploads import say_refused, say_where_they_live
from app.widgets.waiting import waiting_shown
from cbam_core.errors import CbamError
from cbam_core.evaluation.class_means_file import ClassMeans
from cbam_core.network import Classifier
from cbam_core.results.explanation import Explanation

WORDS = Words(
    {
        "title": "Compare",
        "mode": "What to compare",
        "pictures": "Two images",
        "networks": "Two networks",
        "classes": "Two classes",
        "waiting": "Upload a file for image {label} to see the comparison.",
        "one_network": "Only one trained network is available, so both sides show it. Put a second checkpoint beside "
        "it to compare two.",
    }
)


@dataclass(frozen=True)
class ExplainedSide:
    """One side, explained.

    Attributes:
        shown: what its blocks are drawn from.
        explanation: of its image.
        content: the image's file, where it is more than the network's input.
        truth: its true class; None where that is not known.
        fitted: how the file was read.
    """

    shown: SideBlocks
    explanation: Explanation
    content: bytes | None = None
    truth: str | None = None
    fitted: Fitted = field(default_factory=Fitted)


def page(classifier: Classifier, asked: Mapping[str, Any]) -> None:
    """The page below the sidebar.

    Args:
        classifier: the network in the sidebar.
        asked: what an address asked for that the visitor came by, see `app.session.links.arrive`.
    """
    cat, dog = _first_two()
    numbers = services.sample_numbers()
    source: Source = "test" if services.are_all_samples() else "sample"
    begin(
        Selected(source, sample=cat, test=int(numbers[cat]), network=classifier.name, class_="cat"),
        Selected(
            source,
            sample=dog,
            test=int(numbers[dog]),
            network=next((name for name in services.networks() if name != classifier.name), classifier.name),
            class_="dog",
        ),
    )
    link.open_address(asked)
    head = st.container()
    with head.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.title(WORDS["title"], anchor=False, width="content")
        mode = choose_one(WORDS["mode"], MODES, WORDS, key=MODE)
        swap_button(mode)
        tools = st.container(horizontal=True, vertical_alignment="center", gap="small", width="content")
        display = tools.container(width="content")
    compared = partial(compared_blocks, room=display, changed=partial(link.update, classifier, mode))
    sides: tuple[ExplainedSide, ExplainedSide] | None = None
    means: ClassMeans = {}
    if mode == "networks":
        sides = _networks(compared)
    elif mode == "classes":
        means = class_means(classifier, display)
    else:
        sides = _images(classifier, compared)
    if sides is not None:
        st.caption("  \n".join(dict.fromkeys(closed_world(side.explanation) for side in sides)))
    possible = link.write(classifier, mode)
    with tools:
        if sides is not None:
            left, right = sides
            files = {name: one.content for name, one in (("a", left), ("b", right)) if one.content is not None}
            fitted = {"a": left.fitted, "b": right.fitted}
            download_sides((left.explanation, right.explanation), (left.truth, right.truth), files, fitted)
        if means:
            download_classes(means, classifier)
        copy_link(possible=possible, zipped=sides is not None, query=links.own_query(), below=head, key="compare-link")


def _images(classifier: Classifier, compared: Callable[..., None]) -> tuple[ExplainedSide, ExplainedSide] | None:
    sides: list[ExplainedSide | None] = []
    has_uploads = False
    for side, column in side_columns():
        with column:
            chosen = choose_image(side, _sources(), title=partial(side_title, side, LABELS[side]))
            has_uploads = has_uploads or chosen.source in ("upload", "camera")
            sides.append(_explained(classifier, chosen, side))
    left, right = sides
    if left is not None and right is not None:
        compared(left.shown, right.shown)
    if has_uploads:
        say_where_they_live(in_memory=uploads_stay_in_memory())
    return None if left is None or right is None else (left, right)


def _networks(compared: Callable[..., None]) -> tuple[ExplainedSide, ExplainedSide] | None:
    names = services.networks()
    if len(names) < 2:
        st.info(WORDS["one_network"], icon=":material/info:")
    chosen = choose_image("left", _sources())
    sides: list[ExplainedSide | None] = []
    digests: set[str] = set()
    for side, column in side_columns():
        with column:
            classifier = services.network(choose_network(side, services.network_labels(names)))
            digests.add(classifier.digest)
            sides.append(_explained(classifier, chosen, side, what="left"))
    left, right = sides
    if left is None or right is None:
        return None
    compared(left.shown, right.shown, networks_differ=len(digests) > 1)
    if chosen.source in ("upload", "camera"):
        say_where_they_live(in_memory=uploads_stay_in_memory())
    return left, right


def _sources() -> Sources:
    last = last_image.last()
    return Sources(
        services.sample_png(),
        services.sample_tiles(),
        columns=10,
        count=services.test_count(),
        gallery=_gallery if services.has_gallery() else None,
        inspected=None if last is None else partial(_as_on_inspect, last),
        has_samples=not services.are_all_samples(),
    )


def _gallery() -> Gallery:
    images = services.gallery()
    return Gallery([image.name for image in images], partial(services.gallery_sheet, images))


def _as_on_inspect(last: Picked, selected: Selected) -> Selected:
    """A side with the image that the visitor looked at last on Inspect."""
    if last.source == "sample":
        return replace(selected, source="sample", sample=last.index or 0)
    if last.source == "test":
        return replace(selected, source="test", test=last.index or 0)
    if last.upload is not None and _is_laid_out(last.upload):
        return replace(selected, source="folder", folder=last.upload.name, folder_fit=last.fitted)
    return replace(selected, source="upload", upload=last.upload, upload_fit=last.fitted)


def _is_laid_out(upload: Upload) -> bool:
    """Whether an image is one of the operator's, which links can name."""
    image = services.gallery_by_name().get(upload.name)
    try:
        return image is not None and services.gallery_file(image).digest == upload.digest
    except CbamError:
        return False


def _explained(
    classifier: Classifier, chosen: Selected, side: Side, *, what: Side | None = None
) -> ExplainedSide | None:
    """One side's image and prediction; None where there is nothing to show, which is then said.

    Args:
        classifier: the network of this side.
        chosen: its image.
        side: which side.
        what: the side whose image both share; None where each has its own.
    """
    if chosen.source not in ("sample", "test"):
        return _own_explained(classifier, chosen, side, what)
    if chosen.source == "test":
        result = services.show_test_image(classifier, chosen.test)
        about = services.about_test_image(chosen.test)
    else:
        result = services.show_sample(classifier, chosen.sample)
        about = services.about_sample(chosen.sample)
    if what:
        side_title(side, LABELS[side], classifier.name)
    prediction(
        result.explanation,
        caption=about.caption,
        truth=about.truth if about.truth in classifier.classes else None,
        brief=True,
        key=f"compare-prediction-{side}",
    )
    shown = _shown(classifier, result.explanation, LABELS[side], own=False)
    return ExplainedSide(shown, result.explanation, truth=about.truth)


def _own_explained(classifier: Classifier, chosen: Selected, side: Side, what: Side | None) -> ExplainedSide | None:
    """The same for an image of any size, from the visitor or the operator."""
    says = what in (None, side)
    try:
        upload = _file_of(chosen)
    except CbamError as error:
        if says:
            say_refused(error, chosen.folder)
        return None
    if upload is None:
        if says and chosen.source == "upload":
            st.info(WORDS["waiting"].format(label=LABELS[what or side]), icon=":material/upload:")
        return None
    try:
        with waiting_shown():
            result = services.show_upload(classifier, upload, chosen.fitted)
    except CbamError as error:
        if says:
            say_refused(error, upload)
        return None
    if what:
        side_title(side, LABELS[side], classifier.name)
    prediction(
        result.explanation,
        caption=upload.name,
        preview=result.preview,
        brief=True,
        key=f"compare-prediction-{side}",
    )
    if says:
        offer_readings(what or side, chosen, upload, result.explanation)
    shown = _shown(classifier, result.explanation, LABELS[side], own=True)
    return ExplainedSide(shown, result.explanation, upload.content, fitted=chosen.fitted)


def _file_of(chosen: Selected) -> Upload | None:
    """The file of a side's image; None where there is none yet.

    Raises:
        DataError: it is gone from the folder of the operator, or cannot be read.
    """
    if chosen.source == "folder":
        image = services.gallery_by_name().get(chosen.folder)
        return None if image is None else services.gallery_file(image)
    return chosen.photo if chosen.source == "camera" else chosen.upload


def _shown(classifier: Classifier, explanation: Explanation, label: str, *, own: bool) -> SideBlocks:
    height, width = explanation.input_image.shape[:2]
    subject = Subject(label, np.asarray(explanation.input_image), (width, height))
    return SideBlocks(explanation.blocks, subject, partial(services.channel_map, classifier, explanation, own=own))


def _first_two() -> tuple[int, int]:
    """Indices of the two samples that are shown first: a cat and a dog, or of the first two classes that there are."""
    firsts: dict[str, int] = {}
    for tile in services.sample_tiles():
        firsts.setdefault(tile.class_, tile.index)
    if {"cat", "dog"} <= firsts.keys():
        return firsts["cat"], firsts["dog"]
    found = [*firsts.values(), 0, 0]
    return found[0], found[1]
