"""What is a network to show? Its model, its classes, how images are prepared for it, and how it was made."""

from cbam_core.network.classifier import Classifier, Source
from cbam_core.network.loading import load_classifier, state
from cbam_core.network.saving import current_versions, export_state_dict, save_classifier

__all__ = [
    "Classifier",
    "Source",
    "current_versions",
    "export_state_dict",
    "load_classifier",
    "save_classifier",
    "state",
]
