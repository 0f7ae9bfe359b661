"""Claim: keeping freed memory makes a training step of `CBAM_ResNet` on a CPU take at most 0.95 of its time.

A round is two processes, one as it comes and one after `keep_freed_memory`, in an order drawn anew; each gives the
median time of its steps.

    python benchmarks/freed_memory.py [--rounds 4]
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Sequence
from random import Random

from apparatus.browser import ROOT, python
from apparatus.turns import Times, asked_rounds, medians, paired_ratio, tell

LIMIT = 0.95
WARM_UP = 4
STEPS = """
import sys, time, torch
from torch.nn import functional
from cbam_core.nn import build
from cbam_core.training.memory import keep_freed_memory
if sys.argv[1] == "kept" and not keep_freed_memory():
    sys.exit("this C library is not glibc: nothing to measure")
torch.manual_seed(0)
model = build("CBAM_ResNet").to(memory_format=torch.channels_last).train()
images = torch.randn(250, 3, 32, 32).to(memory_format=torch.channels_last)
labels = torch.randint(0, 10, (250,))
for _ in range(14):
    started = time.perf_counter()
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(images)
    functional.cross_entropy(logits.float(), labels).backward()
    model.zero_grad()
    print(time.perf_counter() - started)
"""


def step_time(how: str) -> float:
    """Median seconds of a step in a process of its own."""
    command = python("-c", STEPS, how)
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT)
    return statistics.median([float(line) for line in done.stdout.split()][WARM_UP:])


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and say by the exit status whether the claim holds."""
    rounds = asked_rounds(__doc__, 4, arguments)
    order, times = Random(0), Times(kept=[], given_back=[])
    for _ in range(rounds):
        for how in order.sample(list(times), len(times)):
            times[how].append(step_time(how))
    ratio, middle = paired_ratio(times, "kept", "given_back"), medians(times, 0)
    return tell(
        "freed_memory",
        {"ratio": round(ratio, 3), "limit": LIMIT, "rounds": rounds, "milliseconds": middle},
        f"a step takes {middle['kept']:.0f} ms with freed memory kept, {middle['given_back']:.0f} ms without: "
        f"{ratio:.2f} of its time (at most {LIMIT})",
        holds=ratio <= LIMIT,
    )


if __name__ == "__main__":
    sys.exit(main())
