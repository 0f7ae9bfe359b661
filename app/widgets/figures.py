"""Small pictures with their scales, as HTML: what masks, differences and feature maps are drawn in."""

from __future__ import annotations

import base64
import html
from functools import cache
from importlib.resources import files
from typing import Literal

import numpy as np

from cbam_core.render.colours import stretch
from cbam_core.viewer.payload import png

ZOOM_TO = 256
"""Pictures of maps are drawn at least this wide, pixels, where the input is small."""

Side = Literal["left", "right"]


def zoom_of(size: tuple[int, int]) -> int:
    """Drawn pixels along each side of a pixel of the input."""
    return max(1, ZOOM_TO // max(size))


def figure(head: str, picture: np.ndarray, alt: str, scale: str, under: str = "") -> str:
    """A picture with what it shows above, and its scale below.

    Args:
        head: HTML.
        picture: uint8 RGB (H, W, 3).
        alt: for those who cannot see it.
        scale: see `scale_bar`.
        under: a line of text below the scale.
    """
    shape = f"--shape: {picture.shape[1]} / {picture.shape[0]}"
    below = f'<p class="cbam-under">{html.escape(under)}</p>' if under else ""
    return f"<figure><figcaption>{head}</figcaption>{image(picture, alt, 'picture', shape)}{scale}{below}</figure>"


def nothing(head: str, reason: str) -> str:
    """An empty frame where there is no picture, and why."""
    return f'<figure><figcaption>{head}</figcaption><div class="none">{html.escape(reason)}</div></figure>'


def scale_bar(table: np.ndarray, ends: tuple[str, str, str], shown: tuple[float, float]) -> str:
    """A colour bar with its ends, and a line from the least value to the greatest.

    Args:
        table: the colours, uint8 RGB (N, 3).
        ends: what stands at its start, in its middle and at its end.
        shown: where on the bar, from 0 to 1, the least and the greatest value lie.
    """
    first, last = (100 * min(max(end, 0.0), 1.0) for end in shown)
    line = f'<i style="left: {first:.2f}%; width: {max(last - first, 0):.2f}%"></i>'
    texts = "".join(f"<span>{html.escape(text)}</span>" for text in ends)
    return f'<div class="cbam-scale">{image(table[None], "")}{line}</div><div class="cbam-ends">{texts}</div>'


def image(pixels: np.ndarray, alt: str, kind: str = "", style: str = "") -> str:
    """A picture without loss; an empty `alt` marks one that says nothing by itself."""
    url = "data:image/png;base64," + base64.b64encode(png(pixels)).decode("ascii")
    return f'<img src="{url}" alt="{html.escape(alt)}" class="{kind}" style="{style}">'


def badge(side: Side, label: str) -> str:
    """The name of a side in its colour."""
    return f'<span class="cbam-badge {side}">{html.escape(label)}</span>'


def measures(values: np.ndarray) -> dict[str, float]:
    """What texts say of a map: its size, its extremes and mean, and where it is highest, counted from 1."""
    low, high = stretch(values)
    row, column = np.unravel_index(int(values.argmax()), values.shape)
    return {
        "rows": values.shape[0],
        "columns": values.shape[1],
        "low": low,
        "high": high,
        "mean": float(values.mean(dtype=np.float64)),
        "row": int(row) + 1,
        "column": int(column) + 1,
    }


@cache
def figure_style() -> str:
    """The style sheet that all of these need on the page."""
    return f"<style>{files('app.widgets').joinpath('figures.css').read_text(encoding='utf-8')}</style>"
