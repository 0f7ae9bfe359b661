"""The second image, which lends its gates: a sample or a test image."""

from __future__ import annotations

from dataclasses import dataclass

from app import services
from app.session.choices import Remembered
from cbam_core.errors import CbamError
from cbam_core.network import Classifier
from cbam_core.results.explanation import Explanation

CHOSEN: Remembered[tuple[str, int] | None] = Remembered("whatif-other", lambda: None)
"""``"sample"`` or ``"test"``, and the image's number; None before one was chosen."""


@dataclass(frozen=True)
class Other:
    """An image that lends its gates.

    Attributes:
        explanation: of the image.
        caption: what it is.
        truth: its true class.
        link: how an address names it.
    """

    explanation: Explanation
    caption: str
    truth: str
    link: str


def other_image(classifier: Classifier) -> Other | None:
    """The image that lends its gates, at first the first sample; None where it cannot be shown."""
    source, index = CHOSEN.get() or ("sample", 0)
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
    return Other(result.explanation, about.caption, about.truth, f"{source}-{index}")


def open_address(asked: tuple[str, int | str]) -> None:
    """Begin with the image that an address names; only samples and test images lend their gates."""
    source, which = asked
    if source in ("sample", "test") and isinstance(which, int):
        CHOSEN.set((source, which))
