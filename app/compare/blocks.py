"""Blocks of two networks or images, compared one by one: masks, their difference, channel weights, likeness."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from app.compare.channel import channel_map, channel_maps, choose_channel, toggle_channel
from app.compare.display import ComparisonStyle, choose_display
from app.compare.pair import (
    Subject,
    likeness,
    mask_maps,
    mask_row,
    pair_name,
    side_title,
)
from app.compare.sides import LABELS, side_columns
from app.session.choices import Choice, choices_known
from app.session.words import Words, sentence, translated
from app.widgets.chart import as_figure
from app.widgets.failures import fragment
from app.widgets.figures import Side
from cbam_core.explanation.comparison import BlockComparison, compare
from cbam_core.render.charts import INK, Chart, WeightsPair, describe_channel_weights, describe_comparison
from cbam_core.render.charts import WORDS as CHART_WORDS
from cbam_core.render.difference import compared_weights, weights_of_one
from cbam_core.results.explanation import Block, ChannelMap

if TYPE_CHECKING:
    from app.streamlit_internals import Container

WORDS = Words(
    {
        "no_gates": "There are no gates to compare.",
        "unpaired": "The two networks have no blocks with the same name or the same mask grid, so no differences are "
        "computed: masks are shown side by side.",
        "partly": "These blocks have no counterpart in the other network.",
        "by_grid": "Blocks with different names are paired by the grid of their masks, in order of execution.",
        "apart": "Where the blocks of a pair have different numbers of channels, their channels do not correspond: "
        "each network's channel weights are shown in a separate chart, without difference or similarity.",
        "channels": "{block}, {count} channels",
        "channels_differ": "Two networks learn their channels independently: channel 5 of one need not mean the same "
        "as channel 5 of the other. Differences of channel weights say little unless one network "
        "was trained from the other.",
        "meaning": "Cosine compares the values as they are; Pearson subtracts each gate's mean first. Equal gates do "
        "not mean equal reasons: they multiply features that differ from image to image.",
        "more": "More",
        "more_meaning": "Cosine is 1 if one gate is a multiple of the other, and near 1 whenever the values of each "
        "hardly vary. Pearson is 1 if both rise and fall together, 0 if they are unrelated, and −1 "
        "if one rises as the other falls.",
    }
)

CHART = 260
"""Height of a chart, pixels."""

CHART_OF_ONE = 170
"""Height of a chart of one side's weights, of which there are two."""

_CHANNEL = "compare-channel-"
"""What keys of choices of channels begin with; the block's name follows."""

_CONFIG = {"displaylogo": False, "modeBarButtons": [["toImage"]]}

_TOOLS = {"bgcolor": "rgba(0,0,0,0)", "color": "rgba(128,128,128,0.8)", "activecolor": INK}
"""Colours of a chart's button: the theme's own is a dark block on a light page."""


@dataclass(frozen=True)
class SideBlocks:
    """What is compared on one side.

    Attributes:
        blocks: its gates.
        subject: what it is called, and what lies under its masks.
        channel_map: gives the feature map of a block's channel; None where there is no single image.
    """

    blocks: Sequence[Block]
    subject: Subject
    channel_map: Callable[[str, int], ChannelMap] | None = None


def open_channels(channels: Sequence[tuple[str, int]]) -> None:
    """Open the feature maps of some channels, and close all others.

    Args:
        channels: names of blocks, and numbers of their channels.
    """
    for block in _opened():
        Choice(_CHANNEL + block).set(None)
    for block, channel in channels:
        Choice(_CHANNEL + block).set(channel)


def opened_channels() -> str:
    """The channels whose feature maps are open, as an address says it; see `app.compare.link.read_channels`."""
    return ",".join(f"{block}~{channel}" for block, channel in sorted(_opened().items()))


def _opened() -> dict[str, int]:
    """Numbers of open channels by the names of their blocks."""
    return {block: channel for block, channel in choices_known(_CHANNEL).items() if type(channel) is int}


def compared_blocks(
    left: SideBlocks,
    right: SideBlocks,
    *,
    room: Container,
    networks_differ: bool = False,
    changed: Callable[[], None] = lambda: None,
) -> None:
    """Every block of both sides: masks, their difference, channel weights, likeness.

    Args:
        left: what stands left.
        right: what stands right.
        room: where the button goes that opens the choices of how it is drawn.
        networks_differ: whether the two sides are of different networks, whose channels are none the other's.
        changed: called when a channel is opened or closed, which draws one block of the page anew and not the whole.
    """
    pairs = compare(left.blocks, right.blocks)
    if not pairs:
        st.info(WORDS["no_gates"], icon=":material/info:")
        return
    subjects = (left.subject, right.subject)
    both = [pair for pair in pairs if pair.left is not None and pair.right is not None]
    style = choose_display(both, images=subjects[0].input_image is not None, room=room)
    _say_how_paired(both, networks_differ=networks_differ)
    followed = {pair.name for pair in both if pair.weights is not None}
    apart = [pair for pair in pairs if pair.weights is None]
    followed |= {_name_of_one("left", pair.left) for pair in apart if pair.left is not None}
    followed |= {_name_of_one("right", pair.right) for pair in apart if pair.right is not None}
    for block in _opened().keys() - followed:
        Choice(_CHANNEL + block).forget()  # an address can name any
    for pair in both:
        _pair(pair, left, right, style=style, changed=changed)
    if len(both) < len(pairs):
        st.caption(WORDS["partly" if both else "unpaired"])
        _unpaired(pairs, left, right, style=style, changed=changed)
    if both:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(WORDS["meaning"], width="content")
            with st.popover(WORDS["more"], type="tertiary"):
                st.markdown(WORDS["more_meaning"])


def _unpaired(
    pairs: Sequence[BlockComparison],
    left: SideBlocks,
    right: SideBlocks,
    *,
    style: ComparisonStyle,
    changed: Callable[[], None],
) -> None:
    """Blocks without a counterpart: of both sides side by side, of one side across the page."""
    alone: dict[Side, list[Block]] = {
        "left": [pair.left for pair in pairs if pair.left is not None and pair.right is None],
        "right": [pair.right for pair in pairs if pair.right is not None and pair.left is None],
    }
    if all(alone.values()):
        for side, column in side_columns():
            shown = left if side == "left" else right
            with column:
                mask_row(alone[side], shown.subject, side, over=style.over)
                for block in alone[side]:
                    _channels_of_one(side, shown, block, style=style, changed=changed)
        return
    for side, blocks in alone.items():
        shown = left if side == "left" else right
        for block in blocks:
            mask, bars = st.columns([1, 2.6], gap="medium")
            with mask:
                mask_row([block], shown.subject, side, over=style.over, columns=1)
            with bars:
                _channels_of_one(side, shown, block, style=style, changed=changed)


def _say_how_paired(pairs: Sequence[BlockComparison], *, networks_differ: bool) -> None:
    """What blocks have to do with each other, as far as their names and channels do not say it."""
    said = []
    if any(pair_name(pair) != pair.name for pair in pairs):
        said.append(WORDS["by_grid"])
    if any(_have_channels_apart(pair) for pair in pairs):
        said.append(WORDS["apart"])
    if networks_differ and any(pair.weights is not None for pair in pairs):
        said.append(WORDS["channels_differ"])
    if said:
        st.caption("  \n".join(said))


def _have_channels_apart(pair: BlockComparison) -> bool:
    """Whether both have channel weights, and not one for one."""
    both = (pair.left, pair.right)
    return pair.weights is None and all(block is not None and block.channel_weights is not None for block in both)


@fragment
def _pair(
    pair: BlockComparison, left: SideBlocks, right: SideBlocks, *, style: ComparisonStyle, changed: Callable[[], None]
) -> None:
    """One block on both sides; choosing a channel runs this part of the page alone."""
    subjects = (left.subject, right.subject)
    key = _CHANNEL + pair.name
    channel = None
    st.header(pair_name(pair), anchor=False)
    maps, bars = st.columns([1.15, 1], gap="medium")
    with maps:
        mask_maps(pair, subjects, over=style.over, limit=style.limit)
        if pair.weights is not None and left.channel_map is not None and right.channel_map is not None:
            channel = choose_channel(pair_name(pair), pair.weights.values.size, key=key, changed=changed)
    apart = _have_channels_apart(pair)
    with bars:
        if not apart:
            _channels(pair, left, right, style=style, chosen=channel, key=key, changed=changed)
        likeness(pair)
    if apart:
        for side, column in side_columns():
            shown, block = (left, pair.left) if side == "left" else (right, pair.right)
            with column:
                if block is not None:
                    _channels_of_one(side, shown, block, style=style, changed=changed)
    if (
        channel is not None
        and pair.left is not None
        and pair.right is not None
        and left.channel_map
        and right.channel_map
    ):
        followed = left.channel_map(pair.left.name, channel), right.channel_map(pair.right.name, channel)
        channel_maps(followed, subjects, block=pair_name(pair), masked=pair.mask is not None, key=key, changed=changed)


def _channels(
    pair: BlockComparison,
    left: SideBlocks,
    right: SideBlocks,
    *,
    style: ComparisonStyle,
    chosen: int | None,
    key: str,
    changed: Callable[[], None],
) -> None:
    subjects = (left.subject, right.subject)
    weights = [block.channel_weights if block is not None else None for block in (pair.left, pair.right)]
    if pair.weights is None or weights[0] is None or weights[1] is None:
        for note in pair.notes:
            if note.values.get("kind") == "channel weights":
                st.caption(sentence(note))
        for side, shown, block in zip(LABELS, (left, right), (pair.left, pair.right), strict=True):
            if block is not None:
                _channels_of_one(side, shown, block, style=style, changed=changed)
        return
    deviations = [None if one.deviations is None else one.deviations[pair.name].channel_weights for one in subjects]
    compared = WeightsPair(
        weights[0],
        weights[1],
        labels=(subjects[0].label, subjects[1].label),
        deviations=(deviations[0], deviations[1]) if deviations[0] is not None and deviations[1] is not None else None,
    )
    words = translated(CHART_WORDS)
    chart = compared_weights(compared, order=style.order, ends=style.ends, chosen=chosen, words=words)
    said = describe_comparison(compared, words=words)
    name = f"compare-weights-{pair.name}"
    st.plotly_chart(
        as_figure(_with_tools(chart)),
        height=CHART,
        config=_CONFIG,
        alt=said,
        key=name,
        on_select="ignore" if subjects[0].deviations is not None else partial(toggle_channel, name, key, changed),
        selection_mode="points",
    )


def _name_of_one(side: Side, block: Block) -> str:
    """What an address calls a block of one side alone; the other side can have one of the same name."""
    return f"{LABELS[side].lower()}.{block.name}"


@fragment
def _channels_of_one(
    side: Side, shown: SideBlocks, block: Block, *, style: ComparisonStyle, changed: Callable[[], None]
) -> None:
    """Channel weights of one side alone; choosing a channel runs this part of the page alone."""
    weights = block.channel_weights
    if weights is None:
        return
    key = _CHANNEL + _name_of_one(side, block)
    chart_name = f"compare-weights-{side}-{block.name}"
    side_title(side, shown.subject.label, WORDS["channels"].format(block=block.name, count=weights.size))
    room = st.container()
    channel = None
    if shown.channel_map is not None:
        channel = choose_channel(block.name, weights.size, key=key, changed=changed)
    chart = weights_of_one(
        weights,
        side=0 if side == "left" else 1,
        order="index" if style.order == "index" else "sorted",
        ends=style.ends,
        chosen=channel,
        words=translated(CHART_WORDS),
    )
    with room:
        st.plotly_chart(
            as_figure(_with_tools(chart)),
            height=CHART_OF_ONE,
            config=_CONFIG,
            alt=describe_channel_weights(weights, words=translated(CHART_WORDS)),
            key=chart_name,
            on_select="ignore" if shown.channel_map is None else partial(toggle_channel, chart_name, key, changed),
            selection_mode="points",
        )
    if channel is not None and shown.channel_map is not None:
        one = shown.channel_map(block.name, channel)
        channel_map(one, shown.subject, side, masked=block.spatial_mask is not None, key=key, changed=changed)


def _with_tools(chart: Chart) -> Chart:
    """A chart whose button looks like part of the page."""
    chart["layout"]["modebar"] = _TOOLS
    return chart
