"""Where scorecards are kept, finished ones and those that are not: beside the checkpoint, or in the cache folder."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

import numpy as np

from cbam_core.errors import CbamError, DataError
from cbam_core.evidence.answers import Answers, State
from cbam_core.places import cache_folder
from cbam_core.results.arrays import read_arrays, write_arrays
from cbam_core.results.score import Score
from cbam_core.results.score_file import LARGEST, read_score, write_score

FOLDER = "scores"
"""Name of the folder of scorecards in the cache folder."""

log = logging.getLogger("cbam_lens")


def kept_path(key: str) -> Path:
    """Return the path of a scorecard in the cache folder.

    Args:
        key: what it is the scorecard of, see `cbam_core.evidence.scoring.Scoring.key`.

    Raises:
        DataError: this user has no home folder, and no other folder was named.
    """
    return cache_folder() / FOLDER / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.npz"


def state_path(key: str) -> Path:
    """Return the path of a scorecard that is not finished; see `kept_path`."""
    return kept_path(key).with_suffix(".part.npz")


def open_kept(path: Path, digest: str, images: str | None = None, count: int | None = None) -> Score | None:
    """Read a scorecard if there is one of a network and some images.

    Args:
        path: path of the file.
        digest: digest of the network.
        images: name of the images; None for any.
        count: number of images, with those that were left out; None for any.
    """
    if not path.is_file():
        return None
    try:
        score = read_score(path)
    except DataError as error:
        log.warning("%s", error)
        return None
    fits = (
        score.digest == digest and images in (None, score.images) and count in (None, score.count + len(score.left_out))
    )
    return score if fits else None


def keep(score: Score, paths: list[Path]) -> Path | None:
    """Write a scorecard to the first of several paths that can be written; return which, or None for none."""
    for path in paths:
        try:
            write_score(score, path)
        except OSError as error:
            log.info("%s: %s", path, error)
        else:
            return path
    return None


def save_state(state: State) -> bool:
    """Keep answers so far in the cache folder; return whether that was possible.

    Those of a network without a digest are not kept, because nothing would say whose they are.
    """
    if not state.digest:
        return False
    best = list(state.best.items())
    arrays = {
        "key": np.array(state.key),
        "digest": np.array(state.digest),
        "names": np.array([name for name, _ in best], dtype=np.str_),
        "best": np.array([pair for _, pair in best], dtype=np.float64).reshape(-1, 2),
        "predicted": state.answers.predicted,
        "loss": state.answers.loss,
        "confidence": state.answers.confidence,
    }
    try:
        write_arrays(state_path(state.key), arrays)
    except (OSError, CbamError) as error:
        log.info("answers so far are not kept: %s", error)
        return False
    return True


def open_state(key: str) -> State | None:
    """Read the answers so far of a scorecard; None where there are none."""
    try:
        arrays = read_arrays(state_path(key), largest=LARGEST)
        predicted, loss, confidence = (arrays[name] for name in ("predicted", "loss", "confidence"))
        if str(arrays["key"].item()) != key or not predicted.shape == loss.shape == confidence.shape:
            return None
        pairs = zip(arrays["names"].tolist(), arrays["best"].tolist(), strict=True)
        best = {str(name): (float(first), float(second)) for name, (first, second) in pairs}
        return State(key, best, Answers(predicted, loss, confidence), str(arrays["digest"].item()))
    except (OSError, CbamError, ValueError, KeyError, TypeError):
        return None


def forget_state(key: str) -> None:
    """Remove the answers so far of a scorecard that is finished."""
    try:
        state_path(key).unlink(missing_ok=True)
    except (OSError, CbamError) as error:
        log.info("answers so far are not removed: %s", error)
