"""What is known of the networks that are served."""

from app import services
from cbam_core import load_classifier


def test_answers_are_those_kept_beside_the_shipped_network():
    classifier = load_classifier("cbam_cnn_cifar10")
    assert services.evaluation_of(classifier).total == 10_000
