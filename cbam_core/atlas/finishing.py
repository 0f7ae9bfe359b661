"""From shards to an atlas that answers: rows of gates as a memory map, a table of images, and small tables.

One pass over the shards writes rows and gathers the tables; a second one over the rows projects them. Memory does not
grow with the number of images, but for some bytes of each.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from cbam_core.atlas.layout import DESCRIPTION, GATES, IMAGES, LOGITS, MAP, NEAREST, SCORES, TABLES
from cbam_core.atlas.plan import Plan
from cbam_core.atlas.principal import PrincipalSums, Projection
from cbam_core.atlas.shards import Rows, label_probabilities, read_rows
from cbam_core.atlas.tables import ExtremeLists, GroupSums, PrincipalAxes, Tables, read_digest, write_tables
from cbam_core.files import whole_file, whole_path, write_atomically

_MADE = (GATES, LOGITS, SCORES, IMAGES, TABLES)

_BLOCK = 512
"""Rows that are projected at once: their numbers in float32 stay in the processor's cache."""

_GATHERED = 512
"""Rows that are gathered at once: whole batches, so that a shard is nearly gathered when its last batch comes."""

_SHARED = ("shards", "thumbnails")
"""Folders of what several processes may compute at the same time."""

_ABANDONED = 3600.0
"""Seconds after which a file that is being written is taken for what a killed process has left."""


def finish(folder: Path, plan: Plan) -> None:
    """Make the files of an atlas from its shards, if they are not there yet.

    Raises:
        AtlasError: a shard is missing, damaged, or of another atlas.
        OSError: the folder cannot be written.
    """
    for _ in finishing_steps(folder, plan):
        pass


def is_finished(folder: Path, plan: Plan) -> bool:
    """Check that all files of an atlas were made from its shards."""
    return read_digest(folder / TABLES) == plan.digest and all((folder / name).exists() for name in _MADE)


def finishing_steps(folder: Path, plan: Plan) -> Iterator[float]:
    """Do the same in steps.

    Yields:
        Share of the work that is done, in [0, 1].
    """
    if is_finished(folder, plan):
        return
    with gathering(folder, plan) as gathered:
        for number in range(plan.shards):
            gathered.add(read_rows(folder, plan, number))
            yield 0.9 * (number + 1) / plan.shards
    write_images(folder, gathered)
    yield from projecting_steps(folder, plan, gathered)
    conclude(folder, plan, gathered)


def gathered_parts(count: int) -> Iterator[slice]:
    """Cut the rows of a shard into the parts that are gathered at once."""
    for start in range(0, count, _GATHERED):
        yield slice(start, min(start + _GATHERED, count))


class Gathered:
    """What the rows of an atlas leave behind, taken in shard by shard in their order.

    Args:
        plan: plan of the atlas.
        gates: file that the rows of gates are written to.
        logits: file that the rows of logits are written to.
    """

    def __init__(self, plan: Plan, gates: BinaryIO, logits: BinaryIO) -> None:
        self._plan, self._gates, self._logits = plan, gates, logits
        self.images: list[Any] = []
        self.groups, self.extremes, self._principal = GroupSums(plan), ExtremeLists(plan), PrincipalSums(plan)

    @cached_property
    def axes(self) -> PrincipalAxes:
        """Principal axes of the rows, once all were taken in."""
        return self._principal.axes()

    def find_axes(self) -> None:
        """Compute the principal axes now, and not when they are asked for."""
        _ = self.axes

    def add(self, rows: Rows) -> None:
        """Take in the rows of the next shard."""
        for part in gathered_parts(len(rows)):
            self.add_part(rows.part(part))

    def add_part(self, rows: Rows) -> None:
        """Take in some rows of the next shard, cut as by `gathered_parts`, for the last bits of sums depend on that."""
        _write(self._gates, rows.values)
        _write(self._logits, rows.logits)
        self.images.append(_described(self._plan, rows))
        self.groups.add(rows)
        self.extremes.add(rows)
        self._principal.add(rows)


@contextmanager
def gathering(folder: Path, plan: Plan) -> Iterator[Gathered]:
    """Open the files of rows, which appear at the end of the block, once every shard was taken in.

    Raises:
        OSError: the folder cannot be written.
    """
    (folder / TABLES).unlink(missing_ok=True)
    with whole_file(folder / GATES) as gates, whole_file(folder / LOGITS) as logits:
        yield Gathered(plan, gates, logits)


def write_images(folder: Path, gathered: Gathered) -> None:
    """Write the table of images.

    Raises:
        OSError: the folder cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    content = pa.BufferOutputStream()
    pq.write_table(
        pa.concat_tables(gathered.images),
        content,
        compression="lz4",
        use_dictionary=False,
        store_schema=False,
        write_page_checksum=True,
    )
    write_atomically(folder / IMAGES, lambda file: file.write(content.getvalue()))


def projecting_steps(folder: Path, plan: Plan, gathered: Gathered) -> Iterator[float]:
    """Write the coordinates of the rows that were gathered along their principal axes.

    Yields:
        Share of the work that is done, in [0, 1].
    """
    project = Projection(gathered.axes)
    with (folder / GATES).open("rb") as gates, whole_file(folder / SCORES) as scores:
        for start in range(0, plan.count, _BLOCK):
            rows = min(_BLOCK, plan.count - start)
            values = np.fromfile(gates, np.float16, rows * plan.width).reshape(rows, plan.width)
            _write(scores, project(values))
            yield 0.9 + 0.1 * (start + rows) / plan.count


def conclude(folder: Path, plan: Plan, gathered: Gathered) -> None:
    """Write the tables of an atlas, which say that it is finished, once every other file is there."""
    groups, extremes = gathered.groups.table(), gathered.extremes.table()
    write_tables(folder / TABLES, Tables(plan.digest, groups, extremes, gathered.axes))
    remove_leftovers(folder)


def remove_leftovers(folder: Path) -> None:
    """Remove what killed processes left in a finished atlas: parts of shards, as all are there; else what is old."""
    for part in _parts(folder, _SHARED):
        part.unlink(missing_ok=True)
    for part in _parts(folder, ("",)):
        with suppress(FileNotFoundError):
            if time.time() - part.stat().st_mtime > _ABANDONED:
                part.unlink()


def _parts(folder: Path, places: Iterable[str]) -> list[Path]:
    """List the files of some places in a folder that are being written, or that a killed process left."""
    return [part for place in places for part in (folder / place).glob(".*.part")]


def _write(file: BinaryIO, values: np.ndarray) -> None:
    """Write values to a file.

    Raises:
        OSError: they cannot be written; it names this file, and not another that is open.
    """
    try:
        file.write(np.ascontiguousarray(values).data)
        file.flush()
    except OSError as error:
        error.filename = whole_path(Path(file.name))
        raise


def _described(plan: Plan, rows: Rows) -> Any:
    """Return the part of the table of images that a shard gives."""
    import pyarrow as pa

    columns = {
        "index": rows.index,
        "id": rows.ids,
        "ok": rows.ok,
        "label": rows.labels,
        "answer": rows.answers,
        "confidence": rows.confidence,
        "probability": label_probabilities(plan, rows),
    }
    return pa.table(columns)


def remove_atlas(folder: Path) -> None:
    """Remove the files of an atlas from a folder, and nothing else.

    Raises:
        OSError: a file cannot be removed.
    """
    (folder / DESCRIPTION).unlink(missing_ok=True)
    for name in (*_MADE, MAP, NEAREST):
        (folder / name).unlink(missing_ok=True)
    for part in (*folder.glob("shards/part-*.parquet"), *folder.glob("thumbnails/part-*.jpg")):
        part.unlink()
    for part in _parts(folder, ("", *_SHARED)):
        part.unlink(missing_ok=True)
