"""A figure of one explanation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import UInt8

from cbam_core.errors import Message, RenderError
from cbam_core.render.paper import captions
from cbam_core.render.paper.bands import TALLEST, Bands
from cbam_core.render.paper.gates import ground_of
from cbam_core.render.paper.header import Seen, input_items, probability_items, truth_items
from cbam_core.render.paper.printed import PrintedFigure, drawing
from cbam_core.render.paper.sheet import Area, Item, Weights, draw
from cbam_core.render.paper.typeface import Typeface, typeface
from cbam_core.render.paper.words import WORDS, class_name
from cbam_core.results.explanation import Block, Explanation
from cbam_core.results.layout import DEFAULT_LAYOUT, Layout

EDGE = 0.4
"""Space at the edges of a figure, so that no line is cut, in mm."""
FINEST = 25.4 / 72 / 4
"""Width of the finest line that a printer is trusted with, a quarter of a point, in mm."""
SIDE, SIDE_NARROW, APART = 34.0, 24.0, 6.0
"""Width of the input, in wide and in narrow figures, and its distance from the blocks, in mm."""


def figure_of(
    explanation: Explanation,
    layout: Layout = DEFAULT_LAYOUT,
    *,
    truth: str | None = None,
    original: UInt8[np.ndarray, "h w 3"] | None = None,
    words: Mapping[str, str] = WORDS,
) -> PrintedFigure:
    """Draw one explanation for print.

    Args:
        explanation: the explanation.
        layout: width, parts and look.
        truth: name of the true class; None where it is unknown.
        original: image before fitting, uint8 RGB, to draw the masks on; None for the network's input.
        words: words of the figure in another language.

    Raises:
        RenderError: a block or font is unknown, or matplotlib is not installed.
        ImageError: `original` is not the image that was explained.
    """
    blocks = chosen_blocks(explanation.blocks, layout)
    seen = seen_of(explanation, truth if layout.has("truth") else None)
    with drawing():
        face = typeface(
            [*texts_of(words), *seen.texts(words), *(b.name for b in blocks)], font=layout.font, size=layout.size
        )
        bands = Bands(blocks, ground_of(explanation, original), layout, face, words)
        items, bottom = _laid_out(seen, bands)
        height = bottom + EDGE
        drawn = draw(items, float(layout.width), height, face)
    said = _caption(seen, bands, original=original is not None)
    return PrintedFigure(captions.joined(said), layout.width, height, drawn, notes_of(face, height, items))


def seen_of(explanation: Explanation, truth: str | None = None) -> Seen:
    """Take what a network saw and said from an explanation."""
    image = np.asarray(explanation.input_image)
    return Seen(explanation.checkpoint, image, explanation.classes, explanation.probabilities, truth)


def chosen_blocks(blocks: Sequence[Block], layout: Layout) -> list[Block]:
    """Return the blocks that a layout names, in order of execution.

    Raises:
        RenderError: there is no block of a name.
    """
    if layout.blocks is None:
        return list(blocks)
    known = [block.name for block in blocks]
    for name in layout.blocks:
        if name not in known:
            raise RenderError(
                "figure.unknown-block",
                "unknown block '{given}'; this network has {known}",
                given=name,
                known=", ".join(known) or "none",
            )
    return [block for block in blocks if block.name in layout.blocks]


def texts_of(words: Mapping[str, str]) -> list[str]:
    """Return all words of figures, without names of classes that may not occur."""
    return [text for name, text in words.items() if not name.startswith("class ")]


def notes_of(face: Typeface, height: float, items: Sequence[Item]) -> tuple[Message, ...]:
    """Say which characters no font has, whether the figure, `height` mm tall, exceeds a page, and which bars blur."""
    notes = []
    if face.stand_ins:
        notes.append(Message("figure.no-glyph", WORDS["lacking"], {"letters": ", ".join(face.stand_ins)}))
    if height > TALLEST + 0.5:
        notes.append(
            Message(
                "figure.tall",
                "the figure is {height} mm tall, more than the {most} mm of a page; choose fewer blocks= or parts=, or "
                "a larger width=",
                {"height": f"{height:.0f}", "most": f"{TALLEST:.0f}"},
            )
        )
    return (*notes, *_fine_bars(items))


def _fine_bars(items: Sequence[Item]) -> list[Message]:
    """Say that bars are finer than a printer's finest line."""
    counts = [(sum(map(len, one.values)), one.area.width) for one in items if isinstance(one, Weights)]
    width, count = min(((wide / count, count) for count, wide in counts if count), default=(FINEST, 0))
    if width >= FINEST:
        return []
    return [
        Message(
            "figure.fine-bars",
            "{count} bars are {width} mm wide each, too fine to be told apart in print; choose fewer blocks=, a larger "
            "width=, or parts= without bars",
            {"count": count, "width": f"{width:.2f}"},
        )
    ]


def _laid_out(seen: Seen, bands: Bands) -> tuple[list[Item], float]:
    layout = bands.layout
    head = any(layout.has(part) for part in ("input", "probabilities", "truth"))
    whole = Area(EDGE, 0.0, layout.width - 2 * EDGE, 0.0)
    if not head:
        return bands.items(whole)
    left = EDGE + SIDE + APART
    right = Area(left, 0.0, layout.width - EDGE - left, 0.0)
    if not layout.is_narrow and bands.count(right) <= bands.count(whole):
        items, low = _beside(seen, bands, SIDE)
        blocks, bottom = bands.items(right)
        return [*items, *blocks], max(low, bottom)
    items, low = _above(seen, bands, SIDE_NARROW)
    blocks, bottom = bands.items(replace(whole, top=low + 2.5))
    return [*items, *blocks], bottom


def _beside(seen: Seen, bands: Bands, width: float) -> tuple[list[Item], float]:
    """Draw input, true class and probabilities below each other."""
    layout, face, words = bands.layout, bands.face, bands.words
    items: list[Item] = []
    low = 0.0
    if layout.has("input"):
        items, low = input_items(seen, EDGE, 0.0, width, face, words["input"])
    if layout.has("truth"):
        more, low = truth_items(seen, EDGE, low, width, face, words)
        items += more
    if layout.has("probabilities"):
        more, low = probability_items(seen, EDGE, low + (1.5 if items else 0.0), width, face, words)
        items += more
    return items, low


def _above(seen: Seen, bands: Bands, width: float) -> tuple[list[Item], float]:
    """Draw the input, and true class and probabilities to the right of it."""
    layout, face, words = bands.layout, bands.face, bands.words
    items: list[Item] = []
    low, left, right_low = 0.0, EDGE, 0.0
    if layout.has("input"):
        items, low = input_items(seen, EDGE, 0.0, width, face, words["input"])
        left, right_low = EDGE + width + APART, 1.25 * face.line
    space = layout.width - EDGE - left
    if layout.has("truth") and seen.truth is not None:
        more, truth_low = truth_items(seen, left, -0.2 * face.line, space, face, words)
        items, right_low = [*items, *more], max(right_low, truth_low)
    if layout.has("probabilities"):
        more, right_low = probability_items(seen, left, right_low - 0.2 * face.line, space, face, words)
        items += more
    return items, max(low, right_low)


def _caption(seen: Seen, bands: Bands, *, original: bool) -> list[str]:
    layout, words = bands.layout, bands.words
    said = [words["one"].format(network=seen.network)]
    predicted = seen.predicted_as(words)
    truth = (
        "" if seen.truth is None else words["listed"] + words["true_class"].format(truth=class_name(seen.truth, words))
    )
    said.append(f"{(predicted + truth)[:1].upper()}{(predicted + truth)[1:]}.")
    if not bands.blocks:
        return said
    known = captions.are_usual_known(bands.blocks)
    usual = captions.usual_set(bands.blocks, words) if known or layout.needs_usual else []
    if set(bands.rows) - {"bars"}:
        said += captions.looks(layout, words, original=original)
        said += captions.ranges(bands.shown(layout.reading), layout, words)
    if "bars" in bands.rows:
        said += captions.weights(layout, words, ticks=known and layout.reading != "usual")
    return [
        *said,
        *usual,
        *captions.sizes(bands.blocks, words),
        *captions.places(bands.blocks, words),
        *captions.lacking(bands.face, words),
    ]
