"""An image that was explained, and what is asked about it next: the same network, the same input."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from cbam_core.errors import CaptureError
from cbam_core.explanation.explaining import AnyNetwork, explain, network_for
from cbam_core.explanation.inputs import AnyImage
from cbam_core.network import Classifier, Stated
from cbam_core.nn.registry import input_axes
from cbam_core.observing import network_input
from cbam_core.results.explanation import Explanation
from cbam_core.results.frame import Fit, Square


def explained(
    classifier: AnyNetwork, image: AnyImage | Explanation, fit: Fit, *, square: Square | None, stated: Stated
) -> tuple[Classifier, Explanation]:
    """Return a network as it is used for one image, and the explanation of this image by it.

    Args:
        classifier: a network, as `explain` takes it.
        image: an image, as `explain` takes it, or its explanation by this network.
        fit: how an image is fitted to the network's input.
        square: for ``fit="square"``: left, top and side of the part, in pixels of the original.
        stated: what is known about the network.

    Raises:
        CaptureError: an explanation is of another network.
        CbamError: as for `explain`.
    """
    if isinstance(image, Explanation):
        network = network_for(classifier, image.input_image, **stated)
        check_same_network(network, image)
        return network, image
    network = network_for(classifier, image, **stated)
    return network, explain(network, image, fit, square=square)


def check_same_network(classifier: Classifier, explanation: Explanation) -> None:
    """Check that an explanation is of this network.

    Raises:
        CaptureError: it is of another one.
    """
    if explanation.checkpoint_digest != classifier.digest:
        raise CaptureError(
            "channel.other-network",
            "the explanation is of {given}, not of {name}: explain the image with {name} first",
            given=explanation.checkpoint or "another network",
            name=classifier.name or "this network",
        )


def explained_batch(classifier: Classifier, explanation: Explanation, image: Any) -> Tensor:
    """Return the input that was explained, as a batch of one: a prepared tensor itself, or the normalised pixels.

    Args:
        classifier: the network that was explained.
        explanation: explanation of the image.
        image: what was explained, as `cbam_core.explain` takes it, or the explanation.

    Raises:
        ModelError: the network is in training mode.
    """
    batch = network_input(classifier, [explanation.input_image])
    if isinstance(image, Tensor) and image.is_floating_point():
        return image.detach().reshape(1, *image.shape[-1 - input_axes(classifier.model) :]).to(batch)
    return batch
