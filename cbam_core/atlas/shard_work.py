"""A shard of an atlas as a pure function of a network, a data set, a plan and a number.

Batches are cut in the same places and torch computes with one thread, so that a shard has the same bits whoever
computes it on one kind of machine: this process, a thread of it, or a machine of a cluster.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float16, Float32, UInt8

from cbam_core.atlas.plan import Plan
from cbam_core.atlas.shards import Shard
from cbam_core.data.dataset import Dataset, Pixels, image_ids
from cbam_core.data.fitting import fit_image
from cbam_core.errors import AtlasError
from cbam_core.evaluation.readable import read_images
from cbam_core.network import Classifier
from cbam_core.observing import Observation, batch_size, batches, observe
from cbam_core.workers import workers_side_by_side


@dataclass(frozen=True, eq=False)
class ShardPart:
    """Results of one batch of a shard.

    Attributes:
        ok: whether each image could be decoded.
        logits: float32 (b, K); NaN for images that could not.
        values: values of all gates, float16 (b, D); NaN for those too.
        thumbnails: uint8 RGB (b, side, side, 3); black for those.
    """

    ok: Bool[np.ndarray, " b"]
    logits: Float32[np.ndarray, "b k"]
    values: Float16[np.ndarray, "b d"]
    thumbnails: UInt8[np.ndarray, "b s s 3"]


def compute_shard(classifier: Classifier, dataset: Dataset, plan: Plan, number: int) -> Shard:
    """Compute one shard of an atlas.

    Args:
        classifier: the network of the plan; it is not changed.
        dataset: the images of the plan.
        plan: plan of the atlas.
        number: number of the shard, from 0.

    Raises:
        AtlasError: the network has other gates for these images than in the plan.
        CaptureError, ModelError: as `cbam_core.observing.observe`.
    """
    with workers_side_by_side():
        parts = [compute_part(classifier, dataset, plan, rows) for rows in parts_of(classifier, plan, number)]
    return join_parts(dataset, plan, number, parts)


def parts_of(classifier: Classifier, plan: Plan, number: int) -> list[slice]:
    """Return the images of each batch of a shard."""
    rows = plan.rows(number)
    parts = batches(rows.stop - rows.start, batch_size(classifier))
    return [slice(rows.start + part.start, rows.start + part.stop) for part in parts]


def compute_part(classifier: Classifier, dataset: Dataset, plan: Plan, rows: slice) -> ShardPart:
    """Compute one batch of a shard; torch must be set to one thread.

    Raises:
        AtlasError, CaptureError, ModelError: as `compute_shard`.
    """
    read = read_images(classifier, dataset.images, rows)
    ok = np.array([number not in read.errors for number in range(rows.start, rows.stop)])
    found = _shown(classifier, plan, read.pixels) if read.pixels else None
    if found is not None and ok.all():
        return ShardPart(ok, *found)
    count = len(ok)
    part = ShardPart(
        ok=ok,
        logits=np.full((count, plan.classes), np.nan, np.float32),
        values=np.full((count, plan.width), np.nan, np.float16),
        thumbnails=np.zeros((count, plan.side, plan.side, 3), np.uint8),
    )
    if found is not None:
        part.logits[ok], part.values[ok], part.thumbnails[ok] = found
    return part


def _shown(
    classifier: Classifier, plan: Plan, images: list[Pixels]
) -> tuple[Float32[np.ndarray, "b k"], Float16[np.ndarray, "b d"], UInt8[np.ndarray, "b s s 3"]]:
    """Show the network some images; return logits, values of all gates, and thumbnails."""
    seen = observe(classifier, images)
    return seen.logits, _row_of_gates(plan, seen), np.stack([_thumbnail(image, plan.side) for image in images])


def join_parts(dataset: Dataset, plan: Plan, number: int, parts: Sequence[ShardPart]) -> Shard:
    """Put the batches of a shard together."""
    rows = plan.rows(number)
    count = rows.stop - rows.start
    labels = np.full(count, -1) if dataset.labels is None else np.asarray(dataset.labels[rows])
    return Shard(
        number=number,
        index=np.arange(rows.start, rows.stop, dtype=np.int64),
        ids=list(image_ids(dataset, rows)),
        ok=np.concatenate([part.ok for part in parts]),
        labels=labels.astype(np.int32),
        logits=np.concatenate([part.logits for part in parts]),
        values=np.concatenate([part.values for part in parts]),
        thumbnails=np.concatenate([part.thumbnails for part in parts]),
    )


def _row_of_gates(plan: Plan, seen: Observation) -> Float16[np.ndarray, "b d"]:
    """Return the values of all gates of each image, side by side.

    Numbers beyond the range of float16 become its largest.

    Raises:
        AtlasError: the gates differ from those of the plan.
    """
    kept = [gate for gate in seen.gates if gate.name not in plan.left_out]
    if [(gate.name, gate.values.shape[1:]) for gate in kept] != [(gate.name, gate.shape) for gate in plan.gates]:
        raise AtlasError(
            "atlas.other-gates",
            "the gates of {name} differ between images: {given}, where a black image has {expected}; an atlas needs "
            "the same gates for every image",
            name=plan.network.name or "this network",
            given=_listed([gate.name for gate in kept]),
            expected=_listed([gate.name for gate in plan.gates]),
        )
    most = float(np.finfo(np.float16).max)
    flat = [gate.values.reshape(len(gate.values), -1) for gate in kept]
    within = [one if gate.squashed else one.clip(-most, most) for gate, one in zip(kept, flat, strict=True)]
    return np.concatenate(within, axis=1, dtype=np.float16, casting="same_kind")


def _listed(names: list[str]) -> str:
    return ", ".join(names[:4]) + (", ..." if len(names) > 4 else "") if names else "none"


def _thumbnail(image: Pixels, side: int) -> UInt8[np.ndarray, "s s 3"]:
    """Return the middle of an image as a small square."""
    if image.shape[:2] == (side, side):
        return image
    return fit_image(image, (side, side), "crop")[0]
