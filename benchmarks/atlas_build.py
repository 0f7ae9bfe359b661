"""Claim: an atlas of 10,000 test images takes at most 1.2 times what evaluating the network takes.

Of the shipped `CBAM_CNN` (or `--network NAME`) on the test set of CIFAR-10: an evaluation is what `cbam evaluate` does,
a build is everything that `cbam atlas build` does, from one forward that finds the gates to the last table on the disk.
Both show the network the same batches, in as many workers as torch has threads, and keep freed memory as the commands
do; each build begins with an empty folder. They are processes that take turns of a tenth of a second, in which the
others are stopped: one call may take a third more than the next on a machine that others use too, and a few seconds
later again less. There are several of each: of two processes that do the same, one may be slower by a tenth for as long
as it runs, depending on where its memory lies. The ratio of the medians of their calls decides, in processor time and
by the clock. Other processes show the network the images and record their gates, and do nothing else: what a build
costs beside that is the engine's overhead, which is reported by 1,000 images.

    python benchmarks/atlas_build.py [--rounds 5] [--processes 5] [--images N] [--network NAME]

CIFAR-10 must have been fetched (`cbam data fetch`). `--images 1000` gives an idea in less than a minute.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from apparatus.slices import Calls, in_slices, repeat
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


def repeat_alone(name: str, network: str, images: int) -> None:
    """Do one of these again and again, see `apparatus.slices`."""
    keep_freed_memory()
    dataset = thinned(open_dataset("cifar10:test"), images)
    with tempfile.TemporaryDirectory() as folder:
        atlas = Path(folder) / "atlas"
        work = contenders(load_classifier(network), dataset, atlas)[name]
        repeat(work, tidy=lambda: shutil.rmtree(atlas, ignore_errors=True))


def middle(calls: Mapping[tuple[str, int], Calls]) -> dict[str, tuple[float, float]]:
    """Median seconds of the processor and of the clock of what is timed: of each process, then of all that do it."""
    processes: dict[str, list[tuple[float, float]]] = {}
    for (name, _), times in calls.items():
        processes.setdefault(name, []).append(_medians(times))
    return {name: _medians(each) for name, each in processes.items()}


def _medians(times: Calls) -> tuple[float, float]:
    return statistics.median(each[0] for each in times), statistics.median(each[1] for each in times)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and say by the exit status whether the claim holds."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--processes", type=int, default=5, help="so many that do the same; 5 unless told")
    parser.add_argument("--rounds", type=int, default=5, help="calls of each process; 5 unless told")
    parser.add_argument("--images", type=int, default=IMAGES, help="so many test images; 10,000 unless told")
    parser.add_argument("--network", default="cbam_cnn_cifar10", help="a shipped network")
    parser.add_argument("--alone", help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    for option in ("rounds", "processes"):
        if getattr(asked, option) < 1:
            parser.error(f"--{option} must be at least 1")
    if asked.alone:
        repeat_alone(asked.alone, asked.network, asked.images)
    command = [sys.executable, __file__, "--network", asked.network, "--images", str(asked.images), "--alone"]
    programs = [(name, each) for each in range(asked.processes) for name in ("evaluate", "observe", "build")]
    took = middle(in_slices({one: [*command, one[0]] for one in programs}, asked.rounds))
    by_processor, by_clock = (took["build"][clock] / took["evaluate"][clock] for clock in (0, 1))
    overhead = 1e6 * (took["build"][0] - took["observe"][0]) / asked.images
    return tell(
        "atlas_build",
        {
            "network": asked.network,
            "images": asked.images,
            "ratio_processor": round(by_processor, 2),
            "ratio_clock": round(by_clock, 2),
            "limit": LIMIT,
            "seconds_processor_and_clock": {name: [round(each, 2) for each in both] for name, both in took.items()},
            "engine_ms_per_1000_images": round(overhead, 1),
        },
        f"an atlas of {asked.images:,} images takes {by_processor:.2f} of the processor time of an evaluation and "
        f"{by_clock:.2f} by the clock (at most {LIMIT}); the store costs {overhead:.0f} ms of the processor for "
        "1,000 images",
        holds=max(by_processor, by_clock) <= LIMIT,
    )


if __name__ == "__main__":
    sys.exit(main())
