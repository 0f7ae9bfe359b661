"""What is left of a mask when weights are shuffled? Of its own block, of all that is computed before it, and of both.

After J. Adebayo, J. Gilmer, M. Muelly, I. Goodfellow, M. Hardt, B. Kim, *Sanity Checks for Saliency Maps*, NeurIPS
2018, but not from the top: a mask is computed before the layers above it, so these cannot change it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from jaxtyping import Float32

from cbam_core.errors import Message
from cbam_core.results.placement import Placement
from cbam_core.results.resampled import Mean, optional

KEPT = 0.7
"""Smallest correlation, without its sign, at which a mask is called the same; fixed beforehand."""

CHANGED = 0.5
"""Largest correlation, without its sign, at which a mask is called another one."""

Part = Literal["own", "below", "both"]
"""Whose weights are shuffled: of the gate's own block, of what is computed before it, or of both."""

PARTS: tuple[Part, ...] = ("own", "below", "both")

Verdict = Literal["padding", "own", "below", "weights", "flat", "unsure"]
"""What a mask depends on; see `RandomisedRow.verdict`."""

RANDOMISED_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "padding": "{gate} is made by padding and position: with all weights up to it shuffled, it is still the same "
        "(|r| = {both:.2f}).",
        "own": "{gate} is made by its own block and the padding: it stays the same with all weights below shuffled "
        "(|r| = {below:.2f}), and changes with its own ({own:.2f}).",
        "below": "{gate} is made by what is computed before it: it changes with the weights below shuffled "
        "(|r| = {below:.2f}), and stays the same with its own ({own:.2f}).",
        "weights": "{gate} changes with the weights: |r| = {own:.2f} with those of its own block shuffled, {below:.2f} "
        "with those below.",
        "flat": "{gate} is flat: its values differ by less than 10 % of their mean, so there is no pattern that could "
        "change.",
        "unsure": "{gate}: cannot tell; |r| = {own:.2f} with the weights of its own block shuffled, {below:.2f} with "
        "those below.",
        "part": "{gate}: |r| = {size:.2f} with the weights of its own block shuffled; there are none below.",
        "none": "{gate}: there are no weights to shuffle in its block or below it.",
    }
)

WEAKNESS = Message(
    "randomised.weakness",
    "Shuffled weights keep their sizes, but no network was trained with them; small or smooth masks agree by chance, "
    "as random maps of the same smoothness show.",
)


@dataclass(frozen=True, eq=False)
class Likeness:
    """How much a mask with shuffled weights is like the mask as it is.

    Attributes:
        correlation: r, in [-1, 1]; 0 where nothing of a pattern is left.
        size: |r|: 1 too for a mask that is turned over.
        mask: mask of the first image, at the first trial.
    """

    correlation: Mean
    size: Mean
    mask: Float32[np.ndarray, "rows columns"]


@dataclass(frozen=True, eq=False)
class RandomisedRow:
    """What is left of one mask.

    Attributes:
        gate: name of the gate.
        parts: likeness by whose weights were shuffled; those that have no weights are left out.
        chance: |r| of random maps of the mask's own smoothness: what chance alone gives.
        flat: share of the images for which the mask is flat, which are left out.
        placement: positions of the mask's cells on the input.
        mask: mask of the first image as it is.
    """

    gate: str
    parts: Mapping[Part, Likeness]
    chance: Mean | None
    flat: float
    placement: Placement
    mask: Float32[np.ndarray, "rows columns"]

    @property
    def verdict(self) -> Verdict:
        """What the mask depends on, by `KEPT` and `CHANGED`."""
        if self.flat > 0.5:
            return "flat"
        kept = {name: one.size.low >= KEPT for name, one in self.parts.items()}
        changed = {name: one.size.high <= CHANGED for name, one in self.parts.items()}
        if kept.get("both") or (kept.get("own") and "below" not in self.parts):
            return "padding"
        if changed.get("own") and changed.get("below"):
            return "weights"
        if changed.get("own") and kept.get("below"):
            return "own"
        return "below" if kept.get("own") and changed.get("below") else "unsure"

    @property
    def sentence(self) -> Message:
        """The verdict with its numbers."""
        sizes = {str(name): one.size.mean for name, one in self.parts.items()}
        if self.verdict == "flat" or not sizes:
            code = "flat" if self.verdict == "flat" else "none"
        else:
            code = self.verdict if len(sizes) == len(PARTS) else "part"
        values = {"gate": self.gate, **sizes, "size": next(iter(sizes.values()), 0.0)}
        return Message(f"randomised.{code}", RANDOMISED_WORDS[code], values)

    def as_dict(self) -> dict[str, Any]:
        """Convert to JSON-ready values, without masks."""
        parts = {
            str(name): {"r": one.correlation.as_dict(), "size": one.size.as_dict()} for name, one in self.parts.items()
        }
        return {
            "gate": self.gate,
            **parts,
            "chance": optional(self.chance),
            "flat": self.flat,
            "verdict": self.verdict,
            "sentence": str(self.sentence),
        }


@dataclass(frozen=True, eq=False)
class RandomisedTest:
    """What is left of every mask of a network when weights are shuffled.

    Attributes:
        network: name of the network.
        count: number of images.
        trials: number of times that weights were shuffled.
        rows: one row for each mask, in order of execution.
    """

    network: str
    count: int
    trials: int
    rows: tuple[RandomisedRow, ...]

    def __str__(self) -> str:
        return "\n".join(str(row.sentence) for row in self.rows)

    def as_dict(self) -> dict[str, Any]:
        """Convert to JSON-ready values, without masks."""
        return {
            "count": self.count,
            "trials": self.trials,
            "kept": KEPT,
            "changed": CHANGED,
            "rows": [row.as_dict() for row in self.rows],
            "weakness": str(WEAKNESS),
        }
