"""Where Inspect begins: with what an address asks for, or with what was there before another page was shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app import services
from app.inspect.link import settings_of
from app.inspect.state import (
    FOLDER,
    FOLDER_GENERATION,
    LAST_UPLOAD,
    SAMPLE,
    SAMPLE_GENERATION,
    SOURCE,
    begin_with_readings,
    begin_with_settings,
    begin_with_square,
)
from app.inspect.test_set import EVERY, keep_chosen
from app.session import last_image
from app.widgets.uploads import FIT
from cbam_core.data.dataset import Dataset
from cbam_core.evaluation.selection import Selection, select
from cbam_core.network import Classifier


def open_address(classifier: Classifier, asked: Mapping[str, Any]) -> None:
    """Begin with what an address asked for, as far as there is such a thing."""
    if not SOURCE.is_known:
        _come_back()
    if not asked:
        return
    source, which = asked.get("image", ("", None))
    if _choose(source, which, classifier, asked):
        SOURCE.set(source)
    begin_with_settings(settings_of(asked, services.FIRST_READING))


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
    SOURCE.resume("sample")
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
