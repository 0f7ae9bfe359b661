"""Report: does CBAM help `CBAM_CNN`? Twins with both gates, one, or none, trained by recipe `fast` with paired seeds.

A round is one seed for all four twins: same order of images, same transforms. Reported are test accuracies, and the
difference of each twin from the one without gates, pair by pair, with a 95 % interval (Student's t over the pairs).

What came of every run stands in `benchmarks/twin_runs.json`, and a run that stands there is not trained again: remove
the file to train all of them anew. Runs lie in a folder and go on where they were stopped.

    python benchmarks/twin.py [--rounds 5]
    python benchmarks/twin.py --kept             # what stands in the file so far; trains nothing
    python benchmarks/twin.py --time             # steps of all twins, timed in turns; half a minute

CIFAR-10 must have been fetched (`cbam data fetch`). Twenty runs: an hour and a half on two cores with bfloat16
arithmetic, about three times as long without. Twins of one seed are a pair only where both were computed in the same
arithmetic.
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

import torch
from apparatus.browser import ROOT
from apparatus.learning import learner
from apparatus.turns import asked_rounds, medians, paired_ratio, take_turns, tell

from cbam_core.errors import CbamError
from cbam_core.files import write_atomically
from cbam_core.gates.anatomy import summarise
from cbam_core.memory import keep_freed_memory
from cbam_core.results.paired import student
from cbam_core.training.precision import arithmetic
from cbam_core.training.recipes import FAST
from cbam_core.training.run import train_classifier

TWINS = ("both", "channel", "spatial", "none")
STEPS = 5
LEDGER = Path(__file__).with_name("twin_runs.json")


@dataclass(frozen=True)
class Result:
    """What came of one run.

    Attributes:
        right: of the test images.
        seconds: of training; None where nobody kept them, or the machine was busy with other work.
        arithmetic: ``"bfloat16"`` or ``"float32"``: what forward and backward were computed in.
        processor: what it calls itself; "" where nobody noted it.
    """

    gates: str
    seed: int
    right: int
    images: int
    parameters: int
    seconds: float | None
    arithmetic: str
    processor: str

    @property
    def accuracy(self) -> float:
        """In [0, 1]."""
        return self.right / self.images


def train(gates: str, seed: int) -> Result:
    """A run to its end; it goes on where it was stopped."""
    folder = Path(os.environ.get("CBAM_RUNS_DIR", ROOT / "runs")) / "twin" / f"{gates}-{seed}"
    classifier = train_classifier(replace(FAST, gates=gates, seed=seed), folder, resume=True).classifier
    card = classifier.card
    return Result(
        gates=gates,
        seed=seed,
        right=card.test_correct or 0,
        images=card.test_count or 0,
        parameters=summarise(classifier.model, (32, 32)).parameters,
        seconds=round(sum(float(epoch["seconds"]) for epoch in card.history), 1),
        arithmetic=str(arithmetic("cuda" if torch.accelerator.is_available() else "cpu")).removeprefix("torch."),
        processor=str(torch.cpu.get_capabilities().get("cpu_name", "")),
    )


def common() -> dict[str, object]:
    """What all runs have in common."""
    return {name: value for name, value in FAST.as_dict().items() if name not in ("gates", "seed")}


def read_ledger() -> dict[tuple[str, int], Result]:
    """Results of earlier runs."""
    if not LEDGER.exists():
        return {}
    ledger = json.loads(LEDGER.read_text(encoding="utf-8"))
    recipe = common()
    if other := [name for name, value in ledger["recipe"].items() if recipe.get(name) != value]:
        sys.exit(f"{LEDGER} is of another recipe (other: {', '.join(other)}); remove it to train all twins anew")
    results = [Result(**record) for record in ledger["runs"]]
    return {(result.gates, result.seed): result for result in results}


def write_ledger(results: Mapping[tuple[str, int], Result]) -> None:
    """Keep results for the next time."""
    ordered = sorted(results.values(), key=lambda result: (result.seed, TWINS.index(result.gates)))
    lines = ",\n".join(f"    {json.dumps(asdict(result))}" for result in ordered)
    text = f'{{\n  "recipe": {json.dumps(common())},\n  "runs": [\n{lines}\n  ]\n}}\n'
    write_atomically(LEDGER, lambda file: file.write(text.encode()))


def pairs(results: Mapping[tuple[str, int], Result], gates: str) -> list[tuple[Result, Result]]:
    """A twin and the one without gates, for every seed that both were computed with in the same arithmetic."""
    mine = [result for result in results.values() if result.gates == gates]
    both = [(result, results["none", result.seed]) for result in mine if ("none", result.seed) in results]
    return [(one, bare) for one, bare in both if one.arithmetic == bare.arithmetic]


def interval(differences: Sequence[float]) -> tuple[float, float | None]:
    """Mean of paired differences and half the width of its 95 % interval; None for a single pair."""
    mean = statistics.mean(differences)
    if len(differences) < 2:
        return mean, None
    return mean, student(len(differences) - 1) * statistics.stdev(differences) / math.sqrt(len(differences))


def time_steps(rounds: int = 15) -> int:
    """Let all twins take training steps in turns, and print how much longer those with gates take."""
    keep_freed_memory()
    learners = {gates: learner(gates) for gates in TWINS}
    times = take_turns({gates: lambda _, learn=learn: learn(STEPS) for gates, learn in learners.items()}, rounds)
    steps = {gates: round(milliseconds / STEPS, 1) for gates, milliseconds in medians(times).items()}
    ratios = {gates: round(paired_ratio(times, gates, "none"), 3) for gates in TWINS}
    said = "; ".join(f"{gates} {steps[gates]} ms a step, {ratios[gates]:.2f} of none" for gates in TWINS)
    return tell("twin_time", {"rounds": rounds, "step_ms": steps, "over_none": ratios}, said, holds=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train what is missing, and print what came out."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given == ["--time"]:
        return time_steps()
    only_kept = given == ["--kept"]
    rounds = asked_rounds(__doc__, 5, [] if only_kept else given)
    keep_freed_memory()
    results = read_ledger()
    for seed in range(0 if only_kept else rounds):
        for gates in TWINS:
            if (gates, seed) not in results:
                results[gates, seed] = train(gates, seed)
                write_ledger(results)
    asked = results if only_kept else {key: result for key, result in results.items() if result.seed < rounds}
    figures, said = {}, []
    for gates in TWINS:
        mine = [result for result in asked.values() if result.gates == gates]
        if not mine:
            continue
        paired = pairs(asked, gates)
        mean, half = interval([one.accuracy - bare.accuracy for one, bare in paired]) if paired else (math.nan, None)
        figures[gates] = {
            "accuracies": [result.accuracy for result in mine],
            "pairs": len(paired),
            "difference": mean if paired else None,
            "half_interval": half,
            "parameters": mine[0].parameters,
        }
        width = "" if half is None else f" ± {100 * half:.2f}"
        against = "" if gates == "none" else f" ({100 * mean:+.2f}{width} points, {len(paired)} pairs)"
        said.append(f"{gates} {statistics.mean(result.accuracy for result in mine):.2%}{against}")
    return tell("twin", {"rounds": len({seed for _, seed in asked}), "twins": figures}, "; ".join(said), holds=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except CbamError as error:
        sys.exit(str(error))
