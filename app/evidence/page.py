"""Evidence: one image, other maps of what mattered for its answer, and tests of the attention that was seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from app.evidence.gates import gates_section
from app.evidence.maps import maps_section, open_measure
from app.evidence.objects import (
    deletion_section,
    randomised_section,
    resume_images,
    shift_section,
    tiles_section,
)
from app.evidence.target import open_target
from app.session import links
from app.session.choices import Choice
from app.session.words import Words
from app.widgets.choices import choose_one
from app.widgets.image.address import image_as_parameters, usual_parameters
from app.widgets.image.choosing import choose_image
from app.widgets.image.shown import ShownImage
from app.widgets.prediction import prediction
from cbam_core.network import Classifier

WORDS = Words(
    {
        "title": "Evidence",
        "section": "Section",
        "maps": "Maps of other methods",
        "gates": "What gates add",
        "shift": "Moved image",
        "tiles": "Canvas and mosaic",
        "deletion": "Deletion and insertion",
        "randomised": "Shuffled weights",
    }
)

Section = Callable[[Classifier, ShownImage], Mapping[str, Any]]
"""Draws a section about an image; returns parameters of an address, by name."""

SECTIONS: Mapping[str, Section] = {
    "maps": maps_section,
    "gates": gates_section,
    "shift": shift_section,
    "tiles": tiles_section,
    "deletion": deletion_section,
    "randomised": randomised_section,
}
"""Sections of the page, in order, by their names in an address. Only the one that is open is computed."""

_SECTION = Choice("evidence-section")


def page(classifier: Classifier, asked: dict[str, Any]) -> None:
    """The page below the sidebar.

    Args:
        classifier: the network.
        asked: what an address asked for that the visitor came by, see `app.session.links.arrive`.
    """
    first = next(iter(SECTIONS))
    if asked:
        section = asked.get("section")
        _SECTION.set(section if section in SECTIONS else first)
    _SECTION.resume(first)
    open_target(asked, classifier.classes)
    open_measure(asked)
    resume_images(asked)
    choose_image(classifier, asked, _show, title=WORDS["title"])


def _show(classifier: Classifier, shown: ShownImage) -> None:
    """Draw the image, its answer, and the open section; write the address."""
    prediction(
        shown.result.explanation,
        caption=shown.caption,
        truth=shown.truth,
        preview=shown.result.preview,
        movable=bool(shown.frame) and shown.fitted.fit == "square",
        key=shown.frame or f"evidence-{shown.key}-prediction",
    )
    first = next(iter(SECTIONS))
    chosen = choose_one(WORDS["section"], [*SECTIONS], WORDS, key=_SECTION.key)
    _SECTION.remember()
    said = SECTIONS[chosen](classifier, shown)
    links.write(
        {**usual_parameters(shown), "section": chosen},
        network=links.network_of(classifier),
        **image_as_parameters(shown),
        section=None if chosen == first else chosen,
        **said,
    )
