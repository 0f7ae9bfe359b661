"""Training curves as Plotly charts: loss per iteration; accuracy and loss per epoch, for train and validation.

Charts are plain dictionaries, as in `cbam_core.render.charts`. A long run has more iterations than a page has pixels,
so only some of their losses are drawn, and the chart says which; its line is the mean over all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Float64, Int

from cbam_core.errors import RenderError
from cbam_core.render.charts import GRID, INK, ONE_COLOUR, PAIR_COLOURS, Chart
from cbam_core.results.history import Epoch

Measure = Literal["accuracy", "loss"]

POINTS = 2000
"""Largest number of losses that are drawn."""
WINDOW = 100
"""Number of iterations of the running mean."""
MARKED = 60
"""Largest number of epochs that are drawn with dots."""

CLEAR: Mapping[str, str] = {"bgcolor": "rgba(0,0,0,0)"}
"""Background of a legend inside a plot."""

WORDS: Mapping[str, str] = {
    "iteration": "iteration (one batch)",
    "epoch": "epoch",
    "loss": "loss (nats)",
    "accuracy": "accuracy (%)",
    "loss_per_iteration": "Loss per iteration",
    "loss_per_epoch": "Loss per epoch",
    "accuracy_per_epoch": "Accuracy per epoch",
    "all": "each iteration",
    "some": "one iteration in {every}",
    "mean": "mean of the last {window}",
    "train": "training",
    "validation": "validation",
    "one_loss": "Loss of {count} iterations: mean of the first {window} {first:.3f}, of the last {window} {last:.3f}.",
    "one_accuracy": "Accuracy over {count} epochs: on the training images {train_first:.1f} % after the first and "
    "{train_last:.1f} % after the last, on the validation images {first:.1f} % and {last:.1f} %, at best {best:.1f} % "
    "after epoch {epoch}.",
    "one_epoch_loss": "Loss over {count} epochs: on the training images {train_first:.3f} after the first and "
    "{train_last:.3f} after the last, on the validation images {first:.3f} and {last:.3f}.",
    "nothing": "Nothing has been measured yet.",
}
"""Words of the charts and of their descriptions; pass a translation with the same keys."""


@dataclass(frozen=True, eq=False)
class Thinned:
    """Some losses of a run, and the running mean of all losses at the same iterations.

    Attributes:
        iterations: numbers of the iterations, from 1, (P,).
        losses: losses of these iterations, (P,).
        means: means over the `window` iterations up to each, (P,).
        every: distance of the iterations, counted back from the last.
        window: number of iterations of each mean; fewer at the start.
    """

    iterations: Int[np.ndarray, " p"]
    losses: Float64[np.ndarray, " p"]
    means: Float64[np.ndarray, " p"]
    every: int
    window: int


def thin(losses: Sequence[float], points: int = POINTS, window: int = WINDOW) -> Thinned:
    """Select at most `points` losses at equal distances; the running mean is over all losses.

    Raises:
        RenderError: a loss is not a number.
    """
    values = _numbers(losses)
    every = max(1, -(-len(values) // points))
    last = len(values) - 1
    chosen = np.arange(last % every, len(values), every)
    sums = np.concatenate([[0.0], np.cumsum(values)])
    starts = np.maximum(chosen + 1 - window, 0)
    means = (sums[chosen + 1] - sums[starts]) / (chosen + 1 - starts)
    return Thinned(chosen + 1, values[chosen], means, every, window)


def loss_per_iteration(losses: Sequence[float], *, ink: str | None = INK, words: Mapping[str, str] = WORDS) -> Chart:
    """Draw the losses of iterations, pale, and their running mean.

    Args:
        losses: loss of every iteration, in order.
        ink: colour of the text; None for that of the page's theme.
        words: words of the chart.

    Raises:
        RenderError: a loss is not a number.
    """
    thinned = thin(losses)
    x = thinned.iterations.tolist()
    few = words["all"] if thinned.every == 1 else words["some"].format(every=thinned.every)
    traces = [
        _line(x, thinned.losses, few, color=ONE_COLOUR, width=1) | {"opacity": 0.5},
        _line(x, thinned.means, words["mean"].format(window=thinned.window), color=PAIR_COLOURS[1], width=2),
    ]
    layout = _layout(words["loss_per_iteration"], words["iteration"], words["loss"], ink)
    return {"data": traces, "layout": layout}


def measure_per_epoch(
    epochs: Sequence[Epoch], measure: Measure, *, ink: str | None = INK, words: Mapping[str, str] = WORDS
) -> Chart:
    """Draw accuracy or loss of every epoch, for training and validation.

    Args:
        epochs: epochs in order.
        measure: ``"accuracy"``, drawn in percent, or ``"loss"``.
        ink: colour of the text; None for that of the page's theme.
        words: words of the chart.

    Raises:
        RenderError: a value is not a number.
    """
    x = [epoch.number for epoch in epochs]
    train, validation = both(epochs, measure)
    mode = "lines+markers" if len(x) <= MARKED else "lines"
    traces = [
        _line(x, train, words["train"], color=PAIR_COLOURS[0], width=1.5, dash="dot") | {"mode": mode},
        _line(x, validation, words["validation"], color=PAIR_COLOURS[1], width=2.5) | {"mode": mode},
    ]
    for trace in traces:
        trace["marker"] = {"size": 5}
    layout = _layout(words[f"{measure}_per_epoch"], words["epoch"], words[measure], ink)
    if measure == "accuracy":  # rises to where the legend is in other charts
        layout["legend"] |= {"y": 0, "yanchor": "bottom"}
    # By default, Plotly shows half epochs where there are few.
    layout["xaxis"] |= {"dtick": 1} if len(x) <= 10 else {"nticks": 8}
    return {"data": traces, "layout": layout}


def both(epochs: Sequence[Epoch], measure: Measure) -> tuple[Float64[np.ndarray, " e"], Float64[np.ndarray, " e"]]:
    """Return a measure of every epoch, for training and validation; accuracies in percent.

    Raises:
        RenderError: a value is not a number.
    """
    factor = 100.0 if measure == "accuracy" else 1.0
    train = _numbers([getattr(epoch, f"train_{measure}") for epoch in epochs])
    validation = _numbers([getattr(epoch, f"validation_{measure}") for epoch in epochs])
    return train * factor, validation * factor


def describe_iterations(losses: Sequence[float], *, words: Mapping[str, str] = WORDS) -> str:
    """Describe the losses of iterations in one sentence, for screen readers.

    Raises:
        RenderError: a loss is not a number.
    """
    values = _numbers(losses)
    if not len(values):
        return words["nothing"]
    window = min(WINDOW, len(values))
    first, last = float(values[:window].mean()), float(values[-window:].mean())
    return words["one_loss"].format(count=len(values), window=window, first=first, last=last)


def describe_epochs(epochs: Sequence[Epoch], measure: Measure, *, words: Mapping[str, str] = WORDS) -> str:
    """Describe the curves of epochs in one sentence, for screen readers.

    Raises:
        RenderError: a value is not a number.
    """
    if not epochs:
        return words["nothing"]
    train, validation = both(epochs, measure)
    best = int(np.argmax(validation))
    return words["one_accuracy" if measure == "accuracy" else "one_epoch_loss"].format(
        count=len(epochs),
        train_first=float(train[0]),
        train_last=float(train[-1]),
        first=float(validation[0]),
        last=float(validation[-1]),
        best=float(validation[best]),
        epoch=epochs[best].number,
    )


def _numbers(values: Sequence[Any]) -> Float64[np.ndarray, " n"]:
    """Check that values from a file are numbers."""
    if all(issubclass(kind, int | float) for kind in set(map(type, values))):
        with suppress(OverflowError):
            numbers = np.array(values, np.float64)
            if np.isfinite(numbers).all():
                return numbers
    raise RenderError("chart.not-numbers", "this training history holds something that is not a number")


def _line(x: list[int], values: Float64[np.ndarray, " n"], name: str, **line: str | int | float) -> Chart:
    y = [float(f"{value:.5g}") for value in values.tolist()]
    return {"type": "scatter", "mode": "lines", "x": x, "y": y, "name": name, "line": line}


def plain_layout(title: str, ink: str | None) -> Chart:
    """Make the layout of every chart of a page: title on the left, transparent background.

    The legend is in the upper right corner of the plot, where it cannot meet the title, however narrow the chart is.
    """
    return {
        "title": {
            "text": title,
            "x": 0,
            "xref": "container",
            "y": 1,
            "yref": "container",
            "yanchor": "top",
            "pad": {"t": 8},
            "font": {"size": 14},
        },
        "margin": {"l": 52, "r": 12, "t": 44, "b": 44},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        **({} if ink is None else {"font": {"color": ink}}),
        "legend": {"x": 1, "xanchor": "right", "y": 1, "yanchor": "top", "font": {"size": 12}, **CLEAR},
    }


def _layout(title: str, across: str, up: str, ink: str | None) -> Chart:
    grid = {"gridcolor": GRID, "zeroline": False}
    return {
        **plain_layout(title, ink),
        "hovermode": "x unified",
        "uirevision": title,
        "xaxis": {"title": {"text": across, "standoff": 6}, "showgrid": False, "zeroline": False},
        "yaxis": {"title": {"text": up, "standoff": 6}, **grid},
    }
