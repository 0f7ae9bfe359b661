"""The sidebar that all pages share: which network, and the shortest version of its card."""

from __future__ import annotations

import streamlit as st

from app import services
from cbam_core.classifier import Classifier


def choose_network() -> Classifier:
    """Let the visitor choose a trained network; its card in three lines stands below."""
    names = services.networks()
    name = st.selectbox("Network", names, key="network_name")
    classifier = services.network(name)
    st.caption("  \n".join(card_lines(classifier)))
    return classifier


def card_lines(classifier: Classifier) -> list[str]:
    """What it is, how large and how good, a line each."""
    parameters = sum(parameter.numel() for parameter in classifier.model.parameters())
    lines = [f"{classifier.architecture}, {len(classifier.classes)} classes", f"{parameters:,} parameters"]
    accuracy = classifier.card.test_accuracy
    if accuracy is not None:
        lines.append(f"Test accuracy {100 * accuracy:.2f} %")
    return lines
