"""Quality of a network as Plotly charts: accuracy of each class, and calibration.

Charts are plain dictionaries, as in `cbam_core.render.charts`. Intervals are given, and drawn as bars around the dots.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from cbam_core.render.charts import GRID, INK, ONE_COLOUR, PAIR_COLOURS, Chart, escaped
from cbam_core.render.curves import plain_layout
from cbam_core.results.evaluation import Interval

WORDS: Mapping[str, str] = {
    "accuracy": "accuracy (%)",
    "per_class": "Accuracy of each class, with 95 % intervals",
    "class_hover": "{right} of {count} right: {share} %<br>95 % interval {low} % to {high} %",
    "one_class": "{name}: {share:.1f} % right, 95 % interval {low:.1f} % to {high:.1f} %.",
    "reliability": "Expected calibration error (ECE): {error} %",
    "confidence": "mean confidence (%)",
    "answers": "answers",
    "perfect": "ideal",
    "found": "measured, with 95 % intervals",
    "bin_hover": "{count} predictions, mean confidence {sure} %<br>{share} % right, 95 % interval {low} % to {high} %",
    "calibration": "Expected calibration error {error:.2f} % over {bins} confidence bins. Over all {count} "
    "predictions, the mean confidence is {sure:.1f} % and the accuracy {right:.1f} %: {verdict}.",
    "over": "overconfident",
    "under": "underconfident",
    "even": "well calibrated overall",
    "nothing": "No image was shown.",
}
"""Words of the charts and of their descriptions; pass a translation with the same keys."""

LOWEST = 0.28
"""Lower edge of the reliability diagram, as a share of the plot's height; below are the numbers of predictions."""

EVEN = 0.01
"""Difference of mean confidence and accuracy up to which they count as equal."""


def class_accuracy(
    names: Sequence[str],
    right: Sequence[int],
    count: Sequence[int],
    intervals: Sequence[Interval],
    *,
    ink: str | None = INK,
    words: Mapping[str, str] = WORDS,
) -> Chart:
    """Draw a dot for the accuracy of each class, and a bar for its interval; classes without images are left out.

    Args:
        names: names of the K classes.
        right: number of correct predictions for each class.
        count: number of images of each class.
        intervals: (low, high) of each class's accuracy, in [0, 1].
        ink: colour of the text; None for that of the page's theme.
        words: words of the chart.
    """
    there = [index for index in range(len(names)) if count[index]]
    shares = [100 * right[index] / count[index] for index in there]
    lows, highs = ([100 * intervals[index][end] for index in there] for end in (0, 1))
    hover = [
        words["class_hover"].format(
            right=f"{right[index]:,}", count=f"{count[index]:,}", share=f"{share:.1f}", low=f"{low:.1f}",
            high=f"{high:.1f}",
        )
        for index, share, low, high in zip(there, shares, lows, highs, strict=True)
    ]  # fmt: skip
    dots = {
        "type": "scatter",
        "mode": "markers",
        "x": _short(shares),
        "y": list(range(len(there))),  # positions, not names: two classes may have the same name
        "marker": {"color": ONE_COLOUR, "size": 9},
        "error_x": _error(shares, lows, highs, ONE_COLOUR),
        "hovertext": [f"<b>{escaped(names[index])}</b><br>{said}" for index, said in zip(there, hover, strict=True)],
        "hoverinfo": "text",
    }
    floor = 10 * np.floor(min([*lows, 90.0]) / 10)
    layout = plain_layout(words["per_class"], ink)
    layout["margin"] = {"l": 8, "r": 12, "t": 40, "b": 44}
    layout["xaxis"] = {"title": {"text": words["accuracy"], "standoff": 6}, "range": [float(floor), 100.5]} | _GRIDDED
    layout["yaxis"] = _axis_of_names([names[index] for index in there])
    return {"data": [dots], "layout": layout | {"showlegend": False}}


def _axis_of_names(names: Sequence[str]) -> dict[str, Any]:
    """Lay out an axis with a name at each position, the first one at the top."""
    return {
        "tickvals": list(range(len(names))),
        "ticktext": [escaped(name) for name in names],
        "range": [len(names) - 0.4, -0.6],
        "automargin": True,
        "fixedrange": True,
        "showgrid": False,
        "zeroline": False,
    }


def reliability(
    count: Int64[np.ndarray, " m"],
    accuracy: Float64[np.ndarray, " m"],
    confidence: Float64[np.ndarray, " m"],
    intervals: Sequence[Interval],
    error: float,
    *,
    ink: str | None = INK,
    words: Mapping[str, str] = WORDS,
) -> Chart:
    """Draw accuracy against confidence for each bin, above the number of predictions in it.

    Args:
        count: number of predictions in each of M bins of equal width over [0, 1].
        accuracy: share of correct predictions in each bin; ignored for an empty bin.
        confidence: mean confidence in each bin; ignored for an empty bin.
        intervals: (low, high) of each bin's accuracy.
        error: expected calibration error.
        ink: colour of the text; None for that of the page's theme.
        words: words of the chart.
    """
    layout = plain_layout(words["reliability"].format(error=f"{100 * error:.2f}"), ink)
    layout["bargap"] = 0
    layout["legend"] |= {"y": LOWEST, "yanchor": "bottom"}
    layout["xaxis"] = {
        "title": {"text": words["confidence"], "standoff": 6},
        "range": [0, 101],
        "anchor": "y2",
    } | _GRIDDED
    layout["yaxis"] = {"title": {"text": words["accuracy"], "standoff": 6}, "range": [0, 101], "domain": [LOWEST, 1]}
    layout["yaxis2"] = {"title": {"text": words["answers"], "standoff": 6}, "domain": [0, 0.2], "nticks": 3}
    for axis in ("yaxis", "yaxis2"):
        layout[axis] |= _GRIDDED | {"fixedrange": True}
    dots = _bins_as_dots(count, accuracy, confidence, intervals, words)
    return {"data": [_diagonal(words["perfect"]), dots, _bins_as_bars(count, words["answers"])], "layout": layout}


def _diagonal(name: str) -> dict[str, Any]:
    """Return the line on which accuracy is confidence."""
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [0, 100],
        "y": [0, 100],
        "name": name,
        "line": {"color": "rgba(128,128,128,0.9)", "dash": "dash", "width": 1.5},
        "hoverinfo": "skip",
    }


def _bins_as_dots(
    count: Int64[np.ndarray, " m"],
    accuracy: Float64[np.ndarray, " m"],
    confidence: Float64[np.ndarray, " m"],
    intervals: Sequence[Interval],
    words: Mapping[str, str],
) -> dict[str, Any]:
    """Return a dot with its interval for each bin that is not empty."""
    there = np.flatnonzero(count).tolist()
    x, y = ([100 * float(values[index]) for index in there] for values in (confidence, accuracy))
    lows, highs = ([100 * intervals[index][end] for index in there] for end in (0, 1))
    hover = [
        words["bin_hover"].format(
            count=f"{int(count[index]):,}", sure=f"{sure:.1f}", share=f"{share:.1f}", low=f"{low:.1f}",
            high=f"{high:.1f}",
        )
        for index, sure, share, low, high in zip(there, x, y, lows, highs, strict=True)
    ]  # fmt: skip
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": _short(x),
        "y": _short(y),
        "name": words["found"],
        "marker": {"color": PAIR_COLOURS[1], "size": 7},
        "line": {"color": PAIR_COLOURS[1], "width": 1},
        "error_y": _error(y, lows, highs, PAIR_COLOURS[1]),
        "hovertext": hover,
        "hoverinfo": "text",
    }


def _bins_as_bars(count: Int64[np.ndarray, " m"], name: str) -> dict[str, Any]:
    """Return a bar with the number of predictions in each bin."""
    width = 100 / len(count)
    return {
        "type": "bar",
        "x": _short([(index + 0.5) * width for index in range(len(count))]),
        "y": count.tolist(),
        "width": width,
        "yaxis": "y2",
        "marker": {"color": ONE_COLOUR, "line": {"width": 0}},
        "showlegend": False,
        "hovertemplate": f"%{{y:,}} {escaped(name)}<extra></extra>",
    }


def describe_classes(
    names: Sequence[str],
    right: Sequence[int],
    count: Sequence[int],
    intervals: Sequence[Interval],
    *,
    words: Mapping[str, str] = WORDS,
) -> str:
    """Describe each class in one sentence, for screen readers."""
    said = [
        words["one_class"].format(name=name, share=100 * good / of, low=100 * low, high=100 * high)
        for name, good, of, (low, high) in zip(names, right, count, intervals, strict=True)
        if of
    ]
    return " ".join(said) or words["nothing"]


def describe_reliability(
    count: Int64[np.ndarray, " m"],
    accuracy: Float64[np.ndarray, " m"],
    confidence: Float64[np.ndarray, " m"],
    error: float,
    *,
    words: Mapping[str, str] = WORDS,
) -> str:
    """Describe the calibration in one sentence, for screen readers."""
    total = int(count.sum())
    if not total:
        return words["nothing"]
    right, sure = (float(count @ np.nan_to_num(values)) / total for values in (accuracy, confidence))
    verdict = "even" if abs(sure - right) < EVEN else "over" if sure > right else "under"
    return words["calibration"].format(
        error=100 * error,
        bins=len(count),
        count=f"{total:,}",
        sure=100 * sure,
        right=100 * right,
        verdict=words[verdict],
    )


_GRIDDED = {"gridcolor": GRID, "zeroline": False}


def _short(values: Sequence[float]) -> list[float]:
    return [float(f"{value:.5g}") for value in values]


def _error(values: Sequence[float], lows: Sequence[float], highs: Sequence[float], colour: str) -> dict[str, Any]:
    return {
        "type": "data",
        "symmetric": False,
        "array": _short([high - value for value, high in zip(values, highs, strict=True)]),
        "arrayminus": _short([value - low for value, low in zip(values, lows, strict=True)]),
        "color": colour,
        "thickness": 2,
        "width": 0,
    }
