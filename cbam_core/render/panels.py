"""One block of a figure: its mask over the picture and alone, a colour bar with the range, channel weights.

Lengths are pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image, ImageDraw

from cbam_core.render.colours import Evenness, evenness, is_flat, stretch
from cbam_core.render.lettering import Lettering
from cbam_core.render.overlay import Cells, overlay, raw_mask
from cbam_core.render.readings import NEUTRAL, is_fixed, read_colours, scale_of
from cbam_core.results.explanation import Block, Unread
from cbam_core.results.frame import Box
from cbam_core.results.kinds import AXES, Kind
from cbam_core.results.look import Look, Reading
from cbam_core.results.placement import Placement

At = tuple[int, int]

HEADING, SMALL = 36, 26
"""Text sizes of a block's name, and of everything else."""
INK, SOFT, FAINT, ACCENT, WARNING = "#1a1a1a", "#666666", "#ebebeb", "#2b6ca3", "#b45309"
GAP = 16
"""Gap between a block's two pictures."""
NARROWEST = 400
"""Smallest width of a panel, so that its words fit."""
NAMED, BAR, PLOT, LABEL = 100, 18, 140, 40
"""Height of name and details, of the colour bar, of the channel weights' plot, and of a line of labels."""


@dataclass(frozen=True, eq=False)
class Panel:
    """One block of a figure.

    Attributes:
        name: name of the block.
        mask: spatial mask in the look's reading, float32 (H, W), or None.
        weights: channel weights in the look's reading, float32 (C,), or None.
        cells: positions of the mask's cells on the picture; None where they are unknown.
        undrawn: shape of a gate that is named but not drawn; empty for none.
        undrawn_kind: kind of that gate.
        unread: why a gate does not have this reading, by its kind.
        placement: grid of the mask's cells on the network's input, with its status; None where there is none.
    """

    name: str
    mask: Float32[np.ndarray, "h w"] | None
    weights: Float32[np.ndarray, " c"] | None
    cells: Cells | None
    undrawn: tuple[int, ...] = ()
    undrawn_kind: Kind = "full"
    unread: Mapping[Kind, Unread] = field(default_factory=dict)
    placement: Placement | None = None


def panel_of(block: Block, cells: Cells | None, reading: Reading = "values") -> Panel:
    """Make a block's panel, with its first gate of each kind.

    Args:
        block: block of an explanation, or of a scene of a film.
        cells: positions of its cells on the picture; None where they are unknown.
        reading: reading of the gates.
    """
    undrawn = next((gate for gate in block.gates if not gate.is_drawn), None)
    gates = {kind: gate for kind in AXES if (gate := block.gate(kind)) is not None}
    found = {kind: gate.read(reading) for kind, gate in gates.items()}
    return Panel(
        name=block.name,
        mask=None if (mask := found.get("spatial")) is None or mask.ndim != 2 else mask,
        weights=found.get("channel"),
        cells=cells,
        undrawn=() if undrawn is None else undrawn.values.shape,
        undrawn_kind="full" if undrawn is None else undrawn.kind,
        unread={kind: why for kind, gate in gates.items() if (why := gate.why_unread(reading)) is not None},
        placement=block.placement,
    )


@dataclass(frozen=True, eq=False)
class FigureStyle:
    """Shared settings of all blocks of a figure.

    Attributes:
        text: font of all text.
        words: words of the figure, see `cbam_core.render.figure.WORDS`.
        picture: picture under the masks, uint8 RGB.
        beside: width of the widest mask that is drawn alone, beside the overlay.
        zoom: drawn pixels along each side of a pixel of the picture.
        seen: part of the picture that the network saw; None for all of it.
        look: look of the masks.
    """

    text: Lettering
    words: Mapping[str, str]
    picture: UInt8[np.ndarray, "h w 3"]
    beside: int
    zoom: int
    seen: Box | None
    look: Look

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of a drawn overlay."""
        return self.picture.shape[1] * self.zoom, self.picture.shape[0] * self.zoom

    @property
    def column(self) -> int:
        """Width of a panel."""
        return max(self.size[0] + GAP + self.beside, NARROWEST)

    def height(self, masks: bool, weights: bool) -> int:
        """Compute the height of a panel with masks, weights or both."""
        return NAMED + masks * (self._below_masks() - NAMED) + weights * (PLOT + 2 * LABEL)

    def _below_masks(self) -> int:
        return NAMED + self.size[1] + GAP + BAR + 2 * LABEL

    def weights_at(self, masks: bool) -> int:
        """Compute the distance of the channel weights from the panel's top."""
        return self._below_masks() if masks else NAMED


def draw_panel(page: Image.Image, at: At, panel: Panel, style: FigureStyle, *, masks: bool, weights: bool) -> None:
    """Draw one block with its top left corner at `at`.

    Args:
        page: image to draw on.
        at: (x, y) of the corner.
        panel: the block.
        style: shared settings.
        masks: whether there is space for masks; a block without one has a note there.
        weights: the same for channel weights.
    """
    x, y = at
    _draw_name(page, at, panel, style)
    if masks:
        _draw_masks(page, (x, y + NAMED), panel, style)
    if weights:
        _draw_weights(page, (x, y + style.weights_at(masks)), panel, style)


def _draw_name(page: Image.Image, at: At, panel: Panel, style: FigureStyle) -> None:
    draw, text, words = ImageDraw.Draw(page), style.text, style.words
    details = []
    if panel.weights is not None:
        details.append(words["channels"].format(count=len(panel.weights)))
    if panel.mask is not None:
        details.append(words["cells"].format(width=panel.mask.shape[1], height=panel.mask.shape[0]))
    if panel.undrawn_kind == "full" and len(panel.undrawn) == 3:
        channels, height, width = panel.undrawn
        details.append(words["full"].format(channels=channels, height=height, width=width))
    elif panel.undrawn:
        details.append(words["undrawn"].format(sizes="×".join(map(str, panel.undrawn))))
    name = text.fitted(panel.name, HEADING, style.column)
    text.write(draw, (at[0], at[1] + 32), name, HEADING, colour=INK, heavy=True)
    line = text.fitted(" · ".join(details), SMALL, style.column)
    text.write(draw, (at[0], at[1] + 72), line, SMALL, colour=SOFT)


def _draw_masks(page: Image.Image, at: At, panel: Panel, style: FigureStyle) -> None:
    x, y = at
    width, height = style.size
    if panel.mask is None:
        gap = panel.unread.get("spatial", "no_mask")
        _draw_gap(page, (x, y, x + style.column, y + height), style.words[gap], style)
        return
    if panel.cells is None:
        _draw_gap(page, (x, y, x + width, y + height), style.words["no_place"], style)
    else:
        drawn = overlay(style.picture, panel.mask, panel.cells, style.look, zoom=style.zoom, seen=style.seen)
        page.paste(Image.fromarray(drawn), (x, y))
    page.paste(_alone(panel.mask, style), (x + width + GAP, y))
    _draw_colour_bar(page, (x, y + height + GAP), panel.mask, style)


def alone_size(
    mask: Float32[np.ndarray, "rows columns"] | None, picture: UInt8[np.ndarray, "h w 3"], zoom: int
) -> tuple[int, int]:
    """Compute (width, height) of a mask in square cells that fits beside its overlay; (0, 0) without one."""
    if mask is None:
        return (0, 0)
    rows, columns = mask.shape
    ratio = min(picture.shape[1] * zoom / columns, picture.shape[0] * zoom / rows)
    ratio = ratio if ratio < 1 else int(ratio)
    return max(round(columns * ratio), 1), max(round(rows * ratio), 1)


def _alone(mask: Float32[np.ndarray, "h w"], style: FigureStyle) -> Image.Image:
    """Draw the mask in whole cells; if there are more cells than pixels, some are left out, not averaged."""
    picture = Image.fromarray(raw_mask(mask, style.look))
    return picture.resize(alone_size(mask, style.picture, style.zoom), Image.Resampling.NEAREST)


def _draw_colour_bar(page: Image.Image, at: At, mask: Float32[np.ndarray, "h w"], style: FigureStyle) -> None:
    """Draw the colour scale; under a fixed one, a line from the mask's minimum to its maximum."""
    draw, text = ImageDraw.Draw(page), style.text
    x, y = at
    width = style.column
    limits = stretch(mask)
    start, end = scale_of(style.look, limits)
    ramp = read_colours(np.linspace(start, end, width), style.look, limits)
    page.paste(Image.fromarray(ramp[None].repeat(BAR, axis=0)), (x, y))
    if is_fixed(style.look):
        ends = tuple(_written(value, style, digits=0) for value in (start, end))
        shares = np.clip((np.array(limits) - start) / (end - start), 0, 1).tolist()
        first, last = (x + round((width - 1) * share) for share in shares)
        draw.rectangle((max(first - 2, x), y + BAR + 6, min(last + 2, x + width - 1), y + BAR + 11), fill=INK)
    else:
        ends = tuple(_written(value, style) for value in limits)
    baseline = y + BAR + 20 + SMALL
    text.write(draw, (x, baseline), ends[0], SMALL, colour=SOFT)
    text.write(draw, (x + width, baseline), ends[1], SMALL, colour=SOFT, anchor="rs")
    _draw_range(draw, (x + width // 2, baseline), mask, style)


def _draw_range(draw: ImageDraw.ImageDraw, at: At, mask: Float32[np.ndarray, "h w"], style: FigureStyle) -> None:
    text, words = style.text, style.words
    shown = _range(mask, style) if is_fixed(style.look) else ""
    flag = words[even] if (even := _evenness(mask, style.look.reading)) else ""
    space = SMALL // 2 if shown and flag else 0
    left = at[0] - (text.width(shown, SMALL) + space + text.width(flag, SMALL)) / 2
    text.write(draw, (left, at[1]), shown, SMALL, colour=INK)
    right = left + text.width(shown, SMALL) + space
    text.write(draw, (right, at[1]), flag, SMALL, colour=WARNING, heavy=True)


def _evenness(mask: Float32[np.ndarray, "h w"], reading: Reading) -> Evenness | None:
    """Return whether a mask in a reading is flat or switched through; multiples of the mean do not tell the level."""
    if reading == "values":
        return evenness(mask)
    return "flat" if reading == "relative" and is_flat(mask) else None


def _range(values: Float32[np.ndarray, "*shape"], style: FigureStyle) -> str:
    low, high = stretch(values)
    return style.words["range"].format(low=_written(low, style), high=_written(high, style))


def _written(value: float, style: FigureStyle, digits: int = 3) -> str:
    """Format a number for the look's reading: x1.250 for multiples, +0.250 for differences."""
    sign = {"relative": "×", "usual": "+" if value > 0 else ""}.get(style.look.reading, "")
    return f"{sign}{value:.{digits}f}"


@dataclass(frozen=True)
class Axis:
    """Axis of bars.

    Attributes:
        low: value at the lower end.
        high: value at the upper end.
        base: value from which bars are drawn.
    """

    low: float
    high: float
    base: float


def _draw_weights(page: Image.Image, at: At, panel: Panel, style: FigureStyle) -> None:
    draw, text, words = ImageDraw.Draw(page), style.text, style.words
    x, y = at
    top, bottom = y + LABEL, y + LABEL + PLOT
    right = x + style.column
    if panel.weights is None or not len(panel.weights):
        gap = panel.unread.get("channel", "no_weights")
        _draw_gap(page, (x, top, right, bottom), words[gap], style)
        return
    text.write(draw, (x, y + SMALL), words["weights"], SMALL, colour=SOFT)
    text.write(draw, (right, y + SMALL), _range(panel.weights, style), SMALL, colour=INK, anchor="rs")
    finite = panel.weights[np.isfinite(panel.weights)]
    start, end = scale_of(replace(style.look, scale="unit"), (0.0, 1.0))
    axis = Axis(
        min(start, float(finite.min(initial=start))),
        max(end, float(finite.max(initial=end))),
        NEUTRAL.get(style.look.reading, 0.0),
    )
    for share in (0.0, 0.5, 1.0):
        line = bottom - round(share * PLOT)
        draw.line((x, line, right - 1, line), fill=FAINT, width=2)
        if share != 0.5:
            label = f"{axis.low + share * (axis.high - axis.low):.3g}"
            text.write(draw, (x - 8, line + 9), label, SMALL, colour=SOFT, anchor="rs")
    _draw_bars(page, (x, top, right, bottom), panel.weights, axis)
    below = bottom + 10 + SMALL
    text.write(draw, (x, below), "0", SMALL, colour=SOFT)
    text.write(draw, (x + style.column // 2, below), words["channel"], SMALL, colour=SOFT, anchor="ms")
    if len(panel.weights) > 1:
        text.write(draw, (right, below), str(len(panel.weights) - 1), SMALL, colour=SOFT, anchor="rs")


def _draw_bars(
    page: Image.Image,
    box: tuple[int, int, int, int],
    weights: Float32[np.ndarray, " c"],
    axis: Axis,
) -> None:
    """Draw bars from the base of the axis; more bars than pixels are drawn wider and averaged down."""
    left, top, right, bottom = box
    width, count = right - left, len(weights)
    fine = count if count > width // 2 else width
    edges = np.rint(np.linspace(0, fine, count + 1)).astype(int)
    thickness = fine // count
    space = min(max(thickness // 6, int(thickness >= 4)), 8)
    covered = np.zeros((bottom - top, fine), np.uint8)

    def row(value: float) -> int:
        return round((axis.high - value) / (axis.high - axis.low) * (bottom - top))

    values = np.clip(np.nan_to_num(weights), axis.low, axis.high).tolist()
    for value, first, last in zip(values, edges[:-1], edges[1:], strict=True):
        above, below = sorted((row(value), row(axis.base)))
        covered[above:below, first : last - space] = 255
    stencil = Image.fromarray(covered)
    if fine != width:
        stencil = stencil.resize((width, bottom - top), Image.Resampling.BOX)
    page.paste(ACCENT, box, stencil)


def _draw_gap(page: Image.Image, box: tuple[int, int, int, int], remark: str, style: FigureStyle) -> None:
    """Draw a pale box with the reason for a missing part."""
    left, top, right, bottom = box
    draw = ImageDraw.Draw(page)
    draw.rectangle((left, top, right - 1, bottom - 1), fill="#f5f5f5")
    lines = style.text.wrapped(remark, SMALL, right - left - 2 * GAP)
    for number, line in enumerate(lines):
        y = (top + bottom) / 2 + (number - (len(lines) - 1) / 2) * LABEL
        style.text.write(draw, ((left + right) / 2, y), line, SMALL, colour=SOFT, anchor="mm")
