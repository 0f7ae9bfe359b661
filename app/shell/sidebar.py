"""The sidebar that all pages share: which network, and the shortest version of its card."""

from __future__ import annotations

import streamlit as st

from app import services
from app.session.choices import Choice
from app.session.words import Words
from app.shell.own_network import own_network_button
from app.widgets.choices import keep_listed
from cbam_core.network import Classifier

NETWORK = Choice("network_name")
"""The widget by which the network is selected."""

WORDS = Words(
    {
        "network": "Network",
        "classes": "{architecture}, {count} classes",
        "parameters": "{count:,} parameters",
        "accuracy": "Test accuracy {percent:.2f} %",
    }
)


def choose_network(asked: str | None = None) -> Classifier:
    """Let the visitor choose a trained network, or upload one; its card in three lines stands below.

    Args:
        asked: name of the network to begin with; one that is not there counts as none.
    """
    names = services.networks()
    if asked in names:
        NETWORK.set(asked)
    if NETWORK.get() not in names:  # it was removed
        NETWORK.set(names[0])
    labels = services.network_labels(names)
    keep_listed(NETWORK.key, [labels[name] for name in names])
    name = st.selectbox(WORDS["network"], names, key=NETWORK.key, format_func=labels.__getitem__)
    classifier = services.network(name)
    st.caption("  \n".join(card_lines(classifier)))
    own_network_button(name, NETWORK)
    return classifier


def card_lines(classifier: Classifier) -> list[str]:
    """What it is, how large and how good, a line each."""
    parameters = sum(parameter.numel() for parameter in classifier.model.parameters())
    lines = [
        WORDS["classes"].format(architecture=classifier.architecture, count=len(classifier.classes)),
        WORDS["parameters"].format(count=parameters),
    ]
    accuracy = classifier.card.test_accuracy
    if accuracy is not None:
        lines.append(WORDS["accuracy"].format(percent=100 * accuracy))
    return lines
