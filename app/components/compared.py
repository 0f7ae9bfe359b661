"""Blocks of two networks or pictures, compared one by one: masks, their difference, channel weights, likeness."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import streamlit as st

from app.components.comparison import Side, likeness, mask_maps, mask_row
from app.components.features import channel_maps, choose_channel, toggle_channel
from app.components.one_of import choose_one
from app.components.sides import side_columns
from app.words import Words, sentence, spoken
from cbam_core.explanation import Block, ChannelMap
from cbam_core.explanation.comparison import BlockComparison, compare
from cbam_core.render.charts import WORDS as CHART_WORDS
from cbam_core.render.charts import describe_comparison
from cbam_core.render.difference import compared_weights

WORDS = Words(
    {
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
        "unpaired": "The networks share no block of one name, so no differences are taken: masks stand side by side.",
        "partly": "These blocks stand in one of the networks only.",
        "channels_differ": "Two networks learn their channels apart: channel 5 of one need not hold what channel 5 of "
        "the other holds, so differences of channel weights say little unless one network grew out of the other.",
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

SETTINGS: Mapping[str, tuple[str, Any, tuple[Any, ...]]] = {
    "compare-masks": ("masks", "over", ("over", "alone")),
    "compare-colours": ("colours", "fixed", ("fixed", "widest")),
    "compare-order": ("sort", "index", ("index", "difference")),
    "compare-ends": ("ends", FEW, (0, *ENDS)),
}
"""By keys of widgets: their parameter in an address, what they begin with, and what can be chosen."""

_CONFIG = {"displaylogo": False, "modeBarButtons": [["toImage", "resetScale2d"]]}


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


def compared_blocks(left: Shown, right: Shown, *, networks_differ: bool = False) -> None:
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
        for place, column in side_columns():
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
    return choose_one(WORDS[what], choices, WORDS, labelled=True, key=f"compare-{what}")
