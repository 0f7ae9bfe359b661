"""The image that a page shows, and what else of it the page is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from app import services
from app.session.uploads import Fitted
from app.widgets.prefetch import Ahead
from cbam_core.network import Classifier


@dataclass(frozen=True)
class Batch:
    """All images that downloads hold, by name.

    Attributes:
        results: what the network made of each.
        files: the original file of each that has one.
        fitted: how each of these was read.
    """

    results: Mapping[str, services.ImageResult]
    files: Mapping[str, bytes]
    fitted: Mapping[str, Fitted] = field(default_factory=dict)


@dataclass(frozen=True)
class ShownImage:
    """One image as the page shows it, and as an address names it.

    Attributes:
        result: what the network made of it.
        name: what its files are called.
        caption: what stands beside it.
        truth: its true class; None where that is not known.
        link: how an address names it; None where it cannot.
        fitted: how it was fitted to the network's input.
        own: whether it is the visitor's own, whose results are kept for them alone.
        key: what the keys of widgets that show it begin with.
        frame: key of the widget in which the visitor frames a part of it; "" where they cannot.
        batch: all images that downloads hold; None for this one alone.
        filters: parameters of an address, by which it was found.
        ahead: which of the results sent ahead this one is.
    """

    result: services.ImageResult
    name: str
    caption: str
    truth: str | None = None
    link: str | None = None
    fitted: Fitted = field(default_factory=Fitted)
    own: bool = False
    key: str = "sample"
    frame: str = ""
    batch: Batch | None = None
    filters: Mapping[str, str | None] = field(default_factory=dict)
    ahead: Ahead | None = None


Show = Callable[[Classifier, ShownImage], None]
"""What a page does with the image that was chosen; it writes the address too."""
