"""The blocks of one image in bands: names, masks, usual masks, differences, and bars of channel weights."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32

from cbam_core.render.paper.gates import (
    Ground,
    ScaleBar,
    axis_of,
    below_bars,
    gap,
    mask_picture,
    range_of,
    range_text,
    scale_bars,
    scale_height,
    usual_mean,
    weight_bars,
    why_unread,
)
from cbam_core.render.paper.sheet import SOFT, Area, Item, Words
from cbam_core.render.paper.typeface import Typeface
from cbam_core.results.block_names import modules_of
from cbam_core.results.explanation import Block
from cbam_core.results.layout import Layout, Part
from cbam_core.results.look import Look, Reading

BETWEEN, ROW_GAP = 3.0, 1.2
"""Space between blocks, and between rows of a block, in mm."""
WIDEST, SMALLEST = 40.0, 14.0
"""Largest width of a mask, and smallest for the sake of a page's height, in mm."""
COMFORTABLE = {True: 21.0, False: 26.0}
"""Width of a mask, in mm, below which blocks rather go to another band; for narrow figures, and for others."""
TALLEST = 235.0
"""Height of a page in mm: pictures become smaller rather than exceed it."""
BARS = 13.0
"""Height of bars in mm."""

Values = Float32[np.ndarray, "rows columns"]


def short_names(names: Sequence[str], width: float, face: Typeface) -> dict[str, str]:
    """Leave out what all names end with, after a full stop, where a name needs more than `width` mm."""
    ends = {name.rpartition(".")[2] for name in names}
    are_paths = all(len(modules_of(name)) == 1 for name in names)
    if len(names) > 1 and len(ends) == 1 and are_paths and any(face.width(name) > width for name in names):
        return {name: name.rpartition(".")[0] or name for name in names}
    return {name: name for name in names}


@dataclass(frozen=True, eq=False)
class Bands:
    """The blocks of one image and how they are drawn.

    Attributes:
        blocks: blocks in order of execution.
        ground: picture under the masks.
        layout: settings.
        face: letters.
        words: words.
    """

    blocks: Sequence[Block]
    ground: Ground
    layout: Layout
    face: Typeface
    words: Mapping[str, str]

    @property
    def rows(self) -> list[Part]:
        """Parts of each block from the top, as far as any block has them."""
        masks = any(block.mask is not None for block in self.blocks)
        weights = any(block.gate("channel") is not None for block in self.blocks)
        chosen: list[Part] = []
        for part in ("masks", "usual", "difference", "bars"):
            twice = part == "difference" and self.layout.reading == "usual" and self.layout.has("masks")
            if self.layout.has(part) and (weights if part == "bars" else masks) and not twice:
                chosen.append(part)
        return chosen

    @property
    def gutter(self) -> float:
        """Width of the labels of rows and the numbers of axes, in mm."""
        label = self.face.line + 0.5 if len(self.rows) > 1 else 0.0
        return label + (self._numbers if "bars" in self.rows else 0.0)

    @property
    def _numbers(self) -> float:
        limits, base = self._axis()
        texts = (f"{value:.3g}".replace("-", "−") for value in (*limits, base))
        return max(self.face.width(text) for text in texts) + 1.2

    def look_of(self, part: Part) -> Look:
        """Return the look in which a row of masks is drawn; usual masks stand alone."""
        if part == "difference":
            return replace(self.layout.look, reading="usual", opacity=1.0)
        if part == "usual":
            reading: Reading = "values" if self.layout.reading == "values" else "relative"
            return replace(self.layout.look, reading=reading, opacity=1.0)
        return self.layout.look

    def values_of(self, block: Block, part: Part) -> Values | None:
        """Return what a row shows of a block; None where there is no such mask."""
        gate = block.mask
        if gate is None:
            return None
        if part == "usual":
            return usual_mean(gate, self.layout.reading)
        return gate.against_usual if part == "difference" else gate.read(self.layout.reading)

    def why_none(self, block: Block, part: Part) -> str:
        """Return the word that says why a row shows nothing of a block."""
        if block.mask is None:
            return "no_mask"
        return "no_usual" if part == "usual" else why_unread([block.mask], self.look_of(part).reading, "no_usual")

    def shown(self, reading: Reading) -> tuple[float, float] | None:
        """Return the range of all masks that are drawn on the scale of a reading."""
        parts = [part for part in self.rows if part != "bars" and self.look_of(part).reading == reading]
        found = [self.values_of(block, part) for block in self.blocks for part in parts]
        return range_of([values for values in found if values is not None])

    def readings(self) -> list[Reading]:
        """Return the readings that need a colour bar."""
        found = [self.look_of(part).reading for part in self.rows if part != "bars"]
        return list(dict.fromkeys(found))

    def items(self, area: Area) -> tuple[list[Item], float]:
        """Draw all blocks and the colour bars from the top of an area; return the lower end too."""
        if not self.blocks:
            return [gap(replace(area, height=12.0), "no_blocks", self.words)], area.top + 12.0
        if not self.rows:
            wanted = any(self.layout.has(part) for part in ("masks", "usual", "difference", "bars"))
            place = replace(area, height=12.0)
            return ([gap(place, "no_rows", self.words)], place.bottom) if wanted else ([], area.top)
        columns, width = self._fitting(area)
        items: list[Item] = []
        top = area.top
        for first in range(0, len(self.blocks), columns):
            items += self._band(self.blocks[first : first + columns], area.left, top, width)
            top += self._height(width)
        scales, bottom = self._scales(replace(area, top=top - 2.0))
        return [*items, *scales], bottom

    def count(self, area: Area) -> int:
        """Count the bands that the blocks take in an area."""
        return math.ceil(len(self.blocks) / self._fitting(area)[0]) if self.blocks and self.rows else 0

    def _fitting(self, area: Area) -> tuple[int, float]:
        """Choose the number of blocks in a band and their width, so that cells are seen and bands fit on a page."""
        count, least = len(self.blocks), COMFORTABLE[self.layout.is_narrow]
        most = max(1, int((area.width - self.gutter + BETWEEN) // (least + BETWEEN)))
        bands = math.ceil(count / most)
        space = TALLEST - area.top - scale_height(self.face)
        for fewer in range(bands, 0, -1):
            columns = math.ceil(count / fewer)
            width = self._width(area, columns)
            if width < SMALLEST:
                break
            if fewer * self._height(width) <= space:
                return columns, width
        columns = math.ceil(count / bands)
        pictures = sum(part != "bars" for part in self.rows) * self._shape
        spare = (bands * self._height(self._width(area, columns)) - space) / bands / max(pictures, 1)
        return columns, max(SMALLEST, self._width(area, columns) - spare)

    def _width(self, area: Area, columns: int) -> float:
        return min(WIDEST, (area.width - self.gutter - (columns - 1) * BETWEEN) / columns)

    def _height(self, width: float) -> float:
        """Compute the height of a band with the space below it."""
        pictures = sum(part != "bars" for part in self.rows)
        bars = BARS + 1.1 * self.face.line if "bars" in self.rows else 0.0
        return 1.25 * self.face.line + pictures * self._row(width) + bars + 4.0

    def _row(self, width: float) -> float:
        return width * self._shape + 1.05 * self.face.line + ROW_GAP

    @property
    def _shape(self) -> float:
        return min(self.ground.shape, 1.6)

    def _band(self, blocks: Sequence[Block], left: float, top: float, width: float) -> list[Item]:
        items: list[Item] = []
        start = top + 1.25 * self.face.line
        names = short_names([block.name for block in self.blocks], width, self.face)
        for number, block in enumerate(blocks):
            x = left + self.gutter + number * (width + BETWEEN)
            items.append(Words(x, top + 0.85 * self.face.line, names[block.name], width))
        for part in self.rows:
            height = BARS if part == "bars" else width * self._shape
            items += self._label(part, left, start, height)
            for number, block in enumerate(blocks):
                place = Area(left + self.gutter + number * (width + BETWEEN), start, width, height)
                items += self._bars(block, place, number == 0) if part == "bars" else self._mask(block, place, part)
            start += self._row(width)
        return items

    def _label(self, part: Part, left: float, top: float, height: float) -> list[Item]:
        if len(self.rows) < 2:
            return []
        is_compared = {"usual", "difference"} & set(self.rows)
        names = {"masks": "this" if is_compared else "mask", "usual": "usual", "difference": "shape", "bars": "bars"}
        text = self.words[names[part]]
        baseline = left + 0.8 * self.face.line
        space = height + 2.5 if part == "bars" else height
        return [Words(baseline, top + height / 2, text, space, SOFT, "center", upward=True)]

    def _mask(self, block: Block, place: Area, part: Part) -> list[Item]:
        look, values = self.look_of(part), self.values_of(block, part)
        if values is None:
            return [gap(place, self.why_none(block, part), self.words)]
        name = f"{block.name}.{part}"
        inner = self._fitted(place)
        baseline = place.bottom + 0.9 * self.face.line
        return [
            mask_picture(inner, values, block, self.ground, look, name),
            Words(
                place.left + place.width / 2,
                baseline,
                range_text(values, look.reading, self.words),
                place.width,
                SOFT,
                "center",
            ),
        ]

    def _fitted(self, place: Area) -> Area:
        """Return the part of a place that a tall picture fills."""
        width = min(place.width, place.height / self.ground.shape)
        return Area(place.left + (place.width - width) / 2, place.top, width, place.height)

    def _axis(self) -> tuple[tuple[float, float], float]:
        gates = [gate for block in self.blocks if (gate := block.gate("channel")) is not None]
        found = [gate.read(self.layout.reading) for gate in gates]
        return axis_of(self.layout.reading, [values for values in found if values is not None])

    def _bars(self, block: Block, place: Area, first: bool) -> list[Item]:
        gate = block.gate("channel")
        if gate is None:
            return [gap(place, "no_weights", self.words)]
        layout = self.layout
        drawn = weight_bars(place, gate, layout.reading, layout.order, axis=self._axis(), ticked=first)
        if drawn is None:
            return [gap(place, why_unread([gate], layout.reading, "no_weights"), self.words)]
        return [drawn, *below_bars(place, gate.values.size, layout.order, self.face, self.words)]

    def _scales(self, area: Area) -> tuple[list[Item], float]:
        titles = {"values": "mask", "relative": "mask_relative", "usual": "mask_usual"}
        bars = [
            ScaleBar(replace(self.layout.look, reading=reading), self.shown(reading), self.words[titles[reading]])
            for reading in self.readings()
        ]
        return scale_bars(
            replace(area, left=area.left + self.gutter, width=area.width - self.gutter), bars, self.face, self.words
        )
