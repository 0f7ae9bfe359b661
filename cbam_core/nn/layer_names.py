"""Layers of any network by name or by pattern, as ``"layer[1-4].*"``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches
from functools import lru_cache

from cbam_core.errors import ModelError

LONGEST = 200
"""Largest number of characters in a pattern."""


def matching(names: Sequence[str], patterns: str | Sequence[str]) -> list[str]:
    """Return the names that match any of some patterns, in their own order.

    Args:
        names: dotted names of layers.
        patterns: one or several, in a sequence or in one text with spaces between them: ``*`` and ``?`` stand for
            characters of one part of a name, ``[1-4]`` for one of these, and a part ``**`` for any number of parts. So
            ``"layer1.*"`` are the children of layer1.

    Raises:
        ModelError: a pattern matches no name, or there is none.
    """
    given = _separate(patterns, names) if isinstance(patterns, str) else list(patterns)
    if not given:
        raise ModelError("model.no-layer-named", "name at least one layer, such as 'layer1'")
    found: set[str] = set()
    for pattern in given:
        own = {name for name in names if matches(name, pattern)}
        if not own:
            raise ModelError(
                "model.no-such-layer",
                "no layer matches {pattern}; similar names are {near}",
                pattern=repr(pattern[:60]),
                near=", ".join(_near(pattern, names)),
            )
        found |= own
    return [name for name in names if name in found]


def _separate(patterns: str, names: Sequence[str]) -> list[str]:
    """Split a text at its spaces, unless it is the name of a layer itself."""
    return [patterns] if patterns in names or not patterns.strip() else patterns.split()


def matches(name: str, pattern: str) -> bool:
    """Check that a dotted name matches a pattern, see `matching`."""
    return _expression(pattern).fullmatch(f"{name}.") is not None


@lru_cache(maxsize=256)
def _expression(pattern: str) -> re.Pattern[str]:
    if len(pattern) > LONGEST:
        raise ModelError(
            "model.pattern-too-long",
            "a pattern of layers has at most {most} characters; given {given}",
            most=LONGEST,
            given=len(pattern),
        )
    parts = re.sub(r"(\*\*\.)+", "**.", f"{pattern}.").split(".")[:-1]  # in a row they mean the same, and take longer
    return re.compile("".join(r"(?:[^.]+\.)*" if part == "**" else _part(part) + r"\." for part in parts))


def _part(part: str) -> str:
    """Translate one part of a pattern to a regular expression."""
    pieces = re.findall(r"\[!?[^\]]+\]|\*+|.", part, re.DOTALL)
    try:
        translated = "".join(map(_piece, pieces))
        re.compile(translated)
    except re.error as error:
        raise ModelError(
            "model.pattern",
            "{part} is not a pattern of layers; expected one such as 'layer[1-4]' or 'layer1.*'",
            part=repr(part[:60]),
        ) from error
    return translated


def _piece(piece: str) -> str:
    if piece.startswith("*"):
        return "[^.]*"
    if piece == "?":
        return "[^.]"
    if len(piece) > 1:
        inside = piece[1:-1]
        inverted = "^" if inside.startswith("!") else ""
        allowed = re.sub(r"([\\^\[&~|])", r"\\\1", inside.removeprefix("!"))
        return f"[{inverted}{allowed}]"
    return re.escape(piece)


def _near(pattern: str, names: Sequence[str]) -> list[str]:
    """Return up to three names that are like a pattern, or the first ones."""
    like = get_close_matches(pattern, names, n=3, cutoff=0.5)
    return like or [name for name in names if "." not in name][:4] or list(names[:3])
