"""Maps of what mattered, in colours over their image: one rule for each kind of scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw

from cbam_core.render.colours import colourise, table
from cbam_core.render.diverging import DIVERGING, diverging
from cbam_core.render.lettering import lettering
from cbam_core.render.overlay import cells_on_input, upsample
from cbam_core.results.attribution import Attribution, AttributionMap
from cbam_core.results.look import DEFAULT_COLOURS
from cbam_core.results.methods import METHOD_WORDS
from cbam_core.results.placement import Placement

OPACITY = 0.65
"""Share of a map's colour over the image."""

SIDE, GAP, LINE, TEXT = 256, 24, 36, 22
"""Pixels of a picture's side about, between pictures, of a line of text and of its letters."""

PIXELS = Placement((0.0, 0.0), (1.0, 1.0))
"""Placement of values at each pixel."""


def map_picture(image: UInt8[np.ndarray, "h w 3"], one: AttributionMap, zoom: int = 1) -> UInt8[np.ndarray, "oh ow 3"]:
    """Draw a map over its image, on its own scale, see `AttributionMap.limits`.

    Args:
        image: input of the network, uint8 RGB.
        one: the map.
        zoom: drawn pixels along each side of a pixel of the image.
    """
    return over(image, one.values, one.placement, one.limits, zoom)


def over(
    image: UInt8[np.ndarray, "h w 3"],
    values: Float[np.ndarray, "rows columns"],
    placement: Placement,
    limits: tuple[float, float],
    zoom: int = 1,
) -> UInt8[np.ndarray, "oh ow 3"]:
    """Draw values of cells in colours over an image.

    Args:
        image: input of the network, uint8 RGB.
        values: values of the cells.
        placement: grid of the cells.
        limits: ends of the scale; one that begins below 0 has diverging colours.
        zoom: drawn pixels along each side of a pixel of the image.
    """
    height, width = image.shape[:2]
    drawn = upsample(values, cells_on_input(placement), (width, height), zoom)
    base = image.repeat(zoom, axis=0).repeat(zoom, axis=1)
    return np.floor((1 - OPACITY) * base + OPACITY * colours(drawn, limits) + 0.5).astype(np.uint8)


def colours(values: Float[np.ndarray, "*shape"], limits: tuple[float, float]) -> UInt8[np.ndarray, "*shape 3"]:
    """Convert values to colours: diverging about 0 where the scale begins below it, else from 0."""
    end = limits[1] or 1.0
    return diverging(values, end) if limits[0] < 0 else colourise(values / end)


def bar_colours(limits: tuple[float, float]) -> UInt8[np.ndarray, "n 3"]:
    """Return the colours of a scale, from its lower end."""
    return DIVERGING if limits[0] < 0 else table(DEFAULT_COLOURS)


def maps_figure(found: Attribution) -> UInt8[np.ndarray, "h w 3"]:
    """Draw the image, all maps, and both controls side by side, each with its name and the range of its scale."""
    image = found.explanation.input_image
    zoom = max(1, SIDE // max(image.shape[:2]))
    panels = [_Panel("Input", "", image.repeat(zoom, axis=0).repeat(zoom, axis=1))]
    panels += [_Panel(METHOD_WORDS[one.method], _range(one), map_picture(image, one, zoom)) for one in found.maps]
    for name, values in found.controls.items():
        drawn = over(image, values, PIXELS, (0.0, float(values.max())), zoom)
        panels.append(_Panel(METHOD_WORDS[name], "knows no network", drawn))
    height, width = panels[0].picture.shape[:2]
    page = Image.new("RGB", (len(panels) * (width + GAP) + GAP, height + 2 * LINE + 2 * GAP), "white")
    letters = lettering(text for panel in panels for text in (panel.name, panel.below))
    draw = ImageDraw.Draw(page)
    for place, panel in enumerate(panels):
        left = GAP + place * (width + GAP)
        name, below = (letters.fitted(text, TEXT, width, end=False) for text in (panel.name, panel.below))
        letters.write(draw, (left, GAP + TEXT), name, TEXT, colour="black", heavy=True)
        page.paste(Image.fromarray(panel.picture), (left, GAP + LINE))
        letters.write(draw, (left, GAP + LINE + height + TEXT + 6), below, TEXT, colour="#444444")
    return np.asarray(page)


@dataclass(frozen=True, eq=False)
class _Panel:
    name: str
    below: str
    picture: UInt8[np.ndarray, "h w 3"]


def _range(one: AttributionMap) -> str:
    low, high = (f"{end:.3g}" for end in one.limits)
    return f"{low} to {high}" + (", flat" if one.is_flat else "")
