"""Twins: a network trained with attention, without, and with as many parameters spent otherwise; did attention pay?"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from cbam_core.errors import DataError, reason_of
from cbam_core.files import write_atomically
from cbam_core.results.evaluation import Interval
from cbam_core.results.paired import MARGIN, student

TWINS = "twins.json"
"""Name of the file of twins in their folder."""

Variant = Literal["with", "without", "capacity"]
"""The network with attention; without; and without, with as many parameters spent on layers that gate nothing."""

VARIANTS: tuple[Variant, ...] = ("with", "without", "capacity")

FEWEST_STEPS = 200
"""Steps of a run below which the running statistics of batch norm may lag behind the weights."""

Answer = Literal["yes", "no", "cannot tell"]


@dataclass(frozen=True)
class TwinRun:
    """Result of one training run.

    Attributes:
        variant: which of the twins it is.
        seed: seed of the run; runs with one seed see the same images in the same order.
        right: number of correct answers on the test images.
        count: number of test images.
        parameters: number of parameters of the network.
        multiply_adds: multiply-add operations of a forward of one image; None where they were not counted.
        seconds: training time.
        arithmetic: number type of forward and backward, such as ``"float32"``.
        steps: number of steps of the optimiser; None where they were not counted.
    """

    variant: Variant
    seed: int
    right: int
    count: int
    parameters: int
    multiply_adds: int | None
    seconds: float
    arithmetic: str
    steps: int | None = None

    @property
    def accuracy(self) -> float:
        """Percentage of correct answers."""
        return 100 * self.right / max(self.count, 1)


@dataclass(frozen=True)
class Gain:
    """What attention gains over another variant, from runs in pairs of one seed.

    Attributes:
        points: mean difference of test accuracy in percentage points; NaN without pairs.
        reach: half the width of its 95 % interval, from Student's t over the pairs, whose deviation is at least one
            test image; infinite for fewer than two pairs.
        pairs: number of pairs.
    """

    points: float
    reach: float
    pairs: int

    @property
    def interval(self) -> Interval:
        """95 % interval of the difference in percentage points."""
        return (self.points - self.reach, self.points + self.reach) if self.pairs > 1 else (-100.0, 100.0)

    @property
    def answer(self) -> Answer:
        """``"yes"`` for an interval above 0, ``"no"`` for one below half a point, ``"cannot tell"`` for others."""
        low, high = self.interval
        if low > 0:
            return "yes"
        return "no" if high < MARGIN else "cannot tell"

    def __str__(self) -> str:
        if not self.pairs:
            return f"{self.answer} (no pairs)"
        if self.pairs == 1:
            return f"{self.answer} ({self.points:+.2f} points, 1 pair: at least two are needed)"
        return f"{self.answer} ({self.points:+.2f} ± {self.reach:.2f} points, {self.pairs} pairs)"


@dataclass(frozen=True)
class Twins:
    """All runs of one comparison.

    Attributes:
        settings: what all runs have in common, as plain values.
        runs: their results, in any order.
    """

    settings: dict[str, Any] = field(default_factory=dict)
    runs: tuple[TwinRun, ...] = ()

    def of(self, variant: Variant) -> tuple[TwinRun, ...]:
        """Select the runs of a variant, by seed."""
        return tuple(sorted((run for run in self.runs if run.variant == variant), key=lambda run: run.seed))

    def gain(self, over: Variant) -> Gain:
        """Compare the runs with attention with those of another variant that have their seed and number type."""
        others = {(run.seed, run.arithmetic): run.accuracy for run in self.of(over)}
        pairs = [run for run in self.of("with") if (run.seed, run.arithmetic) in others]
        differences = [run.accuracy - others[run.seed, run.arithmetic] for run in pairs]
        return _gain(differences, 100 / max(1, min((run.count for run in pairs), default=1)))

    @property
    def verdict(self) -> str:
        """Say in one sentence whether attention paid."""
        said = f"Gain above seed noise: {self.gain('without')}"
        return f"{said}; above the capacity control: {self.gain('capacity')}." if self.of("capacity") else f"{said}."

    @property
    def caution(self) -> str:
        """Say in one sentence why the accuracies may mean little; "" where nothing is known against them."""
        fewest = min((run.steps for run in self.runs if run.steps is not None), default=FEWEST_STEPS)
        if fewest >= FEWEST_STEPS:
            return ""
        return (
            f"These runs had {fewest} steps: running statistics of batch norm may lag behind the weights so early, "
            "more in one network than in another. Train longer, or with a smaller batch, before you judge."
        )

    def joined(self, run: TwinRun) -> Twins:
        """Return the twins with one more run; one of the same variant and seed gives way."""
        others = (kept for kept in self.runs if (kept.variant, kept.seed) != (run.variant, run.seed))
        return Twins(self.settings, (*others, run))

    def write(self, path: Path) -> None:
        """Write a JSON file.

        Raises:
            OSError: the file cannot be written.
        """
        text = json.dumps({"settings": self.settings, "runs": [asdict(run) for run in self.runs]}, indent=2)
        write_atomically(path, lambda file: file.write(f"{text}\n".encode()))


def read_twins(path: Path) -> Twins:
    """Read a file that `Twins.write` wrote.

    Raises:
        DataError: it is missing, or holds something else.
    """
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return Twins(dict(stored["settings"]), tuple(_run(run) for run in stored["runs"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            "twins.unreadable",
            "{path} does not hold results of twins ({reason}); `cbam train --twins` writes such a file",
            path=str(path),
            reason=reason_of(error)[:80],
        ) from error


def _run(stored: dict[str, Any]) -> TwinRun:
    run = TwinRun(**stored)
    if run.variant not in VARIANTS or not 0 <= run.right <= run.count:
        raise ValueError(f"a run of '{run.variant}' with {run.right} of {run.count} correct answers")
    return run


def _gain(differences: Sequence[float], image: float) -> Gain:
    """Compute a gain; differences that agree do so to one test image at best, which is worth `image` points."""
    if not differences:
        return Gain(math.nan, math.inf, 0)
    if len(differences) == 1:
        return Gain(differences[0], math.inf, 1)
    deviation = max(statistics.stdev(differences), image)
    reach = student(len(differences) - 1) * deviation / math.sqrt(len(differences))
    return Gain(statistics.fmean(differences), reach, len(differences))
