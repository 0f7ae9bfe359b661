"""Building an atlas here: every gate of every test image, in the background of a visit, kept for all visitors."""

from __future__ import annotations

import os
import re
from pathlib import Path

from app.services.atlas import atlases_of, own_atlas_folder
from app.services.dataset import labelled_as, test_set
from app.services.evaluating import Offer, offered
from app.services.operator_log import tell_operator
from app.session import background, own_networks
from app.session.background import Steps, Work, Works
from cbam_core.atlas.building import build_steps
from cbam_core.data.dataset import Dataset
from cbam_core.errors import AtlasError, CbamError
from cbam_core.network import Classifier

COST = 1.1
"""Time that a build takes, as a multiple of plain forwards."""


_WORKS: Works[Classifier, Path] = Works("building-atlas", lambda classifier: classifier.digest)


def atlas_offer(classifier: Classifier) -> Offer | None:
    """The atlas that can be built of a network here; None where there is one, or it cannot be built.

    That is so without the test set, for a visitor's own network, and where the cache folder cannot be written.
    """
    images = test_set()
    if images is None or own_networks.is_own(classifier) or not can_write():
        return None
    if any(entry.title == images.title and not entry.changed for entry in atlases_of(classifier).values()):
        return None
    return offered(classifier, images, COST)


def atlas_work(classifier: Classifier) -> Work[Path] | None:
    """The atlas of a network that is being built in this visit, or could not be; None where there is none."""
    return _WORKS.work(classifier)


def begin_atlas(classifier: Classifier) -> None:
    """Begin to build the atlas of a network in the background of this visit; an interrupted build goes on."""
    images = test_set()
    if images is not None:
        steps = steps_of(classifier, labelled_as(classifier, images), folder_for(classifier, images))
        _WORKS.keep(classifier, background.begin(steps, len(images)))


def cancel_atlas(classifier: Classifier) -> None:
    """End a build, or forget why it failed; what is done stays for the next one."""
    _WORKS.cancel(classifier)


def take_in_atlas(classifier: Classifier) -> str | None:
    """The name of the atlas that was finished since the page was drawn last; None where there is none."""
    work = atlas_work(classifier)
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
        return (yield from build_steps(classifier, images, folder))
    except (OSError, AtlasError) as error:  # names folders of the server
        tell_operator(f"an atlas cannot be built in {folder}: {error}")
        raise AtlasError(
            "atlas.not-built", "the atlas cannot be built here; the operator can find the reason in the log"
        ) from error
