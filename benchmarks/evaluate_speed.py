"""Claim: `cbam evaluate` of the shipped `CBAM_CNN` on all 10,000 test images takes at most 10 s of two cores.

What is timed is the whole command in a new process of two torch threads: starting Python, loading torch and the
checkpoint, all images, all figures. The median of the rounds decides; all of them are printed. The claim is about two
cores that have nothing else to do: other work on them shows as rounds that differ.

    python benchmarks/evaluate_speed.py [--rounds 3]

CIFAR-10 must have been fetched (`cbam data fetch`); the command says so otherwise.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from time import perf_counter

from apparatus.turns import asked_rounds, tell

LIMIT = 10.0
"""Seconds."""

COMMAND = (sys.executable, "-m", "cbam_core.cli", "evaluate", "-c", "cbam_cnn_cifar10", "--split", "test", "--json")


def evaluate() -> tuple[subprocess.CompletedProcess[str], float, float]:
    """Run the command; what it printed, its seconds, and its seconds of computing (0 where the system counts none)."""
    before, started = os.times(), perf_counter()
    done = subprocess.run(
        COMMAND, stdout=subprocess.PIPE, text=True, check=False, env={**os.environ, "OMP_NUM_THREADS": "2"}
    )
    seconds, after = perf_counter() - started, os.times()
    computing = after.children_user + after.children_system - before.children_user - before.children_system
    return done, seconds, computing


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and say by the exit status whether the claim holds."""
    rounds = asked_rounds(__doc__, 3, arguments)
    times, computing, said = [], [], {}
    for _ in range(rounds):
        done, seconds, busy = evaluate()
        if done.returncode != 0:
            return done.returncode
        times.append(seconds)
        computing.append(busy)
        said = json.loads(done.stdout)
    median = statistics.median(times)
    return tell(
        "evaluate_speed",
        {
            "seconds": [round(value, 2) for value in times],
            "computing_seconds": [round(value, 2) for value in computing],
            "limit_seconds": LIMIT,
            "images": said["count"],
            "right": said["right"],
        },
        f"{said['count']:,} images evaluated in {median:.1f} s, the median of {rounds} (at most {LIMIT:.0f} s)",
        holds=median <= LIMIT,
    )


if __name__ == "__main__":
    sys.exit(main())
