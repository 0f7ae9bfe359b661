"""Images drawn at random from a data set, with the rule by which they were drawn: nobody need pick them by hand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, UInt8

from cbam_core.arguments import TEXT, WHOLE, takes
from cbam_core.data.dataset import DATASET, Dataset
from cbam_core.errors import DataError, Message
from cbam_core.results.brief import Brief


@dataclass(frozen=True, eq=False, repr=False)
class RandomImages(Brief):
    """Images drawn from a data set.

    Attributes:
        images: N uint8 RGB images (H, W, 3).
        truths: names of their classes; None where they are unknown.
        indices: their indices in the data set, (N,), in rising order.
        rule: sentence on how they were drawn, for a caption.
    """

    images: tuple[UInt8[np.ndarray, "h w 3"], ...]
    truths: tuple[str | None, ...]
    indices: Int[np.ndarray, " n"]
    rule: Message


@takes(DataError, dataset=DATASET, count=WHOLE, seed=WHOLE, of=TEXT.or_none)
def random_images(dataset: Dataset, count: int, *, seed: int = 0, of: str | None = None) -> RandomImages:
    """Draw images without repetition, each with the same probability.

    The same data set, count, seed and class give the same images, by NumPy's generator PCG64.

    Args:
        dataset: data set that is drawn from, see `cbam_core.data.dataset.open_dataset`.
        count: number of images.
        seed: seed of the random numbers, at least 0.
        of: name of the class whose images are drawn; None for all classes.

    Raises:
        DataError: there is no such class, there are fewer images, or the data set has no labels for a class.
        ImageError: an image cannot be read.
    """
    candidates = _candidates(dataset, of)
    if not 0 < count <= len(candidates) or seed < 0:
        raise DataError(
            "sample.count",
            "{count} images cannot be drawn with seed {seed} from {images}, which has {known}; ask for 1 to {known}, "
            "with a seed of at least 0",
            count=count,
            seed=seed,
            images=_said(dataset, of),
            known=len(candidates),
        )
    chosen = np.sort(np.random.default_rng(seed).choice(candidates, count, replace=False))
    names = None if dataset.labels is None else [dataset.classes[int(dataset.labels[index])] for index in chosen]
    return RandomImages(
        images=tuple(np.asarray(dataset.images[int(index)]) for index in chosen),
        truths=tuple(names) if names is not None else (None,) * count,
        indices=chosen,
        rule=_rule(dataset, count, seed, of),
    )


def _candidates(dataset: Dataset, of: str | None) -> Int[np.ndarray, " n"]:
    if of is None:
        return np.arange(len(dataset))
    if of not in dataset.classes:
        raise DataError(
            "sample.unknown-class",
            "{images} has no class '{given}'; choose one of {known}",
            images=dataset.name,
            given=of,
            known=", ".join(dataset.classes) or "none, because its images have no labels",
        )
    return np.flatnonzero(dataset.known_labels == dataset.classes.index(of))


def _rule(dataset: Dataset, count: int, seed: int, of: str | None) -> Message:
    values = {"count": count, "seed": seed, "images": _said(dataset, None), "name": of or ""}
    if of is None:
        return Message("sample.rule", "{count} images drawn with seed {seed} from {images}.", values)
    return Message("sample.rule-class", "{count} images drawn with seed {seed} from class {name} of {images}.", values)


def _said(dataset: Dataset, of: str | None) -> str:
    return dataset.title if of is None else f"class {of} of {dataset.title}"
