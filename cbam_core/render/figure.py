"""A figure of one explanation, for print: input, prediction and gates.

Lengths are pixels. At 300 dots per inch a figure with three or four blocks in a row is about as wide as the
text of a page, and its smallest letters are 6 points high.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image, ImageDraw

from cbam_core.render.lettering import lettering
from cbam_core.render.panels import (
    ACCENT,
    FAINT,
    INK,
    LABEL,
    SMALL,
    SOFT,
    FigureStyle,
    Panel,
    alone_size,
    draw_panel,
)
from cbam_core.render.placed import PLACE_WORDS, placed
from cbam_core.results.frame import Box
from cbam_core.results.look import DEFAULT_LOOK, Look

WORDS: Mapping[str, str] = {
    "seen": "network's input, {width}×{height}",
    "percent": "{percent:.1f} %",
    "channels": "{count} channels",
    "cells": "{width}×{height} cells",
    "full": "full gate {channels}×{height}×{width}",
    "undrawn": "gate of {sizes} values",
    "range": "{low} to {high}",
    "flat": "flat",
    "through": "switched through",
    "weights": "channel weights",
    "channel": "channel",
    "no_mask": "no spatial mask",
    "no_weights": "no channel weights",
    "no_usual": "not known what is usual",
    "not_finite": "gate not finite",
    "not_positive": "mean not above 0",
    "no_place": "position on the image unknown",
    "no_prediction": "no prediction",
    "no_blocks": "This network has no gates to show.",
    "network": "Network: {network}.",
    "masks_as_cells": "Each block: its spatial mask over the image at {opacity:.0f} % opacity, and alone.",
    "masks_smooth": "Each block: its spatial mask over the image at {opacity:.0f} % opacity, "
    "smoothed between cells, and alone.",
    "unit": "Colours: {colours}, fixed scale 0 to 1; a line under the colour bar marks a mask's true range.",
    "stretch": "Colours: {colours}, stretched to each mask's own range, which its colour bar names.",
    "relative": "Gates are multiples of their own mean: blue below ×1, orange above, fixed scale ×0 to ×2.",
    "usual": "Gates are read against what is usual for this network: the shape of each minus its usual shape, 0 as "
    "always, fixed scale −1 to +1.",
    "usual_unknown": "It is not known what is usual for these gates: `cbam usual` computes it, and for a module in "
    "Python usual='best.pth' names the weights beside which it is kept.",
    "unseen": "Grey parts lie outside what the network saw.",
    **PLACE_WORDS,
}
"""Words of a figure; pass a translation with the same keys. It can name classes too: ``"class cat"``."""

MARGIN = 64
"""White around everything."""
GUTTER = 72
"""Between blocks."""
NARROWEST = 976
"""Smallest width between the margins."""
HEADER = 288
"""Approximate height of the network's input."""
PICTURE = {1: 480, 2: 432, 3: 288, 4: 216}
"""Approximate width of an overlay, by the number of blocks in a row."""
TITLE, ENTRY, ROW = 56, 30, 46
"""Sizes of the predicted class and of the list of classes, and the distance of its lines."""
TOP = 5
"""Number of classes that are listed."""


@dataclass(frozen=True, eq=False)
class Prediction:
    """Prediction of a network.

    Attributes:
        network: name of the network, for the caption.
        classes: names of the K classes.
        probabilities: probabilities of the classes, float32 (K,), in [0, 1].
    """

    network: str
    classes: Sequence[str]
    probabilities: Float32[np.ndarray, " k"]

    def likely(self, words: Mapping[str, str]) -> list[tuple[str, float]]:
        """Return the `TOP` most probable classes, with their names in `words`, and their probabilities; [] of none."""
        best = np.argsort(-self.probabilities, kind="stable")[:TOP]
        return [(words.get(f"class {self.classes[k]}", self.classes[k]), float(self.probabilities[k])) for k in best]


@dataclass(frozen=True, eq=False)
class Original:
    """The image before fitting.

    Attributes:
        pixels: uint8 RGB; a large image is reduced before it is drawn.
        seen: part of it that the network saw, in its pixels; None for all of it.
    """

    pixels: UInt8[np.ndarray, "h w 3"]
    seen: Box | None


def figure(
    input_image: UInt8[np.ndarray, "h w 3"],
    panels: Sequence[Panel],
    prediction: Prediction,
    *,
    original: Original | None = None,
    look: Look = DEFAULT_LOOK,
    words: Mapping[str, str] = WORDS,
) -> Image.Image:
    """Draw one explanation.

    Args:
        input_image: input of the network, uint8 RGB.
        panels: blocks in order of execution.
        prediction: prediction of the network.
        original: image under the masks; None for the network's input.
        look: look of the masks.
        words: words of the figure.

    Returns:
        RGB on white. An enlarged image has square pixels.
    """
    target = PICTURE[_columns(len(panels))]
    under = Original(input_image, None) if original is None else original
    base, across, down = _reduced(under.pixels, target)
    panels = [_scaled(panel, across, down) for panel in panels]
    likely = prediction.likely(words)
    names = [prediction.network, look.colours, *(panel.name for panel in panels), *(name for name, _ in likely)]
    zoom = _zoom(base, target)
    style = FigureStyle(
        text=lettering(
            [*names, *(said for key, said in words.items() if not key.startswith("class ")), "0123456789+-…"]
        ),
        words=words,
        picture=base,
        beside=max((alone_size(panel.mask, base, zoom)[0] for panel in panels), default=0),
        zoom=zoom,
        seen=None if under.seen is None else _resized(under.seen, across, down),
        look=look,
    )
    caption = _caption(prediction.network, panels, style)
    return _laid_out(panels, input_image, likely, caption, style)


def _laid_out(
    panels: Sequence[Panel],
    input_image: UInt8[np.ndarray, "h w 3"],
    likely: Sequence[tuple[str, float]],
    caption: str,
    style: FigureStyle,
) -> Image.Image:
    columns = _columns(len(panels))
    width = max(columns * style.column + (columns - 1) * GUTTER, NARROWEST)
    lines = style.text.wrapped(caption, SMALL, width)
    masks = any(panel.mask is not None or "spatial" in panel.unread for panel in panels)
    weights = any(panel.weights is not None or "channel" in panel.unread for panel in panels)
    row = GUTTER + style.height(masks, weights)
    blocks = MARGIN + HEADER + LABEL
    below = blocks + -(-len(panels) // columns) * row + GUTTER // 2
    page = Image.new("RGB", (width + 2 * MARGIN, below + LABEL * len(lines) + MARGIN), "white")

    _draw_input(page, input_image, style)
    _draw_classes(page, MARGIN + width, likely, style)
    for number, panel in enumerate(panels):
        down, across = divmod(number, columns)
        at = (MARGIN + across * (style.column + GUTTER), blocks + down * row + GUTTER)
        draw_panel(page, at, panel, style, masks=masks, weights=weights)
    draw = ImageDraw.Draw(page)
    for number, line in enumerate(lines):
        style.text.write(draw, (MARGIN, below + SMALL + LABEL * number), line, SMALL, colour=SOFT)
    return page


def _draw_input(page: Image.Image, image: UInt8[np.ndarray, "h w 3"], style: FigureStyle) -> None:
    height, width = image.shape[:2]
    side = round(HEADER * min(width / height, 1.0))
    small = _reduced(image, side)[0]
    zoom = _zoom(small, side)
    drawn = small.repeat(zoom, axis=0).repeat(zoom, axis=1)
    page.paste(Image.fromarray(drawn), (MARGIN, MARGIN))
    remark = style.words["seen"].format(width=width, height=height)
    at = (MARGIN, MARGIN + drawn.shape[0] + 12 + SMALL)
    style.text.write(ImageDraw.Draw(page), at, remark, SMALL, colour=SOFT)


def _draw_classes(page: Image.Image, right: int, likely: Sequence[tuple[str, float]], style: FigureStyle) -> None:
    """Draw the predicted class, and below it the most probable ones with bars from 0 to 100 %."""
    draw, text = ImageDraw.Draw(page), style.text
    left = MARGIN + HEADER + GUTTER
    if not likely:
        text.write(draw, (left, MARGIN + 46), style.words["no_prediction"], ENTRY, colour=SOFT)
        return
    percents = [style.words["percent"].format(percent=100 * probability) for _, probability in likely]
    ends = right - round(max(text.width(percent, ENTRY) for percent in percents)) - 24
    names = [text.fitted(name, ENTRY, (ends - left) * 0.5, end=False) for name, _ in likely]
    begins = left + round(max(text.width(name, ENTRY) for name in names)) + 24
    title = text.fitted(likely[0][0], TITLE, right - left, end=False)
    text.write(draw, (left, MARGIN + 46), title, TITLE, colour=INK, heavy=True)
    for number, ((_, probability), name, percent) in enumerate(zip(likely, names, percents, strict=True)):
        base = MARGIN + 112 + number * ROW
        text.write(draw, (left, base), name, ENTRY, colour=INK)
        text.write(draw, (right, base), percent, ENTRY, colour=INK, anchor="rs")
        draw.rectangle((begins, base - 21, ends - 1, base - 2), fill=FAINT)
        length = 0 if math.isnan(probability) else round(probability * (ends - begins))
        if length:
            draw.rectangle((begins, base - 21, begins + length - 1, base - 2), fill=ACCENT)


def _caption(network: str, panels: Sequence[Panel], style: FigureStyle) -> str:
    words, look = style.words, style.look
    said = [words["network"].format(network=network)]
    if not panels:
        said.append(words["no_blocks"])
    if any(panel.mask is not None for panel in panels):
        masks = words["masks_smooth" if look.smooth else "masks_as_cells"]
        said += [masks.format(opacity=100 * look.opacity), _scale_words(look, words)]
        if style.seen is not None:
            said.append(words["unseen"])
        said += placed((panel.placement for panel in panels if panel.mask is not None), words)
    if any("no_usual" in panel.unread.values() for panel in panels):
        said.append(words["usual_unknown"])
    return " ".join(said)


def _scale_words(look: Look, words: Mapping[str, str]) -> str:
    return words[look.scale if look.reading == "values" else look.reading].format(colours=look.colours)


def _columns(blocks: int) -> int:
    """Choose the number of blocks in a row: three if no row is nearly empty then, else up to four."""
    return 3 if blocks in (5, 6, 9) else min(max(blocks, 1), 4)


def _resized(box: Box, across: float, down: float) -> Box:
    left, top, right, bottom = box
    return left * across, top * down, right * across, bottom * down


def _scaled(panel: Panel, across: float, down: float) -> Panel:
    return panel if panel.cells is None else replace(panel, cells=panel.cells.scaled(across, down))


def _reduced(
    picture: UInt8[np.ndarray, "h w 3"], target: int
) -> tuple[UInt8[np.ndarray, "h_small w_small 3"], float, float]:
    """Reduce an image that is much too large; return the factors of its width and height as well."""
    height, width = picture.shape[:2]
    wanted = _width(picture, target)
    if width <= 1.25 * wanted:
        return picture, 1.0, 1.0
    size = (max(round(wanted), 1), max(round(height * wanted / width), 1))
    small = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS))
    return small, size[0] / width, size[1] / height


def _zoom(picture: UInt8[np.ndarray, "h w 3"], target: int) -> int:
    return max(round(_width(picture, target) / int(picture.shape[1])), 1)


def _width(picture: UInt8[np.ndarray, "h w 3"], target: int) -> float:
    """Compute the width at which a picture and a square beside it are about two squares of `target` pixels wide."""
    height, width = picture.shape[:2]
    tall = float(height / width)
    return 2 * target / (1 + tall) if tall <= 1 else target * min(1.0, 1.25 / tall)
