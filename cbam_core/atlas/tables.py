"""Small tables of an atlas, gathered shard by shard: sums of groups of images, and both ends of each column.

Sums are of float16 numbers in float64, so that those of parts of a set can be added, and deviations keep their digits.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float16, Float32, Float64, Int32, Int64, UInt64

from cbam_core.atlas.plan import Plan
from cbam_core.atlas.shards import Rows
from cbam_core.errors import AtlasError, DataError
from cbam_core.files import write_atomically
from cbam_core.results.arrays import read_arrays

OTHERS = -2
"""Answer of a group of images with any answer but their label, where there are too many pairs to tell them apart."""

LARGEST_PAIRS = 1 << 27
"""Most bytes of sums for which each pair of label and answer is a group of its own."""

LONGEST = 100
"""Images in a list of highest or lowest values."""

FEWEST = 20_000
"""Largest number of images for which there are no such lists: finding them in the rows is as fast."""

_BLOCK = 1024
"""Images whose sums are computed at once: their numbers in float64 stay in the processor's cache."""

_LARGEST_FILE = 1 << 30


@dataclass(frozen=True, eq=False)
class GroupTable:
    """Sums of the gates of groups of images; together, the groups have every image that could be decoded once.

    Attributes:
        groups: label and answer of each group, int32 (G, 2); -1 for none; see `OTHERS`.
        count: number of images, int64 (G,).
        total: sum of each column, float64 (G, D).
        squares: sum of its squares, float64 (G, D).
    """

    groups: Int32[np.ndarray, "g 2"]
    count: Int64[np.ndarray, " g"]
    total: Float64[np.ndarray, "g d"]
    squares: Float64[np.ndarray, "g d"]


@dataclass(frozen=True, eq=False)
class ExtremeTable:
    """Images with the highest and the lowest values of each column, the most extreme first; ties by number.

    Attributes:
        top_images: numbers of the images, int32 (T, D); no rows for small atlases.
        top_values: their values, float16 (T, D).
        low_images: the same for the lowest values.
        low_values: their values.
    """

    top_images: Int32[np.ndarray, "t d"]
    top_values: Float16[np.ndarray, "t d"]
    low_images: Int32[np.ndarray, "t d"]
    low_values: Float16[np.ndarray, "t d"]


@dataclass(frozen=True, eq=False)
class PrincipalAxes:
    """Mean and principal axes of the rows of gates.

    Attributes:
        mean: mean of each column, float64 (D,); 0 where it is not finite, and such a column is in no axis.
        axes: orthonormal rows, float32 (P, D), the one with most variance first; the largest number of each is above 0.
        share: share of the whole variance along each axis, float64 (P,).
        count: number of rows that they were found from.
    """

    mean: Float64[np.ndarray, " d"]
    axes: Float32[np.ndarray, "p d"]
    share: Float64[np.ndarray, " p"]
    count: int


@dataclass(frozen=True, eq=False)
class Tables:
    """Everything that is gathered.

    Attributes:
        digest: digest of the plan of the atlas.
        groups: sums by label and answer.
        extremes: highest and lowest values.
        axes: principal axes.
    """

    digest: str
    groups: GroupTable
    extremes: ExtremeTable
    axes: PrincipalAxes


@dataclass(eq=False)
class _Sums:
    count: int
    total: Float64[np.ndarray, " d"]
    squares: Float64[np.ndarray, " d"]


class GroupSums:
    """Sums by label and answer, taken in shard by shard.

    Args:
        plan: plan of the atlas.
    """

    def __init__(self, plan: Plan) -> None:
        pairs = (plan.classes + 1) * (len(plan.images.classes) + 1)
        self._pairs = pairs * plan.width * 16 <= LARGEST_PAIRS
        self._sums: dict[tuple[int, ...], _Sums] = {}
        self._width = plan.width
        self._comparable = plan.images.classes == plan.network.classes

    def add(self, rows: Rows) -> None:
        """Add the rows of images that could be decoded."""
        answers = rows.answers
        if not self._pairs:
            right = (answers == rows.labels) & self._comparable
            answers = np.where(right, answers, np.int32(OTHERS))
        keys = np.stack([rows.labels, answers], axis=1)[rows.ok]
        if not len(keys):
            return
        values = rows.values if rows.ok.all() else rows.values[rows.ok]
        for start in range(0, len(keys), _BLOCK):
            self._add(keys[start : start + _BLOCK], values[start : start + _BLOCK])

    def _add(self, keys: Int32[np.ndarray, "n 2"], values: Float16[np.ndarray, "n d"]) -> None:
        order = np.lexsort(keys.T[::-1])
        keys = keys[order]
        cuts = (np.flatnonzero((keys[1:] != keys[:-1]).any(axis=1)) + 1).tolist()
        for start, stop in zip([0, *cuts], [*cuts, len(keys)], strict=True):
            wide = values[order[start:stop]].astype(np.float64)  # group by group: few numbers at once stay in the cache
            one = self._of(tuple(keys[start].tolist()))
            one.count += stop - start
            one.total += wide.sum(axis=0)
            one.squares += np.square(wide, out=wide).sum(axis=0)

    def _of(self, group: tuple[int, ...]) -> _Sums:
        if group not in self._sums:
            self._sums[group] = _Sums(0, np.zeros(self._width), np.zeros(self._width))
        return self._sums[group]

    def table(self) -> GroupTable:
        """Return the sums, in the order of labels and answers."""
        groups = sorted(self._sums)
        sums = [self._sums[group] for group in groups]
        empty = np.zeros((0, self._width))
        return GroupTable(
            np.array(groups, np.int32).reshape(-1, 2),
            np.array([one.count for one in sums], np.int64),
            np.stack([one.total for one in sums]) if sums else empty,
            np.stack([one.squares for one in sums]) if sums else empty,
        )


class ExtremeLists:
    """Highest and lowest values of each column, taken in shard by shard.

    A value and its image are one whole number, so that the largest of these numbers are the highest values, and of
    equal values the first images.

    Args:
        plan: plan of the atlas.
    """

    def __init__(self, plan: Plan) -> None:
        self._most = LONGEST if plan.count > FEWEST else 0
        self._best = np.zeros((2, plan.width, self._most), np.uint64)
        self._count = 0

    def add(self, rows: Rows) -> None:
        """Add the rows of images that could be decoded."""
        if not self._most:
            return
        self._count += int(rows.ok.sum())
        ranks = np.ascontiguousarray(_ranks(rows.values[rows.ok]).T)
        last = np.uint64(0xFFFFFFFF) - rows.index[rows.ok].astype(np.uint64)
        for best, codes in zip(self._best, (ranks, np.where(ranks == 0, 0, _HIGHEST - ranks)), strict=True):
            numbers = (codes.astype(np.uint64) << np.uint64(32)) | last
            both = np.concatenate([best, np.where(codes == 0, np.uint64(0), numbers)], axis=1)
            best[:] = np.partition(both, both.shape[1] - self._most, axis=1)[:, -self._most :]

    def table(self) -> ExtremeTable:
        """Return the lists, no longer than there are images."""
        most = min(self._most, self._count)
        top, low = (np.sort(best, axis=1)[:, ::-1][:, :most].T for best in self._best)
        return ExtremeTable(*_listed(top, lowest=False), *_listed(low, lowest=True))


_HIGHEST = np.uint16(0xFFFF)


def _ranks(values: Float16[np.ndarray, "n d"]) -> np.ndarray:
    """Convert float16 to whole numbers in the same order, from 1; NaN to 0."""
    bits = (values + np.float16(0)).view(np.uint16)  # -0.0 becomes 0.0, its equal
    ranks = np.where(bits & 0x8000, ~bits, bits | 0x8000)
    return np.where(np.isnan(values), np.uint16(0), ranks)


def _listed(numbers: UInt64[np.ndarray, "t d"], *, lowest: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the images and the values that sorted numbers stand for."""
    ranks = (numbers >> np.uint64(32)).astype(np.uint16)
    images = (np.uint64(0xFFFFFFFF) - (numbers & np.uint64(0xFFFFFFFF))).astype(np.int32)
    ranks = _HIGHEST - ranks if lowest else ranks
    bits = np.where(ranks & 0x8000, ranks ^ 0x8000, ~ranks).astype(np.uint16)
    return np.ascontiguousarray(images), np.ascontiguousarray(bits).view(np.float16)


def write_tables(path: Path, tables: Tables) -> None:
    """Write the tables of an atlas, complete or not at all; uncompressed, for they are read whenever it is opened.

    Raises:
        OSError: the folder cannot be written.
    """
    groups, extremes, axes = tables.groups, tables.extremes, tables.axes
    buffer = io.BytesIO()
    np.savez(
        buffer,
        allow_pickle=False,
        digest=np.array(tables.digest),
        groups=groups.groups,
        group_count=groups.count,
        group_sum=groups.total,
        group_squares=groups.squares,
        top_images=extremes.top_images,
        top_values=extremes.top_values,
        low_images=extremes.low_images,
        low_values=extremes.low_values,
        pca_mean=axes.mean,
        pca_axes=axes.axes,
        pca_share=axes.share,
        pca_count=np.array(axes.count),
    )
    write_atomically(path, lambda file: file.write(buffer.getbuffer()))


def read_tables(path: Path) -> Tables:
    """Read the tables of an atlas.

    Raises:
        AtlasError: the file is missing, damaged, or has other contents.
    """
    try:
        found = read_arrays(path, largest=_LARGEST_FILE)
        _check_shapes(found)
        return Tables(
            str(found["digest"]),
            GroupTable(found["groups"], found["group_count"], found["group_sum"], found["group_squares"]),
            ExtremeTable(found["top_images"], found["top_values"], found["low_images"], found["low_values"]),
            PrincipalAxes(found["pca_mean"], found["pca_axes"], found["pca_share"], int(found["pca_count"])),
        )
    except (DataError, OSError, KeyError, TypeError, ValueError) as error:
        raise AtlasError(
            "atlas.damaged-tables",
            "{path} is missing or damaged; build the atlas again, which makes it from the shards",
            path=str(path),
        ) from error


def _check_shapes(found: Mapping[str, np.ndarray]) -> None:
    """Check that arrays have the types and shapes of those that are written.

    Raises:
        KeyError: one is missing.
        ValueError: they have others.
    """
    groups, most, kept = len(found["group_count"]), len(found["top_images"]), len(found["pca_share"])
    wide = found["pca_mean"].size
    expected: Mapping[str, tuple[type[np.generic], tuple[int, ...]]] = {
        "groups": (np.int32, (groups, 2)),
        "group_count": (np.int64, (groups,)),
        "group_sum": (np.float64, (groups, wide)),
        "group_squares": (np.float64, (groups, wide)),
        "top_images": (np.int32, (most, wide)),
        "top_values": (np.float16, (most, wide)),
        "low_images": (np.int32, (most, wide)),
        "low_values": (np.float16, (most, wide)),
        "pca_mean": (np.float64, (wide,)),
        "pca_axes": (np.float32, (kept, wide)),
        "pca_share": (np.float64, (kept,)),
    }
    for name, (kind, shape) in expected.items():
        if found[name].dtype != kind or found[name].shape != shape:
            raise ValueError(f"{name} has another type or shape")


def read_digest(path: Path) -> str:
    """Return the digest in the tables of an atlas; "" where they are missing or damaged."""
    try:
        return read_tables(path).digest
    except AtlasError:
        return ""
