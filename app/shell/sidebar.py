"""The sidebar that all pages share: which network, and the shortest version of its card."""

from __future__ import annotations

import streamlit as st

from app import services
from app.session import links, own_networks
from app.session.choices import Remembered
from app.session.own_networks import NETWORK
from app.session.words import Words, plain_text, sentence
from app.shell.own_network import own_network_button
from app.widgets.choices import keep_listed
from cbam_core.errors import CheckpointError, TrainingError
from cbam_core.network import Classifier
from cbam_core.results.evaluation import Evaluation

_LOST: Remembered[tuple[CheckpointError, str] | None] = Remembered("network-lost", lambda: None)
# Why the network that was selected is not there any more, and the one that is shown instead.

_LISTED: Remembered[tuple[str, ...]] = Remembered("networks-listed", tuple)
# Networks that the visitor could select; a browser can send any other name.

WORDS = Words(
    {
        "network": "Network",
        "instead": "{reason} {name} is shown instead.",
        "classes": "{architecture}, {count} classes",
        "no_classes": "{architecture}, no classes",
        "parameters": "{count:,} parameters",
        "accuracy": "Test accuracy {percent:.2f} %",
        "samples": "{right} of {count} bundled images right",
    }
)


def choose_network(asked: str | None = None) -> Classifier:
    """Let the visitor choose a trained network, or upload one; its card in three lines stands below.

    Args:
        asked: name of the network to begin with; one that is not there counts as none.

    Raises:
        CheckpointError: no network is there, or the first one cannot be opened.
    """
    services.take_in_evaluations()
    names = services.networks()
    if asked in names:
        NETWORK.set(asked)
    before = NETWORK.get()
    if before not in names:  # it was removed
        NETWORK.set(names[0])
        if before in _LISTED.get() and before != own_networks.dropped():
            _LOST.set((services.gone(before), names[0]))
    _LISTED.set(names)
    labels = services.network_labels(names)
    keep_listed(NETWORK.key, [labels[name] for name in names])
    name = st.selectbox(
        WORDS["network"], names, key=NETWORK.key, format_func=labels.__getitem__, on_change=_LOST.forget
    )
    classifier = _opened(name, names[0])
    if (lost := _LOST.get()) is not None and lost[1] == name:
        reason = plain_text(sentence(lost[0]))
        st.warning(WORDS["instead"].format(reason=reason, name=plain_text(labels[name])), icon=":material/warning:")
    st.caption("  \n".join(card_lines(classifier)))
    own_network_button(name)
    return classifier


def _opened(name: str, first: str) -> Classifier:
    """The network of that name; where it cannot be opened, the page is drawn anew with the first one."""
    try:
        return services.network(name)
    except CheckpointError as error:
        if name == first:
            raise
        links.ask(network=first)
        _LOST.set((error, first))
        st.rerun()


def card_lines(classifier: Classifier) -> list[str]:
    """What it is, how large and how good, a line each."""
    parameters = sum(parameter.numel() for parameter in classifier.model.parameters())
    lines = [
        WORDS["classes" if classifier.classes else "no_classes"].format(
            architecture=classifier.kind, count=len(classifier.classes)
        ),
        WORDS["parameters"].format(count=parameters),
    ]
    if classifier.card.test_accuracy is not None:
        lines.append(WORDS["accuracy"].format(percent=100 * classifier.card.test_accuracy))
    elif (found := _evaluation(classifier)) is not None:
        said = WORDS["samples" if found.split == "samples" else "accuracy"]
        lines.append(said.format(percent=100 * found.accuracy, right=found.total_right, count=found.total))
    return lines


def _evaluation(classifier: Classifier) -> Evaluation | None:
    try:
        return services.evaluation_of(classifier)
    except TrainingError:
        return None
