"""What lies on a figure and where, in millimetres from its top left corner; drawn by matplotlib without windows.

Items are plain data until `draw` makes a matplotlib figure of them, so that a layout is known, and can be checked,
before anything is drawn. Pictures are drawn in whole squares: no program that shows the figure blurs their pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, UInt8

from cbam_core.render.paper.typeface import Typeface

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

INK, SOFT, FAINT, EDGE = "#1a1a1a", "#5f5f5f", "#e4e4e4", "#9a9a9a"
"""Colours of text, of details, of grids, and of frames."""
BAR, PAIR, TICK = "#2b6ca3", ("#2f7fc1", "#c9650a"), "#1a1a1a"
"""Colours of bars, of the two sides of a comparison, and of marks for usual values."""
THIN = 0.5
"""Width of lines in points."""
DENSITY = 12.0
"""Least number of drawn pixels in a millimetre: 300 dots per inch."""

Bars = Float[np.ndarray, " c"]


@dataclass(frozen=True)
class Area:
    """A rectangle in mm from the top left corner of the figure."""

    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """Distance of the right edge."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """Distance of the lower edge."""
        return self.top + self.height


@dataclass(frozen=True, eq=False)
class Page:
    """A matplotlib figure that is being drawn.

    Attributes:
        figure: the figure.
        width: its width in mm.
        height: its height in mm.
        typeface: its letters.
    """

    figure: Figure
    width: float
    height: float
    typeface: Typeface

    def axes(self, area: Area, name: str) -> Axes:
        """Make axes that fill an area, without ticks."""
        from cbam_core.render.paper.tickless import TicklessAxes

        left, bottom = area.left / self.width, 1 - area.bottom / self.height
        place = (left, bottom, area.width / self.width, area.height / self.height)
        axes = self.figure.add_axes(place, axes_class=TicklessAxes)
        axes.set_gid(name)
        axes.set_xticks([])
        axes.set_yticks([])
        for spine in axes.spines.values():
            spine.set(linewidth=THIN, edgecolor=EDGE)
        return axes


@runtime_checkable
class Item(Protocol):
    """Something on a figure."""

    def draw(self, page: Page) -> None:
        """Draw it."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture in a thin frame.

    Attributes:
        area: its place.
        pixels: uint8 RGB (H, W, 3).
        name: name of what it shows, such as ``"cbam1.spatial"``.
    """

    area: Area
    pixels: UInt8[np.ndarray, "h w 3"]
    name: str

    def draw(self, page: Page) -> None:
        """Draw the picture, pixel by pixel."""
        axes = page.axes(self.area, self.name)
        axes.imshow(self.pixels, interpolation="none", aspect="auto")


@dataclass(frozen=True)
class Words:
    """A line of text.

    Attributes:
        x: its left end, middle or right end, by `anchor`, in mm.
        y: its baseline, in mm.
        text: the text.
        width: space for it, in mm; it is shortened to that.
        colour: colour of the letters.
        anchor: part of the line that is at `x`.
        upward: whether it runs upward; x and y are then the baseline and the lower end or middle.
    """

    x: float
    y: float
    text: str
    width: float
    colour: str = INK
    anchor: Literal["left", "center", "right"] = "left"
    upward: bool = False

    def draw(self, page: Page) -> None:
        """Draw the line; nothing where there is no space for a letter."""
        text = page.typeface.fitted(self.text, self.width)
        page.figure.text(
            self.x / page.width,
            1 - self.y / page.height,
            page.typeface.drawable("" if text == "..." else text),
            color=self.colour,
            fontproperties=page.typeface.properties(),
            ha=self.anchor,
            va="baseline",
            rotation=90 if self.upward else 0,
            rotation_mode="anchor",
            parse_math=False,
        )


@dataclass(frozen=True)
class Gap:
    """A pale box with the reason why something is missing."""

    area: Area
    text: str

    def draw(self, page: Page) -> None:
        """Draw the box and its text."""
        axes = page.axes(self.area, "gap")
        axes.set_facecolor("#f5f5f5")
        for spine in axes.spines.values():
            spine.set_visible(False)
        face = page.typeface
        lines = face.wrapped(self.text, self.area.width - 2)
        middle = self.area.top + self.area.height / 2
        for number, line in enumerate(lines):
            y = middle + (number - (len(lines) - 1) / 2) * face.line + 0.35 * face.line
            centre = self.area.left + self.area.width / 2
            Words(centre, y, line, self.area.width, SOFT, "center").draw(page)


@dataclass(frozen=True, eq=False)
class Scale:
    """A colour bar from its start to its end, with a line below it over the range of the values that are drawn.

    Attributes:
        area: place of the bar itself.
        colours: its colours, uint8 RGB (256, 3).
        ends: values at its start and end.
        shown: least and greatest value that is drawn; None for no line.
        name: name of the scale.
    """

    area: Area
    colours: UInt8[np.ndarray, "n 3"]
    ends: tuple[float, float]
    shown: tuple[float, float] | None
    name: str

    def draw(self, page: Page) -> None:
        """Draw bar and line."""
        axes = page.axes(self.area, self.name)
        axes.imshow(self.colours[None], interpolation="none", aspect="auto", extent=(*self.ends, 0.0, 1.0))
        if self.shown is None:
            return
        below = Area(self.area.left, self.area.bottom + 0.5, self.area.width, 0.5)
        line = page.axes(below, f"{self.name} range")
        line.axis("off")
        line.set(xlim=self.ends, ylim=(0, 1))
        low, high = (float(np.clip(value, *self.ends)) for value in self.shown)
        least = 0.3 / self.area.width * (self.ends[1] - self.ends[0])
        line.plot(
            [low, max(high, low + least)], [0.5, 0.5], color=INK, linewidth=1.2, solid_capstyle="butt", clip_on=False
        )


@dataclass(frozen=True, eq=False)
class Weights:
    """Bars of one block's channel weights, or of two blocks' side by side.

    Attributes:
        area: place of the bars.
        values: heights in the order in which they are drawn, one array or two of the same length.
        marks: usual values in the same order; None for none.
        limits: values at the lower and the upper end of the axis.
        base: value from which bars rise.
        colours: a colour for each array.
        ticked: whether the axis has numbers.
        name: name of the gate.
    """

    area: Area
    values: tuple[Bars, ...]
    marks: Bars | None
    limits: tuple[float, float]
    base: float
    colours: tuple[str, ...]
    ticked: bool
    name: str

    def draw(self, page: Page) -> None:
        """Draw the bars: apart where there is space, else as one outline."""
        axes = page.axes(self.area, self.name)
        count = len(self.values[0])
        axes.set(xlim=(-0.5, count - 0.5), ylim=self.limits)
        for side in ("top", "right", "left"):
            axes.spines[side].set_visible(False)
        lines = sorted({self.limits[0], self.base, self.limits[1], sum(self.limits) / 2})
        for line in lines:
            axes.axhline(line, color=FAINT, linewidth=THIN, zorder=0)
        each = self.area.width / count / len(self.values)
        if each >= 0.3:
            self._draw_apart(axes, count)
        else:
            self._draw_together(axes, count)
        if self.ticked:
            self._draw_numbers(page)

    def _draw_apart(self, axes: Axes, count: int) -> None:
        wide = 0.8 / len(self.values)
        for number, (values, colour) in enumerate(zip(self.values, self.colours, strict=True)):
            places = np.arange(count) + (number - (len(self.values) - 1) / 2) * wide
            bars = _bars(places - wide / 2, values.astype(np.float64) - self.base, wide, self.base, colour)
            for bar in bars:
                axes.add_artist(bar)
        if self.marks is not None:
            middles = np.arange(count)
            axes.hlines(self.marks, middles - 0.4, middles + 0.4, color=TICK, linewidth=0.6)

    def _draw_together(self, axes: Axes, count: int) -> None:
        edges = np.arange(count + 1) - 0.5
        alone = len(self.values) == 1
        for values, colour in zip(self.values, self.colours, strict=True):
            options: dict[str, Any] = {"fill": True, "linewidth": 0} if alone else {"linewidth": 0.5}
            axes.stairs(values, edges, baseline=self.base if alone else None, color=colour, **options)
        if self.marks is not None:
            axes.hlines(self.marks, edges[:-1], edges[1:], color=TICK, linewidth=0.5)

    def _draw_numbers(self, page: Page) -> None:
        low, high = self.limits
        for value in {low, high, self.base}:
            y = self.area.bottom - (value - low) / (high - low) * self.area.height
            text = f"{value:.3g}".replace("-", "−")
            Words(self.area.left - 0.8, y + 0.3 * page.typeface.line, text, 8.0, SOFT, "right").draw(page)


def _bars(left: Bars, heights: Bars, width: float, base: float, colour: str) -> list[Rectangle]:
    """Make bars without measuring them, as `Axes.bar` does for limits, which are known here."""
    from matplotlib.patches import Rectangle

    return [
        Rectangle((x, base), width, height, facecolor=colour, linewidth=0)
        for x, height in zip(left.tolist(), heights.tolist(), strict=True)
    ]


@dataclass(frozen=True, eq=False)
class Shares:
    """Horizontal bars from 0 to 100 %.

    Attributes:
        area: place of all bars.
        values: lengths in [0, 1], from the top.
        thickness: height of a bar as a share of the distance between bars.
    """

    area: Area
    values: Float[np.ndarray, " k"]
    thickness: float = 0.2

    def draw(self, page: Page) -> None:
        """Draw pale bars, and the lengths over them."""
        axes = page.axes(self.area, "probabilities")
        axes.axis("off")
        axes.set(xlim=(0, 1), ylim=(len(self.values) - 0.5, -0.5))
        places = np.arange(len(self.values))
        axes.barh(places, np.ones(len(places)), self.thickness, color=FAINT, linewidth=0)
        axes.barh(places, np.nan_to_num(self.values.astype(np.float64)), self.thickness, color=BAR, linewidth=0)


def draw(items: Sequence[Item], width: float, height: float, face: Typeface) -> Figure:
    """Draw items on a white page of this size in mm."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width / 25.4, height / 25.4), dpi=72, facecolor="white")
    page = Page(figure, width, height, face)
    for item in items:
        item.draw(page)
    return figure
