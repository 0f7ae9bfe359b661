"""The slice as a table for other programs: CSV or Parquet."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st
from jaxtyping import Int64

from app.atlas.slices import Slice
from app.session.choices import Choice
from app.session.scheduling import in_slot
from app.session.words import Words, plain_text

if TYPE_CHECKING:
    from cbam_core.atlas.atlas import Atlas

WORDS = Words(
    {
        "export": "Export",
        "gates": "With all gates ({count} columns)",
        "csv": "CSV",
        "parquet": "Parquet",
        "about": "One row an image of the slice: number, name, label, answer, confidence, and the columns of your own.",
        "large": "With all gates these are {count} numbers, more than a page sends; the command writes them to a "
        "file of any size:",
    }
)

MOST = 5_000_000
"""Numbers of gates in a file that a page sends: about 10 MB as Parquet, 40 MB as CSV."""

PART = 2_000
"""Images that are written at once."""

_GATES = Choice("atlas-export-gates")


def offer_export(atlas: Atlas, chosen: Slice) -> None:
    """Offer files of the slice; they are made when they are asked for."""
    with st.popover(WORDS["export"], icon=":material/download:", key="atlas-export"):
        width = sum(gate.size for gate in atlas.gates)
        _GATES.resume(False)
        gates = st.checkbox(WORDS["gates"].format(count=f"{width:,}"), key=_GATES.key)
        _GATES.remember()
        st.caption(plain_text(WORDS["about"]))
        if gates and width * len(chosen.images) > MOST:
            _say_large(atlas, chosen, width)
            return
        with st.container(horizontal=True, gap="small"):
            _button(atlas, chosen, gates=gates, kind="csv", media_type="text/csv", make=as_csv)
            _button(
                atlas, chosen, gates=gates, kind="parquet", media_type="application/vnd.apache.parquet", make=as_parquet
            )


def _button(atlas: Atlas, chosen: Slice, *, gates: bool, kind: str, media_type: str, make: Any) -> None:
    said = (str(atlas.facts.get("digest")), chosen.images.tobytes(), gates)
    digest = hashlib.sha256(repr(said).encode()).hexdigest()[:12]
    st.download_button(
        WORDS[kind],
        in_slot(partial(make, atlas, chosen.images, gates=gates)),
        file_name=f"slice-{digest}.{kind}",
        mime=media_type,
        icon=":material/table_view:",
        on_click="ignore",
        key=f"atlas-export-{kind}",
    )


def _say_large(atlas: Atlas, chosen: Slice, width: int) -> None:
    st.caption(plain_text(WORDS["large"].format(count=f"{width * len(chosen.images):,}")))
    folder = "ATLAS" if atlas.folder is None else atlas.folder.name
    st.code(f"cbam atlas export {folder} --out slice.parquet", language="bash", wrap_lines=True)


def columns_of(atlas: Atlas, images: Int64[np.ndarray, " n"]) -> dict[str, np.ndarray]:
    """Columns of some images, without gates: names of classes stand for their numbers.

    Args:
        atlas: the atlas.
        images: their indices.
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
    """Some images as CSV in UTF-8, one row each."""
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


def _written(values: np.ndarray) -> Iterator[str]:
    if values.dtype.kind == "f":
        return iter(["" if np.isnan(value) else f"{value:.6g}" for value in values.tolist()])
    return iter([_safe(str(value)) for value in values.tolist()])


def _digits(values: np.ndarray) -> list[str]:
    return [f"{value:.5g}" for value in values.tolist()]


def _safe(text: str) -> str:
    """A text that a spreadsheet does not take for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def as_parquet(atlas: Atlas, images: Int64[np.ndarray, " n"], *, gates: bool) -> bytes:
    """Some images as Parquet; gates as float16, one column for each value."""
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


def _arrow(values: np.ndarray) -> Any:
    import pyarrow as pa

    return pa.array(values.tolist() if values.dtype.kind in "OU" else values)
