"""Small pictures with their scales, as HTML: what masks, differences and feature maps are drawn in."""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, Literal

import numpy as np

from app.session.choices import Remembered
from app.streamlit_internals import this_session
from cbam_core.render.colours import stretch
from cbam_core.viewer.payload import png

ZOOM_TO = 256
"""Pictures of maps are drawn at least this wide, pixels, where the input is small."""

MOST_DRAWN = 24
"""Pictures that are kept for a visit, some ten kilobytes each."""

Side = Literal["left", "right"]


@dataclass(frozen=True)
class Drawn:
    """A picture without loss, as a page has it.

    Attributes:
        url: address that holds all of it.
        width: pixels across.
        height: pixels down.
    """

    url: str
    width: int
    height: int


_DRAWN: Remembered[dict[bytes, Drawn]] = Remembered("drawn-pictures", dict)


def drawn_once(draw: Callable[[], np.ndarray], *decides: Any) -> Drawn:
    """A picture that is drawn and encoded anew in a visit only where something that decides about it has changed.

    Args:
        draw: draws it, uint8 RGB (H, W, 3).
        *decides: arrays, and values that their `repr` tells apart; no picture of another kind has the same ones.
    """
    if this_session() is None:
        return _encoded(draw())
    kept, key = _DRAWN.get(), _digest(decides)
    found = kept.pop(key, None) or _encoded(draw())
    kept[key] = found  # the ones that were shown last stay
    while len(kept) > MOST_DRAWN:
        del kept[next(iter(kept))]
    return found


def _digest(decides: tuple[Any, ...]) -> bytes:
    found = hashlib.sha256()
    for value in decides:
        if isinstance(value, np.ndarray):
            found.update(f"{value.dtype.str} {value.shape}".encode() + value.tobytes())
        else:
            found.update(repr(value).encode())
        found.update(b"\0")
    return found.digest()


def _encoded(pixels: np.ndarray) -> Drawn:
    url = "data:image/png;base64," + base64.b64encode(png(pixels)).decode("ascii")
    return Drawn(url, pixels.shape[1], pixels.shape[0])


def zoom_of(size: tuple[int, int]) -> int:
    """Drawn pixels along each side of a pixel of the input."""
    return max(1, ZOOM_TO // max(size))


def figure(head: str, picture: np.ndarray | Drawn, alt: str, scale: str, under: str = "") -> str:
    """A picture with what it shows above, and its scale below.

    Args:
        head: HTML.
        picture: uint8 RGB (H, W, 3), or drawn already.
        alt: for those who cannot see it.
        scale: see `scale_bar`.
        under: a line of text below the scale.
    """
    picture = picture if isinstance(picture, Drawn) else _encoded(picture)
    shape = f"--shape: {picture.width} / {picture.height}"
    below = f'<p class="cbam-under">{html.escape(under)}</p>' if under else ""
    return f"<figure><figcaption>{head}</figcaption>{_image(picture, alt, 'picture', shape)}{scale}{below}</figure>"


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
    return f'<div class="cbam-scale">{_colours(table.tobytes())}{line}</div><div class="cbam-ends">{texts}</div>'


def image(pixels: np.ndarray, alt: str, kind: str = "", style: str = "") -> str:
    """A picture without loss; an empty `alt` marks one that says nothing by itself."""
    return _image(_encoded(pixels), alt, kind, style)


def _image(picture: Drawn, alt: str, kind: str, style: str) -> str:
    return f'<img src="{picture.url}" alt="{html.escape(alt)}" class="{kind}" style="{style}">'


@lru_cache(maxsize=16)
def _colours(table: bytes) -> str:
    """The colours of a scale, of which there are few."""
    return image(np.frombuffer(table, np.uint8).reshape(1, -1, 3), "")


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
