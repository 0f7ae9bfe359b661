"""The second image, which lends its gates: a sample or a test image."""

from __future__ import annotations

from dataclasses import dataclass

from app import services
from app.whatif.state import EXPERIMENT
from app.widgets.image.shown import ShownImage
from cbam_core.errors import CbamError
from cbam_core.network import Classifier
from cbam_core.results.explanation import Explanation


@dataclass(frozen=True)
class Other:
    """An image that lends its gates.

    Attributes:
        explanation: of the image.
        caption: what it is.
        truth: its true class.
        place: ``"sample"`` or ``"test"``, and its number.
    """

    explanation: Explanation
    caption: str
    truth: str
    place: tuple[str, int]

    @property
    def link(self) -> str:
        """How an address names it."""
        source, index = self.place
        return f"{source}-{index}"


def other_image(classifier: Classifier, shown: ShownImage) -> Other | None:
    """The image that lends its gates, at first a sample of another class; None where it cannot be shown.

    Args:
        classifier: the network.
        shown: the image that borrows.
    """
    source, index = EXPERIMENT.get().other or ("sample", _of_another_class(shown))
    try:
        if source == "test" and index < (services.test_count() or 0):
            about = services.about_test_image(index)
            result = services.show_test_image(classifier, index)
        else:
            source, index = "sample", index if source == "sample" and index < len(services.samples()) else 0
            about = services.about_sample(index)
            result = services.show_sample(classifier, index)
    except CbamError:
        return None
    return Other(result.explanation, about.caption, about.truth, (source, index))


def _of_another_class(shown: ShownImage) -> int:
    """Index of the first sample that is of another class than an image."""
    own = shown.truth or shown.result.explanation.predicted
    return next((tile.index for tile in services.sample_tiles() if tile.class_ != own), 0)
