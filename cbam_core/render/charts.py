"""Channel weights as Plotly bars: of one explanation, or of two.

A chart is a plain dictionary ``{"data": [...], "layout": {...}}``, which `st.plotly_chart` and
`plotly.graph_objects.Figure` accept: importing plotly and building a validated `Figure` takes longer than drawing bars.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from jaxtyping import Float32, Int

from cbam_core.errors import RenderError

if TYPE_CHECKING:
    pass

Chart = dict[str, Any]
BarOrder = Literal["index", "sorted"]
PairOrder = Literal["index", "left", "difference"]

WORDS: Mapping[str, str] = {
    "channel": "channel",
    "weight": "weight",
    "difference": "difference",
    "by_index": "channel",
    "some": "{axis} ({count} of {total})",
    "by_weight": "channel, highest weight first",
    "by_left": "channel, highest weight of {left} first",
    "by_difference": "channel, largest difference first",
    "one": "{count} channel weights from {lowest:.4f} to {highest:.4f}, mean {mean:.4f}; "
    "highest in channel {top}, lowest in channel {bottom}.",
    "two": "{count} channel weights of {left} and {right}; mean {left_mean:.4f} and {right_mean:.4f}; "
    "largest difference {difference:.4f}, in channel {channel}.",
}
"""Words of a chart and of its description; pass a translation with the same keys."""

ONE_COLOUR = "#2f8fd0"
PAIR_COLOURS = ("#2f8fd0", "#d9730d")
"""Blue and orange that colour-blind readers can distinguish, with a contrast of 3:1 on white and near-black pages."""
INK = "#7a7a7a"
"""Grey for text on white and on near-black pages; a page that knows its theme should pass a better one."""
GRID = "rgba(128,128,128,0.25)"


def channel_weights(
    weights: Float32[np.ndarray, " c"],
    *,
    title: str,
    order: BarOrder = "index",
    top: int | None = None,
    bottom: int | None = None,
    ink: str = INK,
    words: Mapping[str, str] = WORDS,
) -> Chart:
    """Draw one block's channel weights as bars.

    Args:
        weights: channel weights, float32 (C,); those of CBAM are in (0, 1).
        title: title of the chart, such as ``"cbam1"``.
        order: channels by ``"index"``, or ``"sorted"`` from the highest weight to the lowest.
        top: number of highest weights to show, together with those of `bottom`.
        bottom: number of lowest weights to show.
        ink: colour of the text.
        words: words of the chart.

    Returns:
        A Plotly figure as a dictionary; hovering over a bar shows its channel and weight, to 4 decimals.

    Raises:
        RenderError: there are no weights, or `top` and `bottom` ask for more than there are.
    """
    _check_any(len(weights))
    ranked = np.argsort(-weights, kind="stable")
    chosen = _ends(ranked, top, bottom)
    channels = chosen if order == "sorted" else np.sort(chosen)
    hover = f"{escaped(words['channel'])} %{{x}}<br>{escaped(words['weight'])} %{{y:.4f}}<extra></extra>"
    bars = {**_bars(channels, weights, ONE_COLOUR), "hovertemplate": hover}
    axis = _axis(words["by_weight" if order == "sorted" else "by_index"], len(channels), len(weights), words)
    return {
        "data": [bars],
        "layout": {**_layout(title, axis, len(channels), (weights,), ink), "showlegend": False},
    }


@dataclass(frozen=True, eq=False)
class WeightsPair:
    """Channel weights of two blocks to compare.

    Attributes:
        left: channel weights of the first, float32 (C,).
        right: channel weights of the second; only pairs of the same length can be drawn.
        labels: names of the first and the second.
        deviations: standard deviations of both, float32 (C,), if the weights are means; else None.
    """

    left: Float32[np.ndarray, " c"]
    right: Float32[np.ndarray, " d"]
    labels: tuple[str, str]
    deviations: tuple[Float32[np.ndarray, " c"], Float32[np.ndarray, " d"]] | None = None


def compare_channel_weights(
    pair: WeightsPair,
    *,
    title: str,
    order: PairOrder = "index",
    top: int | None = None,
    bottom: int | None = None,
    ink: str = INK,
    words: Mapping[str, str] = WORDS,
) -> Chart:
    """Draw a block's channel weights in two explanations as bars side by side.

    Args:
        pair: weights and names.
        title: title of the chart.
        order: channels by ``"index"``, by ``"left"`` (the first's weight, highest first), or by ``"difference"`` (its
            size, largest first).
        top: number of channels to show from the start of this order, together with those of `bottom`.
        bottom: number of channels to show from the end of this order.
        ink: colour of the text.
        words: words of the chart.

    Returns:
        A Plotly figure as a dictionary; hovering shows the channel, both weights and their difference.

    Raises:
        RenderError: the two have different numbers of channels, or none, or `top` and `bottom` ask for more.
    """
    left, right = _checked(pair)
    difference = right.astype(np.float64) - left
    key = np.abs(difference) if order == "difference" else left
    chosen = _ends(np.argsort(-key, kind="stable"), top, bottom)
    channels = np.sort(chosen) if order == "index" else chosen
    hover = {
        "customdata": np.stack([left, right, difference], axis=1)[channels].tolist(),
        "hovertemplate": _pair_template(pair.labels, words),
    }
    bars = [
        {**_bars(channels, weights, colour), "name": escaped(label), **hover}
        for weights, label, colour in zip((left, right), pair.labels, PAIR_COLOURS, strict=True)
    ]
    axis = _axis(words[f"by_{order}"].format(left=pair.labels[0]), len(channels), len(left), words)
    layout = _layout(title, axis, len(channels), (left, right), ink)
    return {"data": bars, "layout": {**layout, "barmode": "group", "legend": _legend()}}


def describe_channel_weights(weights: Float32[np.ndarray, " c"], *, words: Mapping[str, str] = WORDS) -> str:
    """Describe the bars in one sentence, for screen readers.

    Args:
        weights: channel weights, float32 (C,).
        words: words with the template of the sentence.

    Raises:
        RenderError: there are no weights.
    """
    _check_any(len(weights))
    return words["one"].format(
        count=len(weights),
        lowest=float(weights.min()),
        highest=float(weights.max()),
        mean=float(weights.mean(dtype=np.float64)),
        top=int(weights.argmax()),
        bottom=int(weights.argmin()),
    )


def describe_comparison(pair: WeightsPair, *, words: Mapping[str, str] = WORDS) -> str:
    """Describe the bars of two explanations in one sentence, for screen readers.

    Args:
        pair: weights and names.
        words: words with the template of the sentence.

    Raises:
        RenderError: the two have different numbers of channels, or none.
    """
    left, right = _checked(pair)
    difference = right.astype(np.float64) - left
    channel = int(np.abs(difference).argmax())
    return words["two"].format(
        count=len(left),
        left=pair.labels[0],
        right=pair.labels[1],
        left_mean=float(left.mean(dtype=np.float64)),
        right_mean=float(right.mean(dtype=np.float64)),
        difference=float(difference[channel]),
        channel=channel,
    )


def _check_any(count: int) -> None:
    if not count:
        raise RenderError("chart.no-weights", "there are no channel weights to draw: this block has no channel gate")


def _checked(pair: WeightsPair) -> tuple[Float32[np.ndarray, " c"], Float32[np.ndarray, " c"]]:
    """Check that the two have the same number of weights, and at least one.

    Raises:
        RenderError: they do not.
    """
    left, right = pair.left, pair.right
    if len(left) != len(right):
        raise RenderError(
            "chart.lengths-differ",
            "only blocks with the same number of channels can be compared: the first has {left} and the "
            "second {right}; choose blocks of one size",
            left=len(left),
            right=len(right),
        )
    _check_any(len(left))
    return left, right


def _ends(ranked: Int[np.ndarray, " c"], top: int | None, bottom: int | None) -> Int[np.ndarray, " k"]:
    """Select the first `top` and the last `bottom` of a ranking; all of it where neither is given."""
    if top is None and bottom is None:
        return ranked
    first, last = top or 0, bottom or 0
    if first < 0 or last < 0 or not 0 < first + last <= len(ranked):
        raise RenderError(
            "chart.too-many",
            "the {top} highest and {bottom} lowest channels cannot be chosen from {count}: ask for at least 1 and at "
            "most {count} in total",
            top=first,
            bottom=last,
            count=len(ranked),
        )
    return np.concatenate([ranked[:first], ranked[len(ranked) - last :]])


def _pair_template(labels: tuple[str, str], words: Mapping[str, str]) -> str:
    channel, left, right, difference = map(escaped, (words["channel"], *labels, words["difference"]))
    return (
        f"{channel} %{{x}}<br>{left} %{{customdata[0]:.4f}}<br>{right} %{{customdata[1]:.4f}}<br>"
        f"{difference} %{{customdata[2]:+.4f}}<extra></extra>"
    )


def _bars(channels: Int[np.ndarray, " k"], weights: Float32[np.ndarray, " c"], colour: str) -> Chart:
    # The axis is categorical: in a ranking, channel numbers are labels.
    return {
        "type": "bar",
        "x": [str(number) for number in channels.tolist()],
        "y": weights[channels].tolist(),
        "marker": {"color": colour, "line": {"width": 0}},
    }


def _axis(axis: str, count: int, total: int, words: Mapping[str, str]) -> str:
    """Say how many of the channels are shown, unless all are."""
    return axis if count == total else words["some"].format(axis=axis, count=count, total=total)


def _layout(title: str, axis: str, count: int, shown: tuple[Float32[np.ndarray, " c"], ...], ink: str) -> Chart:
    lowest, highest = _range(shown)
    return {
        "title": {"text": escaped(title), "x": 0, "xref": "paper", "font": {"size": 14}},
        "margin": {"l": 40, "r": 8, "t": 40, "b": 44},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": ink},
        "bargap": 0.15 if count <= 128 else 0,
        "xaxis": {
            "type": "category",
            "title": {"text": escaped(axis), "standoff": 6},
            "showgrid": False,
            **({"dtick": 1} if count <= 24 else {"nticks": 12}),
            "tickangle": 0,
        },
        "yaxis": {
            "range": [lowest, highest],
            **({"dtick": 0.25} if highest - lowest == 1 else {}),
            "gridcolor": GRID,
            "zerolinecolor": GRID,
            "fixedrange": True,
        },
    }


def _range(shown: tuple[Float32[np.ndarray, " c"], ...]) -> tuple[float, float]:
    """Return 0 to 1, so that charts are comparable; wider only for gates outside of it."""
    lowest = min(float(weights.min()) for weights in shown)
    highest = max(float(weights.max()) for weights in shown)
    return min(0.0, lowest), max(1.0, highest)


def _legend() -> Chart:
    return {"orientation": "h", "x": 1, "xanchor": "right", "y": 1, "yanchor": "bottom"}


def escaped(text: str) -> str:
    """Escape text for Plotly, which interprets tags, and `%{...}` in templates."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("%{", "%&#123;")
