"""Images of an atlas as a table for other programs: CSV or Parquet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Int64, Shaped

if TYPE_CHECKING:
    from cbam_core.atlas.atlas import Atlas

PART = 2_000
"""Images that are written at once."""


def columns_of(atlas: Atlas, images: Int64[np.ndarray, " n"]) -> dict[str, np.ndarray]:
    """Collect columns of some images, without gates; labels and answers are names of classes, "" for none.

    Args:
        atlas: the atlas.
        images: numbers of the images.
    """
    labels = np.array([*atlas.label_classes, ""], object)[atlas.labels[images]]
    answers = np.array([*atlas.classes, ""], object)[atlas.answers[images]]
    known = {
        "index": images,
        "id": np.array([atlas.ids[image] for image in images.tolist()], object),
        "label": labels,
        "answer": answers,
        "confidence": atlas.confidence[images],
    }
    return {**known, **{name: values[images] for name, values in atlas.metadata.items() if name not in known}}


def as_csv(atlas: Atlas, images: Int64[np.ndarray, " n"], *, gates: bool) -> bytes:
    """Write some images as CSV in UTF-8, one row each.

    Args:
        atlas: the atlas.
        images: numbers of the images.
        gates: whether all values of all gates follow, as columns under their names.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    columns = columns_of(atlas, images)
    names = [name for gate in atlas.gates for name in gate.column_names] if gates else []
    writer.writerow([*map(_safe, columns), *names])
    for start in range(0, len(images), PART):
        part = slice(start, start + PART)
        own = zip(*(_written(values[part]) for values in columns.values()), strict=True)
        if not gates:
            writer.writerows(own)
            continue
        numbers = atlas.contents.values[images[part]].astype(np.float32)
        writer.writerows([*row, *_digits(values)] for row, values in zip(own, numbers, strict=True))
    return text.getvalue().encode()


def _written(values: Shaped[np.ndarray, ...]) -> Iterator[str]:
    if values.dtype.kind == "f":
        return iter(["" if np.isnan(value) else f"{value:.6g}" for value in values.tolist()])
    return iter([_safe(str(value)) for value in values.tolist()])


def _digits(values: Shaped[np.ndarray, ...]) -> list[str]:
    return [f"{value:.5g}" for value in values.tolist()]


def _safe(text: str) -> str:
    """Change a text that a spreadsheet would take for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def as_parquet(atlas: Atlas, images: Int64[np.ndarray, " n"], *, gates: bool) -> bytes:
    """Write some images as Parquet, with the same columns; gates are float16.

    Args:
        atlas: the atlas.
        images: numbers of the images.
        gates: whether all values of all gates follow, as columns under their names.
    """
    import pyarrow as pa
    from pyarrow import parquet

    own = {name: _arrow(values) for name, values in columns_of(atlas, images).items()}
    if gates:
        values = np.ascontiguousarray(atlas.contents.values[images].T)
        names = [name for gate in atlas.gates for name in gate.column_names]
        own |= {name: pa.array(column) for name, column in zip(names, values, strict=True)}
    file = io.BytesIO()
    parquet.write_table(pa.table(own), file, compression="zstd")
    return file.getvalue()


def _arrow(values: Shaped[np.ndarray, ...]) -> Any:
    import pyarrow as pa

    return pa.array(values.tolist() if values.dtype.kind in "OU" else values)
