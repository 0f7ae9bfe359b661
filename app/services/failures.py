"""Why work over images failed the last time: known until it is tried again, also in a later visit."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

import streamlit as st

from app.session import own_networks
from cbam_core.errors import CbamError
from cbam_core.network import Classifier

Done = TypeVar("Done")
Result = TypeVar("Result")


def last_failure(work: str, classifier: Classifier) -> CbamError | None:
    """Why some work failed the last time; None where it did not.

    Args:
        work: name of the work, such as ``"scoring"``.
        classifier: the network.
    """
    return _failures(classifier).get(work)


def noting_failure(
    work: str, classifier: Classifier, steps: Generator[Done, None, Result]
) -> Generator[Done, None, Result]:
    """The same work, whose failure is known afterwards; an earlier one is forgotten now.

    Args:
        work: its name.
        classifier: the network.
        steps: the work; it may go on in another thread.
    """
    failures = _failures(classifier)
    failures.pop(work, None)
    return _noting(work, failures, steps)


def _noting(
    work: str, failures: dict[str, CbamError], steps: Generator[Done, None, Result]
) -> Generator[Done, None, Result]:
    try:
        return (yield from steps)
    except CbamError as error:
        failures[work] = error
        raise


def _failures(classifier: Classifier) -> dict[str, CbamError]:
    """A place to remember them in: that of a network, or of the visitor whose own network it is."""
    if own_networks.is_own(classifier):
        mine: dict[str, CbamError] = own_networks.means_of(classifier).setdefault("failures", {})
        return mine
    return _of_all(classifier.digest)


@st.cache_resource(max_entries=64, show_spinner=False)
def _of_all(digest: str) -> dict[str, CbamError]:
    return {}
