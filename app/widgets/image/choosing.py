"""Where an image comes from: samples, the test set, an upload, the camera, or the operator's folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import streamlit as st

from app import services
from app.server.upload_limits import uploads_stay_in_memory
from app.session import last_image
from app.session.last_image import Picked
from app.session.words import Words, listed_classes, plain_name, plain_text, say
from app.widgets.camera import take_photo
from app.widgets.choices import choose_one
from app.widgets.evaluate_here import evaluate_here
from app.widgets.failures import fragment
from app.widgets.gallery import choose_from_gallery, say_unreadable
from app.widgets.image.address import open_image, write_nothing
from app.widgets.image.shown import Show, ShownImage
from app.widgets.image.state import (
    FOLDER,
    FOLDER_GENERATION,
    LAST_UPLOAD,
    SAMPLE,
    SAMPLE_GENERATION,
    SOURCE,
    was_shown,
)
from app.widgets.image.test_set import COLUMNS, Answered, choose_test_image, chosen_filters
from app.widgets.image.uploaded import show_uploads
from app.widgets.prefetch import NO_LANE, Ahead, Lane
from app.widgets.strip import PageChoice, strip
from app.widgets.uploads import say_refused, say_where_they_live, uploads
from cbam_core.data.dataset import Dataset
from cbam_core.errors import CbamError, ImageError
from cbam_core.evaluation.selection import select
from cbam_core.network import Classifier
from cbam_core.results.evaluation import Evaluation

WORDS = Words(
    {
        "from": "Image source",
        "sample": "Samples",
        "test": "Test set",
        "upload": "Upload",
        "camera": "Camera",
        "folder": "Folder",
        "any": "Any image works; the network knows these classes: {classes}.",
        "any_unknown": "Any image works; the network gives no prediction, and its gates are shown.",
        "not_fetched": "The 10,000 test images of CIFAR-10 are not on this server yet. Whoever started the app can "
        "get them with `cbam data fetch` (`.venv/bin/cbam data fetch` in the app's folder).",
        "last": "The last image you viewed: {name}",
        "forget": "Remove",
        "unreadable": "{image}: {reason}.",
    }
)


def choose_image(
    classifier: Classifier, asked: Mapping[str, Any], show: Show, *, title: str, prefetched: bool = False
) -> None:
    """Draw the page's title, the choice of an image below it, and the image that is chosen.

    Each source is a part of the page that runs by itself: a choice draws the image anew, and nothing else.

    Args:
        classifier: the network.
        asked: what an address asks for, see `app.session.links.arrive`.
        show: draws the image, and writes the address.
        title: name of the page.
        prefetched: whether results of samples are sent ahead to this page.
    """
    parts: dict[str, Callable[[Classifier, Show, bool], None]] = {}
    if not services.are_all_samples():  # else they are the test set
        parts["sample"] = partial(_from_samples, prefetched=prefetched)
    parts |= {"test": _from_test_set, "upload": _from_uploads, "camera": _from_camera}
    if services.has_gallery():
        parts["folder"] = _from_gallery
    open_image(classifier, asked)
    labels = {name: WORDS[name] for name in parts}
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.title(title, anchor=False, width="content")
        source = choose_one(WORDS["from"], list(parts), labels, key=SOURCE.key)
        with st.container(key="shown-network", width="content"):
            st.text(classifier.name, width="content")
    SOURCE.remember()
    # Every source stays on the page, all but one hidden, so that going back and forth loses no choice.
    for name, part in parts.items():
        with st.container(key=f"source-{name}"):
            part(classifier, show, name == source)
    # What wraps a container is hidden as well, or the gap around it would stay.
    hidden = ", ".join(f".st-key-source-{name}" for name in parts if name != source)
    st.html(f"<style>[data-testid=stLayoutWrapper]:has(> :is({hidden})) {{ display: none }}</style>")


@fragment
def _from_samples(classifier: Classifier, show: Show, shown: bool, prefetched: bool) -> None:
    """The bundled images; choosing one runs this part of the page alone."""
    index = strip(
        services.sample_png(),
        services.sample_tiles(),
        columns=10,
        chosen=PageChoice(SAMPLE.get(), SAMPLE_GENERATION.number),
        key="sample",
        prefetched=Lane("sample", services.version_of(classifier)) if prefetched else NO_LANE,
    )
    if not shown:
        return
    last_image.keep(Picked("sample", index))
    said = services.about_sample(index)
    try:
        result = services.show_sample(classifier, index)
    except ImageError as error:
        _say_unreadable(classifier, error, said.caption)
        return
    ahead = Ahead("sample", services.version_of(classifier), index, SAMPLE_GENERATION.number)
    link, sent = f"sample-{index}", ahead if prefetched else None
    show(classifier, ShownImage(result, said.name, said.caption, said.truth, link=link, key="sample", ahead=sent))


@fragment
def _from_test_set(classifier: Classifier, show: Show, shown: bool) -> None:
    """All test images, where they were fetched."""
    if not was_shown("test", shown):
        return
    test = services.test_set()
    if test is None:
        st.info(WORDS["not_fetched"], icon=":material/cloud_download:")
        if shown:
            write_nothing(classifier)
        return
    answers = services.kept_answers(classifier, test)
    index = choose_test_image(
        test.classes,
        first=int(services.sample_numbers()[services.first_sample()]),
        count=len(test),
        find=lambda selection: select(test.known_labels, selection, answers),
        about=lambda index: _answered(test, answers, index),
        sheet=lambda indices: services.test_sheet(indices, COLUMNS),
        unanswered=None if answers is not None else _why_unanswered(classifier, test),
        evaluate=lambda why: evaluate_here(classifier, key="test", why=why),
    )
    if not shown:
        return
    if index is None:
        write_nothing(classifier)
        return
    last_image.keep(Picked("test", index))
    about = services.about_test_image(index)
    try:
        result = services.show_test_image(classifier, index)
    except ImageError as error:
        _say_unreadable(classifier, error, about.caption)
        return
    link, filters = f"test-{index}", _filters_as_parameters(test.classes, answered=answers is not None)
    show(
        classifier,
        ShownImage(result, about.name, about.caption, about.truth, link=link, key="test", filters=filters),
    )


@fragment
def _from_uploads(classifier: Classifier, show: Show, shown: bool) -> None:
    """The visitor's own images, one opened at a time."""
    given = uploads(kept=LAST_UPLOAD.get() is not None)
    if given:
        LAST_UPLOAD.forget()
    if not shown:
        return
    last = LAST_UPLOAD.get()
    if last is not None:
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key="kept-last"):
            st.caption(WORDS["last"].format(name=plain_name(last.name)), width="content")
            st.button(WORDS["forget"], type="tertiary", on_click=_forget, key="uploads-forget")
        show_uploads(classifier, [last], show, key="upload")
    elif given:
        show_uploads(classifier, given, show, key="upload")
    else:
        known = plain_text(listed_classes(classifier.classes))
        st.markdown(WORDS["any"].format(classes=known) if known else WORDS["any_unknown"])
        write_nothing(classifier)
    say_where_they_live(in_memory=uploads_stay_in_memory())


def _forget() -> None:
    """Forget the image that was looked at last."""
    LAST_UPLOAD.forget()
    last_image.forget()


@fragment
def _from_camera(classifier: Classifier, show: Show, shown: bool) -> None:
    """What the visitor's camera sees."""
    if not shown:
        return
    photo = take_photo()
    if photo is not None:
        show_uploads(classifier, [photo], show, key="camera")
    else:
        write_nothing(classifier)
    say_where_they_live(in_memory=uploads_stay_in_memory())


@fragment
def _from_gallery(classifier: Classifier, show: Show, shown: bool) -> None:
    """Images that the operator has provided."""
    if not was_shown("folder", shown):
        return
    try:
        images = services.gallery()
    except CbamError as error:
        say_unreadable(error)
        if shown:
            write_nothing(classifier)
        return
    index = choose_from_gallery(
        [image.name for image in images],
        partial(services.gallery_sheet, images),
        first=FOLDER.get(),
        key="gallery",
        generation=FOLDER_GENERATION.number,
    )
    if not shown:
        return
    if index is None:
        write_nothing(classifier)
        return
    FOLDER.set(images[index].name)
    try:
        chosen = services.gallery_file(images[index])
    except CbamError as error:
        say_refused(error, images[index].name)
        write_nothing(classifier)
        return
    show_uploads(classifier, [chosen], show, key="folder", link=f"folder-{chosen.name}")


def _filters_as_parameters(classes: Sequence[str], *, answered: bool) -> dict[str, str | None]:
    """What an address says of the filters of the test set; those by answers count only where there are some."""
    selection = chosen_filters()
    return {
        "class": None if selection.truth is None else classes[selection.truth],
        "answers": selection.answers if answered and selection.answers != "all" else None,
        "by": selection.order if answered and selection.order != "index" else None,
    }


def _say_unreadable(classifier: Classifier, error: ImageError, caption: str) -> None:
    """Say which image cannot be shown, and why."""
    said = WORDS["unreadable"].format(image=caption, reason=say(error))
    st.error(plain_text(said), icon=":material/error:")
    write_nothing(classifier)


def _answered(test: Dataset, answers: Evaluation | None, index: int) -> Answered:
    truth, predicted = (
        test.classes[int(test.known_labels[index])],
        None if answers is None else answers.answer_to(index),
    )
    return Answered(truth, predicted, services.unreadable_name(test, index))


def _why_unanswered(classifier: Classifier, test: Dataset) -> str:
    return "not_kept" if services.knows(classifier, test) else "other_classes"
