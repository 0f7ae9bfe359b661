"""Images of an atlas as a table for other programs: CSV or Parquet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int64, Shaped

if TYPE_CHECKING:
    from cbam_core.atlas.atlas import Atlas

ROWS = 2_000
"""Images that are written to CSV at once."""

GROUP = 20_000
"""Images of a row group of Parquet: 20 MB of 500 values."""


@runtime_checkable
class Writable(Protocol):
    """A file that takes bytes."""

    def write(self, content: bytes, /) -> int:
        """Write bytes, and return their number."""


def columns_of(atlas: Atlas, images: Int64[np.ndarray, " n"]) -> dict[str, np.ndarray]:
    """Collect columns of some images, without gates; labels and answers are names of classes, "" for none.

    A column of the metadata that is called as one of the atlas, or as a value of a gate, has ``metadata.`` before it.

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
    taken = {*known, *atlas.metadata}
    for name, values in atlas.metadata.items():
        called = name
        while called in known or (called != name and called in taken) or _is_of_a_gate(atlas, called):
            called = f"metadata.{called}"
        known[called] = values[images]
    return known


def _is_of_a_gate(atlas: Atlas, name: str) -> bool:
    return any(name.startswith(f"{gate.name}[") for gate in atlas.gates)


def as_csv(atlas: Atlas, images: Int64[np.ndarray, " n"], *, gates: bool) -> bytes:
    """Return some images as CSV; see `write_csv`."""
    file = io.BytesIO()
    write_csv(atlas, images, file, gates=gates)
    return file.getvalue()


def as_parquet(atlas: Atlas, images: Int64[np.ndarray, " n"], *, gates: bool) -> bytes:
    """Return some images as Parquet; see `write_parquet`."""
    file = io.BytesIO()
    write_parquet(atlas, images, file, gates=gates)
    return file.getvalue()


def write_csv(atlas: Atlas, images: Int64[np.ndarray, " n"], file: Writable, *, gates: bool) -> None:
    """Write some images as CSV in UTF-8, one row each; part by part, so that memory does not grow with their number.

    Args:
        atlas: the atlas.
        images: numbers of the images.
        file: where they are written.
        gates: whether all values of all gates follow, as columns under their names.
    """
    names = [name for gate in atlas.gates for name in gate.column_names] if gates else []
    for start in range(0, max(1, len(images)), ROWS):
        part = images[start : start + ROWS]
        columns = columns_of(atlas, part)
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        if start == 0:
            writer.writerow([*map(_safe, columns), *names])
        own = zip(*map(_written, columns.values()), strict=True)
        numbers = atlas.contents.values[part].astype(np.float32) if gates else np.zeros((len(part), 0), np.float32)
        writer.writerows([*row, *_digits(values)] for row, values in zip(own, numbers, strict=True))
        file.write(text.getvalue().encode())


def write_parquet(atlas: Atlas, images: Int64[np.ndarray, " n"], file: Writable, *, gates: bool) -> None:
    """Write some images as Parquet, with the same columns as `write_csv`, also part by part; gates are float16.

    Args:
        atlas: the atlas.
        images: numbers of the images.
        file: where they are written.
        gates: whether all values of all gates follow, as columns under their names.
    """
    from pyarrow import parquet

    first = _table(atlas, images[:GROUP], gates=gates)
    with parquet.ParquetWriter(file, first.schema, compression="zstd") as writer:
        writer.write_table(first)
        for start in range(GROUP, len(images), GROUP):
            writer.write_table(_table(atlas, images[start : start + GROUP], gates=gates))


def _table(atlas: Atlas, images: Int64[np.ndarray, " n"], *, gates: bool) -> Any:
    """Make a pyarrow table of some images."""
    import pyarrow as pa

    own = {name: _arrow(values) for name, values in columns_of(atlas, images).items()}
    if gates:
        values = np.ascontiguousarray(atlas.contents.values[images].T)
        names = [name for gate in atlas.gates for name in gate.column_names]
        own |= {name: pa.array(column) for name, column in zip(names, values, strict=True)}
    return pa.table(own)


def _written(values: Shaped[np.ndarray, ...]) -> Iterator[str]:
    if values.dtype.kind == "f":
        return iter(["" if np.isnan(value) else f"{value:.6g}" for value in values.tolist()])
    return iter([_safe(str(value)) for value in values.tolist()])


def _digits(values: Shaped[np.ndarray, ...]) -> list[str]:
    return [f"{value:.5g}" for value in values.tolist()]


def _safe(text: str) -> str:
    """Change a text that a spreadsheet would take for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _arrow(values: Shaped[np.ndarray, ...]) -> Any:
    import pyarrow as pa

    return pa.array(values.tolist(), pa.string()) if values.dtype.kind in "OU" else pa.array(values)
