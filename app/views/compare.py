"""Compare: two pictures, two networks on one picture, or two classes; what their gates share and where they differ."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import links, picked, services
from app.components.comparison import Side, class_summary, likeness, mask_maps, mask_row, side_title
from app.components.copy_link import copy_link
from app.components.features import channel_maps, choose_channel, toggle_channel
from app.components.prediction import prediction
from app.components.sides import (
    LABELS,
    Choice,
    Place,
    begin,
    change,
    choose_class,
    choose_network,
    choose_picture,
    inspect_button,
    side_of,
    swap_button,
)
from app.components.uploads import say, say_where_they_live
from app.words import Words, class_name, sentence, spoken
from cbam_core.classifier import Classifier
from cbam_core.data.cifar10 import CLASSES
from cbam_core.errors import CbamError
from cbam_core.explanation import Block, ChannelMap, Explanation
from cbam_core.explanation.comparison import BlockComparison, compare
from cbam_core.explanation.summary_file import Summaries
from cbam_core.render.charts import WORDS as CHART_WORDS
from cbam_core.render.charts import describe_comparison
from cbam_core.render.difference import compared_weights

Mode = Literal["pictures", "networks", "classes"]

WORDS = Words(
    {
        "title": "Compare",
        "mode": "What to compare",
        "pictures": "Two pictures",
        "networks": "Two networks",
        "classes": "Two classes",
        "masks": "Masks",
        "over": "Over the picture",
        "alone": "Masks alone",
        "colours": "Colours of differences",
        "fixed": "−1 to 1",
        "widest": "To the greatest",
        "order": "Order of channels",
        "index": "By number",
        "difference": "By difference",
        "ends": "Channels shown",
        "all": "All channels",
        "some": "{count} lowest, {count} highest B − A",
        "waiting": "Give picture {label} a file, and the comparison appears.",
        "one_network": "Only one trained network is at hand, so both sides show it. Put a second checkpoint beside it "
        "to compare two.",
        "unpaired": "The networks share no block of one name, so no differences are taken: masks stand side by side.",
        "partly": "These blocks stand in one of the networks only.",
        "channels_differ": "Two networks learn their channels apart: channel 5 of one need not hold what channel 5 of "
        "the other holds, so differences of channel weights say little unless one network grew out of the other.",
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
        "meaning": "Cosine compares the values as they are; Pearson takes each gate's mean off first. Equal gates do "
        "not mean equal reasons: they multiply features that differ from picture to picture.",
        "more": "More",
        "more_meaning": "Cosine is 1 where one gate is a multiple of the other, and near 1 whenever both stay near "
        "some level. Pearson is 1 where both rise and fall together, 0 where they are unrelated, and −1 where one "
        "rises as the other falls.",
    }
)

CHART = 260
"""Height of a chart, pixels."""

ENDS = (5, 10)
"""How many channels from either end of the difference can be asked for."""

FEW = 10
"""How many are shown at first: bars of hundreds of channels are too thin to be told apart."""


@dataclass(frozen=True)
class Shown:
    """What is compared on one side.

    Attributes:
        blocks: its gates.
        side: what it is called, and what lies under its masks.
        follow: gives the feature map of a block's channel; None where there is no single picture.
    """

    blocks: Sequence[Block]
    side: Side
    follow: Callable[[str, int], ChannelMap] | None = None


MODES = ("pictures", "networks", "classes")

MODE, OVER = "compare-mode", "compare-over"
"""Keys of the choices of what is compared, and of the images that means are taken over."""

SETTINGS: Mapping[str, tuple[str, Any, tuple[Any, ...]]] = {
    MODE: ("mode", "pictures", MODES),
    OVER: ("of", "samples", ("samples", "test")),
    "compare-masks": ("masks", "over", ("over", "alone")),
    "compare-colours": ("colours", "fixed", ("fixed", "widest")),
    "compare-order": ("sort", "index", ("index", "difference")),
    "compare-ends": ("ends", FEW, (0, *ENDS)),
}
"""By keys of widgets: their parameter in an address, what they begin with, and what can be chosen."""

_CONFIG = {"displaylogo": False, "modeBarButtons": [["toImage", "resetScale2d"]]}


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
        mode = st.segmented_control(
            WORDS["mode"],
            list(MODES),
            required=True,
            format_func=WORDS.__getitem__,
            label_visibility="collapsed",
            key=MODE,
        )
        swap_button()
        if mode != "classes":
            inspect_button(picked.last())
        link = st.container(width="content")
    if mode == "networks":
        _networks()
    elif mode == "classes":
        _classes(classifier)
    else:
        _pictures(classifier)
    possible = _write_address(classifier, mode or "pictures")
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
    links.write(**said, **settings)
    return None not in said.values()


def _named(side: Choice) -> str | None:
    """A side's picture as an address names it; None for an upload."""
    return {"sample": f"sample-{side.sample}", "test": f"test-{side.test}"}.get(side.source)


def _pictures(classifier: Classifier) -> None:
    shown: list[Shown | None] = []
    uploads = False
    for place, column in _columns():
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
        _blocks(shown[0], shown[1])
    if uploads:
        say_where_they_live()


def _networks() -> None:
    names = services.networks()
    if len(names) < 2:
        st.info(WORDS["one_network"], icon=":material/info:")
    chosen = choose_picture("left", services.sample_png(), services.sample_tiles(), columns=10, count=_test_count())
    shown: list[Shown | None] = []
    digests: set[str] = set()
    for place, column in _columns():
        with column:
            classifier = services.network(choose_network(place, names))
            digests.add(classifier.digest)
            shown.append(_explained(classifier, chosen, place, what="left"))
    if shown[0] is None or shown[1] is None:
        return
    _blocks(shown[0], shown[1], networks_differ=len(digests) > 1)
    if chosen.source == "upload":
        say_where_they_live()


def _classes(classifier: Classifier) -> None:
    test = services.test_set()
    over = "samples" if test is None else _choose_images(len(test.labels))
    summaries = services.class_summaries(classifier) if over == "samples" else _over_test_set(classifier)
    shown: list[Shown] = []
    count = 0
    for place, column in _columns():
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
    _blocks(*shown)


def _choose_images(count: int) -> str:
    """Which images means are taken over."""
    words = {"samples": WORDS["samples"], "test": WORDS["test"].format(count=f"{count:,}")}
    st.session_state.setdefault(OVER, "samples")
    chosen = st.segmented_control(
        WORDS["over_classes"],
        list(words),
        required=True,
        format_func=words.__getitem__,
        label_visibility="collapsed",
        key=OVER,
    )
    return chosen or "samples"


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


def _blocks(left: Shown, right: Shown, *, networks_differ: bool = False) -> None:
    """Every block of both sides: masks, their difference, channel weights, likeness."""
    pairs = compare(left.blocks, right.blocks)
    sides = (left.side, right.side)
    both = [pair for pair in pairs if pair.left is not None and pair.right is not None]
    over, limit, order, ends = _settings(pictures=sides[0].input_image is not None, differences=bool(both))
    if networks_differ and both:
        st.caption(WORDS["channels_differ"])
    for pair in both:
        _pair(pair, left, right, over=over, limit=limit, order=order, ends=ends)
    if len(both) < len(pairs):
        st.caption(WORDS["partly" if both else "unpaired"])
        for place, column in _columns():
            with column:
                side = sides[0 if place == "left" else 1]
                alone = [getattr(pair, place) for pair in pairs if None in (pair.left, pair.right)]
                mask_row([block for block in alone if block is not None], side, place, over=over)
    if both:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(WORDS["meaning"], width="content")
            with st.popover(WORDS["more"], type="tertiary"):
                st.markdown(WORDS["more_meaning"])


@st.fragment
def _pair(
    pair: BlockComparison,
    left: Shown,
    right: Shown,
    *,
    over: bool,
    limit: float | None,
    order: Literal["index", "difference"],
    ends: int | None,
) -> None:
    """One block on both sides; choosing a channel runs this part of the page alone."""
    sides = (left.side, right.side)
    key = f"compare-channel-{pair.name}"
    channel = None
    st.header(pair.name, anchor=False)
    maps, bars = st.columns([1.15, 1], gap="medium")
    with maps:
        mask_maps(pair, sides, over=over, limit=limit)
        if pair.weights is not None and left.follow is not None and right.follow is not None:
            channel = choose_channel(pair.name, pair.weights.values.size, key=key)
    with bars:
        _channels(pair, sides, order=order, ends=ends, chosen=channel, key=key)
        likeness(pair)
    if channel is not None and left.follow is not None and right.follow is not None:
        followed = left.follow(pair.name, channel), right.follow(pair.name, channel)
        channel_maps(followed, sides, masked=pair.mask is not None, key=key)


def _channels(
    pair: BlockComparison,
    sides: tuple[Side, Side],
    *,
    order: Literal["index", "difference"],
    ends: int | None,
    chosen: int | None,
    key: str,
) -> None:
    weights = [block.channel_weights if block is not None else None for block in (pair.left, pair.right)]
    if pair.weights is None or weights[0] is None or weights[1] is None:
        for note in pair.notes:
            if note.values.get("kind") == "channel weights":
                st.caption(sentence(note))
        return
    labels = (sides[0].label, sides[1].label)
    spreads = [None if side.spread is None else side.spread[pair.name].channel_weights for side in sides]
    chart = compared_weights(
        weights[0],
        weights[1],
        labels=labels,
        order=order,
        ends=ends,
        spreads=(spreads[0], spreads[1]) if spreads[0] is not None and spreads[1] is not None else None,
        chosen=chosen,
        words=spoken(CHART_WORDS),
    )
    said = describe_comparison(weights[0], weights[1], labels=labels, words=spoken(CHART_WORDS))
    name = f"compare-weights-{pair.name}"
    st.plotly_chart(
        chart,
        height=CHART,
        config=_CONFIG,
        alt=said,
        key=name,
        on_select="ignore" if sides[0].spread is not None else partial(toggle_channel, name, key),
        selection_mode="points",
    )


def _settings(
    *, pictures: bool, differences: bool
) -> tuple[bool, float | None, Literal["index", "difference"], int | None]:
    """How it is drawn: masks over pictures, end of the scale of differences, order and number of channels."""
    over, limit, order, ends = pictures, "fixed", "index", 0
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        if pictures:
            over = _either("masks", ("over", "alone")) == "over"
        if differences:
            limit = _either("colours", ("fixed", "widest"))
            order = _either("order", ("index", "difference"))
            ends = st.selectbox(
                WORDS["ends"],
                [0, *ENDS],
                format_func=lambda count: WORDS["some"].format(count=count) if count else WORDS["all"],
                key="compare-ends",
                width=235,
            )
    return over, 1.0 if limit == "fixed" else None, "index" if order == "index" else "difference", ends or None


def _either(what: str, choices: tuple[str, str]) -> str:
    chosen = st.segmented_control(
        WORDS[what],
        list(choices),
        required=True,
        format_func=WORDS.__getitem__,
        key=f"compare-{what}",
        width="content",
    )
    return chosen or choices[0]


def _shown(classifier: Classifier, explanation: Explanation, label: str, *, own: bool) -> Shown:
    height, width = explanation.input_image.shape[:2]
    side = Side(label, np.asarray(explanation.input_image), (width, height))
    return Shown(explanation.blocks, side, partial(services.channel_map, classifier, explanation, own=own))


def _columns() -> Iterator[tuple[Place, DeltaGenerator]]:
    """Both sides and their columns; narrow windows stack them."""
    return zip(LABELS, st.columns(2, gap="large"), strict=True)


def _test_count() -> int | None:
    test = services.test_set()
    return None if test is None else len(test.labels)


def _first_of(name: str) -> int:
    """Place of a class's first image in the sample sheet."""
    return next((tile.index for tile in services.sample_tiles() if tile.class_ == name), 0)


compare_page(st.session_state["network"], st.session_state["asked"])
