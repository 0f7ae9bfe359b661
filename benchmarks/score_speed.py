"""Claim: `cbam score` of 10,000 images takes at most 0.6 plain evaluation passes for each edit.

The shipped `CBAM_CNN` on one torch thread. What is timed is everything: looking at the gates, trying constants, the
controls, and answering with every edit. A plain pass is what `cbam evaluate` computes. A round is a plain pass, the
whole scoring and a plain pass once more, so that other work on the machine slows both; the median of the ratios counts.

    python benchmarks/score_speed.py [--rounds 1]

CIFAR-10 must have been fetched (`cbam data fetch`). A round takes about two minutes on an idle core.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Sequence
from time import perf_counter

import torch
from apparatus.turns import asked_rounds, tell

from cbam_core import load_classifier
from cbam_core.data.dataset import open_dataset
from cbam_core.evaluation.scoring import score
from cbam_core.evidence.scoring import score_gates
from cbam_core.results.score import Score

LIMIT = 0.6
"""Plain evaluation passes for each edit."""


def seconds(work: Callable[[], object]) -> float:
    """Time some work."""
    started = perf_counter()
    work()
    return perf_counter() - started


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and say by the exit status whether the claim holds."""
    rounds = asked_rounds(__doc__, 1, arguments)
    torch.set_num_threads(1)
    classifier, dataset = load_classifier("cbam_cnn_cifar10"), open_dataset("cifar10:test")
    found: list[Score] = []

    ratios, plain, scoring = [], [], []
    for _ in range(rounds):
        before = seconds(lambda: score(classifier, dataset))
        scoring.append(seconds(lambda: found.append(score_gates(classifier, dataset))))
        plain.append((before + seconds(lambda: score(classifier, dataset))) / 2)
        ratios.append(scoring[-1] / plain[-1] / len(found[-1].edits))
    ratio, edits = statistics.median(ratios), len(found[-1].edits)
    return tell(
        "score_speed",
        {
            "edits": edits,
            "images": len(dataset),
            "limit": LIMIT,
            "passes_an_edit": [round(value, 3) for value in ratios],
            "plain_seconds": [round(value, 1) for value in plain],
            "scoring_seconds": [round(value, 1) for value in scoring],
        },
        f"{edits} edits of {len(dataset):,} images take {ratio:.2f} plain passes each (at most {LIMIT})",
        holds=ratio <= LIMIT,
    )


if __name__ == "__main__":
    sys.exit(main())
