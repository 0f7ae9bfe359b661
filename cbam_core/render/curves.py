"""Training curves as Plotly charts: loss per iteration; accuracy and loss per epoch, for train and validation.

Charts are plain dictionaries, as in `cbam_core.render.charts`. A long run has more iterations than a page has pixels,
so only some of their losses are drawn, and the chart says which; its line is the mean over all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Float64, Int

from cbam_core.errors import RenderError
from cbam_core.render.charts import GRID, INK, ONE_COLOUR, PAIR_COLOURS, Chart
from cbam_core.results.history import Epoch

Measure = Literal["accuracy", "loss"]

POINTS = 2000
"""At most so many losses are drawn."""
WINDOW = 100
"""Iterations that the running mean goes back."""
MARKED = 60
"""Up to so many epochs, each has a dot."""

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
"""The words of the charts and of their descriptions; pass a translation with the same keys."""


@dataclass(frozen=True, eq=False)
class Thinned:
    """Some of a run's losses, and the running mean of all of them at the same places.

    Attributes:
        iterations: counted from 1, (P,).
        losses: of those iterations, (P,).
        means: over the last `window` iterations up to each, (P,).
        every: one iteration in so many was taken, counted from the last one back.
        window: iterations that a mean is taken over; fewer at the start.
    """

    iterations: Int[np.ndarray, " p"]
    losses: Float64[np.ndarray, " p"]
    means: Float64[np.ndarray, " p"]
    every: int
    window: int


def thin(losses: Sequence[float], points: int = POINTS, window: int = WINDOW) -> Thinned:
    """Take at most `points` losses, evenly; the running mean is of all of them.

    Raises:
        RenderError: a loss is not a number.
    """
    values = _numbers(losses)
    every = max(1, -(-len(values) // points))
    last = len(values) - 1
    places = np.arange(last % every, len(values), every)
    sums = np.concatenate([[0.0], np.cumsum(values)])
    starts = np.maximum(places + 1 - window, 0)
    means = (sums[places + 1] - sums[starts]) / (places + 1 - starts)
    return Thinned(places + 1, values[places], means, every, window)


def loss_per_iteration(losses: Sequence[float], *, ink: str | None = INK, words: Mapping[str, str] = WORDS) -> Chart:
    """The loss of single iterations, pale, and their running mean.

    Args:
        losses: of every iteration, in order.
        ink: colour of the text; None leaves it to the page's theme.
        words: the words on the chart.

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
    """Accuracy or loss of every epoch, for train and validation.

    Args:
        epochs: in order.
        measure: ``"accuracy"``, drawn in per cent, or ``"loss"``.
        ink: colour of the text; None leaves it to the page's theme.
        words: the words on the chart.

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
    # Left alone, Plotly puts half epochs between few whole ones.
    layout["xaxis"] |= {"dtick": 1} if len(x) <= 10 else {"nticks": 8}
    return {"data": traces, "layout": layout}


def both(epochs: Sequence[Epoch], measure: Measure) -> tuple[Float64[np.ndarray, " e"], Float64[np.ndarray, " e"]]:
    """A measure of every epoch, for train and validation; accuracies in per cent.

    Raises:
        RenderError: a value is not a number.
    """
    factor = 100.0 if measure == "accuracy" else 1.0
    train = _numbers([getattr(epoch, f"train_{measure}") for epoch in epochs])
    validation = _numbers([getattr(epoch, f"validation_{measure}") for epoch in epochs])
    return train * factor, validation * factor


def describe_iterations(losses: Sequence[float], *, words: Mapping[str, str] = WORDS) -> str:
    """One sentence for those who cannot see the losses of iterations.

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
    """One sentence for those who cannot see the curves of epochs.

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
    """Files that people keep may hold anything."""
    if not all(isinstance(value, int | float) and np.isfinite(value) for value in values):
        raise RenderError("chart.not-numbers", "this training history holds something that is not a number")
    return np.array(values, np.float64)


def _line(x: list[int], values: Float64[np.ndarray, " n"], name: str, **line: str | int | float) -> Chart:
    y = [float(f"{value:.5g}") for value in values.tolist()]
    return {"type": "scatter", "mode": "lines", "x": x, "y": y, "name": name, "line": line}


def plain_layout(title: str, ink: str | None) -> Chart:
    """What every chart of a page has: title and legend to the left, no ground of its own."""
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
        "margin": {"l": 52, "r": 12, "t": 56, "b": 44},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        **({} if ink is None else {"font": {"color": ink}}),
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": 1, "yanchor": "bottom", "font": {"size": 12}},
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
