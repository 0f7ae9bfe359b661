"""A scorecard in a file: one NPZ without pickle, which may be untrusted.

For every edit the file holds how the answer to each image changes, so that each count, interval and verdict can be
computed again, also for a part of the images.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np

from cbam_core.errors import DataError
from cbam_core.files import beside
from cbam_core.results.arrays import read_arrays, write_arrays
from cbam_core.results.kinds import as_kind
from cbam_core.results.left_out import LeftOut
from cbam_core.results.paired import MeanChange
from cbam_core.results.receipt import Proof
from cbam_core.results.score import GateFacts, Score, ScoredEdit
from cbam_core.results.score_rows import Twin
from cbam_core.results.score_words import EDIT_WORDS
from cbam_core.results.usual import Shares

SUFFIX = ".score.npz"
"""Ending of the name of a file with a scorecard; it starts like that of its checkpoint."""

LARGEST = 200_000_000
"""Largest unpacked size of a file in bytes; that of a network with 12 gates and 10,000 images has 1,200,000."""


def score_path(checkpoint: Path) -> Path:
    """Return the path of a checkpoint's scorecard: ``net.score.npz`` beside ``net.safetensors``."""
    return beside(checkpoint, SUFFIX)


def write_score(score: Score, path: Path) -> None:
    """Write a scorecard, complete or not at all.

    Raises:
        OSError: the folder cannot be written.
    """
    classes = len(score.classes)
    numbers = [(edit.loss, edit.confidence) for edit in score.edits]
    facts = [(*astuple(gate)[2:7], *astuple(gate.shares), _number(gate.between)) for gate in score.gates]
    after = np.array([edit.predicted for edit in score.edits], score.predicted.dtype).reshape(-1, score.count)
    arrays: dict[str, np.ndarray] = {
        "digest": np.array(score.digest),
        "images": np.array(score.images),
        "classes": np.array(score.classes, dtype=np.str_),
        "labels": score.labels,
        "predicted": score.predicted,
        "plain": np.array([score.loss, score.confidence]),
        "gates": np.array([(gate.name, gate.kind) for gate in score.gates], dtype=np.str_).reshape(-1, 2),
        "facts": np.array(facts).reshape(-1, 9),
        "edits": np.array([(edit.gate, edit.edit) for edit in score.edits], dtype=np.str_).reshape(-1, 2),
        "changes": ((after.astype(np.int64) - score.predicted) % classes).astype(score.predicted.dtype),
        "numbers": np.array([[_four(part) for part in pair] for pair in numbers]).reshape(-1, 2, 4),
        "proof": np.array(astuple(score.proof), dtype=np.float64),
        "usual": np.array(score.usual),
        "usual_count": np.array(score.usual_count),
        "twins": np.array([(twin.group, twin.recipe) for twin in score.twins], dtype=np.str_).reshape(-1, 2),
        "twin_numbers": np.array([(twin.points, twin.reach, twin.pairs) for twin in score.twins]).reshape(-1, 3),
    }
    if score.left_out:
        arrays["left_out"] = np.array([image.number for image in score.left_out])
        arrays["left_out_names"] = np.array([image.name for image in score.left_out], dtype=np.str_)
    write_arrays(path, arrays)


def read_score(path: Path) -> Score:
    """Read a scorecard; its arrays are read-only.

    Raises:
        DataError: the file is missing, damaged, or has other contents.
    """
    try:
        return _from_arrays(read_arrays(path, largest=LARGEST))
    except (DataError, OSError, ValueError, KeyError, TypeError, OverflowError, IndexError) as error:
        raise DataError(
            "score.unreadable", "{path} does not hold the scorecard of a network; create it again", path=str(path)
        ) from error


def _number(between: float | None) -> float:
    return np.nan if between is None else between


def _four(change: MeanChange) -> tuple[float, ...]:
    return change.mean, change.difference, *change.interval


def _from_arrays(arrays: Mapping[str, np.ndarray]) -> Score:
    _check(arrays)
    classes = tuple(arrays["classes"].tolist())
    count, gates, kept, distance = arrays["proof"].tolist()
    loss, confidence = arrays["plain"].tolist()
    return Score(
        digest=str(arrays["digest"].item()),
        images=str(arrays["images"].item()),
        classes=classes,
        labels=arrays["labels"],
        predicted=arrays["predicted"],
        loss=loss,
        confidence=confidence,
        gates=tuple(map(_facts, arrays["gates"].tolist(), arrays["facts"].tolist())),
        edits=_edits(arrays, len(classes)),
        proof=Proof(int(count), int(gates), int(kept), distance),
        usual=str(arrays["usual"].item()),
        usual_count=int(arrays["usual_count"].item()),
        twins=tuple(
            Twin(str(group), points, reach, int(pairs), str(recipe))
            for (group, recipe), (points, reach, pairs) in zip(
                arrays["twins"].tolist(), arrays["twin_numbers"].tolist(), strict=True
            )
        ),
        left_out=_left_out(arrays),
    )


def _left_out(arrays: Mapping[str, np.ndarray]) -> tuple[LeftOut, ...]:
    if "left_out" not in arrays:
        return ()
    numbers, names = arrays["left_out"], arrays["left_out_names"]
    if numbers.dtype.kind != "i" or names.dtype.kind != "U" or numbers.ndim != 1 or names.shape != numbers.shape:
        raise ValueError("the images that are left out have no numbers or names")
    whole = len(numbers) + arrays["labels"].size
    if len(np.unique(numbers)) < len(numbers) or not ((numbers >= 0) & (numbers < whole)).all():
        raise ValueError("an image that is left out is none of the set")
    return tuple(LeftOut(*pair) for pair in zip(numbers.tolist(), names.tolist(), strict=True))


def _facts(name: list[str], numbers: list[float]) -> GateFacts:
    mean, deviation, closed, opened, lowest, fixed, gain, pattern, between = numbers
    return GateFacts(
        name=name[0],
        kind=as_kind(name[1]),
        mean=mean,
        deviation=deviation,
        closed=closed,
        open=opened,
        lowest=lowest,
        shares=Shares(fixed, gain, pattern),
        between=None if np.isnan(between) else between,
    )


def _edits(arrays: Mapping[str, np.ndarray], classes: int) -> tuple[ScoredEdit, ...]:
    before = arrays["predicted"]
    predicted = ((arrays["changes"].astype(np.int64) + before) % classes).astype(before.dtype)
    predicted.setflags(write=False)
    return tuple(
        ScoredEdit(gate, edit, answers, _mean_change(loss), _mean_change(confidence))
        for (gate, edit), answers, (loss, confidence) in zip(
            arrays["edits"].tolist(), predicted, arrays["numbers"].tolist(), strict=True
        )
    )


def _mean_change(numbers: list[float]) -> MeanChange:
    mean, difference, low, high = numbers
    return MeanChange(mean, difference, (low, high))


def _check(arrays: Mapping[str, np.ndarray]) -> None:
    """Check that the arrays fit each other.

    Raises:
        ValueError: they do not.
        KeyError: one is missing.
    """
    images, classes = arrays["labels"].size, arrays["classes"].size
    rows, gates, twins = (len(np.atleast_1d(arrays[name])) for name in ("edits", "gates", "twins"))
    expected: dict[str, tuple[str, tuple[int, ...]]] = {
        **dict.fromkeys(("digest", "images", "usual"), ("U", ())),
        "classes": ("U", (classes,)),
        **dict.fromkeys(("labels", "predicted"), ("u", (images,))),
        "plain": ("f", (2,)),
        "gates": ("U", (gates, 2)),
        "facts": ("f", (gates, 9)),
        "edits": ("U", (rows, 2)),
        "changes": ("u", (rows, images)),
        "numbers": ("f", (rows, 2, 4)),
        "proof": ("f", (4,)),
        "usual_count": ("i", ()),
        "twins": ("U", (twins, 2)),
        "twin_numbers": ("f", (twins, 3)),
    }
    for name, (kind, shape) in expected.items():
        if arrays[name].dtype.kind != kind or arrays[name].shape != shape:
            raise ValueError(f"{name} is {arrays[name].dtype} {arrays[name].shape}")
        if kind == "f" and name != "facts" and not np.isfinite(arrays[name]).all():
            raise ValueError(f"{name} is not finite")
    _check_values(arrays, images, classes)


def _check_values(arrays: Mapping[str, np.ndarray], images: int, classes: int) -> None:
    """Check that the values can be those of a scorecard.

    Raises:
        ValueError: they cannot.
    """
    if not np.isfinite(arrays["facts"][:, :-1]).all() or np.isinf(arrays["facts"]).any():
        raise ValueError("a fact is not finite")
    if not images or not classes or max(arrays[name].max() for name in ("labels", "predicted")) >= classes:
        raise ValueError("a class without a name, or no images")
    codes: list[Any] = arrays["edits"][:, 1].tolist()
    if not set(codes) <= EDIT_WORDS.keys():
        raise ValueError("an unknown edit")
