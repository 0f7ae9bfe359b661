"""The image in an address: what a page begins with, and how what it shows is named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app import services
from app.session import last_image, links
from app.session.links import Readers, one_of, read_fit, read_ground, read_image, read_square, read_text, read_yes
from app.widgets.image.shown import ShownImage
from app.widgets.image.state import (
    FOLDER,
    FOLDER_GENERATION,
    LAST_UPLOAD,
    SAMPLE,
    SAMPLE_GENERATION,
    SOURCE,
    begin_with_readings,
    begin_with_square,
)
from app.widgets.image.test_set import EVERY, keep_chosen
from app.widgets.uploads import FIT
from cbam_core.data.dataset import Dataset
from cbam_core.evaluation.selection import Selection, select
from cbam_core.network import Classifier


def read_image_once(text: str) -> tuple[str, Any] | None:
    """The image that a text names, see `app.services.named_once`."""
    image = read_image(text)
    return None if image is None else services.named_once(*image)


PARAMETERS: Readers = {
    "image": read_image_once,
    "class": read_text,
    "answers": one_of("right", "wrong"),
    "by": one_of("sure", "unsure"),
    "fit": read_fit,
    "square": read_square,
    "stretch": read_yes,
    "ground": read_ground,
}
"""Parameters that every page with an image has."""


def open_image(classifier: Classifier, asked: Mapping[str, Any]) -> None:
    """Begin with the image that an address asks for, as far as there is such a one, or with the last one."""
    if not SOURCE.is_known:
        _come_back()
    source, which = services.named_once(*asked.get("image", ("", None)))
    if _choose(source, which, classifier, asked):
        SOURCE.set(source)


def image_as_parameters(shown: ShownImage) -> dict[str, Any]:
    """What an address says of an image and how it is fitted; nothing of one that it cannot name."""
    fit, square = shown.fitted.fit, shown.fitted.square
    named = (
        {
            "image": shown.link,
            "fit": fit if fit != "crop" else None,
            "square": square,
            "stretch": shown.fitted.stretch or None,
            "ground": "black" if shown.fitted.ground == "black" else None,
        }
        if shown.link
        else {}
    )
    return {**named, **shown.filters}


def usual_parameters(shown: ShownImage) -> dict[str, Any]:
    """What holds for an image where an address says nothing of it, see `app.session.links.write`."""
    return {"fit": shown.fitted.fit, "stretch": False, "ground": "white"}


def write_nothing(classifier: Classifier) -> None:
    """The address of the page alone: what was there before is no more to be seen."""
    links.write(network=links.network_of(classifier))


def _choose(source: str, which: Any, classifier: Classifier, asked: Mapping[str, Any]) -> bool:
    """Choose the image that an address names; return whether there is such an image."""
    test = services.test_set()
    if source == "sample" and which < len(services.samples()):
        SAMPLE.set(which)
        SAMPLE_GENERATION.advance()
    elif source == "test" and test is not None and which < len(test):
        keep_chosen(which, _selection_with(which, classifier, test, asked))
    elif source == "folder" and which in services.gallery_by_name():
        FOLDER.set(which)
        FOLDER_GENERATION.advance()
        FIT.set(asked.get("fit", "crop"))
        begin_with_square(which, asked.get("square"))
        begin_with_readings(which, stretch=asked.get("stretch", False), black=asked.get("ground") == "black")
    else:
        return False
    return True


def _selection_with(index: int, classifier: Classifier, test: Dataset, asked: Mapping[str, Any]) -> Selection:
    """The filters that an address asks for; all images where those would hide the one that it names."""
    truth = test.classes.index(asked["class"]) if asked.get("class") in test.classes else None
    selection = Selection(truth=truth, answers=asked.get("answers", "all"), order=asked.get("by", "index"))
    answers = services.kept_answers(classifier, test)
    if answers is None and selection.needs_answers:
        selection = Selection(truth=truth)
    return selection if index in select(test.known_labels, selection, answers) else EVERY


def _come_back() -> None:
    """Begin with what was chosen before another page was shown, for which Streamlit forgot every widget."""
    SOURCE.resume("test" if services.are_all_samples() else "sample")
    last = last_image.last()
    if last is None:
        return
    if last.source == "sample" and last.index is not None:
        SAMPLE.set(last.index)
    elif last.upload is not None:
        FIT.set(last.fitted.fit)
        if SOURCE.get() == "folder" and last.upload.name in services.gallery_by_name():
            FOLDER.set(last.upload.name)
        elif SOURCE.get() == "upload":
            LAST_UPLOAD.set(last.upload)
