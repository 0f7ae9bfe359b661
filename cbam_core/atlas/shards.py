"""One shard of an atlas: its rows as one Parquet file, and one sheet of thumbnails. Free of torch.

A file is wide: one column for each cell of each gate, so that any tool reads one channel without the others. It carries
the fingerprint of its atlas and its number, and every page has a checksum.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float16, Float32, Int32, Int64, UInt8

from cbam_core.atlas.layout import shard_path, sheet_path
from cbam_core.atlas.plan import FIXED_COLUMNS, Plan
from cbam_core.atlas.sheets import write_sheet
from cbam_core.errors import AtlasError
from cbam_core.files import sha256_of, write_atomically

if TYPE_CHECKING:
    import pyarrow as pa

COMPRESSION = "lz4"
"""Compression of columns but those with float numbers, which hardly shrink and have none."""

_DIGEST, _NUMBER, _SHEET = b"cbam.atlas", b"cbam.shard", b"cbam.thumbnails"


@dataclass(frozen=True, eq=False)
class Rows:
    """Numbers of a shard, without its thumbnails.

    Attributes:
        ids: name of each image, as a list or an Arrow array.
        index: number of each image in its set, int64 (n,).
        ok: whether the image could be decoded.
        labels: int32 (n,); -1 for none.
        answers: class with the largest logit, int32 (n,); -1 for none.
        confidence: its probability, float32 (n,); NaN for none.
        logits: float32 (n, K).
        values: values of all gates, float16 (n, D).
    """

    ids: Any
    index: Int64[np.ndarray, " n"]
    ok: Bool[np.ndarray, " n"]
    labels: Int32[np.ndarray, " n"]
    answers: Int32[np.ndarray, " n"]
    confidence: Float32[np.ndarray, " n"]
    logits: Float32[np.ndarray, "n k"]
    values: Float16[np.ndarray, "n d"]

    def __len__(self) -> int:
        """Number of images, n."""
        return len(self.index)

    def part(self, rows: slice) -> Rows:
        """Return some of the rows, without copying them."""
        return Rows(**{name: column[rows] for name, column in vars(self).items()})


@dataclass(frozen=True, eq=False)
class Shard:
    """Rows of some images that follow each other in a data set.

    Attributes:
        number: number of the shard, from 0.
        index: number of each image in its set, int64 (n,).
        ids: name of each image.
        ok: whether the image could be decoded; the numbers of the others are NaN.
        labels: indices into the classes of the set, int32 (n,); -1 for none.
        logits: float32 (n, K).
        values: values of all gates, float16 (n, D).
        sheet: sheet of thumbnails, see `cbam_core.atlas.sheets`; black for images that could not be decoded.
        sigmoids: whether probabilities are sigmoids of the logits, and not their softmax.
    """

    number: int
    index: Int64[np.ndarray, " n"]
    ids: Sequence[str]
    ok: Bool[np.ndarray, " n"]
    labels: Int32[np.ndarray, " n"]
    logits: Float32[np.ndarray, "n k"]
    values: Float16[np.ndarray, "n d"]
    sheet: UInt8[np.ndarray, "h w 3"]
    sigmoids: bool = False

    def __len__(self) -> int:
        """Number of images, n."""
        return len(self.index)

    @cached_property
    def rows(self) -> Rows:
        """Numbers that are stored and read again, with answers and confidence."""
        return self.rows_of(slice(None))

    def rows_of(self, part: slice) -> Rows:
        """Return the same of some of the images, which may be all that were shown so far."""
        ok, logits = self.ok[part], self.logits[part]
        answers = answers_of(logits, ok)
        confidence = probabilities_of(logits, answers, sigmoids=self.sigmoids)
        return Rows(
            self.ids[part], self.index[part], ok, self.labels[part], answers, confidence, logits, self.values[part]
        )


def answers_of(logits: Float32[np.ndarray, "n k"], ok: Bool[np.ndarray, " n"]) -> Int32[np.ndarray, " n"]:
    """Return the class with the largest logit of each image; -1 without logits, or for an image without numbers."""
    if not logits.shape[1]:
        return np.full(len(logits), -1, np.int32)
    return np.where(ok, logits.argmax(axis=1), -1).astype(np.int32)


def probabilities_of(
    logits: Float32[np.ndarray, "n k"], chosen: Int32[np.ndarray, " n"], *, sigmoids: bool = False
) -> Float32[np.ndarray, " n"]:
    """Return the probability of one class for each image; NaN where none is chosen.

    Args:
        logits: logits of each image.
        chosen: index of the class for each image; -1 for none.
        sigmoids: whether it is the sigmoid of its logit, and not the softmax.
    """
    if not logits.shape[1]:
        return np.full(len(logits), np.nan, np.float32)
    wide, place = logits.astype(np.float64), (np.arange(len(logits)), np.maximum(chosen, 0))
    if sigmoids:
        shares = np.exp(-np.logaddexp(0, -wide[place]))
    else:
        powers = np.exp(wide - wide.max(axis=1, keepdims=True))
        shares = powers[place] / powers.sum(axis=1)
    return np.where(chosen >= 0, shares, np.nan).astype(np.float32)


def label_probabilities(plan: Plan, rows: Rows) -> Float32[np.ndarray, " n"]:
    """Return the probability of the label of each image of a shard; NaN where the network does not know it."""
    known = rows.ok & (plan.images.classes == plan.network.classes)
    chosen = np.where(known, rows.labels, -1).astype(np.int32)
    return probabilities_of(rows.logits, chosen, sigmoids=plan.network.sigmoids)


def write_shard(folder: Path, plan: Plan, shard: Shard) -> None:
    """Write the thumbnails, and then the rows of a shard with the thumbnails' checksum, each complete or not at all.

    The bytes depend on the shard and the plan alone. Where the rows are, the thumbnails are too.

    Raises:
        OSError: the folder cannot be written.
    """
    sheet, path = sheet_path(folder, shard.number), shard_path(folder, shard.number)
    with _written_by_anybody(sheet):
        write_sheet(sheet, shard.sheet)
    metadata = {_DIGEST: plan.digest, _NUMBER: str(shard.number), _SHEET: sha256_of(sheet)}
    content = _as_parquet(as_table(plan, shard), metadata)
    with _written_by_anybody(path):
        write_atomically(path, lambda file: file.write(content))


@contextmanager
def _written_by_anybody(path: Path) -> Iterator[None]:
    """Accept that another process wrote a file: once it has finished the atlas, it removes parts of files of others."""
    try:
        yield
    except FileNotFoundError:
        if not path.exists():
            raise


def _as_parquet(table: pa.Table, metadata: dict[bytes, str]) -> pa.Buffer:
    """Encode a table as one group of rows; its schema is not written a second time, as Arrow does by default.

    In memory: a file of Python would be written to some thousand times, and wait each time for the other threads.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    content = pa.BufferOutputStream()
    with pq.ParquetWriter(
        content,
        table.schema,
        compression={name: COMPRESSION for name in FIXED_COLUMNS if not pa.types.is_floating(table[name].type)},
        use_dictionary=False,
        write_statistics=False,
        write_page_checksum=True,
        store_schema=False,
    ) as writer:
        writer.write_table(table, row_group_size=max(1, len(table)))
        writer.add_key_value_metadata(metadata)
    return content.getvalue()


def as_table(plan: Plan, shard: Shard) -> pa.Table:
    """Convert a shard to an Arrow table with the columns of its plan, none of which has a null."""
    import pyarrow as pa

    rows = shard.rows
    fixed = {
        "index": rows.index,
        "id": pa.array(list(rows.ids), pa.string()),
        "ok": rows.ok,
        "label": rows.labels,
        "answer": rows.answers,
        "confidence": rows.confidence,
    }
    many = [*np.ascontiguousarray(rows.logits.T), *np.ascontiguousarray(rows.values.T)]
    arrays = [pa.array(column) for column in (*(fixed[name] for name in FIXED_COLUMNS), *many)]
    fields = [pa.field(name, array.type, nullable=False) for name, array in zip(plan.columns, arrays, strict=True)]
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def shard_is_done(folder: Path, plan: Plan, number: int) -> bool:
    """Check that a shard is there, whole, and of this plan, with the thumbnails that it was written with.

    Returns:
        False if the shard or its thumbnails are not there, or these are others or damaged.

    Raises:
        AtlasError: the file is damaged, or belongs to another atlas.
    """
    path = shard_path(folder, number)
    if not path.exists() or not sheet_path(folder, number).exists():
        return False
    digest = sheet_digest(folder, plan, number)
    return digest is None or sha256_of(sheet_path(folder, number)) == digest


def missing_shards(folder: Path, plan: Plan) -> list[int]:
    """List the numbers of the shards that are not done.

    Raises:
        AtlasError: as `shard_is_done`.
    """
    return [number for number in range(plan.shards) if not shard_is_done(folder, plan, number)]


def sheet_digest(folder: Path, plan: Plan, number: int) -> str | None:
    """Read the SHA-256 of the thumbnails that a shard was written with; None where an earlier version kept none.

    Raises:
        AtlasError: as `shard_is_done`; or the shard is missing.
    """
    path = shard_path(folder, number)
    file = _opened(path)
    _check(file, path, plan, number)
    digest: bytes | None = (file.metadata.metadata or {}).get(_SHEET)
    return None if digest is None else digest.decode(errors="replace")


def read_rows(folder: Path, plan: Plan, number: int) -> Rows:
    """Read the rows of a shard, and check every page of the file.

    Raises:
        AtlasError: the file is missing, damaged, or belongs to another atlas.
    """
    path = shard_path(folder, number)
    file = _opened(path)
    _check(file, path, plan, number)
    try:
        table = file.read(use_threads=False)
        return _rows(plan, table)
    except (OSError, ValueError) as error:
        raise damaged_shard(path, str(error)) from error


def _rows(plan: Plan, table: pa.Table) -> Rows:
    start = len(FIXED_COLUMNS)
    columns = table.combine_chunks().columns
    fixed = dict(zip(FIXED_COLUMNS, columns, strict=False))
    plain = {name: column.to_numpy() for name, column in fixed.items() if name != "id"}
    return Rows(
        ids=fixed["id"],
        index=plain["index"],
        ok=plain["ok"],
        labels=plain["label"],
        answers=plain["answer"],
        confidence=plain["confidence"],
        logits=_side_by_side(columns[start : start + plan.classes], len(table), np.float32),
        values=_side_by_side(columns[start + plan.classes :], len(table), np.float16),
    )


def _side_by_side(columns: Sequence[Any], count: int, kind: type[np.generic]) -> np.ndarray:
    """Copy columns to the rows of one array (n, columns)."""
    below = np.empty((len(columns), count), kind)
    for row, column in zip(below, columns, strict=True):
        row[:] = column.to_numpy()
    return np.ascontiguousarray(below.T)


def _opened(path: Path) -> Any:
    """Open a Parquet file, which may be damaged.

    Raises:
        AtlasError: it is missing or damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path, page_checksum_verification=True)
    except (OSError, pa.ArrowException) as error:
        raise damaged_shard(path, str(error)) from error


def _check(file: Any, path: Path, plan: Plan, number: int) -> None:
    """Check that an open file is the shard of a plan.

    Raises:
        AtlasError: it is of another atlas, or holds something else than it should.
    """
    metadata = file.metadata.metadata or {}
    if metadata.get(_DIGEST) != plan.digest.encode():
        raise AtlasError(
            "atlas.other-shard",
            "{path} belongs to another atlas: its network, images or version differ from those in {folder}; "
            "delete the file, or build into another folder",
            path=str(path),
            folder=str(path.parent.parent),
        )
    rows = plan.rows(number)
    expected = (str(number).encode(), rows.stop - rows.start, len(plan.columns))
    if (metadata.get(_NUMBER), file.metadata.num_rows, file.metadata.num_columns) != expected:
        raise damaged_shard(path, "it holds other rows or columns than it should")


def damaged_shard(path: Path, reason: str) -> AtlasError:
    """Return the error of a shard that cannot be read, or is not what it should be."""
    return AtlasError(
        "atlas.damaged-shard",
        "{path} is missing or damaged ({reason}); delete the file, and build the atlas again to replace it",
        path=str(path),
        reason=reason.partition("\n")[0][:120],
    )
