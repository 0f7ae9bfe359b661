"""Report: does it help to insert CBAM into a pretrained network gradually? Beside plain blocks, and none, in stages.

A small ResNet learns five classes of CIFAR-10 (10,000 images). Then it is given the other five, of which there are 400
images each, with CBAM after each of its four stages, and is unfrozen in three stages of training: what is new; the last
two stages too, at a tenth of the rate; everything. A round is one seed for all three ways. Reported are accuracies on
500 watched images after each stage, and on the 5,000 test images of these classes at the end.

What came of every run stands in `benchmarks/staged_runs.json`, and a run that stands there is not trained again. Runs
lie in a folder and go on where they were stopped.

    python benchmarks/staged.py [--rounds 3]

CIFAR-10 must have been fetched (`cbam data fetch`). A quarter of an hour of processor time.
"""

from __future__ import annotations

import json
import math
import os
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from apparatus.browser import ROOT
from apparatus.turns import asked_rounds, tell
from PIL import Image

from cbam_core.data.dataset import open_dataset
from cbam_core.errors import CbamError
from cbam_core.files import write_atomically
from cbam_core.memory import keep_freed_memory
from cbam_core.network.building import open_network
from cbam_core.nn import inserted_blocks
from cbam_core.results.history import read_history
from cbam_core.results.paired import student
from cbam_core.training.building import Sources
from cbam_core.training.recipes import Recipe
from cbam_core.training.run import train_classifier

LEDGER = Path(__file__).with_name("staged_runs.json")
RUNS = Path(os.environ.get("CBAM_RUNS_DIR", ROOT / "runs")) / "staged-benchmark"
WAYS = ("gradual", "plain", "plain, followed", "none")
FIRST, OTHERS = range(5), range(5, 10)
STAGE_ENDS = (2, 5, 12)
"""Last epoch of each stage."""

PRETRAINED = Recipe(
    name="pretrained", epochs=6, batch_size=128, learning_rate=0.1, label_smoothing=0.1, validation=500, size=32
)
STAGED = Recipe(
    name="staged-small",
    epochs=12,
    batch_size=32,
    optimiser="adam",
    learning_rate=3e-3,
    weight_decay=0.0,
    stages="1: new=1; 3: new=1 layer[34]=0.1; 6: **=0.1 new=0.2",
    ratio=8,
    size=32,
)


@dataclass(frozen=True)
class Result:
    """What came of one run.

    Attributes:
        way: how blocks were inserted.
        seed: of the run.
        watched: accuracy on the watched images after each stage.
        right: test images that were answered correctly.
        images: test images.
        shares: what `a` became in each block; empty where there is none.
    """

    way: str
    seed: int
    watched: tuple[float, ...]
    right: int
    images: int
    shares: tuple[float, ...]


def lay_out(name: str, classes: range, counts: Mapping[str, int]) -> Path:
    """Write images of some classes of CIFAR-10 as a folder of classes with parts of a split, once."""
    folder = RUNS / "images" / name
    if (folder / "complete").exists():
        return folder
    for part, (source, start) in {"train": ("train", 0), "val": ("train", 4000), "test": ("test", 0)}.items():
        dataset = open_dataset(f"cifar10:{source}")
        for label in classes:
            place = folder / part / dataset.classes[label]
            place.mkdir(parents=True, exist_ok=True)
            for index in np.flatnonzero(dataset.known_labels == label)[start : start + counts[part]]:
                Image.fromarray(np.asarray(dataset.images[int(index)])).save(place / f"{index}.png")
    (folder / "complete").touch()
    return folder


def pretrained() -> Path:
    """The file of weights that all runs begin with."""
    images = lay_out("first", FIRST, {"train": 2000, "val": 100, "test": 1000})
    sources = Sources(model="apparatus.narrow:NarrowResNet", data=str(images))
    return train_classifier(replace(PRETRAINED, size=32), RUNS / "pretrained", resume=True, sources=_five(sources)).file


def _five(sources: Sources) -> Sources:
    """Name the network by a file that says how many classes it has."""
    says = RUNS / "five.toml"
    says.parent.mkdir(parents=True, exist_ok=True)
    says.write_text(
        f'model = "{sources.model}"\nsize = 32\nnormalisation = "cifar10"\n\n[arguments]\nnum_classes = 5\n',
        encoding="utf-8",
    )
    return replace(sources, model=str(says))


def train(way: str, seed: int) -> Result:
    """A run to its end; it goes on where it was stopped."""
    images = lay_out("others", OTHERS, {"train": 400, "val": 100, "test": 1000})
    sources = _five(Sources("apparatus.narrow:NarrowResNet", str(images), str(pretrained())))
    recipe = replace(
        STAGED,
        seed=seed,
        insert="" if way == "none" else "layer[1-4]",
        gradual=way == "gradual",
        statistics="followed" if way == "plain, followed" else "kept",
    )
    run = train_classifier(recipe, RUNS / f"{way.replace(', ', '-')}-{seed}", resume=True, sources=sources)
    _, history = read_history(run.file.with_suffix(".history.json"))
    model = open_network(str(run.checkpoint)).model
    return Result(
        way=way,
        seed=seed,
        watched=tuple(history.epochs[end - 1].validation_accuracy for end in STAGE_ENDS),
        right=0 if run.score is None else run.score.total_right,
        images=0 if run.score is None else run.score.total,
        shares=tuple(round(float(block.a), 3) for block in inserted_blocks(model).values() if block.a is not None),
    )


def read_ledger() -> dict[tuple[str, int], Result]:
    """Results of earlier runs by these recipes."""
    kept = json.loads(LEDGER.read_text(encoding="utf-8")) if LEDGER.exists() else {}
    first, second = kept.get("recipes", ({}, {}))
    if PRETRAINED.differences(first) or STAGED.differences(second):
        return {}
    results = [
        Result(**{**one, "watched": tuple(one["watched"]), "shares": tuple(one["shares"])}) for one in kept["runs"]
    ]
    return {(result.way, result.seed): result for result in results}


def write_ledger(results: Mapping[tuple[str, int], Result]) -> None:
    """Keep results for the next time."""
    kept = {"recipes": [PRETRAINED.as_dict(), STAGED.as_dict()], "runs": [asdict(one) for one in results.values()]}
    write_atomically(LEDGER, lambda file: file.write(f"{json.dumps(kept, indent=1)}\n".encode()))


def against(results: Mapping[tuple[str, int], Result], way: str, other: str, rounds: int) -> str:
    """Say the paired difference of test accuracies of two ways, with a 95 % interval."""
    pairs = [(results[way, seed], results[other, seed]) for seed in range(rounds)]
    differences = [100 * (one.right - two.right) / one.images for one, two in pairs]
    mean = statistics.mean(differences)
    if rounds < 2:
        return f"{way} over {other} {mean:+.2f} points, one pair"
    half = student(rounds - 1) * statistics.stdev(differences) / math.sqrt(rounds)
    return f"{way} over {other} {mean:+.2f} ± {half:.2f} points, {rounds} pairs"


def main(arguments: Sequence[str] | None = None) -> int:
    """Train what is missing, and print what came out."""
    rounds = asked_rounds(__doc__, 3, arguments)
    keep_freed_memory()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", torch.get_num_threads())))
    results = read_ledger()
    for seed in range(rounds):
        for way in WAYS:
            if (way, seed) not in results:
                results[way, seed] = train(way, seed)
                write_ledger(results)
    figures, said = {}, []
    for way in WAYS:
        mine = [results[way, seed] for seed in range(rounds)]
        watched = [statistics.mean(one.watched[stage] for one in mine) for stage in range(len(STAGE_ENDS))]
        test = statistics.mean(one.right / one.images for one in mine)
        figures[way] = {"watched": watched, "test": test, "shares": [one.shares for one in mine]}
        stages = " / ".join(f"{100 * share:.1f}" for share in watched)
        said.append(f"{way} {stages} % after the stages, {100 * test:.2f} % in the test")
    said += [against(results, "gradual", other, rounds) for other in WAYS[1:]]
    return tell("staged", {"rounds": rounds, "ways": figures}, "; ".join(said), holds=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except CbamError as error:
        sys.exit(str(error))
