"""Opening an atlas: its files are checked and mapped, and read when a question needs them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
from jaxtyping import Float16, Float32, Int64

from cbam_core.arguments import PATH, takes
from cbam_core.atlas.atlas import Atlas
from cbam_core.atlas.checking import answers_are_of, groups_are_of, images_fit, sample_of, scores_are_of, tables_fit
from cbam_core.atlas.contents import Contents, Sheets
from cbam_core.atlas.layout import GATES, IMAGES, LOGITS, METADATA, SCORES, TABLES, shard_path, sheet_path
from cbam_core.atlas.metadata import read_metadata
from cbam_core.atlas.naming import find_atlas
from cbam_core.atlas.plan import Plan, read_plan
from cbam_core.atlas.sheets import SheetThumbnails
from cbam_core.atlas.tables import Tables, read_tables
from cbam_core.errors import AtlasError

Numbers = Float16[np.ndarray, "n d"] | Float32[np.ndarray, "n d"]


@takes(AtlasError, folder=PATH)
def open_atlas(folder: str | Path) -> Atlas:
    """Open an atlas that `cbam atlas build` made; torch is not imported.

    Args:
        folder: folder of the atlas; or its name, such as ``"net-photos"``, where no folder is called so: atlases that
            were built without ``--out``, or that ship, are found by it, as on the command line.

    Raises:
        AtlasError: there is no atlas, it is not finished, it is damaged, or it is of another version.
    """
    place = find_atlas(folder)
    plan = read_plan(place)
    tables = read_finished_tables(place, plan)
    images = read_images(place / IMAGES, plan)
    ids = Ids(images["id"])
    plain = {name: column.to_numpy(zero_copy_only=False) for name, column in images.items() if name != "id"}
    values = map_rows(place / GATES, np.float16, plan.count, plan.width)
    logits = map_rows(place / LOGITS, np.float32, plan.count, plan.classes)
    scores = map_rows(place / SCORES, np.float32, plan.count, len(tables.axes.axes))
    _check_together(place, plan, tables, plain, (values, logits, scores))
    return Atlas(
        Contents(
            network=plan.network.name,
            title=plan.images.title,
            classes=plan.network.classes,
            gates=plan.gates,
            values=values,
            ids=ids,
            labels=plain["label"],
            answers=plain["answer"],
            confidence=plain["confidence"],
            logits=logits,
            label_classes=plan.images.classes,
            ok=plain["ok"],
            thumbnails=SheetThumbnails(place, plan),
            sheets=Sheets(
                tuple(sheet_path(place, number) for number in range(plan.shards)),
                plan.shard_size,
                plan.across,
                plan.side,
            ),
            metadata=read_metadata(place / METADATA, ids) if (place / METADATA).exists() else {},
            scores=scores,
            tables=tables,
            facts=plan.as_dict(),
            folder=place,
        )
    )


class Ids(Sequence[str]):
    """Names of the images, in the memory of Arrow: a million strings of Python would be a hundred megabytes.

    Args:
        names: Arrow array of strings.
    """

    def __init__(self, names: Any) -> None:
        self.names = names

    def __len__(self) -> int:
        """Number of images."""
        return len(self.names)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> list[str]: ...
    def __getitem__(self, place: int | slice) -> str | list[str]:
        """Return the name of an image, or of several."""
        if isinstance(place, slice):
            return [str(name) for name in self.names[place].to_pylist()]
        return str(self.names[place].as_py())

    def __iter__(self) -> Iterator[str]:
        """Yield all names."""
        return iter(self.names.to_pylist())

    def find(self, names: Sequence[str]) -> Int64[np.ndarray, " n"]:
        """Return the numbers of images by their names; -1 for names that none has."""
        import pyarrow as pa
        import pyarrow.compute as pc

        wanted = names.names if isinstance(names, Ids) else pa.array(list(names), self.names.type)
        found = pc.index_in(wanted, value_set=self.names)
        return np.asarray(found.fill_null(-1).to_numpy(zero_copy_only=False), np.int64)


def read_finished_tables(folder: Path, plan: Plan) -> Tables:
    """Read the tables, the last file of an atlas.

    Raises:
        AtlasError: they are missing, damaged, or those of another atlas.
    """
    if not (folder / TABLES).exists():
        done = sum(shard_path(folder, number).exists() for number in range(plan.shards))
        raise AtlasError(
            "atlas.unfinished",
            "the atlas in {folder} is not finished: {done} of {count} shards are there; build it again, which goes on "
            "where it was",
            folder=str(folder),
            done=done,
            count=plan.shards,
        )
    tables = read_tables(folder / TABLES)
    if tables.digest != plan.digest:
        raise AtlasError(
            "atlas.other-tables",
            "{path} belongs to another atlas; delete it, and build the atlas again to replace it",
            path=str(folder / TABLES),
        )
    if not tables_fit(tables, plan):
        raise _damaged(folder / TABLES, "its arrays have other shapes than they should")
    return tables


def _check_together(
    folder: Path, plan: Plan, tables: Tables, images: dict[str, np.ndarray], rows: Sequence[np.ndarray]
) -> None:
    """Check by counts and by a few rows that the files were made from the same shards.

    Args:
        folder: folder of the atlas.
        plan: its plan.
        tables: its tables.
        images: columns of its table of images.
        rows: gates, logits and coordinates.

    Raises:
        AtlasError: a file was taken from another atlas, or changed.
    """
    if not groups_are_of(tables.groups, images, plan):
        raise _foreign(folder / IMAGES, TABLES)
    few = sample_of(plan.count)
    values, logits, scores = (one[few] for one in rows)
    with np.errstate(all="ignore"):  # a file of other bytes may hold any number
        gates_fit = scores_are_of(scores, values, tables.axes)
        confidence, answers, ok = (images[name][few] for name in ("confidence", "answer", "ok"))
        logits_fit = answers_are_of(confidence, logits, answers, ok, sigmoids=plan.network.sigmoids)
    if not gates_fit:
        raise _foreign(folder / GATES, SCORES)
    if not logits_fit:
        raise _foreign(folder / LOGITS, IMAGES)


def _foreign(path: Path, other: str) -> AtlasError:
    return AtlasError(
        "atlas.foreign-file",
        "{path} and {other} beside it are not of the same atlas, or one was changed; delete both, and build the atlas "
        "again, which makes them from the shards",
        path=str(path),
        other=other,
    )


def map_rows(path: Path, kind: type[np.generic], count: int, width: int) -> Numbers:
    """Map the rows of a file.

    Raises:
        AtlasError: the file is missing, or of another size.
    """
    expected = count * width * np.dtype(kind).itemsize
    try:
        size = path.stat().st_size
        if size == expected:
            return np.memmap(path, kind, "r", shape=(count, width)) if size else np.zeros((count, width), kind)
    except OSError as error:
        raise _damaged(path, error.strerror or "it cannot be read") from error
    raise _damaged(path, f"it has {size} bytes, and should have {expected}")


def count_read(folder: Path, plan: Plan) -> int:
    """Count the images of a finished atlas that could be decoded; all, where its table of images cannot be read."""
    try:
        return int(read_images(folder / IMAGES, plan)["ok"].true_count)
    except AtlasError:
        return plan.count


def read_images(path: Path, plan: Plan, further: Sequence[str] = ()) -> dict[str, Any]:
    """Read the table of images.

    Args:
        path: path of the file.
        plan: plan of the atlas.
        further: names of columns to read beside those that an atlas needs.

    Raises:
        AtlasError: it is missing, damaged, or has other rows than it should, or pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise AtlasError(
            "atlas.no-pyarrow", 'opening an atlas needs pyarrow; run: pip install "cbam-lens[atlas]"'
        ) from error
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            count = file.metadata.num_rows
            names = [*_COLUMNS, *further]
            table = file.read(names, use_threads=False) if count == plan.count else None
        columns = {} if table is None else {name: table.column(name).combine_chunks() for name in names}
    except (OSError, KeyError, pa.ArrowException) as error:
        raise _damaged(path, str(error).partition("\n")[0][:120]) from error
    if not columns:
        raise _damaged(path, f"it has {count} rows, and should have {plan.count}")
    if not images_fit(columns, plan):
        raise _damaged(path, "its columns hold something else than they should")
    return columns


_COLUMNS = ("index", "id", "ok", "label", "answer", "confidence")


def _damaged(path: Path, reason: str) -> AtlasError:
    return AtlasError(
        "atlas.damaged-file",
        "{path} is missing or damaged ({reason}); delete it, and build the atlas again to replace it",
        path=str(path),
        reason=reason,
    )
