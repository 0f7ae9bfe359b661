"""What is on a page as one HTML file with the viewer inside, in the visitor's language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import partial
from types import MappingProxyType

import numpy as np

from app.session.words import card_text, class_name, language, say, translated
from cbam_core.network import Classifier
from cbam_core.report import WORDS as REPORT_WORDS
from cbam_core.report import Entry, Report, report_html
from cbam_core.report.facts import facts_of
from cbam_core.report.saving import versions
from cbam_core.results.explanation import Explanation
from cbam_core.viewer import WORDS as VIEWER_WORDS
from cbam_core.viewer import Settings


def web_page_of(
    explanations: Mapping[str, Explanation],
    settings: Settings,
    *,
    classifier: Classifier | None = None,
    truths: Mapping[str, str | None] = MappingProxyType({}),
    originals: Mapping[str, np.ndarray] = MappingProxyType({}),
) -> Callable[[], bytes]:
    """Take what the page shows now, for a file that is made when it is asked for.

    Args:
        explanations: by the names of their images, one or several.
        settings: of the viewer; the file opens with its look and picture.
        classifier: the network, whose card the file names; None for its name alone.
        truths: true classes by the same names, where they are known.
        originals: images before fitting, by the same names; only a file of a single image holds one.
    """
    # Looked up now: the file is made when the script has long run, outside of the session.
    code = language()
    told = partial(say, code=code)
    known = {name for one in explanations.values() for name in one.classes}
    words = translated(REPORT_WORDS) | {f"class {name}": class_name(name) for name in known}
    report = Report(
        tuple(Entry(one, name, truths.get(name)) for name, one in explanations.items()),
        card=() if classifier is None else facts_of(classifier, words, told, card_text),
        versions=versions(),
        settings=Settings(image=settings.image, **asdict(settings.look)),
        words=words,
        viewer_words=translated(VIEWER_WORDS),
        language=code,
        say=told,
    )

    def make() -> bytes:
        entries = report.entries
        if len(entries) == 1:
            entries = (replace(entries[0], original=originals.get(entries[0].name)),)
        return report_html(replace(report, entries=entries, date=datetime.now(UTC))).encode()

    return make
