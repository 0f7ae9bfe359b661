"""Compare: two pictures, two networks on one picture, or two classes; what their gates share and where they differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Literal

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import links, picked, services
from app.components import compared
from app.components.compared import Shown, compared_blocks
from app.components.comparison import Side, class_summary, side_title
from app.components.copy_link import copy_link
from app.components.figures import Place
from app.components.one_of import choose_one
from app.components.prediction import prediction
from app.components.sides import (
    LABELS,
    Choice,
    begin,
    change,
    choose_class,
    choose_network,
    choose_picture,
    inspect_button,
    side_columns,
    side_of,
    swap_button,
)
from app.components.uploads import say, say_where_they_live
from app.words import Words, class_name
from cbam_core.classifier import Classifier
from cbam_core.data.cifar10 import CLASSES
from cbam_core.errors import CbamError
from cbam_core.explanation import Explanation
from cbam_core.explanation.summary_file import Summaries

Mode = Literal["pictures", "networks", "classes"]

WORDS = Words(
    {
        "title": "Compare",
        "mode": "What to compare",
        "pictures": "Two pictures",
        "networks": "Two networks",
        "classes": "Two classes",
        "waiting": "Give picture {label} a file, and the comparison appears.",
        "one_network": "Only one trained network is at hand, so both sides show it. Put a second checkpoint beside it "
        "to compare two.",
        "means": "Means over the ten bundled test images of each class (n = {count}); lines on the bars are one "
        "standard deviation (SD) to either side. Ten images give a first impression, no proof.",
        "test_means": "Means over all test images of each class (n = {count}); lines on the bars are one standard "
        "deviation (SD) to either side.",
        "over_classes": "Means over",
        "samples": "100 bundled images",
        "test": "Test set ({count})",
        "fetch": "For means over the whole test set, run `cbam data fetch` once.",
        "summing": "{done} of {total} test images shown to the network",
        "cancel": "Cancel",
    }
)

MODES = ("pictures", "networks", "classes")

MODE, OVER = "compare-mode", "compare-over"
"""Keys of the choices of what is compared, and of the images that means are taken over."""

SETTINGS: Mapping[str, tuple[str, Any, tuple[Any, ...]]] = {
    MODE: ("mode", "pictures", MODES),
    OVER: ("of", "samples", ("samples", "test")),
    **compared.SETTINGS,
}
"""By keys of widgets: their parameter in an address, what they begin with, and what can be chosen."""


def compare_page(classifier: Classifier, asked: Mapping[str, Any]) -> None:
    """The page below the sidebar.

    Args:
        classifier: the network in the sidebar.
        asked: what an address asked for that the visitor came by, see `app.links.arrive`.
    """
    cat, dog = (_first_of(name) for name in ("cat", "dog"))
    numbers = services.samples().indices
    begin(
        Choice(sample=cat, test=int(numbers[cat]), network=classifier.name, class_="cat"),
        Choice(
            sample=dog,
            test=int(numbers[dog]),
            network=next((name for name in services.networks() if name != classifier.name), classifier.name),
            class_="dog",
        ),
    )
    _follow(asked)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.title(WORDS["title"], anchor=False, width="content")
        mode = choose_one(WORDS["mode"], MODES, WORDS, key=MODE)
        swap_button()
        if mode != "classes":
            inspect_button(picked.last())
        link = st.container(width="content")
    changed = partial(_note_address, classifier, mode)
    if mode == "networks":
        _networks(changed)
    elif mode == "classes":
        _classes(classifier)
    else:
        _pictures(classifier, changed)
    possible = _write_address(classifier, mode)
    with link:
        copy_link(possible=possible, key="compare-link")


def _follow(asked: Mapping[str, Any]) -> None:
    """Begin with what an address asked for, as far as there is such a thing."""
    for key, (name, first, choices) in SETTINGS.items():
        if asked:
            st.session_state[key] = asked[name] if asked.get(name) in choices else first
        st.session_state.setdefault(key, first)
    if not asked:
        return
    compared.open_channels(asked.get("channels", ()))
    mode = st.session_state[MODE]
    sides: dict[Place, Choice] = {}
    names: dict[Place, str] = {"left": "a", "right": "b"}
    for place, name in names.items():
        side = side_of(place)
        if mode == "networks" and asked.get(name) in services.networks():
            side = replace(side, network=asked[name])
        elif mode == "classes" and asked.get(name) in CLASSES:
            side = replace(side, class_=asked[name])
        picture = asked.get("image") if mode == "networks" else links.read_picture(asked.get(name, ""))
        sides[place] = _with_picture(side, picture) if mode != "classes" else side
    change(sides["left"], sides["right"])


def _with_picture(side: Choice, picture: tuple[str, Any] | None) -> Choice:
    """A side with the picture that an address names; as it was where there is no such picture."""
    source, which = picture or ("", -1)
    if source == "sample" and which < len(services.samples().images):
        return replace(side, source="sample", sample=which)
    if source == "test" and which < (_test_count() or 0):
        return replace(side, source="test", test=which)
    return side


def _write_address(classifier: Classifier, mode: str) -> bool:
    """Make the address that of what is compared; return whether it says all of it."""
    left, right = side_of("left"), side_of("right")
    network = links.network_of(classifier)
    said: dict[str, Any]
    if mode == "networks":
        names = [links.network_of(services.network(side.network)) for side in (left, right) if side.network]
        said = {"image": _named(left), "a": names[0] if names else None, "b": names[-1] if names else None}
    elif mode == "classes":
        said = {"network": network, "a": left.class_, "b": right.class_}
    else:
        said = {"network": network, "a": _named(left), "b": _named(right)}
    settings = {
        name: st.session_state[key]
        for key, (name, first, _) in SETTINGS.items()
        if st.session_state.get(key, first) != first
    }
    links.write(**said, **settings, channels=compared.opened_channels())
    return None not in said.values()


def _note_address(classifier: Classifier, mode: str) -> None:
    """The same, for changes that draw a part of the page alone."""
    _write_address(classifier, mode)


def _named(side: Choice) -> str | None:
    """A side's picture as an address names it; None for an upload."""
    return {"sample": f"sample-{side.sample}", "test": f"test-{side.test}"}.get(side.source)


def _pictures(classifier: Classifier, changed: Callable[[], None]) -> None:
    shown: list[Shown | None] = []
    uploads = False
    for place, column in side_columns():
        with column:
            chosen = choose_picture(
                place,
                services.sample_png(),
                services.sample_tiles(),
                columns=10,
                count=_test_count(),
                title=partial(side_title, place, LABELS[place]),
            )
            uploads = uploads or chosen.source == "upload"
            shown.append(_explained(classifier, chosen, place))
    if shown[0] is not None and shown[1] is not None:
        compared_blocks(shown[0], shown[1], changed=changed)
    if uploads:
        say_where_they_live()


def _networks(changed: Callable[[], None]) -> None:
    names = services.networks()
    if len(names) < 2:
        st.info(WORDS["one_network"], icon=":material/info:")
    chosen = choose_picture("left", services.sample_png(), services.sample_tiles(), columns=10, count=_test_count())
    shown: list[Shown | None] = []
    digests: set[str] = set()
    for place, column in side_columns():
        with column:
            classifier = services.network(choose_network(place, names))
            digests.add(classifier.digest)
            shown.append(_explained(classifier, chosen, place, what="left"))
    if shown[0] is None or shown[1] is None:
        return
    compared_blocks(shown[0], shown[1], networks_differ=len(digests) > 1, changed=changed)
    if chosen.source == "upload":
        say_where_they_live()


def _classes(classifier: Classifier) -> None:
    test = services.test_set()
    over = "samples" if test is None else _choose_images(len(test.labels))
    summaries = services.class_summaries(classifier) if over == "samples" else _over_test_set(classifier)
    shown: list[Shown] = []
    count = 0
    for place, column in side_columns():
        with column:
            name = choose_class(place, list(summaries))
            summary = summaries[name]
            class_summary(place, name, summary, services.class_images(name))
            spread = {block.name: block for block in summary.spread}
            # Letters as well: both sides can hold one class.
            side = Side(f"{LABELS[place]} {class_name(name)}", None, classifier.input_size, spread)
            shown.append(Shown(summary.blocks, side))
            count = summary.count
    st.caption(WORDS["means" if over == "samples" else "test_means"].format(count=f"{count:,}"))
    if test is None:
        st.caption(WORDS["fetch"])
    compared_blocks(*shown)


def _choose_images(count: int) -> str:
    """Which images means are taken over."""
    words = {"samples": WORDS["samples"], "test": WORDS["test"].format(count=f"{count:,}")}
    st.session_state.setdefault(OVER, "samples")
    return choose_one(WORDS["over_classes"], list(words), words, key=OVER)


def _over_test_set(classifier: Classifier) -> Summaries:
    """Means over the test set; while they are worked out, how far that is, and a way to end it."""
    place = st.empty()
    bars: list[DeltaGenerator] = []

    def report(done: int, total: int) -> None:
        if not bars:
            with place.container(horizontal=True, vertical_alignment="center", gap="medium"):
                bars.append(st.progress(0.0, width="stretch"))
                st.button(WORDS["cancel"], on_click=_take_samples, key="compare-cancel")
        bars[0].progress(done / total, text=WORDS["summing"].format(done=f"{done:,}", total=f"{total:,}"))

    summaries = services.test_summaries(classifier, report)
    place.empty()
    return summaries


def _take_samples() -> None:
    st.session_state[OVER] = "samples"


def _explained(classifier: Classifier, chosen: Choice, place: Place, *, what: Place | None = None) -> Shown | None:
    """One side's picture and prediction; None where there is nothing to show, which is then said.

    Args:
        classifier: the network of this side.
        chosen: its picture.
        place: which side.
        what: the side whose picture both share; None where each has its own.
    """
    label = LABELS[place]
    if chosen.source != "upload":
        if chosen.source == "test":
            picture = services.show_test_image(classifier, chosen.test)
            caption, truth = services.about_test_image(chosen.test)
        else:
            picture = services.show_sample(classifier, chosen.sample)
            caption, truth = services.about_sample(chosen.sample)
        if what:
            side_title(place, label, classifier.name)
        prediction(picture.explanation, caption=caption, truth=truth, key=f"compare-prediction-{place}")
        return _shown(classifier, picture.explanation, label, own=False)
    if chosen.upload is None:
        if what in (None, place):
            st.info(WORDS["waiting"].format(label=LABELS[what or place]), icon=":material/upload:")
        return None
    try:
        picture = services.show_upload(
            classifier, chosen.upload.digest, chosen.upload.content, chosen.fit, chosen.square
        )
    except CbamError as error:
        if what in (None, place):
            say(error, chosen.upload.name)
        return None
    if what:
        side_title(place, label, classifier.name)
    prediction(
        picture.explanation, caption=chosen.upload.name, preview=picture.preview, key=f"compare-prediction-{place}"
    )
    return _shown(classifier, picture.explanation, label, own=True)


def _shown(classifier: Classifier, explanation: Explanation, label: str, *, own: bool) -> Shown:
    height, width = explanation.input_image.shape[:2]
    side = Side(label, np.asarray(explanation.input_image), (width, height))
    return Shown(explanation.blocks, side, partial(services.channel_map, classifier, explanation, own=own))


def _test_count() -> int | None:
    test = services.test_set()
    return None if test is None else len(test.labels)


def _first_of(name: str) -> int:
    """Place of a class's first image in the sample sheet."""
    return next((tile.index for tile in services.sample_tiles() if tile.class_ == name), 0)


compare_page(st.session_state["network"], st.session_state["asked"])
