"""Text on a picture: one font for a whole figure, and text that fits its space."""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Literal

from PIL import ImageDraw, ImageFont

Anchor = Literal["ls", "ms", "rs", "mm"]
"""Anchor of a text in Pillow's notation: left, middle or right of its baseline, or its centre."""

OWN_FONT = Path(__file__).with_name("fonts") / "noto-sans-sc-subset.ttf"
"""A subset of Noto Sans CJK SC (SIL Open Font License, see the file beside it) with all characters of translations."""

FALLBACKS = (
    "NotoSans-Regular.ttf",
    "DejaVuSans.ttf",
    "Arial.ttf",
    "NotoSansCJK-Regular.ttc",
    "msyh.ttc",
    "PingFang.ttc",
    "wqy-microhei.ttc",
    "wqy-zenhei.ttc",
    "Arial Unicode.ttf",
)
"""System fonts that are tried, in order, for characters that neither Pillow's font (basic Latin) nor `OWN_FONT` has."""

LONGEST = 600
"""Largest number of characters in a line; at the smallest size it is wider than any figure."""

Length = int | float
"""Length in pixels, which may be fractional."""

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True)
class Lettering:
    """Text in one font; a missing character is replaced by a similar plain letter, or "?".

    Attributes:
        font: function that returns the font of a size in pixels.
    """

    font: Callable[[int], Font]

    def width(self, text: str, size: int) -> float:
        """Compute the width of a line in pixels."""
        return float(self.font(size).getlength(self._drawable(text)))

    def fitted(self, text: str, size: int, width: Length, *, end: bool = True) -> str:
        """Shorten a line to `width` pixels: keep its start and, by default, its end."""
        text = _one_line(text)
        if len(text) <= LONGEST and self.width(text, size) <= width:
            return text

        def shortened_width(kept: int) -> float:
            return self.width(_shortened(text, kept, end), size)

        fitting = bisect_right(range(min(len(text), LONGEST)), width, key=shortened_width)
        return _shortened(text, max(fitting - 1, 1), end)

    def wrapped(self, text: str, size: int, width: Length) -> list[str]:
        """Break a text into lines of at most `width` pixels, at spaces and between Chinese characters."""
        lines: list[str] = []
        for space, word in _pieces(text):
            longer = f"{lines[-1]}{space}{word}" if lines else word
            if lines and self.width(longer, size) <= width:
                lines[-1] = longer
            else:
                lines.append(self.fitted(word, size, width))
        return lines

    def write(
        self,
        draw: ImageDraw.ImageDraw,
        at: tuple[Length, Length],
        text: str,
        size: int,
        *,
        colour: str,
        anchor: Anchor = "ls",
        heavy: bool = False,
    ) -> None:
        """Draw one line; `heavy` makes it bold, because Pillow's own font has no bold style."""
        draw.text(
            at,
            self._drawable(text),
            colour,
            self.font(size),
            anchor,
            stroke_width=size / 60 if heavy else 0,
        )

    def _drawable(self, text: str) -> str:
        return _drawable(self.font(_PROBE), text)


def lettering(texts: Iterable[str]) -> Lettering:
    """Find the first font with all characters of the texts: Pillow's own, else `OWN_FONT`, else a system font.

    With the first two, a figure is the same on every machine. If no font has all characters, take one that lacks few.
    """
    letters = {letter for text in texts for letter in _one_line(text)}
    best, fewest = None, len(letters) + 1
    for name in (None, str(OWN_FONT), *FALLBACKS):
        probe = _font(name, _PROBE)
        lacking = fewest if probe is None else sum(not _has(probe, letter) for letter in letters)
        if lacking < fewest:
            best, fewest = name, lacking
        if not fewest:
            break
    return Lettering(lambda size: _font(best, size) or ImageFont.load_default(size))


_PROBE = 20

_CLOSING, _OPENING = "，。；：！？、）》”’,.;:!?)]%…", "（《“‘(["
"""Characters that never start a line, and those that never end one."""


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    """Yield the parts that cannot be broken, each with the space before it."""
    line = " ".join(text.split())
    space, piece = " ", line[:1]
    for before, letter in pairwise(line):
        wide = any(unicodedata.east_asian_width(one) in "WF" for one in (before, letter))
        if letter == " " or letter in _CLOSING or before in _OPENING or not (wide or before == " "):
            piece += letter
        else:
            yield space, piece.rstrip()
            space, piece = " " if before == " " else "", letter
    if piece:
        yield space, piece


def _shortened(text: str, kept: int, end: bool) -> str:
    """Keep some characters of a text, with an ellipsis for the others."""
    last = kept // 2 if end else 0
    return f"{text[: kept - last].rstrip()}…{text[len(text) - last :].lstrip()}"


@lru_cache(maxsize=64)
def _font(name: str | None, size: int) -> Font | None:
    if name is None:
        return ImageFont.load_default(size)
    try:
        return ImageFont.truetype(name, size)
    except OSError:
        return None


@lru_cache(maxsize=4096)
def _has(font: Font, letter: str) -> bool:
    if letter.isspace():
        return True
    drawn, missing = font.getmask(letter), font.getmask("\uffff")
    return drawn.size != missing.size or bytes(drawn) != bytes(missing)


def _substitute(font: Font, letter: str) -> str:
    if _has(font, letter):
        return letter
    plain = unicodedata.normalize("NFKD", letter)[0]
    return plain if _has(font, plain) else "?"


@lru_cache(maxsize=4096)
def _drawable(font: Font, text: str) -> str:
    """Put a text on one line, in letters that the font has; layouts ask for the same one again and again."""
    return "".join(_substitute(font, letter) for letter in _one_line(text))


@lru_cache(maxsize=4096)
def _one_line(text: str) -> str:
    """Remove line breaks, control characters and repeated spaces."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
