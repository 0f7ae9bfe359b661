"""Claim: `capture` costs at most 5 % over the plain forward of 64 images, and at most 10 % over that of one.

The shipped `CBAM_CNN` in inference mode on one torch thread. A round runs the plain forward, the captured one and the
plain one once more, in an order drawn anew each time; what counts is the median of the ratios within rounds. The second
plain forward is the control: its ratio says how far to trust the others. Reading `record.gates` as well is reported
beside the claim.

    python benchmarks/capture_cost.py [--rounds 2000]

The batch of 64 runs a tenth of the rounds.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import torch
from apparatus.turns import asked_rounds, medians, paired_ratio, take_turns, tell
from torch import Tensor, nn

from cbam_core import capture, load_classifier
from cbam_core.data.samples import sample_sheet

LIMITS = {1: 1.10, 64: 1.05}
"""Largest time over that of the plain forward, by images in the batch."""


def contenders(model: nn.Module, batch: Tensor) -> dict[str, Callable[[int], object]]:
    """The same forward, plain and captured."""

    def plain(_: int) -> object:
        return model(batch)

    def captured(_: int) -> object:
        with capture(model):
            return model(batch)

    def read(_: int) -> object:
        with capture(model) as record:
            model(batch)
        return record.gates

    return {"plain": plain, "captured": captured, "captured_and_read": read, "control": plain}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and say by the exit status whether the claim holds."""
    rounds = asked_rounds(__doc__, 2000, arguments)
    torch.set_num_threads(1)
    classifier = load_classifier("cbam_cnn_cifar10")
    images = torch.stack([classifier.normalise(pixels) for pixels in sample_sheet().images[:64]])
    batches, costs = {}, {}
    with torch.inference_mode():
        for size, limit in LIMITS.items():
            count = rounds if size == 1 else max(1, rounds // 10)
            times = take_turns(contenders(classifier.model, images[:size]), count)
            ratios = {name: paired_ratio(times, name, "plain") for name in times if name != "plain"}
            costs[size] = ratios["captured"]
            batches[size] = {
                "limit": limit,
                "rounds": count,
                "ratios": {name: round(ratio, 4) for name, ratio in ratios.items()},
                "milliseconds": medians(times, 3),
            }
    one, many = (f"{100 * (costs[size] - 1):.1f} %" for size in LIMITS)
    return tell(
        "capture_cost",
        {"batches": batches},
        f"capturing costs {one} of a forward of one image (at most 10 %), {many} of a forward of 64 (at most 5 %)",
        holds=all(costs[size] <= limit for size, limit in LIMITS.items()),
    )


if __name__ == "__main__":
    sys.exit(main())
