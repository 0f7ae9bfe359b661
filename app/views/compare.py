"""Compare: two pictures, two networks on one picture, or two classes; what their gates share and where they differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import links, picked, services
from app.components import compared
from app.components.compared import Shown, compared_blocks
from app.components.comparison import Side as Drawn
from app.components.comparison import class_summary, side_title
from app.components.copy_link import copy_link
from app.components.downloads import download_both
from app.components.figures import Place
from app.components.one_of import choose_one
from app.components.prediction import prediction
from app.components.sides import (
    LABELS,
    Choice,
    Fitted,
    Gallery,
    Sources,
    begin,
    change,
    choose_class,
    choose_network,
    choose_picture,
    side_columns,
    side_of,
    swap_button,
)
from app.components.uploads import Upload, say, say_where_they_live
from app.picked import Picked
from app.words import Words, class_name, listed
from cbam_core.classifier import Classifier
from cbam_core.data.cifar10 import CLASSES
from cbam_core.data.gallery import GalleryPicture
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
        "unknown": "Means are taken over classes of CIFAR-10, and this network knows none of them: it knows {classes}.",
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


@dataclass(frozen=True)
class Side:
    """One side, explained.

    Attributes:
        shown: what its blocks are drawn from.
        explanation: of its picture.
        content: the picture's file, where it is more than the network's input.
    """

    shown: Shown
    explanation: Explanation
    content: bytes | None = None


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
    head = st.container()
    with head.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.title(WORDS["title"], anchor=False, width="content")
        mode = choose_one(WORDS["mode"], MODES, WORDS, key=MODE)
        swap_button()
        tools = st.container(horizontal=True, vertical_alignment="center", gap="small", width="content")
    changed = partial(_note_address, classifier, mode)
    sides: tuple[Side, Side] | None = None
    if mode == "networks":
        sides = _networks(changed)
    elif mode == "classes":
        _classes(classifier)
    else:
        sides = _pictures(classifier, changed)
    possible = _write_address(classifier, mode)
    with tools:
        if sides is not None:
            left, right = sides
            files = {name: side.content for name, side in (("a", left), ("b", right)) if side.content is not None}
            download_both(left.explanation, right.explanation, files=files, key="compare-zip")
        copy_link(possible=possible, zipped=sides is not None, note=head, key="compare-link")


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
        if mode == "networks":
            side = replace(side, network=asked[name]) if asked.get(name) in services.networks() else side
            sides[place] = _with_picture(side, asked.get("image"), _fitted(asked))
        elif mode == "pictures":
            sides[place] = _with_picture(side, links.read_picture(asked.get(name, "")), _fitted(asked, f"_{name}"))
        else:
            sides[place] = replace(side, class_=asked[name]) if asked.get(name) in CLASSES else side
    change(sides["left"], sides["right"])


def _with_picture(side: Choice, picture: tuple[str, Any] | None, fitted: Fitted) -> Choice:
    """A side with the picture that an address names; as it was where there is no such picture."""
    source, which = picture or ("", -1)
    if source == "sample" and which < len(services.samples().images):
        return replace(side, source="sample", sample=which)
    if source == "test" and which < (_test_count() or 0):
        return replace(side, source="test", test=which)
    if source == "folder" and which in _laid_out():
        return replace(side, source="folder", folder=which, folder_fit=fitted)
    return side


def _fitted(asked: Mapping[str, Any], of: str = "") -> Fitted:
    """How an address wants a picture fitted."""
    return Fitted(asked.get(f"fit{of}", "crop"), asked.get(f"square{of}"))


def _write_address(classifier: Classifier, mode: str) -> bool:
    """Make the address that of what is compared; return whether it says all of it."""
    left, right = side_of("left"), side_of("right")
    network = links.network_of(classifier)
    said: dict[str, Any]
    fitted: dict[str, Any] = {}
    if mode == "networks":
        names = [links.network_of(services.network(side.network)) for side in (left, right) if side.network]
        said = {"image": _named(left), "a": names[0] if names else None, "b": names[-1] if names else None}
        fitted = _fit_of(left)
    elif mode == "classes":
        said = {"network": network, "a": left.class_, "b": right.class_}
    else:
        said = {"network": network, "a": _named(left), "b": _named(right)}
        fitted = _fit_of(left, "_a") | _fit_of(right, "_b")
    settings = {
        name: st.session_state[key]
        for key, (name, first, _) in SETTINGS.items()
        if st.session_state.get(key, first) != first
    }
    links.write(**said, **fitted, **settings, channels=compared.opened_channels())
    return None not in said.values()


def _note_address(classifier: Classifier, mode: str) -> None:
    """The same, for changes that draw a part of the page alone."""
    _write_address(classifier, mode)


def _named(side: Choice) -> str | None:
    """A side's picture as an address names it; None for what the visitor brought."""
    if side.source == "folder":
        return f"folder-{side.folder}" if side.folder else None
    return {"sample": f"sample-{side.sample}", "test": f"test-{side.test}"}.get(side.source)


def _fit_of(side: Choice, of: str = "") -> dict[str, Any]:
    """How a side's picture is fitted, as far as an address names it."""
    if side.source != "folder":
        return {}
    fit = side.folder_fit
    return {f"fit{of}": fit.fit if fit.fit != "crop" else None, f"square{of}": fit.square}


def _pictures(classifier: Classifier, changed: Callable[[], None]) -> tuple[Side, Side] | None:
    sides: list[Side | None] = []
    brought = False
    for place, column in side_columns():
        with column:
            chosen = choose_picture(place, _sources(), title=partial(side_title, place, LABELS[place]))
            brought = brought or chosen.source in ("upload", "camera")
            sides.append(_explained(classifier, chosen, place))
    left, right = sides
    if left is not None and right is not None:
        compared_blocks(left.shown, right.shown, changed=changed)
    if brought:
        say_where_they_live()
    return None if left is None or right is None else (left, right)


def _networks(changed: Callable[[], None]) -> tuple[Side, Side] | None:
    names = services.networks()
    if len(names) < 2:
        st.info(WORDS["one_network"], icon=":material/info:")
    chosen = choose_picture("left", _sources())
    sides: list[Side | None] = []
    digests: set[str] = set()
    for place, column in side_columns():
        with column:
            classifier = services.network(choose_network(place, names))
            digests.add(classifier.digest)
            sides.append(_explained(classifier, chosen, place, what="left"))
    left, right = sides
    if left is None or right is None:
        return None
    compared_blocks(left.shown, right.shown, networks_differ=len(digests) > 1, changed=changed)
    if chosen.source in ("upload", "camera"):
        say_where_they_live()
    return left, right


def _sources() -> Sources:
    last = picked.last()
    return Sources(
        services.sample_png(),
        services.sample_tiles(),
        columns=10,
        count=_test_count(),
        gallery=_gallery if services.has_gallery() else None,
        inspected=None if last is None else partial(_as_on_inspect, last),
    )


def _gallery() -> Gallery:
    pictures = services.gallery()
    return Gallery([picture.name for picture in pictures], lambda place: services.gallery_tile(pictures[place]))


def _laid_out() -> dict[str, GalleryPicture]:
    """By their names, the pictures of whoever runs the app."""
    try:
        return {picture.name: picture for picture in services.gallery()}
    except CbamError:
        return {}  # the part of the page that shows them says why


def _as_on_inspect(last: Picked, side: Choice) -> Choice:
    """A side with the picture that the visitor looked at last on Inspect."""
    if last.source == "sample":
        return replace(side, source="sample", sample=last.index or 0)
    if last.source == "test":
        return replace(side, source="test", test=last.index or 0)
    fitted = Fitted(last.fit, last.square)
    if last.upload is not None and _is_laid_out(last.upload):
        return replace(side, source="folder", folder=last.upload.name, folder_fit=fitted)
    return replace(side, source="upload", upload=last.upload, upload_fit=fitted)


def _is_laid_out(upload: Upload) -> bool:
    """Whether a picture is one of those that everybody has, which links can name."""
    picture = _laid_out().get(upload.name)
    try:
        return picture is not None and services.gallery_file(picture).digest == upload.digest
    except CbamError:
        return False


def _classes(classifier: Classifier) -> None:
    if not set(CLASSES) & set(classifier.classes):
        st.info(WORDS["unknown"].format(classes=listed(map(class_name, classifier.classes))), icon=":material/info:")
        return
    test = services.test_set()
    over = "samples" if test is None else _choose_images(len(test.labels))
    summaries = services.class_summaries(classifier) if over == "samples" else _over_test_set(classifier)
    shown: list[Shown] = []
    count = 0
    for place, column in side_columns():
        with column:
            name = choose_class(place, [name for name in summaries if name in classifier.classes])
            summary = summaries[name]
            class_summary(place, name, summary, services.class_images(name))
            spread = {block.name: block for block in summary.spread}
            # Letters as well: both sides can hold one class.
            side = Drawn(f"{LABELS[place]} {class_name(name)}", None, classifier.input_size, spread)
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


def _explained(classifier: Classifier, chosen: Choice, place: Place, *, what: Place | None = None) -> Side | None:
    """One side's picture and prediction; None where there is nothing to show, which is then said.

    Args:
        classifier: the network of this side.
        chosen: its picture.
        place: which side.
        what: the side whose picture both share; None where each has its own.
    """
    if chosen.source not in ("sample", "test"):
        return _own_explained(classifier, chosen, place, what)
    if chosen.source == "test":
        picture = services.show_test_image(classifier, chosen.test)
        caption, truth = services.about_test_image(chosen.test)
    else:
        picture = services.show_sample(classifier, chosen.sample)
        caption, truth = services.about_sample(chosen.sample)
    if what:
        side_title(place, LABELS[place], classifier.name)
    prediction(
        picture.explanation,
        caption=caption,
        truth=truth if truth in classifier.classes else None,
        key=f"compare-prediction-{place}",
    )
    return Side(_shown(classifier, picture.explanation, LABELS[place], own=False), picture.explanation)


def _own_explained(classifier: Classifier, chosen: Choice, place: Place, what: Place | None) -> Side | None:
    """The same for a picture of any size, whoever brought it."""
    says = what in (None, place)
    try:
        upload = _file_of(chosen)
    except CbamError as error:
        if says:
            say(error, chosen.folder)
        return None
    if upload is None:
        if says and chosen.source == "upload":
            st.info(WORDS["waiting"].format(label=LABELS[what or place]), icon=":material/upload:")
        return None
    fitted = chosen.fitted
    try:
        picture = services.show_upload(classifier, upload.digest, upload.content, fitted.fit, fitted.square)
    except CbamError as error:
        if says:
            say(error, upload.name)
        return None
    if what:
        side_title(place, LABELS[place], classifier.name)
    prediction(picture.explanation, caption=upload.name, preview=picture.preview, key=f"compare-prediction-{place}")
    shown = _shown(classifier, picture.explanation, LABELS[place], own=True)
    return Side(shown, picture.explanation, upload.content)


def _file_of(chosen: Choice) -> Upload | None:
    """The file of a side's picture; None where there is none yet.

    Raises:
        DataError: it is gone from the folder of whoever runs the app, or cannot be read.
    """
    if chosen.source == "folder":
        picture = _laid_out().get(chosen.folder)
        return None if picture is None else services.gallery_file(picture)
    return chosen.photo if chosen.source == "camera" else chosen.upload


def _shown(classifier: Classifier, explanation: Explanation, label: str, *, own: bool) -> Shown:
    height, width = explanation.input_image.shape[:2]
    side = Drawn(label, np.asarray(explanation.input_image), (width, height))
    return Shown(explanation.blocks, side, partial(services.channel_map, classifier, explanation, own=own))


def _test_count() -> int | None:
    test = services.test_set()
    return None if test is None else len(test.labels)


def _first_of(name: str) -> int:
    """Place of a class's first image in the sample sheet."""
    return next((tile.index for tile in services.sample_tiles() if tile.class_ == name), 0)


compare_page(st.session_state["network"], st.session_state["asked"])
