"""Axes without ticks: drawn as matplotlib's own are, and ticks come when they are asked for."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
import pytest
from matplotlib.axes import Axes
from matplotlib.axis import XAxis
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cbam_core.render.paper.single import figure_of
from cbam_core.render.paper.tickless import TicklessAxes
from tests.plain_explanations import explained


def drawn(kind: type[Axes], change: Callable[[Any], object]) -> bytes:
    """Draw axes whose ticks are taken away, then changed."""
    figure, buffer = Figure(figsize=(1, 1)), io.BytesIO()
    axes = figure.add_axes((0.2, 0.2, 0.7, 0.7), axes_class=kind)
    axes.set_xticks([])
    axes.set_yticks([])
    change(axes)
    with mpl.rc_context({"svg.hashsalt": "same"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()


@pytest.mark.parametrize(
    "change",
    [
        lambda axes: None,
        lambda axes: axes.set_xticks([0, 0.5, 1]),
        lambda axes: axes.xaxis.set_major_locator(MaxNLocator(3)),
        lambda axes: axes.tick_params(left=False, colors="red") or axes.set_yticks([0.25], minor=True),
        lambda axes: axes.set_title("above the ticks"),
        lambda axes: axes.imshow([[0, 1], [1, 0]], aspect="auto"),
        lambda axes: axes.clear() or axes.set(xlim=(3, 5)),
    ],
)
def test_axes_are_drawn_as_those_of_matplotlib(change: Callable[[Any], object]) -> None:
    assert drawn(TicklessAxes, change) == drawn(Axes, change)


def test_a_figure_makes_no_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    monkeypatch.setattr(XAxis, "_get_tick", lambda axis, major: made.append(axis))
    figure_of(explained()).as_bytes("svg")
    assert made == []


def test_a_grid_can_be_added_and_taken_away() -> None:
    axes = Figure().add_subplot(axes_class=TicklessAxes)
    axes.grid(True)
    axes.set_xticks([0.5])
    (tick,) = axes.xaxis.get_major_ticks()
    assert tick.gridline.get_visible()
    axes.grid(False)
    assert not tick.gridline.get_visible()
