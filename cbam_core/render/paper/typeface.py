"""Letters of a figure: named fonts, widths, and what stands for characters that no font has."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cbam_core.errors import RenderError
from cbam_core.render.lettering import OWN_FONT

if TYPE_CHECKING:
    from matplotlib.font_manager import FontProperties

OWN_FAMILIES = ("Noto Sans CJK SC", "Noto Sans SC", "Noto Sans", "sans-serif")
"""Names by which a program that opens an SVG file finds the font that comes with the library, or one like it."""

SYSTEM_FAMILIES = (
    "DejaVu Sans",
    "Noto Sans",
    "Noto Sans CJK SC",
    "Microsoft YaHei",
    "PingFang SC",
    "WenQuanYi Micro Hei",
    "Arial Unicode MS",
    "Noto Sans Devanagari",
    "Noto Sans Arabic",
    "Noto Sans Thai",
)
"""Fonts that are tried, in order, for characters that the chosen one lacks; matplotlib comes with the first."""

MM = 72 / 25.4
"""Points in a millimetre."""


@dataclass(frozen=True)
class Typeface:
    """The fonts of one figure.

    Attributes:
        files: paths of the fonts; each character is drawn with the first that has it.
        families: names of the fonts, for text in SVG files.
        size: size of the letters in points.
        stand_ins: what is drawn for characters that no font has.
    """

    files: tuple[str, ...]
    families: tuple[str, ...]
    size: float | int
    stand_ins: Mapping[str, str] = field(default_factory=dict)

    @property
    def line(self) -> float:
        """Distance of lines, in mm."""
        return 1.3 * self.size / MM

    def properties(self) -> FontProperties:
        """Return the font in matplotlib's terms."""
        from matplotlib.font_manager import FontProperties

        alone = self.files[0] if len(self.files) == 1 else None
        return FontProperties(family=list(self.families), size=self.size, fname=alone)

    def drawable(self, text: str) -> str:
        """Put text on one line, with stand-ins for missing characters."""
        return "".join(self.stand_ins.get(letter, letter) for letter in _one_line(text))

    def width(self, text: str) -> float:
        """Compute the width of a line in mm."""
        return _width(self.files, self.size, self.drawable(text))

    def fitted(self, text: str, width: float) -> str:
        """Shorten a line to `width` mm: keep its start, with three dots for the rest."""
        line = _one_line(text)
        if self.width(line) <= width:
            return line
        kept = next((n for n in range(min(len(line), 200), 0, -1) if self.width(f"{line[:n].rstrip()}...") <= width), 0)
        return f"{line[:kept].rstrip()}..."

    def wrapped(self, text: str, width: float) -> list[str]:
        """Break text into lines of at most `width` mm, between words, or between Chinese characters."""
        lines: list[str] = []
        for piece in _pieces(_one_line(text)):
            longer = f"{lines[-1]}{piece}" if lines else piece
            if lines and self.width(longer.rstrip()) <= width:
                lines[-1] = longer
            else:
                lines.append(piece if self.width(piece.rstrip()) <= width else self.fitted(piece, width))
        return [line.rstrip() for line in lines]


def typeface(texts: Iterable[str], *, font: str, size: float | int) -> Typeface:
    """Find fonts for all characters of the texts.

    Args:
        texts: texts of the figure.
        font: family that is preferred; "" for the font that comes with the library, with which a figure is the same on
            every machine.
        size: size of the letters in points.

    Raises:
        RenderError: there is no such font on this computer.
    """
    letters = {letter for text in texts for letter in _one_line(text)} | {*"0123456789.?"}
    files, families = ([str(OWN_FONT)], list(OWN_FAMILIES)) if not font else ([_required(font)], [font, "sans-serif"])
    lacking = letters - _letters(files[0])
    used = []
    for family in SYSTEM_FAMILIES:
        path = _file_of(family) if lacking else None
        if path is not None and lacking & _letters(path):
            lacking -= _letters(path)
            files.append(path)
            used.append(family)
    if used:
        families = [font or _register_own(), *used]
    known = frozenset().union(*(_letters(path) for path in files))
    return Typeface(tuple(files), tuple(families), size, {letter: _plain(letter, known) for letter in sorted(lacking)})


def _required(font: str) -> str:
    path = _file_of(font)
    if path is None:
        raise RenderError(
            "figure.unknown-font",
            "there is no font '{given}' on this computer; install it, or name another, such as DejaVu Sans",
            given=font,
        )
    return path


@lru_cache(maxsize=64)
def _file_of(family: str) -> str | None:
    """Return the path of a family's regular font; None where it is not installed."""
    from matplotlib.font_manager import findfont

    try:
        return str(findfont(family, fallback_to_default=False))
    except ValueError:
        return None


@lru_cache(maxsize=1)
def _register_own() -> str:
    """Make the font that comes with the library known by its name; return the name."""
    from matplotlib.font_manager import fontManager

    fontManager.addfont(str(OWN_FONT))
    return OWN_FAMILIES[0]


def _open(files: tuple[str, ...]) -> Any:
    from matplotlib.font_manager import get_font

    return get_font(list(files))


@lru_cache(maxsize=4096)
def _width(files: tuple[str, ...], size: float | int, text: str) -> float:
    """Compute the width of a line in mm; layouts ask for that of the same one again and again."""
    font = _open(files)
    font.set_size(size, 72)
    font.set_text(text)
    return float(font.get_width_height()[0]) / 64 / MM


@lru_cache(maxsize=64)
def _letters(path: str) -> frozenset[str]:
    return frozenset(map(chr, _open((path,)).get_charmap())) | {" "}


def _plain(letter: str, known: frozenset[str]) -> str:
    plain = unicodedata.normalize("NFKD", letter)[0]
    return plain if plain in known else "?"


def _one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _pieces(text: str) -> list[str]:
    """Split text where a line may end: after spaces, and between wide characters."""
    pieces: list[str] = []
    for letter in text:
        wide = unicodedata.east_asian_width(letter) in "WF" and letter not in "，。；：！？、）》”’"
        if not pieces or pieces[-1].endswith(" ") or wide:
            pieces.append(letter)
        else:
            pieces[-1] += letter
    return pieces
