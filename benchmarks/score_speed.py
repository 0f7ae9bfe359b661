"""Claim: `cbam score` of 10,000 images takes at most 0.6 plain evaluation passes for each edit.

The shipped `CBAM_CNN` on one torch thread. What is timed is everything: looking at the gates, trying constants, the
controls, and answering with every edit. A plain pass is what `cbam evaluate` computes. A round is a plain pass, the
whole scoring and a plain pass once more; the median of the ratios of processor time counts.
With `--quick` only 200 images are shown, and what 10,000 would take is reckoned from that.

    python benchmarks/score_speed.py [--rounds 1] [--quick]

CIFAR-10 must have been fetched (`cbam data fetch`). A round takes about four minutes on an idle core, and says how far
it is; `--quick` takes half a minute.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Sequence
from time import process_time

import torch
from apparatus.turns import asked_rounds_or_quick, tell

from cbam_core import Classifier, load_classifier
from cbam_core.cli.output import share_shown
from cbam_core.data.dataset import Dataset, open_dataset
from cbam_core.evaluation.scoring import score
from cbam_core.evidence.scoring import FITTED, Scoring, subset

LIMIT = 0.6
"""Plain evaluation passes for each edit."""

QUICK = 200
"""Images that `--quick` shows."""


def seconds(work: Callable[[], object]) -> float:
    """Time some work, in processor time."""
    started = process_time()
    work()
    return process_time() - started


def scored(classifier: Classifier, dataset: Dataset) -> tuple[float, float, int]:
    """Score a network; return the seconds before the last stage, those of it, and the number of edits."""
    work, started, last = Scoring(classifier, dataset), process_time(), 0.0
    steps = work.steps()
    with share_shown("scoring") as show:
        try:
            while True:
                show(next(steps))
                last = last or (process_time() if work.state is not None else 0.0)
        except StopIteration as end:
            return last - started, process_time() - last, len(end.value.edits)


def passes_an_edit(plain: float, before: float, last: float, edits: int, *, whole: int, shown: int) -> float:
    """Reckon how many plain passes over all images an edit takes, from what was timed for some of them.

    Constants are tried on at most so many images, however many there are; the images are looked at once.

    Args:
        plain: seconds of a plain pass over the images that were shown.
        before: seconds of the stages before the last one.
        last: seconds of the last stage.
        edits: number of edits.
        whole: number of all images.
        shown: number of images that were shown.
    """
    if shown == whole:
        return (before + last) / plain / edits
    share, tried = whole / shown, min(whole, 2 * FITTED) / shown
    return (share * (last + plain) + tried * before) / (share * plain) / edits


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and say by the exit status whether the claim holds."""
    rounds, quick = asked_rounds_or_quick(__doc__, 1, arguments, f"show {QUICK} images, and reckon the rest")
    torch.set_num_threads(1)
    classifier, whole = load_classifier("cbam_cnn_cifar10"), open_dataset("cifar10:test")
    dataset = subset(whole, QUICK) if quick else whole

    ratios, plain, scoring, edits = [], [], [], 0
    score(classifier, subset(whole, QUICK))  # the first forwards take longer
    for _ in range(rounds):
        first = seconds(lambda: score(classifier, dataset))
        before, last, edits = scored(classifier, dataset)
        plain.append((first + seconds(lambda: score(classifier, dataset))) / 2)
        scoring.append(before + last)
        ratios.append(passes_an_edit(plain[-1], before, last, edits, whole=len(whole), shown=len(dataset)))
    ratio = statistics.median(ratios)
    reckoned = f", reckoned from {len(dataset)}" if quick else ""
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
        f"{edits} edits of {len(whole):,} images take {ratio:.2f} plain passes each{reckoned} (at most {LIMIT})",
        holds=ratio <= LIMIT,
    )


if __name__ == "__main__":
    sys.exit(main())
