"""Work that can be done here over a set of images, and what it costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cbam_core.data.dataset import Dataset
from cbam_core.errors import CbamError


@dataclass(frozen=True)
class Offer:
    """Work over images that can be done here.

    Attributes:
        images: name of the images, such as ``"cifar10:test"``.
        count: how many there are.
        seconds: of this server for those that are not done, if nobody else uses it.
        done: number of images that were done before.
    """

    images: str
    count: int
    seconds: float
    done: int = 0


def offer(images: Dataset, seconds_each: Callable[[], float], done: int = 0) -> Offer | None:
    """An offer; None where the network does not answer with numbers, or its gates cannot be observed.

    Args:
        images: the images.
        seconds_each: gives the seconds of an image.
        done: number of images that were done before.
    """
    try:
        seconds = seconds_each() * (len(images) - done)
    except CbamError:
        return None
    return Offer(images.title, len(images), seconds, done)
