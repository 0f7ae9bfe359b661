"""An atlas of any number of images that do not exist, with the statistics of real gates."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from cbam_core.atlas.atlas import Atlas
from cbam_core.atlas.finishing import conclude, gathering, projecting_steps, write_images
from cbam_core.atlas.plan import Plan, write_plan
from cbam_core.atlas.shards import Rows, answers_of, probabilities_of


def enlarge(atlas: Atlas, folder: Path, count: int) -> Path:
    """Write the files that queries read, without shards and thumbnails.

    Each row lies at a random place between the rows of two images of one class, so that classes, ranges and
    neighbourhoods are those of real gates.

    Args:
        atlas: a real atlas, with labels.
        folder: an empty folder.
        count: number of images.

    Returns:
        The folder.
    """
    real = Plan.from_dict(atlas.facts)
    plan = replace(real, images=replace(real.images, title=f"synthetic:{count}", count=count))
    write_plan(folder, plan)
    with gathering(folder, plan) as gathered:
        for number in range(plan.shards):
            gathered.add(_rows(atlas, plan, number))
    write_images(folder, gathered)
    for _ in projecting_steps(folder, plan, gathered):
        pass
    conclude(folder, plan, gathered)
    return folder


def _rows(atlas: Atlas, plan: Plan, number: int) -> Rows:
    place = plan.rows(number)
    count = place.stop - place.start
    draws = np.random.default_rng(number)
    labels = draws.integers(0, len(plan.images.classes), count).astype(np.int32)
    first, second = (_of_classes(atlas, labels, draws) for _ in range(2))
    share = draws.random((count, 1), np.float32)
    values = _between(atlas.contents.values, first, second, share).astype(np.float16)
    logits = _between(atlas.logits, first, second, share)
    ok = np.ones(count, bool)
    answers = answers_of(logits, ok)
    index = np.arange(place.start, place.stop, dtype=np.int64)
    ids = pa.array([f"synthetic/{one}" for one in index.tolist()])
    return Rows(
        ids=ids,
        index=index,
        ok=ok,
        labels=labels,
        answers=answers,
        confidence=probabilities_of(logits, answers),
        logits=logits,
        values=values,
    )


def _of_classes(atlas: Atlas, labels: np.ndarray, draws: np.random.Generator) -> np.ndarray:
    """Draw an image of each class that is asked for."""
    found = np.empty(len(labels), np.int64)
    for label in range(int(labels.max()) + 1):
        own = labels == label
        found[own] = draws.choice(atlas.select({"class": label}), own.sum())
    return found


def _between(rows: np.ndarray, first: np.ndarray, second: np.ndarray, share: np.ndarray) -> np.ndarray:
    one = rows[first].astype(np.float32)
    return one + share * (rows[second].astype(np.float32) - one)
