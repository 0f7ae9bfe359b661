"""A shard of an atlas as a pure function of a network, a data set, a plan and a number.

Batches are cut in the same places and torch computes with one thread, so that a shard has the same bits whoever
computes it on one kind of machine: this process, a thread of it, or a machine of a cluster.
"""

from __future__ import annotations

import errno

import numpy as np
import torch
from jaxtyping import Float16, Float32, Int, UInt8

from cbam_core.atlas.plan import Plan
from cbam_core.atlas.shards import Shard
from cbam_core.atlas.sheets import blank_sheet, lay
from cbam_core.data.dataset import Dataset, image_ids
from cbam_core.data.fitting import fit_image
from cbam_core.errors import AtlasError, ImageError
from cbam_core.evaluation.not_finite import naming_images
from cbam_core.evaluation.readable import read_images
from cbam_core.network import Classifier
from cbam_core.observing import Observation, batch_size, batches, observe
from cbam_core.workers import workers_side_by_side


def compute_shard(classifier: Classifier, dataset: Dataset, plan: Plan, number: int) -> Shard:
    """Compute one shard of an atlas.

    Args:
        classifier: the network of the plan; it is not changed.
        dataset: the images of the plan.
        plan: plan of the atlas.
        number: number of the shard, from 0.

    Raises:
        AtlasError: the network has other gates for these images than in the plan, or an image cannot be read now.
        CaptureError, ModelError: as `cbam_core.observing.observe`.
    """
    shard = blank_shard(dataset, plan, number)
    with workers_side_by_side():
        for rows in parts_of(classifier, plan, number):
            compute_part(classifier, dataset, plan, rows, shard)
    return shard


def blank_shard(dataset: Dataset, plan: Plan, number: int) -> Shard:
    """Return a shard whose images were not shown yet, for `compute_part` to fill."""
    rows, count = plan.rows(number), plan.size(number)
    labels = np.full(count, -1) if dataset.labels is None else np.asarray(dataset.labels[rows])
    return Shard(
        number=number,
        index=np.arange(rows.start, rows.stop, dtype=np.int64),
        ids=list(image_ids(dataset, rows)),
        ok=np.zeros(count, bool),
        labels=labels.astype(np.int32),
        logits=np.full((count, plan.classes), np.nan, np.float32),
        values=np.full((count, plan.width), np.nan, np.float16),
        sheet=blank_sheet(plan, number),
        sigmoids=plan.network.sigmoids,
    )


def parts_of(classifier: Classifier, plan: Plan, number: int) -> list[slice]:
    """Return the images of each batch of a shard."""
    rows = plan.rows(number)
    parts = batches(rows.stop - rows.start, batch_size(classifier))
    return [slice(rows.start + part.start, rows.start + part.stop) for part in parts]


def compute_part(classifier: Classifier, dataset: Dataset, plan: Plan, rows: slice, shard: Shard) -> None:
    """Compute one batch of a shard; torch must be set to one thread.

    Args:
        classifier: the network of the plan; it is not changed.
        dataset: the images of the plan.
        plan: plan of the atlas.
        rows: which images of the set.
        shard: the shard that has them. What others compute of it meanwhile is left alone.

    Raises:
        AtlasError, CaptureError, ModelError: as `compute_shard`.
    """
    read = read_images(classifier, dataset.images, rows)
    for error in read.errors.values():
        _check_damaged(error)
    if not read.pixels:
        return
    pixels = np.array(read.pixels)
    with naming_images(classifier, dataset, lambda: (pixels, read.numbers)):
        seen = observe(classifier, pixels)
    places = np.array(read.numbers) - shard.index[0]
    shard.ok[places] = True
    shard.logits[places] = seen.logits
    _put_gates(plan, seen, shard.values, places)
    lay(shard.sheet, _thumbnails(pixels, plan.side), places)


def _check_damaged(error: ImageError) -> None:
    """Check that an image is damaged, and not just out of reach, so that it may be marked for good.

    Raises:
        AtlasError: it is out of reach.
    """
    cause = error.__cause__
    passing = isinstance(cause, OSError) and cause.errno not in (None, errno.EACCES, errno.EPERM)
    if error.code == "image.missing" or passing:
        raise AtlasError(
            "atlas.image-out-of-reach",
            "{reason}; once it can be read, build the atlas again: it goes on where it was",
            reason=str(error),
        ) from error


def _put_gates(
    plan: Plan, seen: Observation, values: Float16[np.ndarray, "n d"], places: Int[np.ndarray, " b"]
) -> None:
    """Put the values of all gates of some images side by side.

    Numbers beyond the range of float16 become its largest; infinite ones stay infinite.

    Args:
        plan: plan of the atlas.
        seen: what the network showed.
        values: values of all gates of a shard, of which some rows are changed.
        places: which rows.

    Raises:
        AtlasError: the gates differ from those of the plan.
    """
    kept = [gate for gate in seen.gates if gate.name not in plan.left_out]
    shapes = [(gate.name, gate.values.shape[1:]) for gate in kept]
    expected = [(gate.name, gate.shape) for gate in plan.gates]
    if shapes != expected:
        raise AtlasError(
            "atlas.other-gates",
            "the gates of {name} differ between images: {given}, where a black image has {expected}; an atlas needs "
            "the same gates for every image",
            name=plan.network.name or "this network",
            given=_listed(shapes),
            expected=_listed(expected),
        )
    flat = torch.cat([torch.from_numpy(gate.values).flatten(1) for gate in kept], dim=1)
    values[places] = _as_float16(flat).numpy()


def _as_float16(values: Float32[torch.Tensor, "b d"]) -> Float16[torch.Tensor, "b d"]:
    most = torch.finfo(torch.float16).max
    narrow = values.clamp(-most, most).half()
    if bool(values.abs().amax() <= torch.finfo(torch.float32).max):  # all are finite
        return narrow
    return torch.where(values.isinf(), values.half(), narrow)


def _listed(gates: list[tuple[str, tuple[int, ...]]]) -> str:
    said = [f"{name} ({' x '.join(map(str, shape))})" for name, shape in gates[:4]]
    return ", ".join(said) + (", ..." if len(gates) > 4 else "") if said else "none"


def _thumbnails(pixels: UInt8[np.ndarray, "b h w 3"], side: int) -> UInt8[np.ndarray, "b side side 3"]:
    """Return the middle of each image as a small square."""
    if pixels.shape[1:3] == (side, side):
        return pixels
    return np.stack([fit_image(image, (side, side), "crop")[0] for image in pixels])
