"""Spatial masks of a network for a batch of images, with the positions of their cells; and how alike two are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float, Float32, Float64, UInt8

from cbam_core.data.dataset import Dataset
from cbam_core.errors import CaptureError, DataError, ImageError
from cbam_core.explanation.explaining import AnyNetwork, explain, network_for
from cbam_core.explanation.inputs import AnyImage, listed, prepare
from cbam_core.network import Classifier, Stated
from cbam_core.observing import Images, Observation, batch_size, fitted, observe, placements
from cbam_core.results.placement import Placement

AnyImages = AnyImage | Sequence[AnyImage] | Dataset
"""One image, several, or a data set."""

Pixels = UInt8[np.ndarray, "h w 3"]


@dataclass(frozen=True, eq=False)
class Masks:
    """One spatial mask of a network, for each of B images.

    Attributes:
        gate: name of the gate, such as ``"cbam1.spatial"``.
        block: name of its block.
        values: float32 (B, rows, columns); of a gate that differs along channels too, their mean.
        placement: positions of the cells on the input; stretched over it where they are unknown.
    """

    gate: str
    block: str
    values: Float32[np.ndarray, "b rows columns"]
    placement: Placement


def masks_of(classifier: Classifier, images: Images) -> tuple[Observation, tuple[Masks, ...]]:
    """Run a network on a batch of images of its input size, and return its answers and spatial masks.

    Raises:
        CaptureError, ModelError: as `cbam_core.observing.observe`.
    """
    seen = observe(classifier, images)
    return seen, tuple(_masks(classifier, seen))


def _masks(classifier: Classifier, seen: Observation) -> Iterator[Masks]:
    width, height = classifier.input_size
    grids = placements(classifier.model, classifier.input_size)
    for gate in seen.gates:
        values = gate.values.mean(axis=1) if gate.kind == "full" and gate.values.ndim == 4 else gate.values
        if gate.kind in ("spatial", "full") and values.ndim == 3:
            cells = (values.shape[1], values.shape[2])
            known = grids.get(gate.block)
            placement = Placement.stretched(cells, (height, width)) if known is None else known.shared_by(cells)
            yield Masks(gate.name, gate.block, values, placement)


def opened(classifier: AnyNetwork, images: AnyImages, stated: Stated) -> tuple[Classifier, list[Pixels]]:
    """Return a network as it is used for some images, and these at its input size.

    A network whose outputs are no probabilities of classes has none.

    Raises:
        CaptureError: the network has no spatial mask.
        DataError: there are no images.
        ImageError: an image cannot be read, or is a prepared tensor.
        CbamError: as for `cbam_core.explain`.
    """
    if isinstance(images, Dataset):
        first: Any = images.images[0]
        several: list[Any] = []
    else:
        several, _ = listed(_as_list(images))
        first = several[0] if several else None
    if first is None:
        raise DataError("objects.no-images", "there is no image: give one, a list, or a data set")
    network = network_for(classifier, first, **stated)
    known = explain(classifier, first, **stated)
    if isinstance(images, Dataset):
        pixels = fitted(network, images.images, slice(0, len(images)))
    else:
        pixels = [_pixels(network, image) for image in several]
    return with_masks(network, pixels, known.classes), pixels


def with_masks(network: Classifier, pixels: list[Pixels], classes: tuple[str, ...]) -> Classifier:
    """Return a network with the classes that its answers have, if it has a spatial mask.

    Args:
        network: the network.
        pixels: images of its input size, of which the first is shown to it.
        classes: classes of its answers, as an explanation has them.

    Raises:
        CaptureError: it has no spatial mask.
    """
    _, found = masks_of(network, pixels[:1])
    if not found:
        raise CaptureError(
            "objects.no-masks",
            "{name} has no spatial mask, so there is nothing that could lie where the object is",
            name=network.name or "this network",
        )
    return replace(network, classes=classes)


def _as_list(images: Any) -> Any:
    stacked = isinstance(images, np.ndarray) and images.ndim == 4
    return list(images) if stacked else images


def _pixels(network: Classifier, image: AnyImage) -> Pixels:
    found = prepare(network, image, "crop", None)
    if found.prepared is not None:
        raise ImageError(
            "objects.prepared",
            "a prepared tensor cannot be moved, blurred or put beside others: give the image itself",
        )
    return found.pixels


def at_once(classifier: Classifier, variants: int) -> int:
    """Return how many images, each in several variants, go through the network at once."""
    return max(1, batch_size(classifier) // variants)


def correlation(first: Float[np.ndarray, "*shape"], second: Float[np.ndarray, "*shape"]) -> float | None:
    """Compute Pearson's correlation of two masks, in [-1, 1]; None where one of them is constant."""
    if _is_constant(first) or _is_constant(second):
        return None
    left, right = (one.astype(np.float64).ravel() - one.mean(dtype=np.float64) for one in (first, second))
    return float(np.clip((left @ right) / np.sqrt((left @ left) * (right @ right)), -1.0, 1.0))


def _is_constant(values: Float[np.ndarray, "*shape"]) -> bool:
    """Check that values differ by no more than the rounding of float32."""
    return float(np.ptp(values)) <= 1e-6 * float(np.abs(values).max())


def alike(mask: Float[np.ndarray, "rows columns"], draws: np.random.Generator) -> Float64[np.ndarray, "rows columns"]:
    """Draw a random map of a mask's own resolution and smoothness: its amplitudes with random phases.

    Args:
        mask: the mask.
        draws: source of random numbers.

    Returns:
        A map of the same mean, the same variance and the same power at every frequency.
    """
    spectrum = np.abs(np.fft.fft2(mask.astype(np.float64)))
    phases = np.angle(np.fft.fft2(draws.standard_normal(mask.shape)))  # of real noise, so that the map is real
    phases[0, 0] = np.angle(mask.sum(dtype=np.float64) + 0j)
    drawn: np.ndarray = np.fft.ifft2(spectrum * np.exp(1j * phases)).real
    return drawn
