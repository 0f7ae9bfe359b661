"""Differences as pictures and charts: blue where the second is lower, white at no difference, orange where higher."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from jaxtyping import Float32, UInt8

from cbam_core.render.charts import (
    PAIR_COLOURS,
    WORDS,
    BarOrder,
    Chart,
    PairOrder,
    WeightsPair,
    channel_weights,
    compare_channel_weights,
)
from cbam_core.render.diverging import diverging
from cbam_core.render.overlay import Cells, upsample

LEAST_DIFFERENCE = 0.0005
"""Differences of gates below this are none: they would be written as 0.000, and may be rounding alone."""


def scale_of_differences(differences: Iterable[float]) -> float:
    """Return the end of a scale that holds all of some differences; 1 where there are none."""
    largest = max((abs(one) for one in differences), default=0.0)
    return largest if largest >= LEAST_DIFFERENCE else 1.0


def difference_picture(
    values: Float32[np.ndarray, "h w"], cells: Cells | None, size: tuple[int, int], *, zoom: int, limit: float = 1.0
) -> UInt8[np.ndarray, "rows columns 3"]:
    """Draw a map of differences, with its cells at their positions on the network's input.

    Args:
        values: differences, one for each cell.
        cells: positions of the cells; None where they are unknown, then they tile the picture.
        size: (width, height) of the input in pixels.
        zoom: drawn pixels along each side of a pixel of the input.
        limit: end of the colour scale.
    """
    if cells is None:
        across, down = size[0] / values.shape[1], size[1] / values.shape[0]
        cells = Cells(across / 2, down / 2, across, down)
    return diverging(upsample(values, cells, size, zoom), limit)


def compared_weights(
    pair: WeightsPair,
    *,
    order: PairOrder = "index",
    ends: int | None = None,
    title: str = "",
    chosen: int | None = None,
    words: Mapping[str, str] = WORDS,
) -> Chart:
    """Draw two blocks' channel weights as bars, for a page with its own text colours.

    Args:
        pair: weights and names; standard deviations are drawn as lines on the bars.
        order: as for `compare_channel_weights`.
        ends: number of channels to show at each end: those with the largest decrease and increase in the second.
        title: title of the chart.
        chosen: index of a channel that is marked, if its bars are shown.
        words: words of the chart.

    Raises:
        RenderError: the two differ in length, or there are none.
    """
    chart = compare_channel_weights(pair, title=title, order=order, words=words)
    count = len(pair.left)
    if ends is not None and 2 * ends < count:
        ranked = np.argsort(pair.right.astype(np.float64) - pair.left, kind="stable")
        _keep(chart, {str(channel) for channel in (*ranked[:ends], *ranked[count - ends :])})
    chart["layout"].pop("font")
    if not title:
        chart["layout"].pop("title")
        chart["layout"]["margin"] = {**chart["layout"]["margin"], "t": 28}
    # Hovering anywhere above a channel selects it, and one of its bars has the text for both.
    chart["layout"]["hovermode"] = "x"
    chart["data"][1] = {**chart["data"][1], "hoverinfo": "skip", "hovertemplate": None}
    chart["layout"]["legend"] = {**chart["layout"]["legend"], "x": 0, "xanchor": "left"}  # the tools are on the right
    _mark(chart, chosen)
    for bars, deviation in zip(chart["data"], pair.deviations or (), strict=False):
        channels = [int(name) for name in bars["x"]]
        bars["error_y"] = {
            "type": "data",
            "array": deviation[channels].tolist(),
            "thickness": 1,
            "width": 0,
            "color": "rgba(128,128,128,0.9)",
        }
    return chart


def weights_of_one(
    weights: Float32[np.ndarray, " c"],
    *,
    side: int,
    order: BarOrder = "index",
    ends: int | None = None,
    chosen: int | None = None,
    words: Mapping[str, str] = WORDS,
) -> Chart:
    """Draw the channel weights of one of two blocks as bars, for blocks whose channels do not correspond.

    Args:
        weights: channel weights.
        side: 0 for the first's colour, 1 for the second's.
        order: as for `channel_weights`.
        ends: number of channels to show at each end: those with the lowest and the highest weights.
        chosen: index of a channel that is marked, if its bar is shown.
        words: words of the chart.

    Raises:
        RenderError: there are no weights.
    """
    some = ends if ends is not None and 2 * ends < len(weights) else None
    chart = channel_weights(weights, title="", order=order, top=some, bottom=some, words=words)
    chart["data"][0]["marker"] = {**chart["data"][0]["marker"], "color": PAIR_COLOURS[side]}
    chart["layout"].pop("font")
    chart["layout"].pop("title")
    chart["layout"]["margin"] = {**chart["layout"]["margin"], "t": 8}
    chart["layout"]["hovermode"] = "x"
    _mark(chart, chosen)
    return chart


def _mark(chart: Chart, chosen: int | None) -> None:
    """Draw a band behind the bars of one channel; the others keep their colours after a click."""
    for bars in chart["data"]:
        bars["unselected"] = {"marker": {"opacity": 1}}
    channels = chart["data"][0]["x"]
    if chosen is not None and str(chosen) in channels:
        at = channels.index(str(chosen))
        band = {"type": "rect", "yref": "paper", "x0": at - 0.5, "x1": at + 0.5, "y0": 0, "y1": 1, "layer": "below"}
        chart["layout"]["shapes"] = [{**band, "fillcolor": "rgba(128,128,128,0.28)", "line": {"width": 0}}]


def _keep(chart: Chart, channels: set[str]) -> None:
    """Keep only the bars of these channels, and label each where there is space."""
    for bars in chart["data"]:
        kept = [at for at, channel in enumerate(bars["x"]) if channel in channels]
        for name in ("x", "y", "customdata"):
            bars[name] = [bars[name][at] for at in kept]
    if len(channels) <= 24:
        chart["layout"]["xaxis"].pop("nticks", None)
        chart["layout"]["xaxis"]["dtick"] = 1
        chart["layout"]["xaxis"].pop("tickangle")  # labels rotate where there is no space
