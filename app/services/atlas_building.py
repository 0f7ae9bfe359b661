"""Building an atlas here: every gate of every image of a set, in the background, for all visitors together."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path

from app.services.atlas import AtlasEntry, atlases_of, own_atlas_folder
from app.services.dataset import labelled_as, test_set
from app.services.offer import Offer, offer
from app.services.operator_log import tell_operator
from app.services.speed import seconds_an_image, seconds_lately, timed
from app.session import background, own_networks
from app.session.background import Steps, Work, Works
from cbam_core.atlas.building import build_steps
from cbam_core.atlas.fingerprint import listing_digest
from cbam_core.atlas.layout import DESCRIPTION
from cbam_core.atlas.opening import open_atlas
from cbam_core.atlas.plan import read_plan
from cbam_core.atlas.preparing import prepare_steps
from cbam_core.atlas.shards import missing_shards
from cbam_core.data.dataset import Dataset, labelled_for
from cbam_core.errors import AtlasError, CbamError
from cbam_core.network import Classifier

COST = 1.1
"""Time that a build takes, as a multiple of plain forwards, where none was done here yet."""

ATLAS = "atlas"
"""Building an atlas, as a kind of work whose speed is known."""

AT_ONCE = 512
"""Images that are kept together: a build that is cancelled loses fewer than that."""


def _digest(classifier: Classifier) -> str:
    return classifier.digest


_WORKS: Works[Classifier, Path] = Works("building-atlas", _digest, shared_by=_digest)


def atlas_offer(classifier: Classifier) -> Offer | None:
    """The atlas that can be built of a network here; None where there is one, or it cannot be built.

    That is so without the test set, for a visitor's own network, and where the cache folder cannot be written.
    """
    images = test_set()
    if images is None or own_networks.is_own(classifier) or not can_write():
        return None
    if any(_is_of(entry, classifier, images) for entry in atlases_of(classifier).values()):
        return None
    return build_offer(classifier, images, folder_for(classifier, images))


def _is_of(entry: AtlasEntry, classifier: Classifier, images: Dataset) -> bool:
    """Whether an atlas is of exactly these images; a folder of them may be called otherwise there."""
    if entry.changed or entry.title == images.title:
        return not entry.changed
    if images.name != "operator" or entry.count != len(images):
        return False
    return any(_listed(images, names, entry.title) == entry.listing for names in (images.classes, classifier.classes))


@lru_cache(maxsize=64)
def _listed(images: Dataset, classes: tuple[str, ...], title: str) -> str:
    """Digest of the listing of images under another title, with labels among some classes; "" without their files."""
    try:
        return listing_digest(replace(labelled_for(images, classes), name=title, split=""))
    except OSError:
        return ""


def build_offer(classifier: Classifier, images: Dataset, folder: Path) -> Offer | None:
    """The build of an atlas in a folder, which may have been begun; None where the network cannot be observed.

    Args:
        classifier: the network.
        images: the images.
        folder: where the atlas is kept.
    """

    def seconds_each() -> float:
        return seconds_lately(classifier, ATLAS) or COST * seconds_an_image(classifier)

    return offer(images, seconds_each, done_in(folder, classifier))


def done_in(folder: Path, classifier: Classifier) -> int:
    """Number of images that an interrupted build of a network's atlas has left in a folder."""
    if not (folder / DESCRIPTION).exists():
        return 0
    try:
        plan = read_plan(folder)
        missing = sum(plan.size(number) for number in missing_shards(folder, plan))
    except CbamError:  # it is built anew
        return 0
    return plan.count - missing if plan.network.digest == classifier.digest else 0


def atlas_work(classifier: Classifier) -> Work[Path] | None:
    """The atlas of a network that is being built in this visit, or could not be; None where there is none."""
    return _WORKS.work(classifier)


def begin_atlas(classifier: Classifier) -> None:
    """Begin to build the atlas of a network in the background; an interrupted build goes on."""
    images = test_set()
    if images is not None:
        steps = partial(steps_of, classifier, labelled_as(classifier, images), folder_for(classifier, images))
        _WORKS.begin(classifier, lambda: background.begin(steps(), len(images)))


def cancel_atlas(classifier: Classifier) -> None:
    """End a build, unless another visitor wants it; or forget why it failed. What is done stays for the next one."""
    _WORKS.cancel(classifier)


def take_in_atlas(classifier: Classifier) -> str | None:
    """The name of the atlas that was finished since the page was drawn last; None where there is none."""
    work = _WORKS.work(classifier)
    if work is None or work.result is None:
        return None
    cancel_atlas(classifier)
    return work.result.name


def folder_for(classifier: Classifier, images: Dataset) -> Path:
    """Where the atlas of a network on some images is kept.

    Raises:
        DataError: there is no home folder.
    """
    named = re.sub(r"[^\w.-]+", "-", f"{classifier.name}-{images.title}")
    return own_atlas_folder() / f"{named}-{classifier.digest[:8]}"


def can_write() -> bool:
    """Whether the cache folder, or the folder above it that is there, can be written."""
    try:
        folder = own_atlas_folder()
    except CbamError:  # there is no home folder
        return False
    there = next((place for place in (folder, *folder.parents) if place.exists()), None)
    return there is not None and there.is_dir() and os.access(there, os.W_OK | os.X_OK)


def steps_of(classifier: Classifier, images: Dataset, folder: Path) -> Steps[Path]:
    """Build an atlas in steps; what the operator alone may know of a failure goes into the log."""
    try:
        yield from timed(classifier, ATLAS, _built(classifier, images, folder))
        for _ in prepare_steps(open_atlas(folder)):
            yield len(images)
    except (OSError, AtlasError) as error:  # names folders of the server
        tell_operator(f"an atlas cannot be built in {folder}: {error}")
        raise AtlasError(
            "atlas.not-built", "the atlas cannot be built here; the operator can find the reason in the log"
        ) from error
    return folder


def _built(classifier: Classifier, images: Dataset, folder: Path) -> Steps[Path]:
    """Go on with what is in the folder, or build anew where that is damaged, or of another version or other images."""
    try:
        return (yield from build_steps(classifier, images, folder, shard_size=AT_ONCE))
    except AtlasError as error:
        tell_operator(f"an atlas is built anew: {error}")
    return (yield from build_steps(classifier, images, folder, again=True, shard_size=AT_ONCE))
