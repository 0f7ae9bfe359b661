"""Claim: with freed memory kept, training steps of `CBAM_CNN` take at most 0.9 of the time that they take without.

Two processes learn by recipe `fast`, from random images: one as ``cbam train`` does it, which tells the C library to
keep what was freed (`cbam_core.memory`), the other with the library's own ways. They take turns of ten steps.

    python benchmarks/kept_memory.py [--rounds 15]

With the GNU C library only; half a minute on two cores.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from functools import partial

from apparatus.browser import python
from apparatus.learning import learner
from apparatus.turns import asked_rounds, medians, paired_ratio, take_turns, tell

from cbam_core.memory import keep_freed_memory

LIMIT = 0.9
STEPS = 10
LEARN = "--learn"


def learn(way: str) -> int:
    """Take ten steps for every line that comes in."""
    if way == "kept" and not keep_freed_memory():
        return 1
    take_steps = learner()
    for _ in sys.stdin:
        take_steps(STEPS)
        print("done", flush=True)
    return 0


def take(learner: subprocess.Popen[str], _: int) -> None:
    """Ten steps of a process."""
    assert learner.stdin is not None
    assert learner.stdout is not None
    learner.stdin.write("\n")
    learner.stdin.flush()
    if learner.stdout.readline() != "done\n":
        sys.exit("freed memory cannot be kept here: it takes the GNU C library")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and say by the exit status whether the claim holds."""
    rounds = asked_rounds(__doc__, 15, arguments)
    pipe = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    learners = {way: subprocess.Popen(python(__file__, LEARN, way), **pipe) for way in ("kept", "given back")}
    try:
        times = take_turns({way: partial(take, learner) for way, learner in learners.items()}, rounds)
    finally:
        for learner in learners.values():
            learner.communicate()
    ratio = paired_ratio(times, "kept", "given back")
    steps = {way: round(milliseconds / STEPS, 1) for way, milliseconds in medians(times).items()}
    return tell(
        "kept_memory",
        {"rounds": rounds, "step_ms": steps, "ratio": round(ratio, 3), "limit": LIMIT},
        f"{ratio:.2f} of the time: {steps['kept']} ms a step, {steps['given back']} ms without",
        holds=ratio <= LIMIT,
    )


if __name__ == "__main__":
    sys.exit(learn(sys.argv[2]) if LEARN in sys.argv else main())
