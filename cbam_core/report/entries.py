"""What a report holds: explanations with their names and true classes, packed for its script."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from cbam_core.errors import Message, fill, unbroken
from cbam_core.report.words import WORDS
from cbam_core.results.explanation import Explanation
from cbam_core.viewer import Settings, lay_out
from cbam_core.viewer.packing import jpeg
from cbam_core.viewer.payload import PIXELATED, png

TOP = 5
"""Number of classes that are listed for an image."""

MOST_BYTES = 20_000_000
"""Size in bytes above which a report leaves out the numbers of further images."""

EXACT_BYTES = 300_000
"""Size in bytes of the gates and the picture of one image up to which they are sent without loss."""

FIRST = Settings(reading="relative")
"""Settings that a report and a notebook's output open with: those of Inspect; ``docs/readings.md`` says why."""


@dataclass(frozen=True, eq=False)
class Entry:
    """One image of a report.

    Attributes:
        explanation: what the network did with it.
        name: name of the image, such as that of its file; "" where it has none.
        truth: name of its true class; None where it is unknown.
        original: image before fitting, uint8 RGB, to draw the masks on too; None for the network's input alone.
    """

    explanation: Explanation
    name: str = ""
    truth: str | None = None
    original: UInt8[np.ndarray, "oh ow 3"] | None = None

    @property
    def predicted(self) -> str | None:
        """Name of the most probable class; None for a network without classes."""
        return self.explanation.predicted if len(self.explanation.classes) else None

    @property
    def probability(self) -> float:
        """Probability of the predicted class, in [0, 1]; 0 for a network without classes."""
        probabilities = self.explanation.probabilities
        return float(probabilities.max()) if probabilities.size else 0.0

    @property
    def is_wrong(self) -> bool:
        """Whether the true class is known, and another one was predicted."""
        return self.truth is not None and self.predicted != self.truth

    @property
    def top(self) -> list[tuple[str, float]]:
        """The most probable classes with their probabilities, highest first."""
        one = self.explanation
        order = np.argsort(-one.probabilities, kind="stable")[:TOP]
        return [(one.classes[index], float(one.probabilities[index])) for index in order.tolist()]

    @property
    def without_top(self) -> str:
        """Key of the sentence about an image without a prediction; "" for one that has one."""
        if self.explanation.classes:
            return ""
        noted = {note.code for note in self.explanation.notes}
        return "no_classes" if "network.no-classes" in noted else "no_classifier"

    def probability_of(self, name: str) -> float | None:
        """Return the probability of a class; None where there is no class of this name."""
        one = self.explanation
        return float(one.probabilities[one.classes.index(name)]) if name in one.classes else None


def worst_first(entries: Iterable[Entry]) -> list[Entry]:
    """Sort entries: mistakes first, the most certain one at the top; the others stay in order."""
    return sorted(entries, key=lambda entry: -entry.probability if entry.is_wrong else 1.0)


@dataclass(frozen=True, eq=False)
class Report:
    """One HTML page about one image or many.

    Attributes:
        entries: images in order; of a labelled set, the page shows mistakes first.
        title: title of the page; "" for one of its images and network.
        date: date that the page names; None for none.
        card: facts about the network, as (name, value).
        versions: versions of the software, by name.
        settings: settings that the viewer opens with.
        words: words of the page, see `WORDS`; missing keys are English.
        viewer_words: words of the viewer; missing keys are English.
        language: code of the language of these words, for the page.
        say: function that turns the notes about an image into sentences.
        most: size in bytes above which the numbers of further images are left out.
    """

    entries: tuple[Entry, ...]
    title: str = ""
    date: datetime | None = None
    card: tuple[tuple[str, str], ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    settings: Settings = FIRST
    words: Mapping[str, str] = field(default_factory=lambda: WORDS)
    viewer_words: Mapping[str, str] = field(default_factory=dict)
    language: str = "en"
    say: Callable[[Message], str] = str
    most: int = MOST_BYTES

    def word(self, key: str, **values: Any) -> str:
        """Return a sentence of the page with its placeholders filled."""
        return fill(unbroken(self.words.get(key, WORDS[key])), values)

    def percent(self, share: float) -> str:
        """Return a share of 1 as a percentage with one decimal."""
        return self.word("percent", value=f"{100 * share:.1f}")

    def class_name(self, name: str) -> str:
        """Return the name of a class in the language of the page."""
        return self.words.get(f"class {name}", name)

    def name_of(self, number: int) -> str:
        """Return the name of an image by its number, from 0."""
        return self.entries[number].name or self.word("image_number", number=number + 1)

    @property
    def order(self) -> list[int]:
        """Numbers of the images in the order of the page."""
        numbers = {id(entry): number for number, entry in enumerate(self.entries)}
        return [numbers[id(entry)] for entry in worst_first(self.entries)]


@dataclass(frozen=True, eq=False)
class Packed:
    """A report for its script.

    Attributes:
        data: JSON-ready values.
        pictures: input of each image as a data URL, by the number of the image.
        is_exact: whether all numbers and pictures are as they were.
        held: number of images whose gates are there.
    """

    data: dict[str, Any]
    pictures: Mapping[int, str]
    is_exact: bool
    held: int


def pack(report: Report) -> Packed:
    """Pack a report for its script: its images in the order of the page, until they reach its size.

    Every image keeps its picture, name and prediction. Usual values, which many images share, are held once.
    """
    exact = len(report.entries) == 1 and _size(report.entries[0]) <= EXACT_BYTES
    shared = _Shared()
    entries: list[dict[str, Any]] = []
    pictures: dict[int, str] = {}
    size = held = 0
    for number in report.order:
        row, picture = _row(report, number, shared, packed=not exact)
        size += len(picture) + len(json.dumps(row["blocks"])) + len(json.dumps(row["images"]))
        if held == len(entries) and (size + shared.length <= report.most or not held):
            held += 1
        else:
            row |= {"blocks": None, "images": row["images"][:1]}
            picture = _small(report.entries[number])
        pictures[number] = picture
        entries.append(row)
    data = {
        "entries": entries,
        "usual": shared.values,
        "settings": report.settings.as_dict(),
        "limit": round(report.most / 1e6, 1),
        "words": {key: unbroken(report.words.get(key, word)) for key, word in WORDS.items()},
        "viewer": _view(report, report.entries[0]).as_dict(packed=True) | {"images": [], "blocks": []},
    }
    return Packed(data, pictures, exact, held)


def _small(entry: Entry) -> str:
    """Return the picture of an input as a data URL, no larger than the list of images shows it."""
    image = Image.fromarray(np.ascontiguousarray(entry.explanation.input_image))
    image.thumbnail((PIXELATED, PIXELATED), Image.Resampling.LANCZOS)
    small = np.asarray(image)
    lossless = small.shape == entry.explanation.input_image.shape
    kind, file = ("png", png(small)) if lossless else ("jpeg", jpeg(small))
    return f"data:image/{kind};base64,{base64.b64encode(file).decode('ascii')}"


def _size(entry: Entry) -> int:
    gates = [gate for block in entry.explanation.blocks for gate in block.gates]
    numbers = sum(gate.values.nbytes * (1 if gate.usual is None else 2) for gate in gates)
    return numbers + (entry.explanation.input_image.nbytes if entry.original is None else EXACT_BYTES)


def _view(report: Report, entry: Entry) -> Any:
    one = entry.explanation
    return lay_out(
        one.input_image,
        one.frame,
        one.blocks,
        original=entry.original,
        settings=report.settings,
        words=report.viewer_words,
    )


def _row(report: Report, number: int, shared: _Shared, *, packed: bool) -> tuple[dict[str, Any], str]:
    """Return what the script knows of an image, and the picture of its input as a data URL."""
    entry = report.entries[number]
    view = _view(report, entry).as_dict(packed)
    first, *others = view["images"]
    kind = "png" if "png" in first else "jpeg"
    several = len({one.explanation.checkpoint for one in report.entries}) > 1
    picture = f"data:image/{kind};base64,{first.pop(kind)}"
    row = {
        "number": number,
        "name": report.name_of(number),
        "top": [[report.class_name(name), probability] for name, probability in entry.top],
        "without": report.word(entry.without_top) if entry.without_top else "",
        "truth": None if entry.truth is None else report.class_name(entry.truth),
        "share": None if entry.truth is None else entry.probability_of(entry.truth),
        "wrong": entry.is_wrong,
        "source": " · ".join(filter(None, [entry.explanation.checkpoint if several else "", source_of(report, entry)])),
        "notes": [unbroken(report.say(note)) for note in entry.explanation.notes],
        "digest": entry.explanation.image_digest,
        "images": [first, *others],
        "blocks": [shared.without_usual(block) for block in view["blocks"]],
    }
    return row, picture


def source_of(report: Report, entry: Entry) -> str:
    """Say how the input was made of the original; "" where it is the original."""
    frame = entry.explanation.frame
    if frame.original_size == frame.input_size:
        return ""
    width, height = frame.original_size
    kind = entry.explanation.fit
    return report.word("of_original", kind=report.word(kind) if kind in WORDS else kind, width=width, height=height)


class _Shared:
    """Usual values of gates, each once."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self.length = 0
        self._numbers: dict[str, int] = {}

    def without_usual(self, block: dict[str, Any]) -> dict[str, Any]:
        """Replace the usual values of a block's gates by their numbers."""
        parts = {part: block[part] for part in ("mask", "weights") if block[part] is not None}
        return block | {part: gate | {"usual": self._number(gate["usual"])} for part, gate in parts.items()}

    def _number(self, usual: Any) -> int | None:
        if usual is None:
            return None
        text = json.dumps(usual)
        if text not in self._numbers:
            self._numbers[text] = len(self.values)
            self.values.append(usual)
            self.length += len(text)
        return self._numbers[text]


def titled(report: Report) -> str:
    """Return the title of a report: its own, else the image and network, or the number of images and network."""
    if report.title or not report.entries:
        return report.title or "CBAM Lens"
    networks: Sequence[str] = [*dict.fromkeys(entry.explanation.checkpoint for entry in report.entries)]
    single = len(report.entries) == 1
    what = report.entries[0].name if single else report.word("count", count=len(report.entries))
    return " · ".join(filter(None, [what, *networks[:2]]))
