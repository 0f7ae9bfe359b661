"""File formats of an explanation, in one table for saving, downloads and the command line.

A new format is one more row. The code that makes its bytes is imported on use, so that reading the table is fast.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cbam_core.explanation.contents import Request


@dataclass(frozen=True)
class Format:
    """One file of an explanation.

    Attributes:
        name: file name, such as ``"figure.png"``, unique among formats.
        label: label of its download on a page; "" for a file that is only offered together with all others.
        media_type: media type, such as ``"image/png"``.
        about: description of the contents, as part of a sentence.
        rounding: rounding of its numbers.
        content: function that makes the file's bytes.
        is_compressed: whether the bytes are already compressed.
    """

    name: str
    label: str
    media_type: str
    about: str
    rounding: str
    content: Callable[[Request], bytes]
    is_compressed: bool = False

    @property
    def ending(self) -> str:
        """Ending of the file's name, such as ``".png"``."""
        return PurePath(self.name).suffix


def _figure(request: Request) -> bytes:
    from cbam_core.explanation.contents import as_png

    return as_png(request.explanation, original=request.original, look=request.look, words=request.words)


def _values(request: Request) -> bytes:
    from cbam_core.explanation.contents import as_npz

    return as_npz(request.explanation)


def _weights(request: Request) -> bytes:
    from cbam_core.explanation.contents import as_csv

    return as_csv(request.explanation)


def _manifest(request: Request) -> bytes:
    from cbam_core.explanation.manifest import as_json

    return as_json(request)


def _web_page(request: Request) -> bytes:
    from cbam_core.explanation.contents import as_html

    return as_html(request)


FORMATS = (
    Format(
        name="figure.png",
        label="Figure (.png)",
        media_type="image/png",
        about="a figure (.png)",
        rounding="probabilities in percent to 1 decimal, gate values to 3 decimals",
        content=_figure,
        is_compressed=True,
    ),
    Format(
        name="values.npz",
        label="Raw values (.npz)",
        media_type="application/octet-stream",
        about="all values (.npz)",
        rounding="bit for bit",
        content=_values,
    ),
    Format(
        name="channel_weights.csv",
        label="",
        media_type="text/csv",
        about="the channel weights (.csv)",
        rounding="9 significant digits, from which every float32 comes back exactly",
        content=_weights,
    ),
    Format(
        name="manifest.json",
        label="",
        media_type="application/json",
        about="a manifest (.json)",
        rounding="unrounded",
        content=_manifest,
    ),
)
"""Formats in the order in which files are written: the manifest is last, because it describes the others."""

WEB_PAGE = Format(
    name="explanation.html",
    label="Web page (one file)",
    media_type="text/html",
    about="a web page (.html)",
    rounding="as the page says: exact, or 16 bits over the range of each gate",
    content=_web_page,
)
"""One file with the viewer, which is written on request, and is not in a manifest."""
