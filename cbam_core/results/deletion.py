"""Does a map rank the pixels that the answer needs? Deletion and insertion together, beside maps that know nothing.

The pixels that a map ranks highest are blurred first (deletion), or are the first to be sharp (insertion). The area
under the probability of the answer is low for a good map in deletion, and high in insertion; after V. Petsiuk, A. Das,
K. Saenko, *RISE: Randomized Input Sampling for Explanation of Black-box Models*, BMVC 2018. Alone, neither says much:
random pixels win deletion, and whatever is smooth wins insertion. So both stand together, beside random maps of the
map's own resolution and smoothness, random pixels, and a spot in the centre.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from jaxtyping import Float64

from cbam_core.errors import Message
from cbam_core.results.resampled import Mean, optional

Control = Literal["alike", "centre", "pixels"]
"""A map that knows nothing of the network."""

CONTROL_WORDS: Mapping[Control, str] = MappingProxyType(
    {
        "alike": "random maps of its own smoothness",
        "centre": "a spot in the centre",
        "pixels": "random pixels",
    }
)

LEAST_GAIN = 0.0005
"""A gain of probability below this is none: it would be written as 0.0 points."""

Verdict = Literal["better", "centre", "one", "worse", "no", "unsure"]
"""What both tests say of a map; see `DeletionRow.verdict`."""

DELETION_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "better": "{map} ranks pixels better than random maps of its own smoothness, by {deletion:+.1f} points of "
        "probability in deletion and {insertion:+.1f} in insertion, and better than a spot in the centre.",
        "centre": "{map} ranks pixels better than random maps of its own smoothness, by {deletion:+.1f} points of "
        "probability in deletion and {insertion:+.1f} in insertion, but not better than a spot in the centre, which "
        "knows no network.",
        "one": "{map} ranks pixels better than random maps of its own smoothness in one of both tests only, which says "
        "nothing: {deletion:+.1f} points of probability in deletion, {insertion:+.1f} in insertion.",
        "worse": "{map} ranks pixels worse than random maps of its own smoothness: {deletion:+.1f} points of "
        "probability in deletion, {insertion:+.1f} in insertion.",
        "no": "{map} ranks pixels no better than random maps of its own smoothness: {deletion:+.1f} points of "
        "probability in deletion, {insertion:+.1f} in insertion.",
        "unsure": "{map}: cannot tell; there is nothing to compare.",
    }
)

WEAKNESSES = (
    Message(
        "deletion.weakness",
        "Deletion: images with small blurred spots are unlike anything that the network learnt from, so random pixels "
        "lower the answer fastest, though they show nothing.",
    ),
    Message(
        "insertion.weakness",
        "Insertion: a large connected part is recognised first, so any smooth map in the middle does well.",
    ),
)


@dataclass(frozen=True, eq=False)
class Curves:
    """Probability of the answer while pixels are blurred, or made sharp, in the order of a map.

    Attributes:
        deletion: mean probability over the images at each share of blurred pixels, in [0, 1].
        insertion: mean probability at each share of sharp pixels, in [0, 1].
        deletion_area: area under the first; low for a good map.
        insertion_area: area under the second; high for a good map.
    """

    deletion: Float64[np.ndarray, " s"]
    insertion: Float64[np.ndarray, " s"]
    deletion_area: Mean | None
    insertion_area: Mean | None


@dataclass(frozen=True)
class Gain:
    """How much better a map is than a control; above 0 where it is better.

    Attributes:
        deletion: area of the control minus that of the map, in deletion.
        insertion: area of the map minus that of the control, in insertion.
    """

    deletion: Mean | None
    insertion: Mean | None

    @property
    def better(self) -> tuple[bool, bool]:
        """In which test the map is better beyond its interval: deletion, insertion."""
        return _above(self.deletion), _above(self.insertion)

    @property
    def worse(self) -> bool:
        """Whether the map is worse in both tests beyond its intervals."""
        return all(
            one is not None and one.high < 0 and one.mean <= -LEAST_GAIN for one in (self.deletion, self.insertion)
        )


def _above(found: Mean | None) -> bool:
    return found is not None and found.low > 0 and found.mean >= LEAST_GAIN


@dataclass(frozen=True, eq=False)
class DeletionRow:
    """Both tests of one map, beside its controls.

    Attributes:
        map: name of the map; that of a gate for a spatial mask.
        own: curves of the map.
        controls: curves of each control; of random ones, means over their draws.
        gains: how much better the map is than each control.
    """

    map: str
    own: Curves
    controls: Mapping[Control, Curves]
    gains: Mapping[Control, Gain]

    @property
    def verdict(self) -> Verdict:
        """What both tests say together: only a map that is better in both is called better."""
        alike, centre = self.gains["alike"], self.gains["centre"]
        if alike.deletion is None or alike.insertion is None:
            return "unsure"
        if all(alike.better):
            return "better" if all(centre.better) else "centre"
        if any(alike.better):
            return "one"
        return "worse" if alike.worse else "no"

    @property
    def sentence(self) -> Message:
        """The verdict with its numbers, in points of probability."""
        alike, values = self.gains["alike"], {"map": self.map}
        if alike.deletion is None or alike.insertion is None:
            return Message("deletion.unsure", DELETION_WORDS["unsure"], values)
        numbers = {"deletion": _points(alike.deletion), "insertion": _points(alike.insertion)}
        return Message(f"deletion.{self.verdict}", DELETION_WORDS[self.verdict], {**values, **numbers})

    def as_dict(self) -> dict[str, Any]:
        """Convert to JSON-ready values."""
        controls = {
            name: {
                **_curves(self.controls[name]),
                "gain": {"deletion": optional(gain.deletion), "insertion": optional(gain.insertion)},
            }
            for name, gain in self.gains.items()
        }
        said = {"verdict": self.verdict, "sentence": str(self.sentence)}
        return {"map": self.map, **_curves(self.own), "controls": controls, **said}


def _points(gain: Mean) -> float:
    return round(100 * gain.mean, 1) + 0.0  # + 0.0 makes -0.0 a plain 0


def _curves(found: Curves) -> dict[str, Any]:
    return {
        "deletion": [round(float(value), 6) for value in found.deletion],
        "insertion": [round(float(value), 6) for value in found.insertion],
        "deletion_area": optional(found.deletion_area),
        "insertion_area": optional(found.insertion_area),
    }


@dataclass(frozen=True, eq=False)
class DeletionTest:
    """Deletion and insertion of maps of a network.

    Attributes:
        network: name of the network.
        count: number of images.
        draws: number of random maps of each kind for each image.
        blur: standard deviation of the blur, in pixels of the input.
        shares: shares of the pixels at which the network was asked, from 0 to 1.
        answer: what the network answers for the only image; "" for several.
        rows: one row for each map.
    """

    network: str
    count: int
    draws: int
    blur: float
    shares: Float64[np.ndarray, " s"]
    answer: str
    rows: tuple[DeletionRow, ...]

    def __str__(self) -> str:
        return "\n".join(str(row.sentence) for row in self.rows)

    def as_dict(self) -> dict[str, Any]:
        """Convert to JSON-ready values."""
        return {
            "count": self.count,
            "draws": self.draws,
            "blur": self.blur,
            "answer": self.answer,
            "shares": [round(float(share), 6) for share in self.shares],
            "rows": [row.as_dict() for row in self.rows],
            "weaknesses": [str(one) for one in WEAKNESSES],
        }
