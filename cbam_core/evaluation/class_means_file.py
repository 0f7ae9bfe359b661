"""Class means of a network in the cache folder: one NPZ file without pickle, named by the digest of the weights.

They can be computed again, so a file that is damaged or of another version is ignored.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cbam_core.errors import DataError
from cbam_core.places import cache_folder
from cbam_core.results.arrays import read_arrays, write_arrays
from cbam_core.results.explanation import Block, Gate, blocks_of, own_copy
from cbam_core.results.kinds import as_kind
from cbam_core.results.means import GateMeans
from cbam_core.results.placement import Placement

VERSION = 3
"""Version of the file's contents, a part of its name."""

LARGEST = 50_000_000
"""Largest unpacked size of a file in bytes; the shipped networks' files of ten classes have less than 400,000."""

ClassMeans = dict[str, GateMeans]


def class_means_path(digest: str, split: str) -> Path:
    """Return the path of the class means of a network over a split.

    Args:
        digest: SHA-256 of the network's weights file.
        split: name of the split, such as ``"test"``.

    Raises:
        DataError: this user has no home folder, and no other folder was named.
    """
    return cache_folder() / "summaries" / f"gates-{VERSION}-{split}-{digest}.npz"


def save_class_means(summaries: Mapping[str, GateMeans], path: Path) -> bool:
    """Write class means, complete or not at all; return whether that was possible."""
    try:
        write_arrays(path, _as_arrays(summaries))
    except OSError as error:
        logging.getLogger("cbam_lens").warning("summaries are not kept: %s", error)
        return False
    return True


def open_class_means(path: Path) -> ClassMeans | None:
    """Read saved class means; None where there is no valid file."""
    try:
        return _from_arrays(read_arrays(path, largest=LARGEST))
    except FileNotFoundError:
        return None
    except (DataError, OSError, ValueError, KeyError, IndexError, TypeError) as error:  # arrays that do not fit
        logging.getLogger("cbam_lens").warning("kept means cannot be read: %s", type(error).__name__)
        return None


def _as_arrays(summaries: Mapping[str, GateMeans]) -> dict[str, np.ndarray]:
    every = [*summaries.values()]
    if not every:
        raise DataError("summary.empty", "there are no explanations to take a mean of")
    first = every[0]
    known = {name: at for at, name in enumerate(first.classes)}
    gates = [(at, gate) for at, block in enumerate(first.blocks) for gate in block.gates]
    arrays: dict[str, np.ndarray] = {
        "names": np.array([*summaries]),
        "classes": np.array(first.classes),
        "count": np.array([one.count for one in every], np.int64),
        "probabilities": np.stack([one.probabilities for one in every]),
        "predicted": np.array([known[name] for one in every for name in one.predicted], np.int64),
        "blocks": np.array([block.name for block in first.blocks]),
        "gate_blocks": np.array([at for at, _ in gates], np.int64),
        "gate_names": np.array([gate.name for _, gate in gates], np.str_),
        "gate_kinds": np.array([gate.kind for _, gate in gates], np.str_),
        "gate_calls": np.array([gate.call for _, gate in gates], np.int64),
        "placements": np.array([_numbers(block.placement) for block in first.blocks], np.float64).reshape(-1, 7),
    }
    for measure, stacks in (("mean", [one.blocks for one in every]), ("deviation", [one.deviation for one in every])):
        columns = zip(*(_values(blocks) for blocks in stacks), strict=True)
        arrays |= {f"{measure}.{number}": np.stack(column) for number, column in enumerate(columns)}
    return arrays


def _values(blocks: tuple[Block, ...]) -> list[np.ndarray]:
    return [gate.values for block in blocks for gate in block.gates]


def _numbers(placement: Placement | None) -> tuple[float, ...]:
    return (np.nan,) * 7 if placement is None else placement.as_numbers()


def _from_arrays(arrays: dict[str, np.ndarray]) -> ClassMeans:
    classes, ends = tuple(arrays["classes"].tolist()), np.cumsum(arrays["count"]).tolist()
    starts = [0, *ends[:-1]]
    if ends[-1] != arrays["predicted"].size:
        raise ValueError("counts and answers differ")
    return {
        name: GateMeans(
            count=int(arrays["count"][at]),
            blocks=_blocks(arrays, "mean", at),
            deviation=_blocks(arrays, "deviation", at),
            classes=classes,
            probabilities=own_copy(arrays["probabilities"][at]),
            predicted=tuple(classes[index] for index in arrays["predicted"][starts[at] : ends[at]].tolist()),
        )
        for at, name in enumerate(arrays["names"].tolist())
    }


def _blocks(arrays: dict[str, np.ndarray], measure: str, at: int) -> tuple[Block, ...]:
    names, grids = arrays["blocks"].tolist(), map(_placement, arrays["placements"].tolist())
    placements = {name: grid for name, grid in zip(names, grids, strict=True) if grid is not None}
    columns = (arrays[f"gate_{column}"].tolist() for column in ("blocks", "names", "kinds", "calls"))
    gates = (
        (names[block], Gate(name, as_kind(kind), call, own_copy(arrays[f"{measure}.{number}"][at])))
        for number, (block, name, kind, call) in enumerate(zip(*columns, strict=True))
    )
    return blocks_of(gates, placements)


def _placement(numbers: list[Any]) -> Placement | None:
    return None if np.isnan(numbers[0]) else Placement.from_numbers(numbers)
