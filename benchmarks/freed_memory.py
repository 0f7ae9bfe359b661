"""Claim: keeping freed memory makes a training step of `CBAM_ResNet` on a CPU faster, to at most 0.95 of its time.

Two processes train in turn, one as it comes and one after `keep_freed_memory`; each gives the median time of its steps.

    python benchmarks/freed_memory.py [--rounds 4]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

LIMIT = 0.95
STEPS = """
import sys, time, torch
from torch.nn import functional
from cbam_core.nn import build
from cbam_core.training.memory import keep_freed_memory
if sys.argv[1] == "keep" and not keep_freed_memory():
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


def step_times(how: str) -> list[float]:
    """Seconds of the steps of one process, the first ones left out."""
    command = [sys.executable, "-c", STEPS, how]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=Path(__file__).parent.parent)
    return [float(line) for line in done.stdout.split()][4:]


def main() -> int:
    """Measure, print, and say by the exit status whether the claim holds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=4)
    rounds = parser.parse_args().rounds
    times: dict[str, list[float]] = {"as it comes": [], "keep": []}
    for _ in range(rounds):
        for how, measured in times.items():
            measured.extend(step_times(how))
    plain, kept = (statistics.median(measured) for measured in times.values())
    ratio = kept / plain
    result = {"claim": "freed_memory", "ratio": round(ratio, 3), "limit": LIMIT, "rounds": rounds}
    print(json.dumps({**result, "seconds": {"as it comes": round(plain, 3), "keep": round(kept, 3)}}))
    print(f"a step takes {kept:.2f} s with freed memory kept, {plain:.2f} s without: {ratio:.2f} of its time")
    return 0 if ratio <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
