"""An explanation as files: a figure, its raw values, its channel weights as a table, and a manifest.

`values.npz` holds every number bit for bit (``np.load`` without pickle): ``probabilities``, ``input_image``,
and each gate under its block's name and kind, such as ``cbam1.spatial``. The same explanation, settings and
date give the same bytes.
"""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
from jaxtyping import UInt8

from cbam_core.errors import CbamError, ImageError
from cbam_core.explanation.manifest import manifest
from cbam_core.files import write_atomically
from cbam_core.render.figure import WORDS, Original, Prediction, figure
from cbam_core.render.overlay import Box, Cells, cells_on_input, cells_on_original, seen_on_original
from cbam_core.render.panels import panel_of
from cbam_core.results.explanation import Block, Explanation
from cbam_core.results.look import DEFAULT_LOOK, Look
from cbam_core.results.means import GateMeans

FIGURE, VALUES, WEIGHTS, MANIFEST = "figure.png", "values.npz", "channel_weights.csv", "manifest.json"
"""Names of the files; the manifest is written last, so that where it is, all are."""

Pixels = UInt8[np.ndarray, "h w 3"]


def save(
    explanation: Explanation,
    folder: Path,
    *,
    original: Pixels | None = None,
    date: datetime | None = None,
    look: Look = DEFAULT_LOOK,
    words: Mapping[str, str] = WORDS,
) -> dict[str, Path]:
    """Write an explanation's files into a folder, each of them whole or not at all.

    Args:
        explanation: what is saved.
        folder: where; made when missing. Older files of the same names are replaced.
        original: the image before it was fitted, RGB, to draw the masks on; None for the network's input.
        date: written into the manifest; None for now.
        look: of the masks in the figure.
        words: of the figure, in another language; see `cbam_core.render.figure.WORDS`.

    Returns:
        The paths by file name.

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
    files = as_files(explanation, original=original, date=date, look=look, words=words)
    paths = {}
    for name, content in files.items():
        paths[name] = folder / name
        try:
            write_atomically(paths[name], _writer(content))
        except OSError as error:
            raise CbamError(
                "save.unwritable",
                "cannot write {path}: {reason}; choose a folder that you may write to",
                path=str(paths[name]),
                reason=error.strerror or str(error),
            ) from error
    return paths


def as_files(
    explanation: Explanation,
    *,
    original: Pixels | None = None,
    date: datetime | None = None,
    look: Look = DEFAULT_LOOK,
    words: Mapping[str, str] = WORDS,
) -> dict[str, bytes]:
    """What `save` writes, in memory: contents by file name, the manifest last.

    Args:
        explanation: what is saved.
        original: the image before it was fitted, RGB, to draw the masks on; None for the network's input.
        date: written into the manifest; None for now.
        look: of the masks in the figure.
        words: of the figure, in another language; see `cbam_core.render.figure.WORDS`.

    Raises:
        ImageError: `original` is not the image that was explained.
    """
    files = {
        FIGURE: as_png(explanation, original=original, look=look, words=words),
        VALUES: as_npz(explanation),
        WEIGHTS: as_csv(explanation),
    }
    drawn = {"on": "input" if original is None else "original", **asdict(look)}
    described = manifest(explanation, drawn=drawn, files=files, date=date or datetime.now(UTC))
    text = json.dumps(described, ensure_ascii=False, indent=2, allow_nan=False)
    return {**files, MANIFEST: f"{text}\n".encode()}


def as_zip(
    explanations: Explanation | Mapping[str, Explanation],
    *,
    original: Pixels | Mapping[str, Pixels] | None = None,
    date: datetime | None = None,
    within: Callable[[], AbstractContextManager[object]] = nullcontext,
    look: Look = DEFAULT_LOOK,
    words: Mapping[str, str] = WORDS,
) -> bytes:
    """The files of one explanation as a ZIP; of several by name, in one folder each.

    Args:
        explanations: one, or several by name; folders get names that are safe to unpack anywhere.
        original: the image before it was fitted; for several, by the same names, where there is one: each is
            asked for when its turn comes, so that a mapping may decode them one by one.
        date: written into the manifests; None for now. The ZIP's own dates are always 1980-01-01.
        within: gives a context in which the work on one explanation is done, for each anew: a server's turn, say.
        look: of the masks in the figures.
        words: of the figures, in another language; see `cbam_core.render.figure.WORDS`.

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
                    entry.compress_type = zipfile.ZIP_STORED if name == FIGURE else zipfile.ZIP_DEFLATED
                    archive.writestr(entry, content)
    return buffer.getvalue()


def as_png(
    explanation: Explanation,
    *,
    original: Pixels | None = None,
    look: Look = DEFAULT_LOOK,
    words: Mapping[str, str] = WORDS,
) -> bytes:
    """The figure as a PNG of 300 dots per inch.

    Args:
        explanation: what is drawn.
        original: the image before it was fitted, RGB, to draw the masks on; None for the network's input.
        look: of the masks in the figure.
        words: of the figure, in another language; see `cbam_core.render.figure.WORDS`.

    Raises:
        ImageError: `original` is not the image that was explained.
    """
    frame = explanation.frame
    if original is not None and (original.shape[1], original.shape[0]) != frame.original_size:
        raise ImageError(
            "save.other-original",
            "the image given as the original has {given} pixels, but the one that was explained had "
            "{expected}; give the same image, upright, before it was fitted",
            given=f"{original.shape[1]} x {original.shape[0]}",
            expected="{} x {}".format(*frame.original_size),
        )
    picture = figure(
        explanation.input_image,
        [
            panel_of(block, _cells(block, explanation, original is not None), look.reading)
            for block in explanation.blocks
        ],
        Prediction(explanation.checkpoint, explanation.classes, explanation.probabilities),
        original=None if original is None else Original(original, _seen(explanation)),
        look=look,
        words=words,
    )
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", dpi=(300, 300))
    return buffer.getvalue()


def as_npz(explanation: Explanation) -> bytes:
    """Every number, bit for bit: ``probabilities``, ``input_image`` and each gate as ``block.kind``."""
    arrays = {"probabilities": explanation.probabilities, "input_image": explanation.input_image}
    for block in explanation.blocks:
        arrays.update({gate.name: gate.values for gate in block.gates})
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def means_as_npz(means: Mapping[str, GateMeans]) -> bytes:
    """Means over explanations, bit for bit, as an NPZ file.

    Of each name there are ``name.count``, ``name.probabilities``, and of every gate ``name.block.kind.mean`` and
    ``name.block.kind.std``.

    Args:
        means: by the names of what they were taken over, such as classes.
    """
    arrays: dict[str, np.ndarray] = {}
    for name, summary in means.items():
        arrays[f"{name}.count"] = np.array(summary.count)
        arrays[f"{name}.probabilities"] = summary.probabilities
        for measure, blocks in (("mean", summary.blocks), ("std", summary.deviation)):
            for block in blocks:
                arrays.update({f"{name}.{gate.name}.{measure}": gate.values for gate in block.gates})
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def as_csv(explanation: Explanation) -> bytes:
    """Channel weights, one a line; nine digits give every float32 back exactly."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(("block", "channel", "weight"))
    for block in explanation.blocks:
        if block.channel_weights is not None:
            weights = enumerate(block.channel_weights.tolist())
            rows.writerows((block.name, channel, f"{weight:.9g}") for channel, weight in weights)
    return text.getvalue().encode()


def folder_names(names: Iterable[str]) -> dict[str, str]:
    """For each name a folder's name that every system can unpack, and no two alike.

    Args:
        names: such as those of uploaded files; only what follows the last slash counts.
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
"""Names that Windows keeps for devices."""


def _by_folder(
    explanations: Explanation | Mapping[str, Explanation], original: Pixels | Mapping[str, Pixels] | None
) -> Iterator[tuple[str, Explanation, Callable[[], Pixels | None]]]:
    """Folder, explanation, and what gives the image before it was fitted."""
    if isinstance(explanations, Explanation):
        yield "", explanations, lambda: None if isinstance(original, Mapping) else original
        return
    originals = original if isinstance(original, Mapping) else {}
    folders = folder_names(explanations)
    for name, one in explanations.items():
        yield f"{folders[name]}/", one, partial(originals.get, name)


def _writer(content: bytes) -> Callable[[BinaryIO], object]:
    return lambda file: file.write(content)


def _cells(block: Block, explanation: Explanation, on_original: bool) -> Cells | None:
    if block.placement is None:
        return None
    if on_original:
        return cells_on_original(block.placement, explanation.frame)
    return cells_on_input(block.placement)


def _seen(explanation: Explanation) -> Box | None:
    """The part of the original that the network saw; None where that is all of it."""
    seen = seen_on_original(explanation.frame)
    width, height = explanation.frame.original_size
    return None if seen == (0, 0, width, height) else seen
