"""Inspect: one image, what the network made of it, and what every block attended to."""

from __future__ import annotations

from typing import Any

from app import services
from app.inspect.link import settings_of
from app.inspect.result import show_result
from app.inspect.state import begin_with_settings
from app.session.words import Words
from app.widgets.image.choosing import choose_image
from app.widgets.prefetch import send_ahead
from cbam_core.network import Classifier

WORDS = Words({"title": "Inspect"})


def page(classifier: Classifier, asked: dict[str, Any]) -> None:
    """The page below the sidebar.

    Args:
        classifier: the network.
        asked: what an address asked for that the visitor came by, see `app.session.links.arrive`.
    """
    if asked:
        begin_with_settings(settings_of(asked, services.FIRST_READING))
    choose_image(classifier, asked, show_result, title=WORDS["title"], prefetched=True)
    # Last, and outside the fragments: it must not delay the first result, nor travel with every choice.
    if not services.are_all_samples():
        send_ahead("sample", services.version_of(classifier), services.samples_ahead(classifier))
