"""Building an atlas of changed images here: brighter, noisier or blurred, in the background of a visit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from app.services.atlas import comparable_atlases
from app.services.atlas_building import build_offer, can_write, folder_for, steps_of
from app.services.dataset import labelled_as, samples, test_set
from app.services.offer import Offer
from app.session import background, own_networks
from app.session.background import Work, Works
from cbam_core.atlas.atlas import Atlas
from cbam_core.data.corruption import corrupted, read_corruption
from cbam_core.data.dataset import Dataset
from cbam_core.network import Classifier


@dataclass(frozen=True)
class Changing:
    """A build.

    Attributes:
        of: digest of the network and name of the images, which have one build at a time.
        changed: what is done to the images, such as ``"blur:3"``.
    """

    of: tuple[str, str]
    changed: str = ""


_WORKS: Works[Changing, Path] = Works(
    "changing-atlas", lambda changing: changing.of, shared_by=lambda changing: changing
)


def changed_offer(classifier: Classifier, atlas: Atlas, changed: str) -> Offer | None:
    """The atlas of changed images that can be built here; None where there is one, or it cannot be built.

    Args:
        classifier: the network.
        atlas: of the images as they are.
        changed: what is done to them, such as ``"blur:3"``.
    """
    images = _images(atlas)
    if images is None or own_networks.is_own(classifier) or not can_write():
        return None
    if has_changed(classifier, atlas, changed):
        return None
    return build_offer(classifier, images, _folder(classifier, images, changed))


def has_changed(classifier: Classifier, atlas: Atlas, changed: str) -> bool:
    """Whether a network has an atlas of exactly these images, changed.

    Args:
        classifier: the network.
        atlas: of the images as they are.
        changed: what is done to them, such as ``"blur:3"``.
    """
    of = (classifier.digest, changed, atlas.facts.get("images", {}).get("listing"))
    return any((one.digest, one.changed, one.listing) == of for one in comparable_atlases(atlas).values())


def changed_work(classifier: Classifier, atlas: Atlas) -> tuple[str, Work[Path]] | None:
    """What is done to images in this visit, and the building of their atlas; None where none is built.

    The work goes on, or went wrong.
    """
    entry = _WORKS.entry(Changing(_of(classifier, atlas)))
    return None if entry is None else (entry[0].changed, entry[1])


def begin_changed(classifier: Classifier, atlas: Atlas, changed: str) -> None:
    """Begin to build the atlas of changed images in the background; an interrupted build goes on."""
    images = _images(atlas)
    if images is None:
        return

    def start() -> Work[Path]:
        one = read_corruption(changed)
        made = corrupted(labelled_as(classifier, images), one.kind, one.level)
        return background.begin(steps_of(classifier, made, _folder(classifier, images, changed)), len(images))

    _WORKS.begin(Changing(_of(classifier, atlas), changed), start)


def cancel_changed(classifier: Classifier, atlas: Atlas) -> None:
    """End a build, unless another visitor wants it; or forget why it failed. What is done stays for the next one."""
    _WORKS.cancel(Changing(_of(classifier, atlas)))


def take_in_changed(classifier: Classifier, atlas: Atlas) -> str | None:
    """The name of the atlas that was finished since the page was drawn last; None where there is none."""
    work = _WORKS.work(Changing(_of(classifier, atlas)))
    if work is None or work.result is None:
        return None
    cancel_changed(classifier, atlas)
    return work.result.name


def _folder(classifier: Classifier, images: Dataset, changed: str) -> Path:
    plain = folder_for(classifier, images)
    return plain.with_name(f"{plain.name}-{changed.replace(':', '-')}")


def _images(atlas: Atlas) -> Dataset | None:
    """The images of an atlas, where every visitor has them."""
    return next((images for images in (test_set(), samples()) if images and images.title == atlas.title), None)


def _of(classifier: Classifier, atlas: Atlas) -> tuple[str, str]:
    return classifier.digest, atlas.title
