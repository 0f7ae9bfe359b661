"""What is usual for a network whose file does not say it: computed over the images that every visitor has."""

from __future__ import annotations

from dataclasses import replace

from app.services.dataset import samples
from app.services.operator_log import tell_operator
from app.session.scheduling import slot
from cbam_core.errors import CbamError
from cbam_core.evaluation.usual_gates import usual_gates
from cbam_core.network import Classifier

LARGEST = 64 * 64
"""Pixels of an input up to which the bundled images take seconds at most."""


def with_usual(classifier: Classifier) -> Classifier:
    """Give a network that knows what is usual for it, where the bundled images show it.

    Args:
        classifier: the network; it is not changed. One that knows, that has large inputs, or that cannot be observed is
            given back as it is.
    """
    width, height = classifier.input_size
    if classifier.usual is not None or width * height > LARGEST:
        return classifier
    try:
        with slot():
            return replace(classifier, usual=usual_gates(classifier, samples()))
    except CbamError as error:
        tell_operator(f"{error.code}: {error}")
        return classifier
