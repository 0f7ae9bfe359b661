"""What a visitor can take along: the figure, the raw values, or everything as a ZIP. Made only when asked for."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import partial
from types import MappingProxyType

import numpy as np
import streamlit as st

from app.session.scheduling import in_slot, slots_of_this_session
from app.session.uploads import Fitted
from app.session.words import Words, _, class_name, language, translated_for_files
from app.widgets.paper import paper_downloads
from app.widgets.web_page import web_page_of
from cbam_core.data.images import decode
from cbam_core.explanation.contents import Request, means_as_npz
from cbam_core.explanation.formats import FORMATS, WEB_PAGE, Format
from cbam_core.explanation.saving import as_zip
from cbam_core.network import Classifier
from cbam_core.render.figure import WORDS as FIGURE_WORDS
from cbam_core.render.paper.printed import PrintedFigure
from cbam_core.render.paper.single import figure_of
from cbam_core.render.paper.words import WORDS as PAPER_WORDS
from cbam_core.report.entries import FIRST
from cbam_core.results.explanation import Explanation
from cbam_core.results.layout import PARTS, Layout
from cbam_core.results.means import GateMeans
from cbam_core.viewer import Settings

WORDS = Words(
    {
        "download": "Download",
        "values": "Raw values (.npz)",
        "everything": "Everything (.zip)",
        "all": "Everything, {count} images (.zip)",
        "both": "Download both (.zip)",
        "about": "Figures and the web page have the viewer's settings; raw values are never rounded.",
    }
)

ZIP = "application/zip"
NO_FILES: Mapping[str, bytes] = MappingProxyType({})
NO_FITS: Mapping[str, Fitted] = MappingProxyType({})


def downloads(
    explanations: Mapping[str, Explanation],
    settings: Settings,
    *,
    files: Mapping[str, bytes] = NO_FILES,
    fitted: Mapping[str, Fitted] = NO_FITS,
    opened: str | None = None,
    truth: str | None = None,
    classifier: Classifier | None = None,
    key: str,
) -> None:
    """Offer files of what is on the page.

    Args:
        explanations: by the names of their images; the ZIP holds all of them.
        settings: of the viewer; figures are drawn with them.
        files: the images as they were given, by the same names, where they are more than the network's input.
        fitted: how each of these was read, by the same names.
        opened: name of the image that is open; None where there is one only.
        truth: its true class; None where that is not known.
        classifier: the network, for what the web page says of it.
        key: of the widgets.
    """
    name = opened if opened is not None else next(iter(explanations))
    originals = Originals(files if settings.image == "original" else NO_FILES, fitted)
    several = len(explanations) > 1
    shown = _Shown(explanations, name, settings, originals)
    stem, digest = _stem(name), _digest(explanations, name, settings)
    with st.popover(WORDS["download"], icon=":material/download:", width="stretch"):
        for each in FORMATS:
            if each.label:
                file_name, widget = f"{stem}-{digest}{each.ending}", f"{key}-{each.ending.removeprefix('.')}"
                _button(_(each.label), file_name, in_slot(partial(shown.alone, each)), widget, each.media_type)
        truths = {} if several else {name: truth}
        page = web_page_of(explanations, settings, classifier=classifier, truths=truths, originals=originals)
        page_name = f"{'cbam-lens' if several else stem}-{digest}{WEB_PAGE.ending}"
        _button(_(WEB_PAGE.label), page_name, in_slot(page), f"{key}-page", WEB_PAGE.media_type)
        if several:
            label = WORDS["all"].format(count=len(explanations))
            _button(label, f"cbam-lens-{digest}.zip", shown.of_all, f"{key}-zip", ZIP)
        else:
            _button(WORDS["everything"], f"{stem}-{digest}.zip", in_slot(shown.everything), f"{key}-zip", ZIP)
        make = _paper(shown.one, settings, truth, originals, name)
        paper_downloads(make, stem=stem, digest=f"{digest}-{truth}" if truth else digest, key=f"{key}-paper")
        st.caption(WORDS["about"])


class _Shown:
    """What the page shows now, for files that are made when the script has long run.

    Args:
        explanations: by the names of their images.
        name: name of the image that is open.
        settings: of the viewer.
        originals: the images as they were given, by the same names.
    """

    def __init__(
        self, explanations: Mapping[str, Explanation], name: str, settings: Settings, originals: Originals
    ) -> None:
        self._all, self._name, self._look, self._originals = explanations, name, settings.look, originals
        self.one = explanations[name]
        self._words = _figure_words([self.one])
        self._slots = slots_of_this_session()

    def alone(self, chosen: Format) -> bytes:
        """Make a file of the image that is open."""
        original = self._originals.get(self._name)
        return chosen.content(Request(self.one, original, self._look, self._words, datetime.now(UTC), NO_FILES))

    def everything(self) -> bytes:
        """Make a ZIP of the image that is open."""
        return as_zip(self.one, original=self._originals.get(self._name), words=self._words, look=self._look)

    def of_all(self) -> bytes:
        """Make a ZIP of all images."""
        return as_zip(self._all, original=self._originals, within=self._slots, words=self._words, look=self._look)


def _figure_words(explanations: Iterable[Explanation]) -> dict[str, str]:
    """Words of figures in the visitor's language, with the names of the classes."""
    return translated_for_files(FIGURE_WORDS) | {
        f"class {known}": class_name(known) for one in explanations for known in one.classes
    }


def _paper(
    one: Explanation, settings: Settings, truth: str | None, originals: Mapping[str, np.ndarray], name: str
) -> Callable[[float], PrintedFigure]:
    """Take what the viewer shows now, for a figure that is drawn when it is asked for."""
    words = translated_for_files(PAPER_WORDS)
    words |= {f"class {known}": class_name(known) for known in (*one.classes, truth) if known}
    has_usual = any(gate.usual is not None for block in one.blocks for gate in block.gates)
    parts = tuple(part for part in PARTS if part != "difference" and (has_usual or part != "usual"))

    def make(width: float) -> PrintedFigure:
        layout = Layout(**asdict(settings.look), width=width, parts=parts, order=settings.order)
        return figure_of(one, layout, truth=truth, original=originals.get(name), words=words)

    return make


def download_both(
    left: Explanation,
    right: Explanation,
    *,
    files: Mapping[str, bytes] = NO_FILES,
    fitted: Mapping[str, Fitted] = NO_FITS,
    key: str,
) -> None:
    """Offer a ZIP of two explanations, in the folders ``a`` and ``b``.

    Args:
        left: the first one.
        right: the second one.
        files: the images as they were given, as ``"a"`` and ``"b"``, where they are more than the network's input.
        fitted: how each of these was read, by the same names.
        key: of the widget.
    """
    both = {"a": left, "b": right}
    words = _figure_words(both.values())  # looked up now: the file is made when the script has long run
    originals, settings = Originals(files, fitted), Settings(image="original" if files else "input")
    st.download_button(
        WORDS["both"],
        partial(as_zip, both, original=originals, within=slots_of_this_session(), words=words, look=settings.look),
        file_name=f"cbam-lens-{_digest(both, 'both', settings)}.zip",
        icon=":material/download:",
        on_click="ignore",
        key=key,
    )


def download_page(
    explanations: Mapping[str, Explanation], truths: Mapping[str, str | None], *, name: str, key: str
) -> None:
    """Offer a web page of several explanations.

    Args:
        explanations: by the names of their images.
        truths: true classes by the same names, where they are known.
        name: what distinguishes this page from others, for the name of its file.
        key: of the widget.
    """
    page = web_page_of(explanations, FIRST, truths=truths)
    file_name = f"cbam-lens-{name}{WEB_PAGE.ending}"
    st.download_button(
        _(WEB_PAGE.label),
        in_slot(page),
        file_name=file_name,
        mime=WEB_PAGE.media_type,
        icon=":material/download:",
        on_click="ignore",
        key=key,
    )


def download_means(means: Mapping[str, GateMeans], network: str, *, key: str) -> None:
    """Offer the raw values of means.

    Args:
        means: by the names of what they were taken over.
        network: digest of the network that they are of.
        key: of the widget.
    """
    digest = hashlib.sha256(repr((network, [(name, one.count) for name, one in means.items()])).encode()).hexdigest()[
        :12
    ]
    st.download_button(
        WORDS["values"],
        in_slot(lambda: means_as_npz(means)),
        file_name=f"{_stem('-'.join(means))}-{digest}.npz",
        icon=":material/download:",
        on_click="ignore",
        key=key,
    )


@dataclass(frozen=True)
class Originals(Mapping[str, np.ndarray]):
    """Images, decoded one at a time as they are asked for: all together might fill the server's memory."""

    files: Mapping[str, bytes]
    fitted: Mapping[str, Fitted] = field(default_factory=dict)

    def __getitem__(self, name: str) -> np.ndarray:
        read = self.fitted.get(name, Fitted())
        return decode(self.files[name], stretch=read.stretch, ground=read.ground).pixels

    def __iter__(self) -> Iterator[str]:
        return iter(self.files)

    def __len__(self) -> int:
        return len(self.files)


def _stem(name: str) -> str:
    return re.sub(r"[^\w-]+", "-", name.rsplit(".", 1)[0]).strip("-")[:60] or "picture"


def _digest(explanations: Mapping[str, Explanation], name: str, settings: Settings) -> str:
    """Streamlit distinguishes large downloads by a part of their content; this in their names makes that safe."""
    parts = [
        (e.image_digest, e.checkpoint, e.checkpoint_digest, e.fit, e.frame.box, e.notes) for e in explanations.values()
    ]
    settled = (settings.image, sorted(asdict(settings.look).items()))
    return hashlib.sha256(repr((name, parts, settled, language())).encode()).hexdigest()[:12]


def _button(label: str, file_name: str, make: Callable[[], bytes], key: str, media_type: str) -> None:
    st.download_button(
        label,
        make,
        file_name=file_name,
        mime=media_type,
        on_click="ignore",
        type="tertiary",
        key=key,
        width="stretch",
    )
