"""A film of a training run as an animated picture file: one image with its prediction and masks, scene after scene.

Every scene is drawn at twice its size and averaged down, so that letters and bars are smooth and cells stay square.
Lengths are pixels before that.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from PIL import Image, ImageDraw

from cbam_core.errors import RenderError
from cbam_core.render.figure import WORDS as FIGURE_WORDS
from cbam_core.render.lettering import lettering
from cbam_core.render.overlay import cells_on_input
from cbam_core.render.panels import (
    ACCENT,
    FAINT,
    INK,
    LABEL,
    SMALL,
    SOFT,
    FigureStyle,
    alone_size,
    draw_panel,
    panel_of,
)
from cbam_core.render.placed import placed
from cbam_core.results.film import Film
from cbam_core.results.kinds import AXES
from cbam_core.results.look import DEFAULT_LOOK, Look

FORMAT_WORDS: Mapping[str, str] = MappingProxyType(
    {"gif": "Animated GIF, 256 colours", "png": "Animated PNG, exact colours"}
)
"""Every format of a film by the ending of its files, in the order in which they are offered."""

SECONDS = 1.0
"""Duration of a scene in seconds; the last one lasts three times as long."""

WORDS: Mapping[str, str] = {
    **FIGURE_WORDS,
    "epoch": "epoch {epoch}",
    "untrained": "before training",
    "accuracy": "validation accuracy {percent:.1f} %",
    "truth": "image of class {truth}",
    "says": "the network says {predicted}, {percent:.1f} %",
    "film": "{network} during training: each block's spatial mask over the image at {opacity:.0f} % opacity, and "
    "alone. Colours: {colours}, fixed scale 0 to 1 in every scene.",
}
"""Words of a film; pass a translation with the same keys."""

MARGIN, GUTTER = 64, 72
HEADER = 256
"""Height of the picture, the epoch and the accuracy above the blocks."""
TITLE = 60
"""Size of the epoch."""
CHART = 720
"""Width of the chart of accuracies on the right of the header."""
PICTURE = {1: 480, 2: 448, 3: 384}
"""Approximate width of an overlay, by the number of blocks; 256 for more blocks."""


@dataclass(frozen=True)
class _Drawn:
    """Shared parts of all scenes."""

    style: FigureStyle
    film: Film
    image: int
    caption: str
    columns: int

    @property
    def width(self) -> int:
        """Width between the margins."""
        return max(self.columns * self.style.column + (self.columns - 1) * GUTTER, 1600)


def check_film(film: Film) -> None:
    """Check that the arrays of a film, which may come from an untrusted file, fit each other.

    Raises:
        RenderError: they do not.
    """
    scenes, images, classes = len(film.epochs), len(film.images), len(film.classes)
    fits = [
        scenes > 0 and images > 0,
        film.images.dtype == np.uint8 and film.images.ndim == 4 and film.images.shape[3:] == (3,),
        film.labels.shape == (images,) and all(0 <= label < classes for label in film.labels.tolist()),
        film.accuracy.shape == (scenes,),
        film.probabilities.shape == (scenes, images, classes),
        all(gate.values.shape[:2] == (scenes, images) and gate.values.size for gate in film.gates),
        all(gate.values.ndim == 2 + len(AXES[gate.kind]) for gate in film.gates),
    ]
    if not all(fits):
        raise RenderError("film.broken", "this training film is damaged: its parts do not match")


def film_file(
    film: Film,
    image: int,
    *,
    network: str,
    format: str,  # noqa: A002 - Pillow's word
    look: Look = DEFAULT_LOOK,
    seconds: float = SECONDS,
    words: Mapping[str, str] = WORDS,
) -> bytes:
    """Draw the film of one image as an animated file that loops.

    Args:
        film: the scenes.
        image: index of the image.
        network: name of the network, for the caption.
        format: ``"png"`` keeps all colours; ``"gif"`` plays everywhere, with 256 colours in each scene.
        look: look of the masks; films always use the fixed scale, so that scenes are comparable.
        seconds: duration of each scene in seconds.
        words: words of the film.

    Raises:
        RenderError: there is no such image or format, or its arrays do not match.
    """
    if format not in FORMAT_WORDS:
        raise RenderError(
            "film.unknown-format",
            "unknown format '{given}'; choose one of {known}",
            given=format,
            known=", ".join(FORMAT_WORDS),
        )
    scenes = draw_scenes(film, image, network=network, look=look, words=words)
    stay = [round(1000 * seconds)] * (len(scenes) - 1) + [round(3000 * seconds)]
    if format == "gif":
        scenes = [scene.quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE) for scene in scenes]
    buffer = io.BytesIO()
    # Pillow drops a scene that equals the one before and adds its time, which plays the same.
    scenes[0].save(buffer, format.upper(), save_all=True, append_images=scenes[1:], duration=stay, loop=0)
    return buffer.getvalue()


def draw_scenes(
    film: Film,
    image: int,
    *,
    network: str,
    look: Look = DEFAULT_LOOK,
    words: Mapping[str, str] = WORDS,
) -> list[Image.Image]:
    """Draw one picture for each scene, RGB on white, all of the same size; see `film_file`."""
    check_film(film)
    if not 0 <= image < len(film.images):
        raise RenderError(
            "film.no-image", "the film has images 0 to {last}; given {given}", last=len(film.images) - 1, given=image
        )
    blocks = len(film.blocks)
    zoom = 2 * max(1, PICTURE.get(max(blocks, 1), 256) // (2 * int(film.images.shape[2])))
    picture = film.images[image]
    masks = [block.spatial_mask for block in film.shown(0, image)]
    drawn = [block.placement for block in film.shown(0, image) if block.spatial_mask is not None]
    said = words["film"].format(network=network, opacity=100 * look.opacity, colours=look.colours)
    caption = " ".join([said, *placed(drawn, words)])
    style = FigureStyle(
        text=lettering([network, *film.classes, *film.blocks, *words.values(), "0123456789+-…"]),
        words=words,
        picture=picture,
        beside=max((alone_size(mask, picture, zoom)[0] for mask in masks), default=0),
        zoom=zoom,
        seen=None,
        look=replace(look, scale="unit", reading="values"),
    )
    columns = 3 if blocks in (5, 6, 9) else min(max(blocks, 1), 4)
    shared = _Drawn(style, film, image, caption, columns)
    return [_scene(shared, scene) for scene in range(len(film.epochs))]


def _scene(shared: _Drawn, scene: int) -> Image.Image:
    style = shared.style
    panels = [
        panel_of(block, None if block.placement is None else cells_on_input(block.placement))
        for block in shared.film.shown(scene, shared.image)
    ]
    masks = any(panel.mask is not None for panel in panels)
    weights = any(panel.weights is not None for panel in panels)
    row = GUTTER + style.height(masks, weights)
    lines = style.text.wrapped(shared.caption, SMALL, shared.width)
    below = MARGIN + HEADER + -(-len(panels) // shared.columns) * row + GUTTER // 2
    height = below + LABEL * len(lines) + MARGIN // 2
    page = Image.new("RGB", (shared.width + 2 * MARGIN, height + height % 2), "white")
    _draw_header(page, shared, scene)
    for number, panel in enumerate(panels):
        down, across = divmod(number, shared.columns)
        at = (MARGIN + across * (style.column + GUTTER), MARGIN + HEADER + down * row + GUTTER)
        draw_panel(page, at, panel, style, masks=masks, weights=weights)
    for number, line in enumerate(lines):
        at = (MARGIN, below + SMALL + LABEL * number)
        style.text.write(ImageDraw.Draw(page), at, line, SMALL, colour=SOFT)
    return page.reduce(2)


def _draw_header(page: Image.Image, shared: _Drawn, scene: int) -> None:
    """Draw the image, the epoch, the prediction, and the accuracies."""
    style, film, words = shared.style, shared.film, shared.style.words
    draw, text = ImageDraw.Draw(page), shared.style.text
    rows, columns = style.picture.shape[:2]
    zoom = max(1, HEADER // max(rows, columns) // 2 * 2)
    drawn = style.picture.repeat(zoom, axis=0).repeat(zoom, axis=1)
    page.paste(Image.fromarray(drawn[:HEADER, :HEADER]), (MARGIN, MARGIN))
    left = MARGIN + HEADER + 48
    room = shared.width - HEADER - 48 - CHART - GUTTER
    epoch, accuracy = int(film.epochs[scene]), float(film.accuracy[scene])
    title = words["epoch"].format(epoch=epoch)
    text.write(draw, (left, MARGIN + 50), title, TITLE, colour=INK, heavy=True)
    more = words["untrained"] if epoch == 0 else ""
    text.write(draw, (left + text.width(title, TITLE) + 20, MARGIN + 50), more, SMALL + 4, colour=SOFT)
    likely = film.probabilities[scene, shared.image]
    best = int(np.argmax(likely))
    said = [
        "" if np.isnan(accuracy) else words["accuracy"].format(percent=100 * accuracy),
        words["truth"].format(truth=film.classes[int(film.labels[shared.image])]),
        words["says"].format(predicted=film.classes[best], percent=100 * float(likely[best])),
    ]
    for number, line in enumerate(said):
        at = (left, MARGIN + 116 + 52 * number)
        text.write(draw, at, text.fitted(line, SMALL + 4, room), SMALL + 4, colour=INK)
    _draw_accuracy(page, shared, scene)


def _draw_accuracy(page: Image.Image, shared: _Drawn, scene: int) -> None:
    """Draw the accuracies of the scenes as dots from 0 to 100 %, the current one filled, with epochs below."""
    film, style = shared.film, shared.style
    draw, text = ImageDraw.Draw(page), style.text
    left, right = MARGIN + shared.width - CHART + 90, MARGIN + shared.width - 24
    top, bottom = MARGIN + 12, MARGIN + HEADER - 52
    for share in (0.0, 0.5, 1.0):
        y = round(bottom - share * (bottom - top))
        draw.line((left - 16, y, right + 16, y), fill=FAINT, width=2)
        text.write(draw, (left - 28, y + 9), f"{100 * share:.0f} %", SMALL, colour=SOFT, anchor="rs")
    count = len(film.epochs)
    across = [round(left + (right - left) * number / max(count - 1, 1)) for number in range(count)]
    known = [
        (x, round(bottom - float(value) * (bottom - top)), number)
        for number, (x, value) in enumerate(zip(across, film.accuracy, strict=True))
        if np.isfinite(value)
    ]
    draw.line((across[scene], top, across[scene], bottom), fill=SOFT, width=2)
    if len(known) > 1:
        draw.line([(x, y) for x, y, _ in known], fill=ACCENT, width=4)
    for x, y, number in known:
        draw.ellipse((x - 8, y - 8, x + 8, y + 8), fill=ACCENT if number <= scene else "white", outline=ACCENT, width=4)
    for number in _labelled(film.epochs.tolist(), across, style):
        now = number == scene
        at = (across[number], bottom + 20 + SMALL)
        epoch = str(int(film.epochs[number]))
        text.write(draw, at, epoch, SMALL, colour=INK if now else SOFT, anchor="ms", heavy=now)


def _labelled(epochs: Sequence[int], across: Sequence[int], style: FigureStyle) -> list[int]:
    """Select the scenes whose epochs can be labelled without overlap, always with the last."""
    kept: list[int] = []
    for number in reversed(range(len(epochs))):
        wide = style.text.width(str(epochs[number]), SMALL)
        if not kept or across[kept[-1]] - across[number] > wide + 24:
            kept.append(number)
    return kept
