"""A figure of several explanations of one network: images and blocks in a grid."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Unpack

from cbam_core.arguments import PATH, TEXT, list_of, takes
from cbam_core.errors import Message, RenderError
from cbam_core.render.paper import captions
from cbam_core.render.paper.bands import TALLEST, Bands, short_names
from cbam_core.render.paper.gates import (
    ScaleBar,
    fitted,
    gap,
    ground_of,
    mask_picture,
    plain_picture,
    range_of,
    scale_bars,
    scale_height,
)
from cbam_core.render.paper.header import Seen
from cbam_core.render.paper.printed import PrintedFigure, drawing
from cbam_core.render.paper.sheet import SOFT, Area, Item, Words, draw
from cbam_core.render.paper.single import EDGE, chosen_blocks, notes_of, seen_of, texts_of
from cbam_core.render.paper.typeface import Typeface, typeface
from cbam_core.render.paper.words import WORDS, class_name
from cbam_core.results.explanation import EXPLANATION, Block, Explanation
from cbam_core.results.layout import Layout, LayoutOptions

Rows = Literal["images", "blocks"]
"""What stands in a row of a grid."""

SPACE, STACKS = 1.2, 4.0
"""Space between pictures, and between stacks of rows, in mm."""
WIDEST, LEAST, SMALLEST = 30.0, 13.0, 9.0
"""Largest side of a picture; side below which columns go to another band; and smallest side, in mm."""


EXPLANATIONS = list_of("a list of explanations", EXPLANATION)
TRUTHS = list_of("a list of names of classes, or None where one is unknown", TEXT.or_none)
"""Kinds of arguments."""


@takes(RenderError, explanations=EXPLANATIONS, path=PATH.or_none, truths=TRUTHS.or_none)
def figure_grid(
    explanations: Sequence[Explanation],
    path: str | Path | None = None,
    *,
    rows: Rows = "images",
    truths: Sequence[str | None] | None = None,
    rule: Message | str = "",
    **options: Unpack[LayoutOptions],
) -> PrintedFigure:
    """Draw several explanations of one network for print: each image with the masks of all blocks, on one scale.

    Args:
        explanations: explanations with the same blocks.
        path: path of a file to write, which ends in ``.pdf``, ``.svg`` or ``.png``; None for none.
        rows: ``"images"`` for a row for each image, ``"blocks"`` for a column for each.
        truths: names of the true classes, by image; None where they are unknown.
        rule: sentence on how the images were chosen, for the caption; see `cbam_core.random_images`.
        **options: attributes of `cbam_core.results.layout.Layout`, such as ``width=84``; of its parts, channel weights
            and differences are not drawn, and usual masks stand in a row or column of their own.

    Raises:
        RenderError: there are no explanations, their blocks differ, an option is unknown or out of its range, or
            matplotlib is not installed.
        CbamError: the file cannot be written.
    """
    drawn = grid_of(explanations, Layout.of(options), rows=rows, truths=truths, rule=rule).warn()
    if path is not None:
        drawn.save(path)
    return drawn


def grid_of(
    explanations: Sequence[Explanation],
    layout: Layout,
    *,
    rows: Rows = "images",
    truths: Sequence[str | None] | None = None,
    rule: Message | str = "",
    words: Mapping[str, str] = WORDS,
) -> PrintedFigure:
    """Draw a grid with a layout, and with words in any language; arguments as of `figure_grid`."""
    _check(explanations, rows, truths)
    known = truths if truths is not None and layout.has("truth") else [None] * len(explanations)
    seen = [seen_of(one, truth) for one, truth in zip(explanations, known, strict=True)]
    names = [block.name for block in chosen_blocks(explanations[0].blocks, layout)]
    with drawing():
        texts = [*texts_of(words), *names, *(text for one in seen for text in one.texts(words))]
        face = typeface(texts, font=layout.font, size=layout.size)
        grid = Grid(explanations, seen, names, layout, face, words)
        items, bottom = grid.by_image() if rows == "images" else grid.by_block()
        height = bottom + EDGE
        drawn = draw(items, float(layout.width), height, face)
    caption = captions.joined([*grid.caption(), *([str(rule)] if rule else [])])
    return PrintedFigure(caption, layout.width, height, drawn, notes_of(face, height, items))


def _check(explanations: Sequence[Explanation], rows: str, truths: Sequence[str | None] | None) -> None:
    if rows not in ("images", "blocks"):
        raise RenderError(
            "figure.unknown",
            "unknown {name} '{given}'; choose from {known}",
            name="rows",
            given=rows,
            known="images, blocks",
        )
    if not explanations:
        raise RenderError("figure.empty-grid", "a grid needs explanations; give at least one")
    if truths is not None and len(truths) != len(explanations):
        raise RenderError(
            "figure.truths",
            "{given} true classes are given for {expected} images; give one for each image, or None",
            given=len(truths),
            expected=len(explanations),
        )
    first, *others = [[block.name for block in one.blocks] for one in explanations]
    if any(names != first for names in others):
        raise RenderError(
            "figure.other-blocks",
            "the explanations of a grid have different blocks; draw a grid for each network",
        )


@dataclass(frozen=True, eq=False)
class Stack:
    """Rows of images below each other.

    Attributes:
        items: what is drawn.
        side: width of a picture, in mm.
        right: width of all, in mm.
        bottom: lower end, in mm.
    """

    items: list[Item]
    side: float
    right: float
    bottom: float


@dataclass(frozen=True, eq=False)
class Grid:
    """Images and blocks in a grid.

    Attributes:
        explanations: explanations of the images.
        seen: prediction and true class of each.
        names: names of the blocks.
        layout: settings.
        face: letters.
        words: words.
    """

    explanations: Sequence[Explanation]
    seen: Sequence[Seen]
    names: Sequence[str]
    layout: Layout
    face: Typeface
    words: Mapping[str, str]

    def _bands(self, index: int | None) -> Bands:
        """Return how masks of an image are drawn; those of the first for the usual masks."""
        one = self.explanations[index or 0]
        return Bands(one.blocks, ground_of(one), self.layout, self.face, self.words)

    @property
    def _entries(self) -> list[str | None]:
        """Names of blocks; None stands for the input."""
        return [*([None] if self.layout.has("input") else []), *self.names]

    @property
    def _images(self) -> list[int | None]:
        """Indices of images; None stands for usual masks, which come first."""
        return [*([None] if self._has_usual else []), *range(len(self.explanations))]

    @property
    def _has_usual(self) -> bool:
        return self.layout.has("usual") and self.layout.reading != "usual" and self._shape_known

    @property
    def _shape_known(self) -> bool:
        return any(self._bands(0).values_of(block, "usual") is not None for block in self.explanations[0].blocks)

    @property
    def _shape(self) -> float:
        """Height of a picture divided by its width."""
        return min(max(ground_of(one).shape for one in self.explanations), 1.6)

    def by_image(self) -> tuple[list[Item], float]:
        """Draw a row for each image; in two stacks beside each other where one would be too high for large pictures."""
        inner = self.layout.width - 2 * EDGE
        one = self._stack(self._images, Area(EDGE, 0.0, inner, 0.0))
        stacks = [one]
        if one.side < WIDEST and one.right < 0.85 * inner and len(self.explanations) > 3:
            half = (inner - STACKS) / 2
            firsts, images = self._images[: self._has_usual], range(len(self.explanations))
            middle = (len(images) + 1) // 2
            stacks = [
                self._stack([*firsts, *part], Area(EDGE + number * (half + STACKS), 0.0, half, 0.0))
                for number, part in enumerate((images[:middle], images[middle:]))
            ]
        bottom = max(stack.bottom for stack in stacks)
        scale, bottom = self._scale(EDGE + self._label_width(), bottom - 1.0, inner - self._label_width())
        return [*(item for stack in stacks for item in stack.items), *scale], bottom

    def _stack(self, images: Sequence[int | None], area: Area) -> Stack:
        """Draw rows of images below each other."""
        label = self._label_width()
        entries, head = self._entries, 1.25 * self.face.line
        inner = area.width - label
        fixed = 1 if self.layout.has("input") else 0
        most = max(1, int((inner + SPACE) // (LEAST + SPACE)) - fixed)
        bands = math.ceil(len(self.names) / most) if self.names else 1
        each = math.ceil(len(self.names) / bands)
        side = self._side(inner, each + fixed, len(images) * bands, bands * (head + 2.0))
        items: list[Item] = []
        top = area.top
        for first in range(0, max(len(self.names), 1), max(each, 1)):
            columns = [*entries[:fixed], *self.names[first : first + each]]
            items += self._titles(columns, area.left + label, top, side)
            top += head
            for index in images:
                items += self._labels(index, area.left, top, label, side * self._shape)
                for number, entry in enumerate(columns):
                    place = Area(area.left + label + number * (side + SPACE), top, side, side * self._shape)
                    items += self._cell(index, entry, place)
                top += side * self._shape + SPACE
            top += 2.0
        return Stack(items, side, label + (each + fixed) * (side + SPACE), top)

    def by_block(self) -> tuple[list[Item], float]:
        """Draw a column for each image."""
        gutter = self.face.line + 0.8
        inner = self.layout.width - 2 * EDGE - gutter
        lines = self._label_lines()
        head = (lines + 0.25) * self.face.line if lines else 0.0
        most = max(1, int((inner + SPACE) // (LEAST + SPACE)))
        bands = math.ceil(len(self._images) / most)
        each = math.ceil(len(self._images) / bands)
        side = self._side(inner, each, len(self._entries) * bands, bands * (head + 2.5))
        items: list[Item] = []
        top = 0.0
        for first in range(0, len(self._images), each):
            images = self._images[first : first + each]
            items += self._heads(images, EDGE + gutter, top, side, lines)
            top += head
            for entry in self._entries:
                items += self._row_of_block(entry, images, EDGE, Area(EDGE + gutter, top, side, side * self._shape))
                top += side * self._shape + SPACE
            top += 2.5
        scale, bottom = self._scale(EDGE + gutter, top - 1.5, inner)
        return [*items, *scale], bottom

    def _heads(self, images: Sequence[int | None], left: float, top: float, side: float, lines: int) -> list[Item]:
        """Write the labels above columns; that of usual masks stands right above them."""
        items: list[Item] = []
        for number, index in enumerate(images):
            label = self._label(index)
            below = lines - len(label) + (side * self._shape + SPACE) / self.face.line * self.layout.has("input")
            start = below if index is None else 0.0
            for line, (text, colour) in enumerate(label):
                baseline = top + (start + line + 0.85) * self.face.line
                items.append(Words(left + number * (side + SPACE), baseline, text, side, colour))
        return items

    def _row_of_block(self, entry: str | None, images: Sequence[int | None], left: float, first: Area) -> list[Item]:
        """Draw inputs, or the masks of one block, beside each other from the first picture's place."""
        names = short_names(self.names, first.height, self.face)
        title = self.words["input"] if entry is None else names[entry]
        baseline, middle = left + 0.8 * self.face.line, first.top + first.height / 2
        items: list[Item] = [Words(baseline, middle, title, first.height, SOFT, "center", upward=True)]
        for number, index in enumerate(images):
            items += self._cell(index, entry, replace(first, left=first.left + number * (first.width + SPACE)))
        return items

    def _side(self, inner: float, columns: int, rows: int, heads: float) -> float:
        """Choose the width of a picture: all columns, and all rows on a page as far as possible."""
        wide = (inner - (columns - 1) * SPACE) / max(columns, 1)
        low = (TALLEST - heads - scale_height(self.face)) / rows - SPACE
        return min(WIDEST, wide, max(SMALLEST, low / self._shape))

    def _titles(self, columns: Sequence[str | None], left: float, top: float, side: float) -> list[Item]:
        names = short_names(self.names, side, self.face)
        return [
            Words(
                left + number * (side + SPACE),
                top + 0.85 * self.face.line,
                self.words["input"] if entry is None else names[entry],
                side,
            )
            for number, entry in enumerate(columns)
        ]

    def _label(self, index: int | None) -> list[tuple[str, str]]:
        """Return lines of text and their colours: predicted class, its probability, and the true class."""
        if index is None:
            return [(self.words["usual"], SOFT)]
        seen = self.seen[index]
        lines = []
        if self.layout.has("probabilities"):
            for name, share in seen.likely(self.words, 1):
                lines += [(name, "#1a1a1a"), (self.words["percent"].format(percent=100 * share), SOFT)]
        if seen.truth is not None:
            lines.append((self.words["truth"].format(truth=class_name(seen.truth, self.words)), SOFT))
        return lines

    def _label_lines(self) -> int:
        return max(len(self._label(index)) for index in self._images)

    def _label_width(self) -> float:
        texts = [text for index in self._images for text, _ in self._label(index)]
        widest = max((self.face.width(text) for text in texts), default=0.0)
        return min(widest + 1.5, 0.25 * self.layout.width) if texts else 0.0

    def _labels(self, index: int | None, left: float, top: float, width: float, height: float) -> list[Item]:
        """Write the label of a row in the middle of its height."""
        lines = self._label(index)[: max(1, int(height / self.face.line))]
        first = top + height / 2 - (len(lines) / 2 - 0.8) * self.face.line
        return [
            Words(left, first + number * self.face.line, text, width - 1.0, colour)
            for number, (text, colour) in enumerate(lines)
        ]

    def _cell(self, index: int | None, entry: str | None, place: Area) -> list[Item]:
        if entry is None:
            return [] if index is None else self._input(index, place)
        bands = self._bands(index)
        block = next(block for block in bands.blocks if block.name == entry)
        part: Literal["masks", "usual"] = "usual" if index is None else "masks"
        values = bands.values_of(block, part)
        if values is None:
            return [gap(place, bands.why_none(block, part), self.words)]
        where = fitted(place, bands.ground.shape)
        name = f"{entry}.{part}" if index is None else f"{entry}.{part}.{index}"
        return [mask_picture(where, values, block, bands.ground, bands.look_of(part), name)]

    def _input(self, index: int, place: Area) -> list[Item]:
        image, shape = self.seen[index].image, ground_of(self.explanations[index]).shape
        return [] if image is None else [plain_picture(fitted(place, shape), image, f"input.{index}")]

    def _shown(self) -> tuple[float, float] | None:
        found = []
        for index in self._images:
            bands = self._bands(index)
            for block in self._drawn(bands.blocks):
                values = bands.values_of(block, "usual" if index is None else "masks")
                found += [] if values is None else [values]
        return range_of(found)

    def _drawn(self, blocks: Sequence[Block]) -> list[Block]:
        return [block for block in blocks if block.name in self.names]

    def _scale(self, left: float, top: float, width: float) -> tuple[list[Item], float]:
        shown = self._shown()
        if shown is None:
            return [], top
        title = {"values": "mask", "relative": "mask_relative", "usual": "mask_usual"}[self.layout.reading]
        bar = ScaleBar(self.layout.look, shown, self.words[title])
        return scale_bars(Area(left, top, width, 0.0), [bar], self.face, self.words)

    def caption(self) -> list[str]:
        """Say what is drawn."""
        networks = self.words["listed"].join(dict.fromkeys(one.checkpoint for one in self.explanations))
        blocks = self._drawn(self.explanations[0].blocks)
        said = [self.words["many"].format(network=networks, count=len(self.explanations))]
        if self._shown() is not None:
            said += captions.looks(self.layout, self.words)
            said += captions.ranges(self._shown(), self.layout, self.words, each=False)
        if self.layout.has("usual") or self.layout.reading == "usual":
            said += captions.usual_set(blocks, self.words)
        return [
            *said,
            *captions.sizes(blocks, self.words),
            *captions.places(blocks, self.words),
            *captions.lacking(self.face, self.words),
        ]
