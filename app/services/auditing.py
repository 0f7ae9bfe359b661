"""What the blocks of a network are made of: found once, and remembered."""

from __future__ import annotations

import streamlit as st

from app.services.networks import recall
from app.session.scheduling import slot
from cbam_core.gates.audit import audit_network
from cbam_core.network import Classifier
from cbam_core.results.audit import Audit

REPEATS = 5
"""Number of timed runs."""


def audit_of(classifier: Classifier) -> Audit:
    """What each block of a network is made of.

    Raises:
        CaptureError: it is compiled, scripted or exported.
    """
    return recall(_audit, classifier)


@st.cache_data(max_entries=8, show_spinner=False)
def _audit(network: tuple[str, str], _classifier: Classifier) -> Audit:
    with slot():
        return audit_network(_classifier.model, _classifier.input_size, name=network[0], repeats=REPEATS)
