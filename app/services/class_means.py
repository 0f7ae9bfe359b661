"""What a network's gates do on all images of a class."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import streamlit as st

from app.services.dataset import open_test_set, operators_set, samples
from app.services.networks import recall
from app.session import own_networks
from app.session.choices import Remembered
from app.session.scheduling import slot
from cbam_core.data.dataset import Dataset, ImageFiles
from cbam_core.evaluation.class_means import GateSums
from cbam_core.evaluation.class_means_file import ClassMeans, class_means_path, open_class_means, save_class_means
from cbam_core.network import Classifier
from cbam_core.observing import batch_size, batches, fitted
from cbam_core.results.means import GateMeans

_SUMMING: Remembered[tuple[str, GateSums] | None] = Remembered("summing-gates", lambda: None)


def class_summaries(classifier: Classifier) -> dict[str, GateMeans]:
    """What a network's gates do on the samples of every class, by the class's name."""
    return recall(_class_summaries, classifier)


def _pixels(classifier: Classifier, images: Dataset, part: slice) -> np.ndarray:
    """Some images as one array; those of files have sizes of their own until they are fitted."""
    if isinstance(images.images, ImageFiles):
        return np.stack(fitted(classifier, images.images, part))
    return np.asarray(images.images[part])


@st.cache_data(max_entries=8, show_spinner=False)
def _class_summaries(network: tuple[str, str], _classifier: Classifier) -> dict[str, GateMeans]:
    here = samples()
    sums = GateSums(_classifier, here.classes)
    for part in batches(len(here), batch_size(_classifier)):
        with slot():
            sums.add(_pixels(_classifier, here, part), here.known_labels[part])
    return dict(sums.means())


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
    known = (
        own_networks.means_of(classifier) if own_networks.is_own(classifier) else _known_summaries(classifier.digest)
    )
    if "test" not in known:
        unkept = own_networks.is_own(classifier) or operators_set() is not None
        path = None if unkept else class_means_path(classifier.digest, "test")
        found = None if path is None else open_class_means(path)
        if found is None or tuple(found) != samples().classes:
            found = _sum_up(classifier, report)
            if path is not None:
                save_class_means(found, path)
        known["test"] = found
    return known["test"]


def _sum_up(classifier: Classifier, report: Callable[[int, int], None]) -> ClassMeans:
    test, size = open_test_set(), batch_size(classifier)
    sums = _begun(classifier, test.classes)
    while sums.count < len(test):
        report(sums.count, len(test))  # draws, and is where Streamlit ends runs that are not wanted any more
        with slot():  # a run that is being ended may have gone one step further by now
            step = slice(sums.count, sums.count + size)
            if step.start < len(test):
                sums.add(_pixels(classifier, test, step), np.array(test.known_labels[step]))
    _SUMMING.forget()
    return sums.means()


def _begun(classifier: Classifier, classes: tuple[str, ...]) -> GateSums:
    """Sums that an earlier run of this visitor left unfinished, or new ones; those of another network are dropped."""
    begun = _SUMMING.get()
    if begun is None or begun[0] != classifier.digest:
        begun = classifier.digest, GateSums(classifier, classes)
        _SUMMING.set(begun)
    return begun[1]


@st.cache_resource(max_entries=8, show_spinner=False)
def _known_summaries(digest: str) -> dict[str, ClassMeans]:
    """A place to remember summaries in: a cached function that made them would keep others waiting at its lock."""
    return {}
