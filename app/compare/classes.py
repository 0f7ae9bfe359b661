"""Two classes compared: means of a network's gates over all images of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from app import services
from app.compare.blocks import SideBlocks, compared_blocks
from app.compare.link import OVER
from app.compare.pair import Subject, class_summary
from app.compare.sides import LABELS, choose_class, side_columns
from app.session.choices import Choice
from app.session.words import Words, class_name, listed_classes, plain_text
from app.widgets.choices import choose_one
from app.widgets.left_out import say_left_out
from cbam_core.evaluation.class_means_file import ClassMeans
from cbam_core.network import Classifier

if TYPE_CHECKING:
    from app.streamlit_internals import Container

WORDS = Words(
    {
        "means": "Means over the ten bundled test images of each class (n = {count}); lines on the bars show ± one "
        "standard deviation (SD). Ten images give a first impression, not proof.",
        "test_means": "Means over all test images of each class (n = {count}); lines on the bars show ± one standard "
        "deviation (SD).",
        "some_means": "Means over the first images of each class (n = {count}); lines on the bars show ± one standard "
        "deviation (SD). Few images give a first impression, not proof.",
        "over_classes": "Means over",
        "first": "First {count} images",
        "samples": "100 bundled images",
        "test": "Test set ({count})",
        "fetch": "For means over the whole test set, run `cbam data fetch` once.",
        "summing": "{done} of {total} test images processed",
        "cancel": "Cancel",
        "unknown": "Means are computed for the classes of the test images, and this network knows none of them. "
        "It knows {classes}.",
        "no_classes": "This network gives no prediction, so there are no classes to compare.",
    }
)


def class_means(classifier: Classifier, room: Container) -> ClassMeans:
    """Both classes, and their means, block by block; give the means by class, none where the network knows none.

    Args:
        classifier: the network.
        room: see `compared_blocks`.
    """
    if not set(services.samples().classes) & set(classifier.classes):
        known = plain_text(listed_classes(classifier.classes))
        said = WORDS["unknown"].format(classes=known) if known else WORDS["no_classes"]
        st.info(said, icon=":material/info:")
        return {}
    test = services.test_set()
    whole = test is not None and len(test) == len(services.samples())
    over = "samples" if test is None or whole else _choose_images(len(test))
    summaries = services.class_summaries(classifier) if over == "samples" else _over_test_set(classifier)
    shown: list[SideBlocks] = []
    chosen: ClassMeans = {}
    for side, column in side_columns():
        with column:
            name = choose_class(side, [name for name in summaries if name in classifier.classes])
            summary = chosen[name] = summaries[name]
            class_summary(side, name, summary, services.samples_of(name))
            deviations = {block.name: block for block in summary.deviation}
            # Letters as well: both sides can hold one class.
            subject = Subject(f"{LABELS[side]} {class_name(name)}", None, classifier.input_size, deviations)
            shown.append(SideBlocks(summary.blocks, subject))
    if not any(one.blocks for one in shown):
        compared_blocks(*shown, room=room)
        return chosen
    count = ", ".join(f"{number:,}" for number in dict.fromkeys(summary.count for summary in chosen.values()))
    st.caption(WORDS[_said_means(over, whole=whole)].format(count=count))
    say_left_out(
        services.class_left_out(classifier, test=over != "samples"), sum(one.count for one in summaries.values())
    )
    if test is None:
        st.caption(WORDS["fetch"])
    compared_blocks(*shown, room=room)
    return chosen


def _said_means(over: str, *, whole: bool) -> str:
    """Key of what is said of the images of means.

    Args:
        over: which images.
        whole: whether the samples are all images that there are.
    """
    if over != "samples" or whole:
        return "test_means"
    return "means" if services.samples().name == "cifar10" else "some_means"


def _choose_images(count: int) -> str:
    """Which images means are taken over."""
    samples = WORDS["samples"]
    if services.samples().name != "cifar10":
        samples = WORDS["first"].format(count=len(services.samples()))
    words = {"samples": samples, "test": WORDS["test"].format(count=f"{count:,}")}
    Choice(OVER).begin("samples")
    return choose_one(WORDS["over_classes"], list(words), words, key=OVER)


def _over_test_set(classifier: Classifier) -> ClassMeans:
    """Means over the test set; while they are worked out, how far that is, and a way to end it."""
    room = st.empty()
    bars: list[Container] = []

    def report(done: int, total: int) -> None:
        if not bars:
            with room.container(horizontal=True, vertical_alignment="center", gap="medium"):
                bars.append(st.progress(0.0, width="stretch"))
                st.button(WORDS["cancel"], on_click=_take_samples, key="compare-cancel")
        bars[0].progress(done / total, text=WORDS["summing"].format(done=f"{done:,}", total=f"{total:,}"))

    summaries = services.test_summaries(classifier, report)
    room.empty()
    return summaries


def _take_samples() -> None:
    Choice(OVER).set("samples")
