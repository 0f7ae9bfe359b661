"""Files that a visitor uploads, and how each is fitted, as plain values."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import PurePath

from app.session.choices import Remembered
from cbam_core.data.colours import Ground
from cbam_core.results.frame import Fit, Square

_KEPT: Remembered[frozenset[str]] = Remembered("uploads-kept", frozenset)
_VISIT: Remembered[str] = Remembered("uploads-visit", lambda: secrets.token_hex(8))


@dataclass(frozen=True)
class Upload:
    """One uploaded file.

    Attributes:
        name: as the visitor's machine calls it; never trusted.
        digest: SHA-256 of the content.
        content: the file's bytes.
    """

    name: str
    digest: str
    content: bytes


@dataclass(frozen=True)
class Fitted:
    """How an image of any size is fitted to the network's input.

    Attributes:
        fit: in which way.
        square: for ``fit="square"``: the part of the image; None for one in its middle.
        stretch: whether values of more than eight bits are stretched from their smallest to their largest.
        ground: what transparent areas are placed on.
    """

    fit: Fit = "crop"
    square: Square | None = None
    stretch: bool = False
    ground: Ground = "white"


def uploaded(name: str, content: bytes) -> Upload:
    """Take a file as it comes.

    Args:
        name: as the visitor's machine calls it.
        content: the file's bytes.
    """
    return Upload(name, hashlib.sha256(content).hexdigest(), content)


def note_kept(place: str, kept: bool) -> None:
    """Note whether a place of the app keeps uploads, which a reload would drop.

    Args:
        place: which; each has its own name.
        kept: whether it does now.
    """
    _KEPT.set(_KEPT.get() | {place} if kept else _KEPT.get() - {place})


def any_kept() -> bool:
    """Whether any place keeps uploads."""
    return bool(_KEPT.get())


def this_visit() -> str:
    """Name of the visit: a page that hears another one than before has lost what was uploaded."""
    return _VISIT.get()


def numbered(files: Iterable[Upload]) -> Iterator[Upload]:
    """Give files of one name numbers: pasted images are all called image.png, and each needs a name of its own."""
    taken: set[str] = set()
    for upload in files:
        path = PurePath(upload.name)
        name, number = upload.name, 2
        while name in taken:
            name, number = f"{path.stem}-{number}{path.suffix}", number + 1
        taken.add(name)
        yield replace(upload, name=name)
