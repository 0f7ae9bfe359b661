"""Rows of a scorecard, and the networks that were trained without the gates of a row."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from cbam_core.errors import Message
from cbam_core.results.paired import VERDICT_WORDS, Change, MeanChange
from cbam_core.results.score_words import verdict_sentence


@dataclass(frozen=True)
class Twin:
    """Networks that were trained without some gates, compared with networks with all of them.

    Attributes:
        group: the gates that were left out: one of `GROUPS`.
        points: mean difference of accuracy in percentage points, below 0 where training without them costs.
        reach: half the width of its 95 % interval.
        pairs: number of pairs of runs.
        recipe: name of the training recipe.
    """

    group: str
    points: float
    reach: float
    pairs: int
    recipe: str


@dataclass(frozen=True)
class Row:
    """One row of a scorecard.

    Attributes:
        gate: name of the gate or group.
        edit: code of the replacement.
        change: how answers change.
        loss: negative log-likelihood of the true class, in nats.
        confidence: probability of the answer, in [0, 1].
        twin: networks that were trained without these gates; None where there are none.
    """

    gate: str
    edit: str
    change: Change
    loss: MeanChange
    confidence: MeanChange
    twin: Twin | None = None

    @property
    def sentence(self) -> Message:
        """What the row says, with its numbers."""
        return verdict_sentence(self.gate, self.edit, self.change)


def counts(found: Change | None) -> dict[str, Any]:
    """Convert a change of answers to JSON-ready values; empty where there is none."""
    if found is None:
        return {}
    low, high = found.interval
    return {
        "accuracy": found.accuracy,
        "newly_wrong": found.newly_wrong,
        "newly_right": found.newly_right,
        "changed": found.changed,
        "points": found.points,
        "low": low,
        "high": high,
    }


def row_as_dict(row: Row) -> dict[str, Any]:
    """Convert a row to JSON-ready values."""
    return {
        "gate": row.gate,
        "edit": row.edit,
        **counts(row.change),
        "verdict": VERDICT_WORDS[row.change.verdict],
        "sentence": str(row.sentence),
        "loss": asdict(row.loss),
        "confidence": asdict(row.confidence),
        "twin": None if row.twin is None else asdict(row.twin),
    }
