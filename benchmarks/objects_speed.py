"""Claim: the four tests of `cbam objects` take at most 1.5 times what their images take to go through the network.

The shipped `CBAM_ResNet`, one torch thread, processor time. The tests show an image some hundred times, moved, on a
canvas, blurred or to a network with shuffled weights; the same number of images is then shown in plain batches, larger
ones counted by their pixels. Both take turns, and the median of the ratios counts.

    python benchmarks/objects_speed.py [--rounds 3]

A round takes about half a minute on an idle core.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import process_time
from typing import Any

import torch
from apparatus.turns import asked_rounds, paired_ratio, take_turns, tell

from cbam_core import Classifier, load_classifier
from cbam_core.data.dataset import samples
from cbam_core.evidence.objects import object_tests
from cbam_core.evidence.scoring import subset
from cbam_core.observing import batch_size, observe

LIMIT = 1.5
"""Time of the tests over that of their images in plain batches."""

IMAGES = 4
"""Images that are tested in each round."""


@contextmanager
def counted(classifier: Classifier) -> Iterator[list[int]]:
    """Note the pixels of every batch that a network or its copies are shown."""
    pixels: list[int] = []

    def note(module: torch.nn.Module, inputs: Any) -> None:
        if isinstance(module, type(classifier.model)):
            pixels.append(inputs[0][:, 0].numel())

    handle = torch.nn.modules.module.register_module_forward_pre_hook(note)
    try:
        yield pixels
    finally:
        handle.remove()


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and say by the exit status whether the claim holds."""
    rounds = asked_rounds(__doc__, 3, arguments)
    torch.set_num_threads(1)
    classifier = load_classifier("cbam_resnet_cifar10")
    dataset = subset(samples(), IMAGES)
    with counted(classifier) as pixels:
        object_tests(classifier, dataset)
    width, height = classifier.input_size
    shown, size = round(sum(pixels) / (width * height)), batch_size(classifier)
    batch = [dataset.images[number % IMAGES] for number in range(size)]

    def plain(_: int) -> None:
        for start in range(0, shown, size):
            observe(classifier, batch[: shown - start], gates=False)

    times = take_turns(
        {"tests": lambda _: object_tests(classifier, dataset), "plain": plain}, rounds, warm_up=0, clock=process_time
    )
    ratio = paired_ratio(times, "tests", "plain")
    each = {name: statistics.median(several) / IMAGES for name, several in times.items()}
    return tell(
        "objects_speed",
        {
            "limit": LIMIT,
            "shown_an_image": round(shown / IMAGES),
            "ratio": round(ratio, 3),
            "seconds_an_image": {name: round(value, 2) for name, value in each.items()},
        },
        f"the tests show an image {shown / IMAGES:.0f} times, in {each['tests']:.2f} s; plain batches of as many "
        f"images take {each['plain']:.2f} s: {ratio:.2f} times (at most {LIMIT})",
        holds=ratio <= LIMIT,
    )


if __name__ == "__main__":
    sys.exit(main())
