"""Reports that a command line asks for: one HTML file about all images, in English or another language."""

from __future__ import annotations

import gettext
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cbam_core.cli.inputs import NamedImage
from cbam_core.cli.output import counted, one_line
from cbam_core.errors import Message, fill
from cbam_core.places import project_folder
from cbam_core.results.look import Look

if TYPE_CHECKING:
    from cbam_core.network import Classifier
    from cbam_core.report import Entry, Report
    from cbam_core.results.explanation import Explanation

MOST = 1000
"""Largest number of images in a report."""

ENDINGS = (".html", ".htm")
CATALOGUES = {"zh": "zh_CN"}
"""Folders of the app's catalogues, for all languages but English."""


def known_page(path: Path | None) -> Path | None:
    """Check that the name of a report is that of a web page."""
    if path is not None and path.suffix.lower() not in ENDINGS:
        raise typer.BadParameter(f"'{path}' does not end in .html")
    return path


@dataclass(frozen=True)
class Tongue:
    """A language, by the app's catalogue of it.

    Attributes:
        code: code of the language.
        catalogue: its sentences; those that it lacks stay English.
    """

    code: str
    catalogue: gettext.NullTranslations

    @classmethod
    def of(cls, code: str) -> Tongue:
        """Open the catalogue of a language; English has none."""
        folder = project_folder() / "app" / "locale"
        names = [CATALOGUES[code]] if code in CATALOGUES else []
        return cls(code, gettext.translation("cbam_lens", folder, names, fallback=True))

    def words(self, english: Mapping[str, str], classes: Sequence[str] = ()) -> dict[str, str]:
        """Translate words, and add the names of classes."""
        named = {f"class {name}": self.catalogue.pgettext("class", name) for name in classes}
        return {key: self.catalogue.gettext(text) for key, text in english.items()} | named

    def say(self, message: Message) -> str:
        """Write a message in this language."""
        return fill(self.catalogue.gettext(message.template), message.values)


@dataclass(frozen=True)
class Page:
    """A report in one HTML file, as a command line asks for it.

    Attributes:
        html: its file; None for no report.
        language: code of its language.
    """

    html: Annotated[
        Path | None,
        typer.Option(
            "--html",
            metavar="FILE",
            help="Write one .html file about all images, with the viewer inside; images in folders that are named as "
            "classes are compared with them, and mistakes come first.",
            callback=known_page,
        ),
    ] = None
    language: Annotated[
        Literal["en", "zh"], typer.Option(help="Language of --html: English or Simplified Chinese.")
    ] = "en"

    def check_count(self, count: int) -> None:
        """Check that the report has space for this number of images.

        Raises:
            typer.BadParameter: it has not.
        """
        if self.html is not None and count > MOST:
            raise typer.BadParameter(
                f"--html has space for {MOST} images, not for {count:,}; draw some with --draw {MOST}"
            )

    def write(self, classifier: Classifier, explained: Sequence[tuple[NamedImage, Explanation]], look: Look) -> None:
        """Write the report, and a line about it.

        Raises:
            CbamError: the file cannot be written.
        """
        from cbam_core.report.saving import write_report

        if self.html is None:
            return
        size = write_report(self.html, report_of(classifier, explained, look, Tongue.of(self.language)))
        typer.echo(one_line(f"report -> {self.html}, {counted(len(explained), 'image')}, {size / 1e6:.1f} MB"))


def report_of(
    classifier: Classifier,
    explained: Sequence[tuple[NamedImage, Explanation]],
    look: Look,
    tongue: Tongue,
) -> Report:
    """Put explanations into a report; the folder of an image is its true class if the network has such a class."""
    from cbam_core.report import WORDS, Entry, Report
    from cbam_core.report.facts import facts_of
    from cbam_core.report.saving import versions
    from cbam_core.viewer import WORDS as VIEWER_WORDS
    from cbam_core.viewer import Settings

    entries = [
        Entry(one, image.path.name, image.label if image.label in one.classes else None) for image, one in explained
    ]
    words = tongue.words(WORDS, sorted({name for entry in entries for name in entry.explanation.classes}))
    return Report(
        tuple(_named_apart(entries, explained)),
        date=datetime.now(UTC),
        card=facts_of(classifier, words, tongue.say, tongue.catalogue.gettext),
        versions=versions(),
        settings=Settings(**asdict(look)),
        words=words,
        viewer_words=tongue.words(VIEWER_WORDS),
        language=tongue.code,
        say=tongue.say,
    )


def _named_apart(entries: Sequence[Entry], explained: Sequence[tuple[NamedImage, Explanation]]) -> list[Entry]:
    """Add the folder to the names of files that several folders have."""
    names = [entry.name for entry in entries]
    shared = {name for name in names if names.count(name) > 1} if len(set(names)) < len(names) else set()
    return [
        replace(entry, name=f"{image.path.parent.name}/{entry.name}") if entry.name in shared else entry
        for entry, (image, _) in zip(entries, explained, strict=True)
    ]
