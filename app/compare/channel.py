"""One channel of a block on both sides: its feature maps before and after the gates, both sides on one scale."""

from __future__ import annotations

import html
from collections.abc import Callable

import streamlit as st

from app.compare.pair import Subject
from app.session.choices import Choice
from app.session.words import Words
from app.widgets.choices import keep_listed
from app.widgets.figures import Side, badge, figure, figure_style, measures, scale_bar, zoom_of
from cbam_core.render.colours import stretch, table
from cbam_core.render.features import FEATURES, common_limits, feature_picture
from cbam_core.render.overlay import cells_on_input
from cbam_core.results.explanation import ChannelMap

WORDS = Words(
    {
        "choose": "Feature map of a channel of {block}",
        "hint": "Feature map: click a bar, or choose a channel",
        "channel": "Channel {channel}",
        "close": "Close",
        "title": "{block}, channel {channel}: before and after the block",
        "said": "Before: the feature map that the channel weight multiplies. After: that map times its weight "
        "({left:.3f} in A, {right:.3f} in B) and times the spatial mask at each position. A and B share each "
        "colour scale.",
        "said_unmasked": "Before: the feature map that the channel weight multiplies. After: that map times its "
        "weight ({left:.3f} in A, {right:.3f} in B). A and B share each colour scale.",
        "said_one": "Before: the feature map that the channel weight multiplies. After: that map times its weight "
        "({weight:.3f}) and times the spatial mask at each position.",
        "said_one_unmasked": "Before: the feature map that the channel weight multiplies. After: that map times its "
        "weight ({weight:.3f}).",
        "before": "before",
        "after": "after",
        "range": "{low:.3g} to {high:.3g}",
        "empty": "0 everywhere",
        "alt_before": "Feature map of channel {channel} of {block} before the gates, {side}: {rows}×{columns} cells, "
        "from {low:.3g} to {high:.3g}, mean {mean:.3g}; highest in row {row}, column {column}.",
        "alt_after": "Feature map of channel {channel} of {block} after the gates, {side}: {rows}×{columns} cells, "
        "from {low:.3g} to {high:.3g}, mean {mean:.3g}; highest in row {row}, column {column}.",
    }
)


def choose_channel(block: str, count: int, *, key: str, changed: Callable[[], None]) -> int | None:
    """Let the visitor choose a channel by keyboard; what a click on a bar chose stands there too.

    Args:
        block: name of the block.
        count: of its channels.
        key: of the widget; see `toggle_channel`.
        changed: called when another one is chosen.

    Returns:
        The channel's number; None while none is chosen.
    """
    if Choice(key).get() not in (None, *range(count)):
        Choice(key).set(None)  # it was chosen in a block with more channels
    labels = [WORDS["channel"].format(channel=channel) for channel in range(count)]
    keep_listed(key, labels)
    return st.selectbox(
        WORDS["choose"].format(block=block),
        list(range(count)),
        index=None,
        format_func=labels.__getitem__,
        placeholder=WORDS["hint"],
        label_visibility="collapsed",
        key=key,
        on_change=changed,
    )


def toggle_channel(chart: str, key: str, changed: Callable[[], None]) -> None:
    """Choose the channel whose bar was clicked; a second click on it closes it again. A callback of a chart.

    Args:
        chart: key of the chart; its bars are called by the numbers of their channels.
        key: of the widget of `choose_channel`.
        changed: called then.
    """
    points = Choice(chart).get()["selection"]["points"]
    name = str(points[0].get("x")) if points else ""
    if name.isdecimal():
        Choice(key).set(None if Choice(key).get() == int(name) else int(name))
        changed()


def channel_maps(
    maps: tuple[ChannelMap, ChannelMap],
    subjects: tuple[Subject, Subject],
    *,
    block: str,
    masked: bool,
    key: str,
    changed: Callable[[], None],
) -> None:
    """The chosen channel's feature maps of both sides.

    Args:
        maps: of one channel, of both sides.
        subjects: what stands left and right.
        block: what the pair of blocks is called.
        masked: whether the block has a spatial mask too.
        key: of the widget of `choose_channel`, which is emptied to close this.
        changed: called then.
    """
    left, right = maps
    _title(block, left.channel, key, changed)
    figures = []
    for when in ("before", "after"):
        limits = common_limits([left.before, right.before] if when == "before" else [left.after, right.after])
        figures += [
            _figure(left, when, subjects[0], "left", limits),
            _figure(right, when, subjects[1], "right", limits),
        ]
    st.html(f'{figure_style()}<div class="cbam-maps four">{"".join(figures)}</div>')
    st.caption(WORDS["said" if masked else "said_unmasked"].format(left=left.weight, right=right.weight))


def channel_map(
    one: ChannelMap, subject: Subject, side: Side, *, masked: bool, key: str, changed: Callable[[], None]
) -> None:
    """The chosen channel's feature maps of one side, which no channel of the other belongs to.

    Args:
        one: of the channel.
        subject: what stands there.
        side: which side.
        masked: whether the block has a spatial mask too.
        key: of the widget of `choose_channel`, which is emptied to close this.
        changed: called then.
    """
    _title(one.block, one.channel, key, changed)
    figures = [_figure(one, when, subject, side, common_limits([getattr(one, when)])) for when in ("before", "after")]
    st.html(f'{figure_style()}<div class="cbam-maps two">{"".join(figures)}</div>')
    st.caption(WORDS["said_one" if masked else "said_one_unmasked"].format(weight=one.weight))


def _title(block: str, channel: int, key: str, changed: Callable[[], None]) -> None:
    """What is shown, and the way to close it."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{WORDS['title'].format(block=block, channel=channel)}**", width="content")
        st.button(
            WORDS["close"],
            icon=":material/close:",
            type="tertiary",
            on_click=_close,
            args=(key, changed),
            key=f"{key}-close",
        )


def _close(key: str, changed: Callable[[], None]) -> None:
    Choice(key).set(None)
    changed()


def _figure(one: ChannelMap, when: str, subject: Subject, side: Side, limits: tuple[float, float]) -> str:
    values = one.before if when == "before" else one.after
    low, high = stretch(values)
    alt = WORDS[f"alt_{when}"].format(channel=one.channel, block=one.block, side=subject.label, **measures(values))
    cells = None if one.placement is None else cells_on_input(one.placement)
    picture = feature_picture(values, cells, subject.size, zoom=zoom_of(subject.size), limits=limits)
    first, last = limits
    width = (last - first) or 1.0
    said = WORDS["range"].format(low=low, high=high) if values.any() else WORDS["empty"]
    ends = f"{first:.3g}", said, f"{last:.3g}"
    scale = scale_bar(table(FEATURES), ends, ((low - first) / width, (high - first) / width))
    head = f"{badge(side, subject.label)} {html.escape(WORDS[when])}"
    return figure(head, picture, alt, scale)
