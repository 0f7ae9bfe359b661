"""Whether every file of an atlas is as it was written: a pass over all shards and rows. Free of torch.

Shards are what everything else was made from, and each of their pages has a checksum. So rows, coordinates and tables
that differ from whole shards are what was changed.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Bool, Float32

from cbam_core.atlas.checking import scores_are_of
from cbam_core.atlas.layout import GATES, IMAGES, LOGITS, MAP, NEAREST, SCORES, TABLES, shard_path, sheet_path
from cbam_core.atlas.mapping import stored_tsne
from cbam_core.atlas.opening import Ids, map_rows, open_atlas, read_finished_tables, read_images
from cbam_core.atlas.plan import Plan, read_plan
from cbam_core.atlas.preparing import is_prepared
from cbam_core.atlas.shards import Rows, damaged_shard, label_probabilities, read_rows, sheet_digest
from cbam_core.atlas.sheets import damaged_sheet, read_sheet
from cbam_core.atlas.tables import ExtremeLists, GroupSums, Tables
from cbam_core.errors import AtlasError
from cbam_core.files import sha256_of
from cbam_core.steps import finished

T = TypeVar("T")

CheckSteps = Generator[float, None, tuple[AtlasError, ...]]
"""A check in steps: it yields the share of the work that is done, and returns what it found."""

_NEAR = 1e-9
"""Share by which sums may differ between processors."""


def check_atlas(folder: Path, report: Callable[[float], object] = lambda _: None) -> tuple[AtlasError, ...]:
    """Check every file of an atlas against its checksums and its shards.

    Args:
        folder: folder of the atlas.
        report: called with the share of the work that is done, in [0, 1].

    Returns:
        A sentence for each file that is missing or damaged, with what to do; empty if all are whole. Coordinates are
        compared up to rounding; small pictures of an atlas of before they had a checksum are only decoded.

    Raises:
        AtlasError: there is no atlas, or its description is damaged, so nothing can be checked.
    """
    return finished(check_steps(folder), report)


def check_steps(folder: Path) -> CheckSteps:
    """Check an atlas in steps, shard by shard; as `check_atlas`.

    Yields:
        Share of the work that is done, in [0, 1].
    """
    plan = read_plan(folder)
    found: list[AtlasError] = []
    made = _Made(folder, plan, found)
    for number in range(plan.shards):
        rows = _tried(found, partial(_read_named_rows, folder, plan, number))
        _tried(found, partial(_check_sheet, folder, plan, number))
        made.compare(plan.rows(number), rows)
        yield (number + 1) / max(1, plan.shards)
    made.tell()
    if not found:
        _tried(found, lambda: _check_additions(folder))
    return tuple(found)


def _tried(found: list[AtlasError], check: Callable[[], T]) -> T | None:
    """Return what a check returns; keep its error, and return None, if it has one."""
    try:
        return check()
    except AtlasError as error:
        found.append(error)
        return None


class _Made:
    """The files that were made from the shards, compared with them shard by shard.

    Args:
        folder: folder of the atlas.
        plan: its plan.
        found: list that errors are added to.
    """

    def __init__(self, folder: Path, plan: Plan, found: list[AtlasError]) -> None:
        self._folder, self._plan, self._found = folder, plan, found
        self._tables: Tables | None = _tried(found, lambda: read_finished_tables(folder, plan))
        self._images: Mapping[str, Any] | None = _tried(
            found, lambda: read_images(folder / IMAGES, plan, ("probability",))
        )
        kept = 0 if self._tables is None else len(self._tables.axes.axes)
        wide: dict[str, tuple[type[np.generic], int]] = {
            GATES: (np.float16, plan.width),
            LOGITS: (np.float32, plan.classes),
            SCORES: (np.float32, kept),
        }
        self._rows = {
            name: _tried(found, partial(map_rows, folder / name, kind, plan.count, width))
            for name, (kind, width) in wide.items()
            if self._tables is not None or name != SCORES
        }
        self._other: dict[str, list[int]] = {}
        self._sums, self._lists = GroupSums(plan), ExtremeLists(plan)
        self._all_read = True

    def compare(self, part: slice, rows: Rows | None) -> None:
        """Compare the rows of a shard; None for one that is damaged itself."""
        if rows is None:
            self._all_read = False
            return
        self._note(GATES, part, lambda made: _same_bits(made, rows.values))
        self._note(LOGITS, part, lambda made: _same_bits(made, rows.logits))
        if self._tables is not None:
            axes = self._tables.axes
            self._note(SCORES, part, lambda made: _each(made, rows, lambda a, b: scores_are_of(a, b, axes)))
        if self._images is not None:
            made = {name: column[part] for name, column in self._images.items()}
            same = _same_images(made, rows, label_probabilities(self._plan, rows))
            self._other.setdefault(IMAGES, []).extend((part.start + np.flatnonzero(~same)).tolist())
        self._sums.add(rows)
        self._lists.add(rows)

    def _note(self, name: str, part: slice, same: Callable[[np.ndarray], Bool[np.ndarray, " n"]]) -> None:
        made = self._rows.get(name)
        if made is not None:
            other = part.start + np.flatnonzero(~same(np.asarray(made[part])))
            self._other.setdefault(name, []).extend(other.tolist())

    def tell(self) -> None:
        """Add an error for each file that is not that of the shards."""
        for name, images in self._other.items():
            if images:
                self._found.append(_differs(self._folder / name, images))
        if self._all_read and self._tables is not None and not self._tables_are_of_the_shards(self._tables):
            self._found.append(_other_tables(self._folder / TABLES))

    def _tables_are_of_the_shards(self, there: Tables) -> bool:
        sums, lists = self._sums.table(), self._lists.table()
        near = {name: (vars(sums)[name], vars(there.groups)[name]) for name in ("total", "squares")}
        equal = [(sums.groups, there.groups.groups), (sums.count, there.groups.count)]
        equal += [(value, vars(there.extremes)[name]) for name, value in vars(lists).items()]
        return all(np.array_equal(one, other, equal_nan=one.dtype.kind == "f") for one, other in equal) and all(
            one.shape == other.shape and np.allclose(one, other, rtol=_NEAR, atol=_NEAR, equal_nan=True)
            for one, other in near.values()
        )


def _same_bits(made: np.ndarray, expected: np.ndarray) -> Bool[np.ndarray, " n"]:
    """Return which rows have the same bits, also where they are no numbers."""
    bits = np.dtype(f"u{expected.dtype.itemsize}")
    same: Bool[np.ndarray, " n"] = (made.view(bits) == np.ascontiguousarray(expected).view(bits)).all(axis=1)
    return same


def _each(made: np.ndarray, rows: Rows, fits: Callable[[np.ndarray, np.ndarray], bool]) -> Bool[np.ndarray, " n"]:
    """Return for which rows something holds; each is asked about only where it does not hold for all."""
    with np.errstate(all="ignore"):  # a file of other bytes may hold any number
        if fits(made, rows.values):
            return np.ones(len(made), bool)
        one_by_one = [fits(made[[row]], rows.values[[row]]) for row in range(len(made))]
    return np.array(one_by_one, np.bool_)


def _same_images(made: Mapping[str, Any], rows: Rows, probability: Float32[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
    """Return which rows of the table of images are those of a shard."""
    same = np.array([one == other for one, other in zip(Ids(made["id"]), Ids(rows.ids), strict=True)], bool)
    columns = {"index": rows.index, "ok": rows.ok, "label": rows.labels, "answer": rows.answers}
    for name, expected in columns.items():
        same &= made[name].to_numpy(zero_copy_only=False) == expected
    numbers = {"confidence": rows.confidence, "probability": probability}
    for name, expected in numbers.items():
        same &= _same_bits(np.array(made[name].to_numpy(zero_copy_only=False))[:, None], expected[:, None])
    return same


def _read_named_rows(folder: Path, plan: Plan, number: int) -> Rows:
    """Read the rows of a shard, and check the names of its columns, by which other programs read them.

    Raises:
        AtlasError: it is damaged.
    """
    import pyarrow.parquet as pq

    rows = read_rows(folder, plan, number)
    path = shard_path(folder, number)
    if pq.read_schema(path).names != plan.columns:
        raise damaged_shard(path, "its columns have other names than they should")
    return rows


def _check_sheet(folder: Path, plan: Plan, number: int) -> None:
    """Check that the thumbnails of a shard can be decoded, and are those that it was written with.

    Raises:
        AtlasError: they cannot, are too few, or others.
    """
    path = sheet_path(folder, number)
    if len(read_sheet(path, plan.side)) < plan.size(number) or not _is_as_written(path, folder, plan, number):
        raise damaged_sheet(path)


def _is_as_written(sheet: Path, folder: Path, plan: Plan, number: int) -> bool:
    """Compare thumbnails with the checksum in their shard; True where there is none, or the shard itself is damaged."""
    try:
        expected = sheet_digest(folder, plan, number)
    except AtlasError:
        return True
    return expected is None or sha256_of(sheet) == expected


def _check_additions(folder: Path) -> None:
    """Check what was added to a whole atlas: the user's columns, the nearest images, and the map by t-SNE.

    Raises:
        AtlasError: one of them is damaged, or of another atlas.
    """
    atlas = open_atlas(folder)  # reads METADATA
    if (folder / NEAREST).exists() and not is_prepared(atlas):
        raise AtlasError(
            "atlas.damaged-nearest",
            "{path} is damaged, of another atlas, or made by an earlier version; delete it, and it is made again when "
            "it is needed",
            path=str(folder / NEAREST),
        )
    if (folder / MAP).exists():
        stored_tsne(atlas)


def _differs(path: Path, images: list[int]) -> AtlasError:
    return AtlasError(
        "atlas.differs-from-shards",
        "{path} differs from the shards in {count} of its rows, the first of image {first}; delete it, and build the "
        "atlas again, which makes it from the shards",
        path=str(path),
        count=len(images),
        first=images[0],
    )


def _other_tables(path: Path) -> AtlasError:
    return AtlasError(
        "atlas.tables-of-others",
        "{path} holds other sums or lists than the shards give; delete it, and build the atlas again, which makes it "
        "from the shards",
        path=str(path),
    )
