"""Claim: an atlas of 10,000 test images takes at most 1.2 times what evaluating the network takes.

Of the shipped `CBAM_CNN` (or `--network NAME`) on the test set of CIFAR-10: an evaluation is what `cbam evaluate` does,
a build is everything that `cbam atlas build` does, from one forward that finds the gates to the last table on the disk.
Both show the network the same batches, in as many workers as torch has threads, keep freed memory as the commands do,
and take turns, three times in each round, of which the quickest counts: what else goes on in a machine only adds time,
a third at times. Each build begins with an empty folder. The median of the rounds' ratios decides, in processor time
and by the clock. What the store costs beside showing the images and recording their gates is the engine's overhead,
which is reported by 1,000 images.

    python benchmarks/atlas_build.py [--rounds 5] [--images N] [--network NAME]

CIFAR-10 must have been fetched (`cbam data fetch`). `--images 1000` gives an idea in less than a minute.
"""

from __future__ import annotations

import argparse
import random
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import perf_counter, process_time

from apparatus.turns import tell

from cbam_core.atlas.building import build_atlas
from cbam_core.data.dataset import Dataset, open_dataset, thinned
from cbam_core.evaluation.scoring import score
from cbam_core.memory import keep_freed_memory
from cbam_core.network import Classifier, load_classifier
from cbam_core.observing import observe_all
from cbam_core.workers import workers_side_by_side

LIMIT = 1.2
"""Time of a build over that of an evaluation."""

IMAGES = 10_000

TURNS = 3
"""Turns of each contender in a round, of which the quickest counts."""

Spent = dict[str, list[tuple[float, float]]]
"""Seconds of the processor and of the clock, round by round, by the contender's name."""


def contenders(classifier: Classifier, dataset: Dataset, folder: Path) -> dict[str, Callable[[], object]]:
    """What is timed: an evaluation, showing the images and recording gates, and a build."""

    def evaluate() -> None:
        with workers_side_by_side() as workers:
            score(classifier, dataset, workers=workers)

    def observe() -> None:
        with workers_side_by_side() as workers:
            for _ in observe_all(classifier, dataset.images, workers=workers):
                pass

    return {
        "evaluate": evaluate,
        "observe": observe,
        "build": lambda: build_atlas(classifier, dataset, folder),
    }


def in_turns(timed: Mapping[str, Callable[[], object]], rounds: int, folder: Path) -> Spent:
    """Call each contender `TURNS` times a round, in an order drawn anew each time; one turn before does not count.

    Args:
        timed: what is called.
        rounds: number of rounds that count.
        folder: what they leave, which is removed after each call.
    """
    order = random.Random(0)
    spent: Spent = {name: [] for name in timed}
    for turn in range(-1, rounds * TURNS):
        for name in order.sample(list(timed), len(timed)):
            computing, started = process_time(), perf_counter()
            timed[name]()
            if turn >= 0:
                spent[name].append((process_time() - computing, perf_counter() - started))
            shutil.rmtree(folder, ignore_errors=True)
    return {
        name: [_quickest(times[at : at + TURNS]) for at in range(0, len(times), TURNS)] for name, times in spent.items()
    }


def _quickest(times: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Least seconds of the processor, and least of the clock, of the turns of one round."""
    computing, passing = (min(each) for each in zip(*times, strict=True))
    return computing, passing


def ratio(spent: Spent, clock: int) -> float:
    """Median over the rounds of the time of a build over that of an evaluation."""
    pairs = zip(spent["build"], spent["evaluate"], strict=True)
    return statistics.median(build[clock] / evaluation[clock] for build, evaluation in pairs)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and say by the exit status whether the claim holds."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="at least 1; 5 unless told")
    parser.add_argument("--images", type=int, default=IMAGES, help="so many test images; 10,000 unless told")
    parser.add_argument("--network", default="cbam_cnn_cifar10", help="a shipped network")
    asked = parser.parse_args(arguments)
    if asked.rounds < 1:
        parser.error("--rounds must be at least 1")
    keep_freed_memory()
    classifier = load_classifier(asked.network)
    dataset = thinned(open_dataset("cifar10:test"), asked.images)
    with tempfile.TemporaryDirectory() as folder:
        atlas = Path(folder) / "atlas"
        spent = in_turns(contenders(classifier, dataset, atlas), asked.rounds, atlas)
    by_processor, by_clock = ratio(spent, 0), ratio(spent, 1)
    medians = {
        name: [round(statistics.median(times), 2) for times in zip(*both, strict=True)] for name, both in spent.items()
    }
    pairs = zip(spent["build"], spent["observe"], strict=True)
    overhead = statistics.median(build[0] - seen[0] for build, seen in pairs) / len(dataset)
    return tell(
        "atlas_build",
        {
            "network": asked.network,
            "images": len(dataset),
            "ratio_processor": round(by_processor, 2),
            "ratio_clock": round(by_clock, 2),
            "limit": LIMIT,
            "seconds_processor_and_clock": medians,
            "engine_ms_per_1000_images": round(1e6 * overhead, 1),
        },
        f"an atlas of {len(dataset):,} images takes {by_processor:.2f} of the processor time of an evaluation and "
        f"{by_clock:.2f} by the clock (at most {LIMIT}); the store costs {1e6 * overhead:.0f} ms of the processor for "
        "1,000 images",
        holds=max(by_processor, by_clock) <= LIMIT,
    )


if __name__ == "__main__":
    sys.exit(main())
