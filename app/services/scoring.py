"""Which gates of a network matter: the scorecard beside its checkpoint, or made here in the background of a visit."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from app.services.dataset import samples, test_set
from app.services.failures import last_failure, noting_failure
from app.services.file_version import Stamp, stamp_of
from app.services.networks import file_of
from app.services.offer import Offer, offer
from app.services.speed import seconds_an_image
from app.session import background, own_networks
from app.session.background import Work, Works
from cbam_core.data.dataset import Dataset
from cbam_core.errors import CbamError
from cbam_core.evidence.keeping import keep, kept_path, open_kept
from cbam_core.evidence.plan import plan
from cbam_core.evidence.scoring import COST, Scoring
from cbam_core.network import Classifier
from cbam_core.results.score import Score
from cbam_core.results.score_file import score_path

WORK = "scoring"

_WORKS: Works[Classifier, Score] = Works(WORK, lambda classifier: classifier.digest)


def score_of(classifier: Classifier) -> Score | None:
    """The scorecard of a network: kept beside its checkpoint, or made here; None where there is none."""
    if own_networks.is_own(classifier):
        found: Score | None = own_networks.means_of(classifier).get("score")
        return found
    file = file_of(classifier.name)
    beside = None if file is None else _kept(str(score_path(file)), stamp_of(score_path(file)), classifier.digest)
    return beside or _made(classifier)


def score_offer(classifier: Classifier) -> Offer | None:
    """The scorecard that can be made of a network here; None where there is one, or it cannot be made."""
    images, usual = _images(classifier), classifier.usual
    if images is None or usual is None or not usual.gates or score_of(classifier) is not None:
        return None
    cost = 1 + COST * len(plan({gate.name: gate.kind for gate in usual.gates}))
    return offer(images, lambda: cost * seconds_an_image(classifier))


def scoring_of(classifier: Classifier) -> Work[Score] | None:
    """The scoring of a network that goes on in this visit, or that went wrong; None where there is none."""
    return _WORKS.work(classifier)


def scoring_failure(classifier: Classifier) -> CbamError | None:
    """Why the last scoring of a network here failed; None where it did not, or goes on again."""
    return last_failure(WORK, classifier)


def begin_scoring(classifier: Classifier) -> None:
    """Begin to score a network in the background of this visit."""
    images = _images(classifier)
    if images is not None:
        steps = noting_failure(WORK, classifier, Scoring(classifier, images).steps())
        _WORKS.keep(classifier, background.begin_shares(steps))


def cancel_scoring(classifier: Classifier) -> None:
    """End a scoring, and forget what it found so far, or why it failed."""
    _WORKS.cancel(classifier)


def take_in_scores() -> None:
    """Keep the scorecards that have been finished since the page was drawn last."""
    for classifier, score in _WORKS.take_finished():
        _keep(classifier, score)


def _images(classifier: Classifier) -> Dataset | None:
    """The labelled images of a network's classes at hand: the test set, or the samples; None where there are none."""
    known = test_set() or samples()
    return known if classifier.classes == known.classes else None


def _keep(classifier: Classifier, score: Score) -> None:
    if own_networks.is_own(classifier):
        own_networks.means_of(classifier)["score"] = score
        return
    _remembered(classifier.digest)["score"] = score
    if (path := _place(classifier)) is not None:
        keep(score, [path])


def _made(classifier: Classifier) -> Score | None:
    """The scorecard that was made here, of this server or one before it."""
    known = _remembered(classifier.digest)
    if "score" not in known and (path := _place(classifier)) is not None:
        found = open_kept(path, classifier.digest)
        if found is not None:
            known["score"] = found
    return known.get("score")


def _place(classifier: Classifier) -> Path | None:
    """Where the scorecard of a network is kept in the cache folder."""
    images = _images(classifier)
    try:
        return None if images is None else kept_path(Scoring(classifier, images).key)
    except CbamError:  # there is no home folder
        return None


@st.cache_resource(max_entries=64, show_spinner=False)
def _remembered(digest: str) -> dict[str, Score]:
    """A place to remember it in."""
    return {}


@st.cache_resource(max_entries=8, show_spinner=False)  # its arrays are read-only
def _kept(path: str, stamp: Stamp | None, digest: str) -> Score | None:
    return None if stamp is None else open_kept(Path(path), digest)
