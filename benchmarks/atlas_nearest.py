"""Claim: the nearest of each of 100,000 images are found among all of them, in at most 120 s of processor time.

Rows between those of real gates (the test set of CIFAR-10 through the shipped `CBAM_CNN`; an atlas of it is built, or
named), on one thread. The nearest of some of the images are compared with a plain comparison of all, in float64: every
number has to be the same. Memory is what the process has of its own between two steps, beside the pages of mapped
files; a step takes 64 MB more.

    python benchmarks/atlas_nearest.py [--rounds 200] [--atlas DIR] [--images 100000]

A round is one image of the plain comparison. CIFAR-10 must have been fetched (`cbam data fetch`).
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import process_time

os.environ["OMP_NUM_THREADS"] = "1"  # threads that wait for each other in a loop would count as computing

import numpy as np
from apparatus.synthetic_atlas import enlarge
from apparatus.turns import asked_rounds, tell

from cbam_core import open_atlas
from cbam_core.atlas.atlas import Atlas
from cbam_core.atlas.preparing import Graph, K, prepare_steps

LIMIT = 120.0
"""Seconds of processor time."""
BLOCK = 5_000
"""Rows that are compared at once."""


def own_megabytes() -> float:
    """Megabytes that this process has of its own."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("RssAnon"))


def found_in(atlas: Atlas) -> tuple[Graph, float, float]:
    """The nearest of each image, with the seconds that it took and the most megabytes beside those of before."""
    before, most, begun, steps = own_megabytes(), 0.0, process_time(), prepare_steps(atlas)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value, process_time() - begun, most
        most = max(most, own_megabytes() - before)


def is_equal(atlas: Atlas, graph: Graph, image: int) -> bool:
    """Whether the nearest of an image, and their distances, are those of a plain comparison."""
    row = atlas.contents.values[image].astype(np.float64)
    parts = (atlas.contents.values[at : at + BLOCK].astype(np.float64) for at in range(0, len(atlas), BLOCK))
    away = np.concatenate([np.linalg.norm(part - row, axis=1) for part in parts])
    away[image] = np.inf
    first = np.argsort(away, kind="stable")[:K]
    same = np.array_equal(graph.images[image], first)
    return same and np.allclose(graph.distances[image], away[first], rtol=1e-6)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and say by the exit status whether the claim holds."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--atlas")
    parser.add_argument("--images", type=int, default=100_000)
    options, others = parser.parse_known_args(arguments)
    rounds = asked_rounds(__doc__, 200, others)
    with tempfile.TemporaryDirectory() as folder:
        real = open_atlas(options.atlas or _built(f"{folder}/real"))
        atlas = open_atlas(enlarge(real, Path(folder) / "made", options.images))
        graph, seconds, megabytes = found_in(atlas)
        asked = np.random.default_rng(0).choice(len(atlas), rounds, replace=False).tolist()
        equal = sum(is_equal(atlas, graph, image) for image in asked)
    holds = seconds <= LIMIT and equal == rounds and len(graph.among) == options.images
    figures = {
        "limit_s": LIMIT,
        "images": options.images,
        "among": len(graph.among),
        "seconds": round(seconds, 1),
        "megabytes": round(megabytes),
        "compared": rounds,
        "equal": equal,
    }
    sentence = (
        f"the {K} nearest of {options.images:,} images, among {len(graph.among):,}, take {seconds:.0f} s of processor "
        f"time and {megabytes + 64:.0f} MB; of {rounds} images, {equal} have those of a plain comparison"
    )
    return tell("atlas_nearest", figures, sentence, holds=holds)


def _built(folder: str) -> str:
    from cbam_core import load_classifier
    from cbam_core.atlas.building import build_atlas
    from cbam_core.data.dataset import open_dataset

    return str(build_atlas(load_classifier("cbam_cnn_cifar10"), open_dataset("cifar10:test"), folder))


if __name__ == "__main__":
    sys.exit(main())
