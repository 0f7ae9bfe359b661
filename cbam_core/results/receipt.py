"""Controls of a scorecard: what has to hold before its table says anything."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

from cbam_core.results.paired import Change, MeanChange, paired_interval, verdict_of
from cbam_core.results.score_rows import Row, counts, row_as_dict


@dataclass(frozen=True)
class Proof:
    """What was computed in two ways, on a few images.

    Attributes:
        count: number of these images.
        gates: number of gates that were replaced by themselves, one after the other.
        kept: number of gates of them that left every bit of the output as it was.
        distance: largest distance between the logits of the scorecard and those of one forward for each edit.
    """

    count: int
    gates: int
    kept: int
    distance: float


DISTANCE = 1e-3
"""Largest distance of logits that two ways of computing the same may have."""

NEAR_TIES = 1e-3
"""Largest share of answers that may change where gates are replaced by themselves: rounding decides between equals."""


MOST_IMAGES = 1_000_000
"""Largest number of images that are said to be enough."""


def _is_certain(found: Change, count: int) -> bool:
    """Check that a change of as many answers for each image would matter with certainty over so many images."""
    wrong, right = (round(one * count / found.count) for one in (found.newly_wrong, found.newly_right))
    return verdict_of(paired_interval(wrong, right, count)) == "matters"


@dataclass(frozen=True)
class Receipt:
    """Controls of a scorecard; without them its table says nothing.

    Attributes:
        proof: what was computed in two ways.
        as_is: negative control: every gate replaced by itself, over all images.
        closed: positive control: every gate 0 everywhere, which no network can do without noticing.
        closed_loss: change of the loss there, in nats; None where `closed` is.
        joint: all gates with their usual values at once; None for a network without gates.
        single: sum of the effects of the single gates with their usual values, in percentage points.
        random: each gate changed at random, by as much as its usual values would change it.
    """

    proof: Proof
    as_is: Change | None
    closed: Change | None
    closed_loss: MeanChange | None
    joint: Change | None
    single: float
    random: tuple[Row, ...]

    @property
    def negative_holds(self) -> bool:
        """Whether replacing gates by themselves changes nothing: bit by bit in one forward, and no answer."""
        same = self.as_is is not None and self.as_is.changed <= NEAR_TIES * self.as_is.count
        return same and self.proof.kept == self.proof.gates and self.proof.distance <= DISTANCE

    @property
    def positive_holds(self) -> bool:
        """Whether an edit that must matter does: it costs accuracy, or at least moves the loss, see `control`."""
        return self.control is not None

    @property
    def control(self) -> Literal["accuracy", "loss"] | None:
        """What shows that edits reach the answers; None where nothing does.

        ``"loss"`` where accuracy does not fall with certainty and the loss changes by more than rounding can: of a
        network that hardly uses its gates, as where blocks were inserted gradually, or with few images.
        """
        if self.closed is not None and self.closed.verdict == "matters":
            return "accuracy"
        low, high = (0.0, 0.0) if self.closed_loss is None else self.closed_loss.interval
        return "loss" if low > DISTANCE or high < -DISTANCE else None

    @property
    def holds(self) -> bool:
        """Whether the table may be shown."""
        return self.negative_holds and self.positive_holds

    @property
    def enough(self) -> int | None:
        """Number of images, in two digits, with which the positive control would hold about; None where none is known.

        It is that of as many answers that change, and losses that differ, for each image as here.
        """
        wanted = [count for count in (self._enough_answers(), self._enough_losses()) if count is not None]
        if not wanted:
            return None
        step = int(10 ** max(0, len(str(min(wanted))) - 2))
        return -(-min(wanted) // step) * step

    def _enough_answers(self) -> int | None:
        found = self.closed
        if found is None or not found.count:
            return None
        counts = (round(found.count * 1.1**power) for power in range(120))
        return next((count for count in counts if count <= MOST_IMAGES and _is_certain(found, count)), None)

    def _enough_losses(self) -> int | None:
        if self.closed is None or self.closed_loss is None:
            return None
        moved, (low, high) = abs(self.closed_loss.difference) - DISTANCE, self.closed_loss.interval
        if moved <= 0:
            return None
        count = math.ceil(self.closed.count * ((high - low) / 2 / moved) ** 2)
        return max(count, self.closed.count) if count <= MOST_IMAGES else None

    def as_dict(self) -> dict[str, Any]:
        """Convert the receipt to JSON-ready values."""
        return {
            "holds": self.holds,
            "negative_control": {**asdict(self.proof), "holds": self.negative_holds, **counts(self.as_is)},
            "positive_control": {
                "holds": self.positive_holds,
                "by": self.control,
                **counts(self.closed),
                "loss": None if self.closed_loss is None else asdict(self.closed_loss),
            },
            "joint": {"points": None if self.joint is None else self.joint.points, "sum_of_single": self.single},
            "random": [row_as_dict(row) for row in self.random],
        }
