"""Saving an explanation: to a folder, to memory or to a ZIP file; `cbam_core.explanation.formats` lists the files."""

from __future__ import annotations

import io
import re
import unicodedata
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from cbam_core.errors import CbamError
from cbam_core.explanation.contents import Pixels, Request
from cbam_core.explanation.formats import FORMATS, WEB_PAGE
from cbam_core.explanation.manifest import PLAIN
from cbam_core.files import save_bytes
from cbam_core.render.figure import WORDS
from cbam_core.results.explanation import Explanation
from cbam_core.results.look import DEFAULT_LOOK, Look


def save(
    explanation: Explanation,
    folder: Path,
    *,
    original: Pixels | None = None,
    date: datetime | None = None,
    look: Look = DEFAULT_LOOK,
    words: Mapping[str, str] = WORDS,
    decoding: Mapping[str, str | bool] = PLAIN,
    html: bool = False,
) -> dict[str, Path]:
    """Write an explanation's files to a folder, each completely or not at all.

    Args:
        explanation: the explanation.
        folder: folder of the files; it is created if it is missing, and older files are replaced.
        original: image before fitting, uint8 RGB, to draw the masks on; None for the network's input.
        date: date in the manifest; None for now.
        look: look of the masks in the figure.
        words: words of the figure in another language; see `cbam_core.render.figure.WORDS`.
        decoding: how the image file was decoded, for the manifest.
        html: whether to write a web page too, which needs no other file.

    Returns:
        Paths of the files by file name.

    Raises:
        CbamError: the folder cannot be written.
        ImageError: `original` is not the image that was explained.
    """
    if folder.exists() and not folder.is_dir():
        raise CbamError(
            "save.file-there",
            "{path} is a file, and the results need a folder of that name; choose another one to write to",
            path=str(folder),
        )
    date = date or datetime.now(UTC)
    files = as_files(explanation, original=original, date=date, look=look, words=words, decoding=decoding)
    if html:
        files[WEB_PAGE.name] = WEB_PAGE.content(Request(explanation, original, look, words, date, {}, decoding))
    paths = {}
    for name, content in files.items():
        paths[name] = folder / name
        save_bytes(paths[name], content)
    return paths


def as_files(
    explanation: Explanation,
    *,
    original: Pixels | None = None,
    date: datetime | None = None,
    look: Look = DEFAULT_LOOK,
    words: Mapping[str, str] = WORDS,
    decoding: Mapping[str, str | bool] = PLAIN,
) -> dict[str, bytes]:
    """Make the files of `save` in memory: contents by file name, in the order of `FORMATS`.

    The manifest is last, so that its presence means that all files are there.

    Args:
        explanation: the explanation.
        original: image before fitting, uint8 RGB, to draw the masks on; None for the network's input.
        date: date in the manifest; None for now.
        look: look of the masks in the figure.
        words: words of the figure in another language; see `cbam_core.render.figure.WORDS`.
        decoding: how the image file was decoded, for the manifest.

    Raises:
        ImageError: `original` is not the image that was explained.
    """
    date, files = date or datetime.now(UTC), dict[str, bytes]()
    for each in FORMATS:
        files[each.name] = each.content(Request(explanation, original, look, words, date, dict(files), decoding))
    return files


def as_zip(
    explanations: Explanation | Mapping[str, Explanation],
    *,
    original: Pixels | Mapping[str, Pixels] | None = None,
    date: datetime | None = None,
    within: Callable[[], AbstractContextManager[object]] = nullcontext,
    look: Look = DEFAULT_LOOK,
    words: Mapping[str, str] = WORDS,
) -> bytes:
    """Make a ZIP file of one explanation, or of several by name, in one folder each.

    Args:
        explanations: one, or several by name; folders get names that are safe to unpack anywhere.
        original: image before fitting; for several, images by the same names, each read only when it is needed, so
            that a mapping can decode them one by one.
        date: date in the manifests; None for now. The dates in the ZIP are always 1980-01-01.
        within: function that makes a context for the work on each explanation, such as a slot of a server's queue.
        look: look of the masks in the figures.
        words: words of the figures in another language; see `cbam_core.render.figure.WORDS`.

    Raises:
        ImageError: an original is not the image that was explained.
    """
    date = date or datetime.now(UTC)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for folder, explanation, pixels in _by_folder(explanations, original):
            with within():
                files = as_files(explanation, original=pixels(), date=date, look=look, words=words)
                for name, content in files.items():
                    entry = zipfile.ZipInfo(folder + name)  # dated 1980-01-01
                    entry.external_attr = 0o644 << 16
                    entry.compress_type = zipfile.ZIP_STORED if name in _COMPRESSED else zipfile.ZIP_DEFLATED
                    archive.writestr(entry, content)
    return buffer.getvalue()


def folder_names(names: Iterable[str]) -> dict[str, str]:
    """Make a unique folder name for each name, which every system can unpack.

    Args:
        names: names, such as those of uploaded files; only the part after the last slash counts.
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        plain = unique = _safe(name)
        number = 2
        while unique.casefold() in taken:
            unique, number = f"{plain}-{number}", number + 1
        taken.add(unique.casefold())
        found[name] = unique
    return found


def _safe(name: str) -> str:
    last = next((part for part in reversed(re.split(r"[/\\]", name)) if part.strip(" .")), "")
    letters = (c if c.isalnum() or c in "-_. " else "_" for c in unicodedata.normalize("NFC", last))
    short = "".join(letters).encode()[:80].decode(errors="ignore").strip(" .")
    return f"_{short}" if _DEVICES.match(short) else short or "image"


_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
"""Names that Windows reserves for devices."""


def _by_folder(
    explanations: Explanation | Mapping[str, Explanation], original: Pixels | Mapping[str, Pixels] | None
) -> Iterator[tuple[str, Explanation, Callable[[], Pixels | None]]]:
    """Yield folder, explanation, and a function that returns the image before fitting."""
    if isinstance(explanations, Explanation):
        yield "", explanations, lambda: None if isinstance(original, Mapping) else original
        return
    originals = original if isinstance(original, Mapping) else {}
    folders = folder_names(explanations)
    for name, one in explanations.items():
        yield f"{folders[name]}/", one, partial(originals.get, name)


_COMPRESSED = frozenset(each.name for each in FORMATS if each.is_compressed)
