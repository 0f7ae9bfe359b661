"""What is a network to show? Its model, its classes, how images are prepared for it, and how it was made."""

from cbam_core.network.classifier import CLASSIFIER, Classifier, Source
from cbam_core.network.loading import load_checkpoint, restate, state
from cbam_core.network.opening import load_classifier, open_stated
from cbam_core.network.saving import current_versions, export_state_dict, save_classifier
from cbam_core.network.statement import Stated

__all__ = [
    "CLASSIFIER",
    "Classifier",
    "Source",
    "Stated",
    "current_versions",
    "export_state_dict",
    "load_checkpoint",
    "load_classifier",
    "open_stated",
    "restate",
    "save_classifier",
    "state",
]
