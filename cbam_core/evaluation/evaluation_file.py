"""An evaluation saved beside its checkpoint: one NPZ file without pickle, opened without torch.

The file holds the SHA-256 of the weights, so that it is never used for other weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from cbam_core.errors import DataError, TrainingError, reason_of
from cbam_core.files import beside, full_disk, sha256_of
from cbam_core.results.arrays import read_arrays, write_arrays
from cbam_core.results.evaluation import Evaluation

SUFFIX = ".evaluation.npz"

LARGEST = 20_000_000
"""Largest unpacked size of a file in bytes; that of 10,000 images and ten classes has 220,000."""


def evaluation_path(checkpoint: Path) -> Path:
    """Return the path of a checkpoint's evaluation: ``net.evaluation.npz`` beside ``net.safetensors``."""
    return beside(checkpoint, SUFFIX)


def save_evaluation(evaluation: Evaluation, checkpoint: Path) -> Path:
    """Write an evaluation beside its checkpoint, complete or not at all; replace an older one.

    Returns:
        Path of the file.

    Raises:
        TrainingError: the folder cannot be written.
    """
    path = evaluation_path(checkpoint)
    arrays = {
        "classes": np.array(evaluation.classes),
        "labels": evaluation.labels,
        "predicted": evaluation.predicted,
        "levels": evaluation.levels,
        "split": np.array(evaluation.split),
        "digest": np.array(evaluation.digest),
    }
    try:
        write_arrays(path, arrays)
    except OSError as error:
        raise full_disk(error, path, TrainingError, "evaluation.unwritable") or TrainingError(
            "evaluation.unwritable",
            "cannot write {path}: {reason}; move the checkpoint to a folder that you may write to",
            path=str(path),
            reason=reason_of(error),
        ) from error
    return path


def open_evaluation(checkpoint: Path, digest: str | None = None) -> Evaluation:
    """Read the evaluation that was saved beside a checkpoint; its arrays are read-only.

    Args:
        checkpoint: file of weights; it is read only if `digest` is None.
        digest: SHA-256 of that file, if it is known.

    Raises:
        TrainingError: it is missing, damaged, or of other weights; the message says how to make one.
        OSError: the checkpoint cannot be read.
    """
    path = evaluation_path(checkpoint)
    try:
        evaluation = _from_arrays(read_arrays(path, largest=LARGEST))
    except (FileNotFoundError, NotADirectoryError):
        raise TrainingError(
            "evaluation.none",
            "{checkpoint} has not been evaluated yet; run `cbam evaluate --checkpoint {checkpoint} --keep`",
            checkpoint=str(checkpoint),
        ) from None
    except (DataError, ValueError, OSError) as error:
        raise TrainingError(
            "evaluation.unreadable",
            "{path} is not an evaluation that this version reads; run `cbam evaluate --checkpoint {checkpoint} "
            "--keep` to replace it",
            path=str(path),
            checkpoint=str(checkpoint),
        ) from error
    if evaluation.digest != (sha256_of(checkpoint) if digest is None else digest):
        raise TrainingError(
            "evaluation.other-weights",
            "{path} belongs to other weights than those in {checkpoint}; run `cbam evaluate --checkpoint "
            "{checkpoint} --keep` to replace it",
            path=str(path),
            checkpoint=str(checkpoint),
        )
    return evaluation


def _from_arrays(arrays: Mapping[str, np.ndarray]) -> Evaluation:
    _check(arrays)
    return Evaluation(
        classes=tuple(arrays["classes"].tolist()),
        labels=arrays["labels"],
        predicted=arrays["predicted"],
        levels=arrays["levels"],
        split=str(arrays["split"]),
        digest=str(arrays["digest"]),
    )


def _check(arrays: Mapping[str, np.ndarray]) -> None:
    """Check that the arrays fit each other.

    Raises:
        ValueError: they do not.
    """
    if not arrays.keys() >= {"classes", "labels", "predicted", "levels", "split", "digest"}:
        raise ValueError("an array is missing")
    images, classes = arrays["labels"].size, arrays["classes"].size
    expected = {
        "classes": ("U", (classes,)),
        "labels": ("u1", (images,)),
        "predicted": ("u1", (images,)),
        "levels": ("u2", (images, classes)),
        "split": ("U", ()),
        "digest": ("U", ()),
    }
    for name, (kind, shape) in expected.items():
        array = arrays[name]
        if not np.issubdtype(array.dtype, np.dtype(kind).type) or array.shape != shape:
            raise ValueError(f"{name} is {array.dtype} {array.shape}")
    if images and max(arrays["labels"].max(), arrays["predicted"].max()) >= classes:
        raise ValueError("a class without a name")
