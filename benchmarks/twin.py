"""Report: does CBAM help `CBAM_CNN`? Twins with both gates, one, or none, trained by recipe `fast` with paired seeds.

A round is one seed for all four twins: same order of images, same transforms. Reported are test accuracies, and the
difference of each twin from the one without gates, pair by pair, with a 95 % interval (Student's t over the pairs).
Runs lie in a folder and go on where they were stopped; a seed that is finished is not trained again.

    python benchmarks/twin.py [--rounds 5]

CIFAR-10 must have been fetched (`cbam data fetch`). Twenty runs: an hour and a half on two cores.
"""

from __future__ import annotations

import math
import os
import statistics
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from apparatus.browser import ROOT
from apparatus.turns import asked_rounds, tell

from cbam_core.errors import CbamError
from cbam_core.nn import summarise
from cbam_core.training.memory import keep_freed_memory
from cbam_core.training.recipes import FAST
from cbam_core.training.run import TrainedRun, train_classifier

TWINS = ("both", "channel", "spatial", "none")
STUDENT = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365, 9: 2.306, 10: 2.262}
"""Two-sided 95 % quantiles of Student's t, by the number of pairs."""


def run(gates: str, seed: int) -> TrainedRun:
    """A finished run; it is trained, or gone on with, where need be."""
    folder = Path(os.environ.get("CBAM_RUNS_DIR", ROOT / "runs")) / "twin" / f"{gates}-{seed}"
    return train_classifier(replace(FAST, gates=gates, seed=seed), folder, resume=True)


def interval(differences: Sequence[float]) -> tuple[float, float | None]:
    """Mean of paired differences and half the width of its 95 % interval; None for a single pair."""
    mean = statistics.mean(differences)
    if len(differences) not in STUDENT:
        return mean, None
    return mean, STUDENT[len(differences)] * statistics.stdev(differences) / math.sqrt(len(differences))


def main(arguments: Sequence[str] | None = None) -> int:
    """Train what is missing, and print what came out."""
    rounds = asked_rounds(__doc__, 5, arguments)
    keep_freed_memory()
    by_seed = [[run(gates, seed) for gates in TWINS] for seed in range(rounds)]
    runs = {gates: [twins[place] for twins in by_seed] for place, gates in enumerate(TWINS)}
    accuracies = {gates: [one.classifier.card.test_accuracy or math.nan for one in runs[gates]] for gates in TWINS}
    figures, said = {}, []
    for gates in TWINS:
        pairs = [mine - bare for mine, bare in zip(accuracies[gates], accuracies["none"], strict=True)]
        mean, half = interval(pairs)
        seconds = [sum(float(e["seconds"]) for e in one.classifier.card.history) for one in runs[gates]]
        figures[gates] = {
            "accuracies": accuracies[gates],
            "difference": mean,
            "half_interval": half,
            "parameters": summarise(runs[gates][0].classifier.model, (32, 32)).parameters,
            "training_seconds": round(statistics.median(seconds), 1),
        }
        against = "" if gates == "none" else f" ({100 * mean:+.2f} ± {100 * (half or math.nan):.2f} points)"
        said.append(f"{gates} {statistics.mean(accuracies[gates]):.2%}{against}")
    return tell("twin", {"rounds": rounds, "twins": figures}, "; ".join(said), holds=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except CbamError as error:
        sys.exit(str(error))
