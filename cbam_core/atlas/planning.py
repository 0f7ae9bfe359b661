"""What will an atlas of this network and these images hold? Found by one forward, before any shard is computed."""

from __future__ import annotations

import numpy as np
import torch

import cbam_core
from cbam_core.atlas.fingerprint import listing_digest
from cbam_core.atlas.gate import AtlasGate
from cbam_core.atlas.plan import LARGEST_GATE, LARGEST_SIDE, SHARD_SIZE, ImageSetFacts, NetworkFacts, Plan
from cbam_core.data.corruption import corruption_of
from cbam_core.data.dataset import Dataset, ImageFiles, image_ids, originals_of
from cbam_core.data.dataset_parts import check_names_differ
from cbam_core.errors import AtlasError
from cbam_core.network import Classifier
from cbam_core.network.outputs import outputs_of
from cbam_core.observing import ObservedGate, observe, placements
from cbam_core.workers import workers_side_by_side

LARGEST_SHARD = 4096
"""Most images of a shard: whole batches."""

MOST_PIXELS = LARGEST_SHARD * 32 * 32
"""Pixels of a shard's images, of more images than `SHARD_SIZE`."""

MOST_VALUES = 1 << 25
"""Most values of gates in a shard, 64 MB of them."""


def plan_atlas(classifier: Classifier, dataset: Dataset, *, shard_size: int | None = None) -> Plan:
    """Describe the atlas of a network and a data set.

    Args:
        classifier: the network; one black image goes through it.
        dataset: images, with or without labels.
        shard_size: images of one shard; None for `images_in_shard`.

    Raises:
        AtlasError: there are no images, the network has no gates that an atlas can hold, or `shard_size` is less
            than 1.
        CaptureError, ModelError: as `cbam_core.observing.observe`.
        DataError: two images have one name.
        OSError: a file of the set is missing.
    """
    if not len(dataset):
        raise AtlasError("atlas.no-images", "there are no images in {title}; name a set with some", title=dataset.title)
    if isinstance(originals_of(dataset.images), ImageFiles):  # others are named by number, or their names were checked
        check_names_differ(image_ids(dataset))
    if shard_size is not None and shard_size < 1:
        raise AtlasError(
            "atlas.shard-size", "shard_size has to be at least 1, a number of images; given {given}", given=shard_size
        )
    width, height = classifier.input_size
    with workers_side_by_side():  # a second thread would wait in a loop for some time, and there is little for it
        seen = observe(classifier, np.zeros((1, height, width, 3), np.uint8))
    gates, left_out = _gates(classifier, seen.gates)
    if not gates:
        raise AtlasError(
            "atlas.no-gates",
            "{name} has no gates for an atlas{reason}; choose a network with attention",
            name=classifier.name or "this network",
            reason=_reason(seen.why_none, left_out),
        )
    width_of_row = sum(gate.size for gate in gates)
    return Plan(
        network=_facts_of(classifier),
        images=_facts_of_images(dataset),
        gates=gates,
        left_out=left_out,
        side=min(width, height, LARGEST_SIDE),
        program=str(cbam_core.__version__),
        torch=str(torch.__version__),
        shard_size=shard_size or images_in_shard((width, height), width_of_row),
    )


def _facts_of(classifier: Classifier) -> NetworkFacts:
    return NetworkFacts(
        name=classifier.name,
        digest=classifier.digest or weights_digest(classifier),
        kind=classifier.kind,
        classes=tuple(classifier.classes),
        input_size=classifier.input_size,
        mean=tuple(map(float, classifier.mean)),
        std=tuple(map(float, classifier.std)),
        crop_share=float(classifier.crop_share),
        sigmoids=bool(classifier.classes) and outputs_of(classifier) == "sigmoids",
    )


def _facts_of_images(dataset: Dataset) -> ImageSetFacts:
    return ImageSetFacts(
        title=dataset.title,
        count=len(dataset),
        classes=tuple(dataset.classes) if dataset.labels is not None else (),
        listing=listing_digest(dataset),
        corruption=str(corruption_of(dataset) or ""),
    )


def images_in_shard(input_size: tuple[int, int], values: int) -> int:
    """Return how many images make a shard.

    Writing a shard costs some time for each of its columns, so that few large ones are made sooner; a build that was
    interrupted computes one shard anew, which takes longer for larger images; and a shard must fit into memory.

    Args:
        input_size: (width, height) of the network's input in pixels.
        values: values of all gates for one image.
    """
    width, height = input_size
    quick = min(max(MOST_PIXELS // (width * height), SHARD_SIZE), LARGEST_SHARD)
    return max(1, min(quick, MOST_VALUES // max(1, values)))


def _gates(classifier: Classifier, seen: tuple[ObservedGate, ...]) -> tuple[tuple[AtlasGate, ...], tuple[str, ...]]:
    """Lay out the columns of the gates that are not too large; name the others."""
    placed = placements(classifier.model, classifier.input_size)
    gates: list[AtlasGate] = []
    left_out, first = [], 0
    for gate in seen:
        shape = tuple(gate.values.shape[1:])
        if int(np.prod(shape)) > LARGEST_GATE:
            left_out.append(gate.name)
            continue
        placement = placed.get(gate.block)
        gates.append(
            AtlasGate(
                gate.name,
                gate.block,
                gate.kind,
                gate.call,
                shape,
                first,
                gate.scale,
                gate.shift,
                gate.squashed,
                placement,
            )
        )
        first += gates[-1].size
    return tuple(gates), tuple(left_out)


def _reason(why_none: str | None, left_out: tuple[str, ...]) -> str:
    if left_out:
        return f" (it has more than {LARGEST_GATE} values in each of {', '.join(left_out[:3])})"
    return f" ({why_none})" if why_none else ""


def weights_digest(classifier: Classifier) -> str:
    """Compute the SHA-256 of the weights of a network that has no file."""
    import hashlib

    digest = hashlib.sha256()
    for name, values in sorted(classifier.model.state_dict().items()):
        digest.update(f"{name} {values.dtype} {tuple(values.shape)}".encode())
        digest.update(values.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
