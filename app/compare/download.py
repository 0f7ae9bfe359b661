"""What a visitor can take along of a comparison: one figure with A, B and the difference, and the files of both."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import streamlit as st

from app.compare.display import SETTINGS
from app.compare.pair import OPACITY
from app.compare.sides import LABELS
from app.session.choices import Choice
from app.session.uploads import Fitted
from app.session.words import Words, class_name, language, translated_for_files
from app.widgets.downloads import NO_FITS, Originals, download_both, download_means, download_page
from app.widgets.paper import paper_downloads
from cbam_core.explanation.comparison import compare, pairs_of
from cbam_core.network import Classifier
from cbam_core.render.paper.pair import PairStyle, pair_of
from cbam_core.render.paper.sides import Side, side_of, side_of_means
from cbam_core.render.paper.words import WORDS as PAPER_WORDS
from cbam_core.results.explanation import Block
from cbam_core.results.layout import Layout

if TYPE_CHECKING:
    from cbam_core.evaluation.class_means_file import ClassMeans
    from cbam_core.render.paper.printed import PrintedFigure
    from cbam_core.results.explanation import Explanation

WORDS = Words({"download": "Download"})


def download_sides(
    explanations: tuple[Explanation, Explanation],
    truths: tuple[str | None, str | None],
    files: Mapping[str, bytes],
    fitted: Mapping[str, Fitted] = NO_FITS,
) -> None:
    """Offer a figure of two explanations, and a ZIP with the files of both.

    Args:
        explanations: of A and B.
        truths: true classes, where they are known.
        files: the images as they were given, as ``"a"`` and ``"b"``, where they are more than the network's input.
        fitted: how each of these was read, by the same names.
    """
    left, right = explanations
    words = _words(*(name for one in explanations for name in one.classes))
    originals = Originals(files, fitted)

    def sides() -> tuple[Side, Side]:
        first, second = (
            side_of(one, label, truth=truth, original=originals.get(name))
            for one, label, truth, name in zip(explanations, LABELS.values(), truths, "ab", strict=True)
        )
        return first, second

    shown = [
        (one.image_digest, one.checkpoint_digest, one.checkpoint, one.fit, one.frame.box, one.notes)
        for one in explanations
    ]
    with st.popover(WORDS["download"], icon=":material/download:"):
        download_both(left, right, files=files, fitted=fitted, key="compare-zip")
        both = dict(zip(LABELS.values(), explanations, strict=True))
        known = dict(zip(LABELS.values(), truths, strict=True))
        download_page(both, known, name=_digest(shown, truths), key="compare-page")
        make = _maker(sides, (left.blocks, right.blocks), words)
        paper_downloads(make, stem="compared", digest=_digest(shown, truths), key="compare-paper")


def download_classes(means: ClassMeans, classifier: Classifier) -> None:
    """Offer a figure of the means of two classes, and their raw values."""
    (*_, second), first = means.items(), next(iter(means.items()))  # the same, where both sides hold one class
    words = _words(*(name for one in means.values() for name in one.classes))

    def sides() -> tuple[Side, Side]:
        left, right = (
            side_of_means(one, f"{label} {words.get(f'class {name}', name)}", classifier.name, classifier.input_size)
            for (name, one), label in zip((first, second), LABELS.values(), strict=True)
        )
        return left, right

    shown = [(name, one.count) for name, one in (first, second)]
    with st.popover(WORDS["download"], icon=":material/download:"):
        download_means(means, classifier.digest, key="compare-means")
        make = _maker(sides, (first[1].blocks, second[1].blocks), words)
        paper_downloads(make, stem="compared", digest=_digest(shown, classifier.digest), key="compare-paper")


def _maker(
    sides: Callable[[], tuple[Side, Side]],
    blocks: tuple[Sequence[Block], Sequence[Block]],
    words: Mapping[str, str],
) -> Callable[[float], PrintedFigure]:
    """Take what the page shows now, for a figure that is drawn when it is asked for.

    Args:
        sides: gives both sides; called when the figure is drawn.
        blocks: of both sides.
        words: of the figure, in the visitor's language.
    """
    now = _settings()
    opacity = OPACITY if now["compare-masks"] == "over" else 1.0
    order: Literal["index", "difference"] = "difference" if now["compare-order"] == "difference" else "index"
    style = PairStyle(None if now["compare-colours"] == "widest" else 1.0, now["compare-ends"] or None)

    def make(width: float) -> PrintedFigure:
        layout = Layout(width=width, opacity=opacity, order=order)
        return pair_of(sides(), pairs_of(compare(*blocks)), layout, style, words)

    return make


def _settings() -> dict[str, Any]:
    """What is chosen on the page, by the keys of its widgets."""
    return {key: Choice(key).get(first) for key, (_, first, _) in SETTINGS.items()}


def _words(*classes: str) -> Mapping[str, str]:
    """The words of a figure, looked up now: files are made when the script has long run."""
    return translated_for_files(PAPER_WORDS) | {f"class {name}": class_name(name) for name in classes}


def _digest(*shown: object) -> str:
    """What distinguishes one figure from another: Streamlit compares large downloads by a part of them."""
    return hashlib.sha256(repr((shown, sorted(_settings().items()), language())).encode()).hexdigest()[:12]
