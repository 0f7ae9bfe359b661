"""What a network's gates do on all images of a class."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import streamlit as st

from app.services.dataset import open_test_set, operators_set, samples
from app.services.networks import recall
from app.services.operator_log import tell_operator
from app.session import own_networks
from app.session.choices import Remembered
from app.session.scheduling import slot
from cbam_core.data.dataset import Dataset, image_ids
from cbam_core.evaluation.class_means import GateSums
from cbam_core.evaluation.class_means_file import ClassMeans, class_means_path, open_class_means, save_class_means
from cbam_core.evaluation.readable import read_images
from cbam_core.network import Classifier
from cbam_core.observing import batch_size, batches, observe
from cbam_core.results.left_out import LeftOut
from cbam_core.results.means import GateMeans


def class_summaries(classifier: Classifier) -> dict[str, GateMeans]:
    """What a network's gates do on the samples of every class, by the class's name."""
    return dict(recall(_class_summaries, classifier)[0])


def class_left_out(classifier: Classifier, *, test: bool) -> tuple[LeftOut, ...]:
    """Images that the means of classes leave out, because they cannot be decoded.

    Args:
        classifier: the network.
        test: whether of the means over the test set, once they are known, or of those over the samples.
    """
    if not test:
        found: tuple[LeftOut, ...] = recall(_class_summaries, classifier)[1]
        return found
    return tuple(_known(classifier).get("left_out", ()))


@dataclass
class _Summing:
    """Sums over a set so far.

    Attributes:
        digest: of the network.
        sums: of the images that could be decoded.
        left_out: the others.
    """

    digest: str
    sums: GateSums
    left_out: list[LeftOut] = field(default_factory=list)

    @property
    def done(self) -> int:
        """Number of images that were looked at."""
        return self.sums.count + len(self.left_out)

    def add(self, classifier: Classifier, images: Dataset, part: slice) -> None:
        """Add the next images."""
        read = read_images(classifier, images.images, part)
        if read.pixels:
            labels = np.asarray(images.known_labels)[read.numbers]
            self.sums.take_in(observe(classifier, read.pixels), labels)
        for number, error in read.errors.items():
            tell_operator(f"{error.code}: {error}")
            self.left_out += [LeftOut(number, *image_ids(images, slice(number, number + 1)))]


_SUMMING: Remembered[_Summing | None] = Remembered("summing-gates", lambda: None)


@st.cache_data(max_entries=8, show_spinner=False)
def _class_summaries(
    network: tuple[str, str], _classifier: Classifier
) -> tuple[dict[str, GateMeans], tuple[LeftOut, ...]]:
    here = samples()
    summing = _Summing(_classifier.digest, GateSums(_classifier, here.classes))
    for part in batches(len(here), batch_size(_classifier)):
        with slot():
            summing.add(_classifier, here, part)
    return dict(summing.sums.means()), tuple(summing.left_out)


def test_summaries(classifier: Classifier, report: Callable[[int, int], None]) -> ClassMeans:
    """What a network's gates do on all test images of every class, by the class's name.

    It is worked out once a network and kept in the cache folder; that of a visitor's own network, in their session. A
    run that Streamlit ends meanwhile is continued by the next one.

    Args:
        classifier: the network.
        report: called between steps, while it is worked out, with the number of images done and of all.

    Raises:
        DataError: the test set is not there.
    """
    known = _known(classifier)
    if "test" not in known:
        unkept = own_networks.is_own(classifier) or operators_set() is not None
        path = None if unkept else class_means_path(classifier.digest, "test")
        found = None if path is None else open_class_means(path)
        if found is None or tuple(found) != samples().classes:
            found, known["left_out"] = _sum_up(classifier, report)
            if path is not None:
                save_class_means(found, path)
        known["test"] = found
    means: ClassMeans = known["test"]
    return means


def _known(classifier: Classifier) -> dict[str, Any]:
    return own_networks.means_of(classifier) if own_networks.is_own(classifier) else _known_summaries(classifier.digest)


def _sum_up(classifier: Classifier, report: Callable[[int, int], None]) -> tuple[ClassMeans, tuple[LeftOut, ...]]:
    test, size = open_test_set(), batch_size(classifier)
    summing = _begun(classifier, test.classes)
    while summing.done < len(test):
        report(summing.done, len(test))  # draws, and is where Streamlit ends runs that are not wanted any more
        with slot():  # a run that is being ended may have gone one step further by now
            start = summing.done
            if start < len(test):
                summing.add(classifier, test, slice(start, start + size))
    _SUMMING.forget()
    return summing.sums.means(), tuple(summing.left_out)


def _begun(classifier: Classifier, classes: tuple[str, ...]) -> _Summing:
    """Sums that an earlier run of this visitor left unfinished, or new ones; those of another network are dropped."""
    begun = _SUMMING.get()
    if begun is None or begun.digest != classifier.digest:
        begun = _Summing(classifier.digest, GateSums(classifier, classes))
        _SUMMING.set(begun)
    return begun


@st.cache_resource(max_entries=8, show_spinner=False)
def _known_summaries(digest: str) -> dict[str, Any]:
    """A place to remember summaries in: a cached function that made them would keep others waiting at its lock."""
    return {}
