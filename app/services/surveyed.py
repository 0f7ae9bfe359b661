"""What was found about networks here, in a pass over many images: for all visitors, or for the one who has a network.

Of networks that every visitor has it is remembered under the digest of their weights, and what was found over the test
set is kept in the cache folder, too; of a visitor's own network, in their session.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import streamlit as st

from app.services.operator_log import tell_operator
from app.session import own_networks
from cbam_core.data.dataset import samples
from cbam_core.errors import CbamError
from cbam_core.evaluation.evaluation_file import open_evaluation, save_evaluation
from cbam_core.evaluation.survey import Surveyed
from cbam_core.network import Classifier
from cbam_core.places import cache_folder
from cbam_core.results.usual import Usual, read_usual, usual_path, write_usual

KEPT = "test"
"""Name of the split over which results are kept in the cache folder."""


def is_provisional(usual: Usual | None) -> bool:
    """Whether it is not known what is usual for a network, or only over the bundled images."""
    return usual is None or usual.images == samples().title


def surveyed(classifier: Classifier) -> Surveyed | None:
    """What was found about a network here; None before that."""
    if own_networks.is_own(classifier):
        found: Surveyed | None = own_networks.means_of(classifier).get("survey")
        return found
    return surveyed_for_all(classifier.digest)


def surveyed_for_all(digest: str) -> Surveyed | None:
    """What was found about a network that every visitor has.

    Args:
        digest: of its weights.
    """
    known = _known(digest)
    if "survey" not in known and (found := _read(digest)) is not None:
        known["survey"] = found
    return known.get("survey")


def keep_survey(classifier: Classifier, found: Surveyed) -> None:
    """Remember what was found; a network that knew less than that has the usual gates from then on."""
    if not own_networks.is_own(classifier):
        _known(classifier.digest)["survey"] = found
        _write(classifier.digest, found)
        return
    if is_provisional(classifier.usual):
        classifier = own_networks.exchange(replace(classifier, usual=found.usual))
    own_networks.means_of(classifier)["survey"] = found


@st.cache_resource(max_entries=64, show_spinner=False)
def _known(digest: str) -> dict[str, Surveyed]:
    """A place to remember it in."""
    return {}


def _place(digest: str) -> Path:
    """Where a checkpoint would be that the files of a network are beside."""
    return cache_folder() / "summaries" / f"{KEPT}-{digest}.safetensors"


def _read(digest: str) -> Surveyed | None:
    try:
        place = _place(digest)
        if not usual_path(place).is_file():
            return None
        found = Surveyed(open_evaluation(place, digest), read_usual(usual_path(place)))
    except (CbamError, OSError) as error:
        tell_operator(f"what was found about a network cannot be read: {error}")
        return None
    return found if found.usual.digest == digest else None


def _write(digest: str, found: Surveyed) -> None:
    if found.evaluation is None or found.evaluation.split != KEPT:
        return
    try:
        save_evaluation(found.evaluation, _place(digest))
        write_usual(found.usual, usual_path(_place(digest)))
    except (CbamError, OSError) as error:
        tell_operator(f"what was found about a network is not kept: {error}")
