"""A finished figure for print: its bytes as PDF, SVG or PNG, and its caption."""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from cbam_core.errors import Message, RenderError
from cbam_core.files import save_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

log = logging.getLogger("cbam_lens")

Kind = Literal["pdf", "svg", "png"]
"""Format of a figure's file."""

MEDIA_TYPES: Mapping[Kind, str] = MappingProxyType(
    {"pdf": "application/pdf", "svg": "image/svg+xml", "png": "image/png"}
)
"""Formats, and their media types."""

DENSITY = 600
"""Dots per inch of a PNG file."""

PREVIEW = 150
"""Dots per inch in a notebook."""

_SETTINGS: Mapping[str, Any] = MappingProxyType(
    {
        "svg.fonttype": "none",
        "svg.hashsalt": "cbam-lens",
        "pdf.fonttype": 42,
        "font.sans-serif": ["Arial", "Helvetica"],
        "axes.linewidth": 0.5,
        "figure.dpi": 72,
    }
)
_DRAWING = threading.RLock()


@contextmanager
def drawing() -> Iterator[None]:
    """Draw with settings of our own, one thread at a time, for matplotlib has one set of them for all threads.

    Raises:
        RenderError: matplotlib is not installed.
    """
    try:
        from matplotlib import style
    except ImportError as error:
        raise RenderError(
            "figure.no-matplotlib",
            "figures for print need matplotlib; install it by `{command}`",
            command="pip install 'cbam-lens[figures]'",
        ) from error
    with _DRAWING, style.context(["default", dict(_SETTINGS)]):
        yield


@dataclass(frozen=True, eq=False)
class PrintedFigure:
    """A figure for print.

    Attributes:
        caption: text to put below it; it is not part of the drawing, but is in the file's metadata.
        width: its width in mm.
        height: its height in mm.
        drawn: the drawing, which matplotlib can change further.
        notes: remarks for the author, such as characters that no font has.
    """

    caption: str
    width: float | int
    height: float
    drawn: Figure = field(repr=False)
    notes: tuple[Message, ...] = ()

    def warn(self) -> PrintedFigure:
        """Log the notes, for an author who draws in a script; return the figure."""
        for note in self.notes:
            log.warning("%s", note)
        return self

    def as_bytes(self, kind: Kind, density: float | int = DENSITY) -> bytes:
        """Make the file in memory; the same figure gives the same bytes.

        Args:
            kind: ``"pdf"``, ``"svg"`` or ``"png"``.
            density: dots per inch of a PNG file.

        Raises:
            RenderError: there is no such format.
        """
        if kind not in MEDIA_TYPES:
            raise _unknown_format(kind)
        buffer = io.BytesIO()
        with drawing():
            self.drawn.savefig(buffer, format=kind, dpi=density if kind == "png" else 72, metadata=self._metadata(kind))
        return buffer.getvalue()

    def save(self, path: str | Path, density: float | int = DENSITY) -> Path:
        """Write the figure to a file, completely or not at all.

        Args:
            path: path of the file, which ends in ``.pdf``, ``.svg`` or ``.png``; an older one is replaced.
            density: dots per inch of a PNG file.

        Raises:
            RenderError: the path has another ending.
            CbamError: the file cannot be written.
        """
        path = Path(path)
        save_bytes(path, self.as_bytes(kind_of(path), density))
        return path

    def _metadata(self, kind: Kind) -> dict[str, str | None]:
        """Describe the file without dates, so that its bytes stay the same."""
        if kind == "pdf":
            return {"CreationDate": None, "Creator": "CBAM Lens", "Subject": self.caption}
        if kind == "svg":
            return {"Date": None, "Creator": "CBAM Lens", "Description": self.caption}
        return {"Software": "CBAM Lens", "Description": self.caption}

    def _repr_png_(self) -> bytes:
        return self.as_bytes("png", PREVIEW)


def kind_of(path: Path) -> Kind:
    """Return the format that a path's ending names.

    Raises:
        RenderError: there is no such format.
    """
    ending = path.suffix.lower().removeprefix(".")
    for kind in MEDIA_TYPES:
        if kind == ending:
            return kind
    raise _unknown_format(path.name)


def _unknown_format(given: str) -> RenderError:
    return RenderError(
        "figure.unknown-format",
        "a figure cannot be saved as '{given}'; choose a name that ends in .pdf, .svg or .png",
        given=given,
    )
