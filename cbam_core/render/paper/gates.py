"""Gates on a figure: masks over their picture, colour bars, bars of channel weights, and their numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image

from cbam_core.render.colours import stretch
from cbam_core.render.diverging import DIVERGING
from cbam_core.render.overlay import Cells, cells_on_input, cells_on_original, overlay, raw_mask, seen_on_original
from cbam_core.render.paper.sheet import BAR, DENSITY, SOFT, Area, Gap, Item, Picture, Scale, Weights, Words
from cbam_core.render.paper.typeface import Typeface
from cbam_core.render.readings import NEUTRAL, is_fixed, read_colours, scale_of
from cbam_core.results.explanation import Block, Explanation, Gate
from cbam_core.results.frame import Box, Frame
from cbam_core.results.look import Look, Reading

LARGEST = 1000
"""Longest side in pixels of the picture under masks: enough for 80 mm at 300 dots per inch."""

GREATEST = 2000
"""Longest side in pixels of a drawn overlay."""


@dataclass(frozen=True, eq=False)
class Ground:
    """The picture under the masks.

    Attributes:
        pixels: uint8 RGB (H, W, 3), at most `LARGEST` pixels a side.
        frame: position of the network's input in the original; None where the picture is the input.
        factors: factors by which the original was reduced (across, down).
        seen: part that the network saw, in pixels of the picture; None for all of it.
    """

    pixels: UInt8[np.ndarray, "h w 3"]
    frame: Frame | None = None
    factors: tuple[float, float] = (1.0, 1.0)
    seen: Box | None = None

    @property
    def shape(self) -> float:
        """Height divided by width."""
        return float(self.pixels.shape[0] / self.pixels.shape[1])

    def cells(self, block: Block) -> Cells | None:
        """Return the positions of a block's cells on the picture; None where they are unknown."""
        if block.placement is None:
            return None
        if self.frame is None:
            return cells_on_input(block.placement)
        return cells_on_original(block.placement, self.frame).scaled(*self.factors)


def ground_of(explanation: Explanation, original: UInt8[np.ndarray, "oh ow 3"] | None = None) -> Ground:
    """Take the network's input, or the image before fitting, as the picture under the masks.

    Raises:
        ImageError: `original` is not the image that was explained.
    """
    if original is None:
        return Ground(np.asarray(explanation.input_image))
    frame = explanation.frame
    decoded = frame.factors((original.shape[1], original.shape[0]))
    small = _reduced(original)
    across, down = (small.shape[1] / original.shape[1] * decoded[0], small.shape[0] / original.shape[0] * decoded[1])
    left, top, right, bottom = seen_on_original(frame)
    whole = (left, top, right, bottom) == (0, 0, *frame.original_size)
    seen = None if whole else (left * across, top * down, right * across, bottom * down)
    return Ground(small, frame, (across, down), seen)


def _reduced(image: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "sh sw 3"]:
    factor = LARGEST / max(image.shape[:2])
    if factor >= 1:
        return image
    size = max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor))
    return np.asarray(Image.fromarray(np.ascontiguousarray(image)).resize(size, Image.Resampling.LANCZOS))


def fitted(place: Area, shape: float) -> Area:
    """Return the part of a place that a picture of this height by width fills, in its middle."""
    width = min(place.width, place.height / shape)
    height = width * shape
    return Area(place.left + (place.width - width) / 2, place.top + (place.height - height) / 2, width, height)


def plain_picture(area: Area, pixels: UInt8[np.ndarray, "h w 3"], name: str) -> Picture:
    """Draw an image in whole squares."""
    zoom = _zoom(pixels.shape[1], pixels.shape[0], area)
    return Picture(area, pixels.repeat(zoom, axis=0).repeat(zoom, axis=1), name)


def mask_picture(
    area: Area, values: Float32[np.ndarray, "rows columns"], block: Block, ground: Ground, look: Look, name: str
) -> Picture:
    """Draw a mask over its picture, each cell at its place; alone in the middle where its place is unknown."""
    cells = ground.cells(block)
    if cells is None:
        rows, columns = values.shape
        side = min(area.width / columns, area.height / rows)
        inner = Area(
            area.left + (area.width - side * columns) / 2,
            area.top + (area.height - side * rows) / 2,
            side * columns,
            side * rows,
        )
        return Picture(inner, raw_mask(values, look, zoom=_zoom(columns, rows, inner)), name)
    zoom = _zoom(ground.pixels.shape[1], ground.pixels.shape[0], area)
    return Picture(area, overlay(ground.pixels, values, cells, look, zoom=zoom, seen=ground.seen), name)


def _zoom(columns: int, rows: int, area: Area) -> int:
    """Choose the drawn pixels for each pixel: enough for `DENSITY`, and not more than `GREATEST` a side."""
    wanted = math.ceil(DENSITY * area.width / columns)
    return max(1, min(wanted, GREATEST // max(columns, rows)))


def usual_mean(gate: Gate, reading: Reading) -> Float32[np.ndarray, ...] | None:
    """Return the usual values of a gate, as multiples of their mean in every reading but ``"values"``."""
    usual = gate.usual
    if usual is None or usual.mean.shape != gate.values.shape:
        return None
    if reading == "values":
        return usual.mean
    return (usual.mean / usual.level).astype(np.float32) if usual.level > 0 else None


def written(value: float, reading: Reading, digits: int = 2) -> str:
    """Format a number of a reading: 0.25, x1.25 for multiples, +0.25 for differences, with a minus sign."""
    number = f"{abs(value):.{digits}f}"
    sign = "−" if value < 0 else "+" if value > 0 and reading == "usual" else ""
    minus = sign if any(digit in number for digit in "123456789n") else ""
    return f"{'×' if reading == 'relative' else ''}{minus}{number}"


def range_of(arrays: Iterable[np.ndarray]) -> tuple[float, float] | None:
    """Return the least and the greatest number of all arrays; None where there are none."""
    ranges = [stretch(values) for values in arrays if values.size]
    return (min(low for low, _ in ranges), max(high for _, high in ranges)) if ranges else None


def range_text(values: np.ndarray, reading: Reading, words: Mapping[str, str]) -> str:
    """Write the range of a gate."""
    low, high = stretch(values)
    return words["range"].format(low=written(low, reading), high=written(high, reading))


@dataclass(frozen=True)
class ScaleBar:
    """One colour bar for all masks of a reading.

    Attributes:
        look: look of the masks.
        shown: least and greatest value that is drawn; None where nothing is.
        title: title of the bar.
        limit: end of the scale of differences between two masks, which runs from -limit to limit; None for gates.
    """

    look: Look
    shown: tuple[float, float] | None
    title: str
    limit: float | None = None

    def items(self, area: Area, face: Typeface, words: Mapping[str, str]) -> list[Item]:
        """Draw title, bar, range and numbers from the top of an area."""
        bar = Area(area.left, area.top + 1.1 * face.line, area.width, 2.2)
        baseline = bar.bottom + 1.3 + 0.75 * face.line
        start, end = scale_of(self.look, (0.0, 1.0)) if self.limit is None else (-self.limit, self.limit)
        ramp = DIVERGING if self.limit else read_colours(np.linspace(start, end, 256), self.look, (0.0, 1.0))
        shown, (first, last, said) = self.shown, self._texts(words)
        if not is_fixed(self.look) and self.limit is None:
            shown = None
        return [
            Words(area.left, area.top + 0.75 * face.line, self.title, area.width),
            Scale(bar, ramp, (start, end), shown, "scale" if self.limit is None else "scale of differences"),
            *_below_bar(bar, baseline, (first, last), said),
        ]

    def _texts(self, words: Mapping[str, str]) -> tuple[str, str, str]:
        """Write the ends of the scale, and the range of what is drawn."""
        reading: Reading = self.look.reading if self.limit is None else "usual"
        said = "" if self.shown is None else range_text(np.array(self.shown), reading, words)
        if self.limit is not None:
            return f"−{self.limit:.3g}", f"+{self.limit:.3g}", said
        if not is_fixed(self.look):
            return words["lowest"], words["highest"], words["range_each"]
        start, end = scale_of(self.look, (0.0, 1.0))
        return written(start, reading, 0), written(end, reading, 0), said


def scale_bars(
    area: Area, bars: Sequence[ScaleBar], face: Typeface, words: Mapping[str, str]
) -> tuple[list[Item], float]:
    """Draw colour bars beside each other from the top of an area; return the lower end too."""
    if not bars:
        return [], area.top
    each = min(52.0, (area.width - (len(bars) - 1) * 5.0) / len(bars))
    places = [Area(area.left + number * (each + 5.0), area.top, each, 0.0) for number in range(len(bars))]
    items = [item for bar, place in zip(bars, places, strict=True) for item in bar.items(place, face, words)]
    return items, area.top + scale_height(face)


def _below_bar(bar: Area, baseline: float, ends: tuple[str, str], said: str) -> list[Item]:
    third = bar.width / 3
    return [
        Words(bar.left, baseline, ends[0], third, SOFT),
        Words(bar.left + bar.width / 2, baseline, said, bar.width * 0.6, anchor="center"),
        Words(bar.right, baseline, ends[1], third, SOFT, anchor="right"),
    ]


def scale_height(face: Typeface) -> float:
    """Compute the height of a colour bar with its title and numbers, in mm."""
    return 1.1 * face.line + 2.2 + 1.3 + face.line


def channel_order(gate: Gate, order: str) -> list[int]:
    """Return the channels in the order of their bars, as the viewer sorts them; equal ones by index."""
    by = gate.against_usual if order == "unusual" else gate.values
    if order == "index" or by is None:
        return list(range(len(gate.values)))
    return [int(channel) for channel in np.argsort(-by.astype(np.float64), kind="stable")]


def axis_of(reading: Reading, arrays: Sequence[np.ndarray]) -> tuple[tuple[float, float], float]:
    """Return the ends of the bars' axis, wider only for values outside, and the value from which bars rise."""
    start, end = scale_of(Look(reading=reading), (0.0, 1.0))
    finite = [values[np.isfinite(values)] for values in arrays]
    low = min([start, *(float(values.min()) for values in finite if values.size)])
    high = max([end, *(float(values.max()) for values in finite if values.size)])
    return (low, high), NEUTRAL.get(reading, 0.0)


def weight_bars(
    area: Area, gate: Gate, reading: Reading, order: str, *, axis: tuple[tuple[float, float], float], ticked: bool
) -> Weights | None:
    """Draw a gate's channel weights, with marks at the usual ones; None where there is no such reading."""
    values = gate.read(reading)
    if values is None or not values.size:
        return None
    channels = channel_order(gate, order)
    usual = None if reading == "usual" else usual_mean(gate, reading)
    limits, base = axis
    return Weights(
        area,
        (np.asarray(values[channels], np.float64),),
        None if usual is None else np.asarray(usual[channels], np.float64),
        limits,
        base,
        (BAR,),
        ticked,
        gate.name,
    )


def below_bars(area: Area, count: int, order: str, face: Typeface, words: Mapping[str, str]) -> list[Item]:
    """Write the numbers of the first and the last channel, or how channels are sorted."""
    baseline = area.bottom + 0.9 * face.line
    middle = Words(area.left + area.width / 2, baseline, words[f"by_{order}"], area.width * 0.98, SOFT, "center")
    if order != "index":
        return [middle]
    sides = [Words(area.left, baseline, "0", 6.0, SOFT)]
    if count > 1:
        sides.append(Words(area.right, baseline, str(count - 1), 8.0, SOFT, "right"))
    needed = face.width(middle.text) + face.width("0") + face.width(str(count - 1)) + 2
    return [*sides, replace(middle, width=area.width)] if needed <= area.width else list(sides)


def why_unread(gates: Iterable[Gate | None], reading: Reading, otherwise: str) -> str:
    """Return the word that says why one of several gates does not have a reading; another where all have it."""
    found = (gate.why_unread(reading) for gate in gates if gate is not None)
    return next((why for why in found if why is not None), otherwise)


def gap(area: Area, reason: str, words: Mapping[str, str]) -> Gap:
    """Say why something is missing."""
    return Gap(area, words[reason])
