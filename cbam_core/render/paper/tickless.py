"""Axes without ticks, for pictures and bars whose numbers are written apart.

Matplotlib makes four ticks for any axes, each of three lines and two texts, even where none has a place. Here a tick is
made when one has a place or is asked for: axes take half the time, and files stay the same to the byte.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from matplotlib.axes import Axes
from matplotlib.axis import Axis, Tick, XAxis, YAxis


class _Unticked(Axis):
    """An axis that makes no tick in order to clip or to style it, or to return none."""

    def set_clip_path(self, path: Any, transform: Any = None) -> None:
        """Clip the axis, and its ticks if there are any."""
        with self._making_none():
            super().set_clip_path(path, transform)

    def set_tick_params(self, *which: Any, **style: Any) -> None:
        """Set how ticks look: those that there are, and those that will be."""
        with self._making_none():
            super().set_tick_params(*which, **style)

    def draw(self, renderer: Any) -> None:
        """Draw the axis, and its ticks if any has a place."""
        with self._making_none():
            super().draw(renderer)

    def get_major_ticks(self, numticks: int | None = None) -> list[Tick]:
        """Return the first ticks; none are made for none."""
        return [] if numticks == 0 else super().get_major_ticks(numticks)

    @contextmanager
    def _making_none(self) -> Iterator[None]:
        """Let lists of ticks be empty that would be filled when they are read."""
        unmade = [name for name in ("majorTicks", "minorTicks") if name not in vars(self)]
        vars(self).update((name, []) for name in unmade)
        try:
            yield
        finally:
            for name in unmade:
                vars(self).pop(name, None)


class _UntickedX(_Unticked, XAxis):
    pass


class _UntickedY(_Unticked, YAxis):
    pass


class TicklessAxes(Axes):
    """Axes that begin without ticks."""

    def _init_axis(self) -> None:
        """Make both axes; a matplotlib that does not call this makes its usual ones."""
        self.xaxis, self.yaxis = _UntickedX(self, clear=False), _UntickedY(self, clear=False)
        for side, axis in (("bottom", self.xaxis), ("top", self.xaxis), ("left", self.yaxis), ("right", self.yaxis)):
            self.spines[side].register_axis(axis)

    def clear(self) -> None:
        """Remove all contents, and place the frame: otherwise the first tick does that."""
        super().clear()
        for spine in self.spines.values():
            spine.set_position(("outward", 0.0))
