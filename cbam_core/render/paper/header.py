"""What a network saw and said: its input, the most probable classes, and the true one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, UInt8

from cbam_core.render.paper.gates import plain_picture
from cbam_core.render.paper.sheet import SOFT, Area, Item, Shares, Words
from cbam_core.render.paper.typeface import Typeface
from cbam_core.render.paper.words import class_name

TOP = 5
"""Number of classes that are listed."""


@dataclass(frozen=True, eq=False)
class Seen:
    """One image as a network saw it.

    Attributes:
        network: name of the network.
        image: its input, uint8 RGB; None where there is no single image.
        classes: names of the K classes.
        probabilities: probabilities of the classes, float32 (K,).
        truth: name of the true class; None where it is unknown.
        count: number of images that the numbers are means over; None for one image.
    """

    network: str
    image: UInt8[np.ndarray, "h w 3"] | None
    classes: tuple[str, ...]
    probabilities: Float32[np.ndarray, " k"]
    truth: str | None = None
    count: int | None = None

    def likely(self, words: Mapping[str, str], count: int = TOP) -> list[tuple[str, float]]:
        """Return the names and probabilities of the most probable classes; [] without a prediction."""
        best = np.argsort(-self.probabilities, kind="stable")[:count]
        return [(class_name(self.classes[k], words), float(self.probabilities[k])) for k in best]

    def prediction(self, words: Mapping[str, str]) -> str:
        """Write the predicted class and its probability."""
        return self._said(words, "predicted")

    def predicted_as(self, words: Mapping[str, str]) -> str:
        """Write the predicted class and its probability as part of a sentence."""
        return self._said(words, "predicted_as")

    def _said(self, words: Mapping[str, str], template: str) -> str:
        for name, share in self.likely(words, 1):
            return words[template].format(name=name, percent=words["percent"].format(percent=100 * share))
        return words["no_prediction"]

    def texts(self, words: Mapping[str, str]) -> list[str]:
        """Return all names that are drawn."""
        truth = [] if self.truth is None else [class_name(self.truth, words)]
        return [self.network, *(name for name, _ in self.likely(words)), *truth]


def input_items(
    seen: Seen, left: float, top: float, width: float, face: Typeface, title: str
) -> tuple[list[Item], float]:
    """Draw the input below its title; return the items and their lower end."""
    if seen.image is None:
        return [], top
    height, across = seen.image.shape[:2]
    shown = min(width, width * across / height)
    picture = Area(left, top + 1.25 * face.line, shown, shown * height / across)
    return [
        Words(left, top + 0.85 * face.line, title, width),
        plain_picture(picture, seen.image, "input"),
    ], picture.bottom


def truth_items(
    seen: Seen, left: float, top: float, width: float, face: Typeface, words: Mapping[str, str]
) -> tuple[list[Item], float]:
    """Write the true class; return the items and their lower end."""
    if seen.truth is None:
        return [], top
    text = words["truth"].format(truth=class_name(seen.truth, words))
    return [Words(left, top + 1.05 * face.line, text, width)], top + 1.25 * face.line


def probability_items(
    seen: Seen, left: float, top: float, width: float, face: Typeface, words: Mapping[str, str], count: int = TOP
) -> tuple[list[Item], float]:
    """List the most probable classes, each with a bar from 0 to 100 % below its name; return the lower end too."""
    likely = seen.likely(words, count)
    if not likely:
        return [], top
    step = face.line + 1.5
    items: list[Item] = []
    for number, (name, share) in enumerate(likely):
        percent = words["percent"].format(percent=100 * share)
        baseline = top + number * step + 0.85 * face.line
        space = face.width(percent) + 1
        items.append(Words(left, baseline, name, width - space - 1))
        items.append(Words(left + width, baseline, percent, space, SOFT, "right"))
    # A bar's centre lies three quarters of a millimetre below its line of text.
    shift = face.line + 0.6 - step / 2
    area = Area(left, top + shift, width, step * len(likely))
    items.append(Shares(area, seen.probabilities[np.argsort(-seen.probabilities, kind="stable")[:count]], 1.0 / step))
    return items, top + step * len(likely)
