"""A figure of two explanations, or of two means: the first, the second, and the difference of their masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float32

from cbam_core.render.difference import scale_of_differences
from cbam_core.render.paper import captions
from cbam_core.render.paper.bands import TALLEST, short_names
from cbam_core.render.paper.gates import (
    Ground,
    ScaleBar,
    axis_of,
    below_bars,
    fitted,
    gap,
    mask_picture,
    range_of,
    range_text,
    scale_bars,
    scale_height,
    why_unread,
)
from cbam_core.render.paper.header import Seen, input_items, probability_items, truth_items
from cbam_core.render.paper.printed import PrintedFigure, drawing
from cbam_core.render.paper.sheet import PAIR, SOFT, Area, Item, Weights, Words, draw
from cbam_core.render.paper.sides import Side
from cbam_core.render.paper.single import EDGE, notes_of, texts_of
from cbam_core.render.paper.typeface import Typeface, typeface
from cbam_core.render.paper.words import WORDS, class_name
from cbam_core.results.explanation import Block
from cbam_core.results.kinds import Kind
from cbam_core.results.layout import DEFAULT_LAYOUT, Layout

SPACE, ROW = 3.0, 2.2
"""Space between pictures, and between blocks, in mm."""
WIDEST, SMALLEST = 28.0, 16.0
"""Largest and smallest side of a mask, in mm."""
BARS, LOW_BARS, INPUT, LIKELY = 13.0, 9.0, 20.0, 3
"""Height of bars, that of bars below more than four blocks, and side of an input, in mm; number of classes that are
listed."""
TWO_COLUMNS = 5.0
"""Space between the two halves of the head, in mm."""


@dataclass(frozen=True)
class Pair:
    """A block on both sides; None on a side without a counterpart."""

    name: str
    left: Block | None
    right: Block | None


@dataclass(frozen=True)
class PairStyle:
    """Settings of a comparison alone.

    Attributes:
        limit: end of the scale of differences; None for the largest of them.
        ends: number of channels with the largest decrease, and with the largest increase, that are drawn; None for all.
    """

    limit: float | None = None
    ends: int | None = None


DEFAULT_STYLE = PairStyle()
"""Default settings of a comparison."""


def pair_of(
    sides: tuple[Side, Side],
    pairs: Sequence[Pair],
    layout: Layout = DEFAULT_LAYOUT,
    style: PairStyle = DEFAULT_STYLE,
    words: Mapping[str, str] = WORDS,
) -> PrintedFigure:
    """Draw two sides and the difference of their masks for print.

    Args:
        sides: the first and the second.
        pairs: their blocks.
        layout: width, parts and look; usual masks are not drawn.
        style: settings of the comparison.
        words: words of the figure in another language.

    Raises:
        RenderError: a font is unknown, or matplotlib is not installed.
    """
    with drawing():
        names = [*(pair.name for pair in pairs), *(text for side in sides for text in side.seen.texts(words))]
        face = typeface([*texts_of(words), *names, *(side.label for side in sides)], font=layout.font, size=layout.size)
        shown = Compared(sides, pairs, layout, style, face, words)
        items, bottom = shown.items()
        height = bottom + EDGE
        drawn = draw(items, float(layout.width), height, face)
    return PrintedFigure(captions.joined(shown.caption()), layout.width, height, drawn, notes_of(face, height, items))


@dataclass(frozen=True, eq=False)
class Compared:
    """Two sides and how they are drawn; attributes as the arguments of `pair_of`, with the letters."""

    sides: tuple[Side, Side]
    pairs: Sequence[Pair]
    layout: Layout
    style: PairStyle
    face: Typeface
    words: Mapping[str, str]

    def items(self) -> tuple[list[Item], float]:
        """Draw everything; return the lower end too."""
        head, top = self._head()
        side = self._side(top)
        titles = (*(one.label for one in self.sides), self.minus)
        colours = (*PAIR, SOFT)
        items: list[Item] = []
        if self._has_masks:
            for number, (title, colour) in enumerate(zip(titles, colours, strict=True)):
                x = EDGE + self._label + number * (side + SPACE)
                items.append(Words(x, top + 0.85 * self.face.line, title, side, colour))
        top += 1.25 * self.face.line
        for pair in self.pairs:
            items += self._pair(pair, top, side)
            top += self._height(side)
        bars, bottom = self._scales(Area(EDGE + self._label, top + 0.3, self._inner - self._label, 0.0))
        return [*head, *items, *bars], bottom

    @property
    def minus(self) -> str:
        """Title of the differences."""
        return self.words["minus"].format(left=self.sides[0].label, right=self.sides[1].label)

    @property
    def _inner(self) -> float:
        return self.layout.width - 2 * EDGE

    @property
    def _label(self) -> float:
        """Space for the names of blocks, in mm."""
        return self.face.line + 0.8

    @property
    def _beside(self) -> float:
        """Space for bars to the right of the masks, in mm; below narrow figures' masks there is more."""
        return 0.0 if self.layout.is_narrow or not self._has_bars else 0.4 * self._inner

    @cached_property
    def _has_masks(self) -> bool:
        return self.layout.has("masks") and any(
            block is not None and block.mask is not None for pair in self.pairs for block in (pair.left, pair.right)
        )

    @cached_property
    def _has_bars(self) -> bool:
        return self.layout.has("bars") and any(self._weights(pair) is not None for pair in self.pairs)

    @property
    def _low(self) -> float:
        """Height of bars in mm."""
        return LOW_BARS if self.layout.is_narrow and len(self.pairs) > 4 else BARS

    @property
    def _shape(self) -> float:
        return min(max(side.ground.shape for side in self.sides), 1.6)

    def _side(self, top: float) -> float:
        space = self._inner - self._label - self._beside
        wide = (space - (2 if self._beside == 0 else 3) * SPACE) / 3
        rows = max(len(self.pairs), 1)
        rest = 1.05 * self.face.line + ROW if self._beside else self._height(0.0)
        low = (TALLEST - top - scale_height(self.face) - 5.0) / rows - rest
        return min(WIDEST, wide, max(SMALLEST, low / self._shape))

    def _height(self, side: float) -> float:
        """Compute the height of a block with the space below it."""
        masks = side * self._shape + 1.05 * self.face.line if self._has_masks else 0.0
        bars = self._low + 1.05 * self.face.line if self._has_bars else 0.0
        return (masks + bars + (1.0 if masks and bars else 0.0) if not self._beside else max(masks, bars)) + ROW

    def _head(self) -> tuple[list[Item], float]:
        """Draw both inputs with their predictions beside each other."""
        if not any(self.layout.has(part) for part in ("input", "probabilities", "truth")):
            return [], 0.0
        half = (self._inner - TWO_COLUMNS) / 2
        items: list[Item] = []
        low = 0.0
        for number, (side, colour) in enumerate(zip(self.sides, PAIR, strict=True)):
            more, bottom = self._head_of(side, EDGE + number * (half + TWO_COLUMNS), half, colour)
            items += more
            low = max(low, bottom)
        return items, low + 2.5

    def _head_of(self, side: Side, left: float, width: float, colour: str) -> tuple[list[Item], float]:
        face, seen, words = self.face, side.seen, self.words
        different = len({one.seen.network for one in self.sides}) > 1
        title = f"{side.label}: {seen.network}" if different else side.label
        items: list[Item] = [Words(left, 0.85 * face.line, title, width, colour)]
        low, x = 1.25 * face.line, left
        if self.layout.has("input") and seen.image is not None:
            across = INPUT if width > 60 else 16.0
            (_, picture), low = input_items(seen, left, 0.0, across, face, "")
            items.append(picture)
            x = left + across + 2.5
        right = 1.05 * face.line
        if self.layout.has("probabilities"):
            more, right = probability_items(seen, x, right, left + width - x, face, words, LIKELY)
            items += more
        if self.layout.has("truth"):
            more, right = truth_items(seen, x, right - 0.3 * face.line, left + width - x, face, words)
            items += more
        return items, max(low, right)

    def _values(self, block: Block | None) -> Float32[np.ndarray, "rows columns"] | None:
        gate = None if block is None else block.mask
        return None if gate is None else gate.read(self.layout.reading)

    def _difference(self, pair: Pair) -> Float32[np.ndarray, "rows columns"] | None:
        left, right = self._values(pair.left), self._values(pair.right)
        if left is None or right is None or left.shape != right.shape:
            return None
        difference: Float32[np.ndarray, "rows columns"] = (right.astype(np.float64) - left).astype(np.float32)
        return difference

    @cached_property
    def _differences(self) -> list[np.ndarray]:
        found = [self._difference(pair) for pair in self.pairs]
        return [values for values in found if values is not None]

    @cached_property
    def limit(self) -> float:
        """End of the scale of differences."""
        finite = (values[np.isfinite(values)] for values in self._differences)
        largest = (float(np.abs(values).max()) for values in finite if values.size)
        return self.style.limit or scale_of_differences(largest)

    def _pair(self, pair: Pair, top: float, side: float) -> list[Item]:
        height = side * self._shape if self._has_masks else self._low
        middle = top + height / 2
        names = short_names([one.name for one in self.pairs], height + 3.0, self.face)
        items: list[Item] = [
            Words(EDGE + 0.8 * self.face.line, middle, names[pair.name], height + 3.0, anchor="center", upward=True)
        ]
        left = EDGE + self._label
        if self._has_masks:
            places = [Area(left + number * (side + SPACE), top, side, height) for number in range(3)]
            for one, block, place in zip(self.sides, (pair.left, pair.right), places, strict=False):
                items += self._mask(one, block, place, pair.name)
            items += self._difference_items(pair, places[2])
        if self._has_bars:
            items += self._bars(pair, self._bars_area(top, height, left, side))
        return items

    def _bars_area(self, top: float, height: float, left: float, side: float) -> Area:
        if self._beside:
            start = left + 3 * (side + SPACE) + 4.0 if self._has_masks else left + 4.0
            return Area(start, top, EDGE + self._inner - start, max(self._low, height))
        below = top + (height + 1.05 * self.face.line + 1.0 if self._has_masks else 0.0)
        return Area(left + 4.0, below, self._inner - self._label - 4.0, self._low)

    def _mask(self, one: Side, block: Block | None, place: Area, name: str) -> list[Item]:
        if block is None:
            return [gap(place, "no_partner", self.words)]
        values = self._values(block)
        if values is None:
            return [gap(place, why_unread([block.mask], self.layout.reading, "no_mask"), self.words)]
        look = self.layout.look if one.seen.image is not None else replace(self.layout.look, opacity=1.0)
        picture = mask_picture(fitted(place, one.ground.shape), values, block, one.ground, look, f"{name}.{one.label}")
        return [picture, self._below(place, range_text(values, self.layout.reading, self.words))]

    def _below(self, place: Area, text: str) -> Words:
        middle, space = place.left + place.width / 2, place.width + 0.8 * SPACE
        return Words(middle, place.bottom + 0.9 * self.face.line, text, space, SOFT, "center")

    def _difference_items(self, pair: Pair, place: Area) -> list[Item]:
        values = self._difference(pair)
        if values is None or pair.left is None:
            return [gap(place, self._why_none(pair, "spatial", "no_difference"), self.words)]
        blank = Ground(np.zeros((*self.sides[0].input_size[::-1], 3), np.uint8))
        look = replace(self.layout.look, reading="usual", opacity=1.0)
        scaled = (values.astype(np.float64) / self.limit).astype(np.float32)
        picture = mask_picture(fitted(place, blank.shape), scaled, pair.left, blank, look, f"{pair.name}.difference")
        return [picture, self._below(place, range_text(values, "usual", self.words))]

    def _why_none(self, pair: Pair, kind: Kind, otherwise: str) -> str:
        """Return the word that says why two blocks are not compared."""
        if pair.left is None or pair.right is None:
            return "no_partner"
        return why_unread((block.gate(kind) for block in (pair.left, pair.right)), self.layout.reading, otherwise)

    def _weights(self, pair: Pair) -> tuple[Float32[np.ndarray, " c"], Float32[np.ndarray, " c"]] | None:
        gates = [None if block is None else block.gate("channel") for block in (pair.left, pair.right)]
        left, right = (None if gate is None else gate.read(self.layout.reading) for gate in gates)
        return None if left is None or right is None or left.shape != right.shape or not left.size else (left, right)

    def channels(self, left: np.ndarray, right: np.ndarray) -> list[int]:
        """Return the channels that are drawn, in the order of their bars."""
        difference = right.astype(np.float64) - left
        if self.layout.order == "difference":
            order = np.argsort(-np.abs(difference), kind="stable")
        elif self.layout.order == "sorted":
            order = np.argsort(-left.astype(np.float64), kind="stable")
        else:
            order = np.arange(len(left))
        ends = self.style.ends
        if ends is None or 2 * ends >= len(left):
            return [int(channel) for channel in order]
        ranked = np.argsort(difference, kind="stable")
        kept = {*ranked[:ends].tolist(), *ranked[len(ranked) - ends :].tolist()}
        return [int(channel) for channel in order if int(channel) in kept]

    def _bars(self, pair: Pair, area: Area) -> list[Item]:
        found = self._weights(pair)
        if found is None:
            return [gap(area, self._why_none(pair, "channel", "no_weights"), self.words)]
        both = [weights for one in self.pairs if (weights := self._weights(one)) is not None]
        limits, base = axis_of(self.layout.reading, [weights for two in both for weights in two])
        channels = self.channels(*found)
        left, right = (np.asarray(weights[channels], np.float64) for weights in found)
        bars = Weights(area, (left, right), None, limits, base, PAIR, True, f"{pair.name}.channel")
        return [bars, *self._below_bars(area, channels, len(found[0]))]

    def _below_bars(self, area: Area, channels: Sequence[int], count: int) -> list[Item]:
        if self.layout.order == "difference":
            return below_bars(area, count, "difference", self.face, self.words)
        if len(channels) == count or self.layout.order == "sorted":
            return below_bars(area, count, self.layout.order, self.face, self.words)
        wide = max(self.face.width(str(channel)) for channel in channels)
        step = max(1, int(np.ceil((wide + 0.8) * len(channels) / area.width)))
        baseline = area.bottom + 0.9 * self.face.line
        return [
            Words(area.left + (at + 0.5) * area.width / len(channels), baseline, str(channels[at]), 6.0, SOFT, "center")
            for at in range(0, len(channels), step)
        ]

    def _masks_shown(self) -> tuple[float, float] | None:
        found = [self._values(block) for pair in self.pairs for block in (pair.left, pair.right)]
        return range_of([values for values in found if values is not None]) if self._has_masks else None

    def _scales(self, area: Area) -> tuple[list[Item], float]:
        shown = self._masks_shown()
        title = {"values": "mask", "relative": "mask_relative", "usual": "mask_usual"}[self.layout.reading]
        bars = [] if shown is None else [ScaleBar(self.layout.look, shown, self.words[title])]
        if bars and self._differences:
            bars.append(ScaleBar(self.layout.look, range_of(self._differences), self.minus, self.limit))
        return scale_bars(area, bars, self.face, self.words)

    def caption(self) -> list[str]:
        """Say what is drawn."""
        words = self.words
        first, second = (self._described(side.seen) for side in self.sides)
        labels = {"left": self.sides[0].label, "right": self.sides[1].label}
        said = [words["two"].format(first=first, second=second, **labels)]
        if self._has_masks:
            alone = all(side.seen.image is None for side in self.sides)
            said += captions.looks(replace(self.layout, opacity=1.0) if alone else self.layout, words)
            said += captions.ranges(self._masks_shown(), self.layout, words)
            if self._differences:
                said.append(words["limit"].format(limit=f"{self.limit:.3g}", **labels))
        if self._has_bars:
            key = "pair_bars" if self.style.ends is None else "some_bars"
            said.append(words[key].format(count=self.style.ends, **labels))
            said += captions.weights(replace(self.layout, order="index"), words, ticks=False)
            if self.layout.order in ("difference", "sorted"):
                said.append(words["sorted_by" if self.layout.order == "difference" else "sorted_left"].format(**labels))
        blocks = [block for pair in self.pairs if (block := pair.left or pair.right) is not None]
        return [
            *said,
            *captions.sizes(blocks, words),
            *captions.places(blocks, words),
            *captions.lacking(self.face, words),
        ]

    def _described(self, seen: Seen) -> str:
        words = self.words
        if seen.count is not None:
            return words["side_means"].format(network=seen.network, count=f"{seen.count:,}")
        said = [words["side"].format(network=seen.network, prediction=seen.predicted_as(words))]
        if seen.truth is not None and self.layout.has("truth"):
            said.append(words["true_class"].format(truth=class_name(seen.truth, words)))
        return words["listed"].join(said)
