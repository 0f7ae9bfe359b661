"""Claim: all gates under six replacements, in one growing batch, take at most 1/5 of the time of one forward each.

Both shipped networks in inference mode on one torch thread: every gate is replaced by its usual values, its usual
level, another image's gate, one constant, 1, and its inverse. A round computes all of these rows for one image in a
growing batch, and in one forward for each, in an order drawn anew; what counts is the median of the ratios within
rounds. Logits may differ by at most 0.00001, or that share of the largest one if it is above 1. The time of
`cbam_core.consequences`, which also explains both images and replaces groups of gates, is reported beside the claim.

    python benchmarks/many_edits.py [--rounds 12]
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import torch
from apparatus.turns import asked_rounds, medians, paired_ratio, take_turns, tell

from cbam_core import Borrowed, Inverted, Off, Usual, UsualLevel, Values, capture, consequences, load_classifier
from cbam_core.data.samples import sample_sheet
from cbam_core.evidence.running import run_each
from cbam_core.gates.joining import JoinedEdit, run_joined
from cbam_core.network import Classifier

NETWORKS = ("cbam_cnn_cifar10", "cbam_resnet_cifar10")
LIMIT = 1 / 5
"""Largest time of the growing batch over that of one forward each."""
CLOSE = 1e-5
"""Largest difference of a logit, as a share of the largest one if that is above 1."""
IMAGES = 4
"""Images that take turns; each borrows its gates from the one after it."""


def edits_of(classifier: Classifier, donor: torch.Tensor) -> list[JoinedEdit]:
    """Every gate under six replacements."""
    with torch.inference_mode(), capture(classifier.model) as record:
        classifier.model(donor)
    replacements = (Usual(), UsualLevel(), Borrowed(record), Values(0.5), Off(), Inverted())
    return [JoinedEdit({gate.name: replacement}) for gate in record.gates for replacement in replacements]


def contenders(classifier: Classifier) -> tuple[dict[str, Callable[[int], Any]], int]:
    """The same rows in one growing batch, and in one forward each; and the number of rows."""
    images = sample_sheet().images[: IMAGES + 1]
    inputs = [classifier.normalise(pixels)[None] for pixels in images]
    edits = [edits_of(classifier, donor) for donor in inputs[1:]]
    model, usual = classifier.model, classifier.usual

    def together(turn: int) -> torch.Tensor:
        return run_joined(model, inputs[turn % IMAGES], edits[turn % IMAGES], usual)

    def each(turn: int) -> torch.Tensor:
        return run_each(model, inputs[turn % IMAGES], edits[turn % IMAGES], usual)

    def everything(turn: int) -> object:
        place = turn % IMAGES
        return consequences(classifier, images[place], other=images[place + 1])

    return {"together": together, "each": each, "consequences": everything}, len(edits[0])


def distance(programs: dict[str, Callable[[int], Any]]) -> float:
    """Find the largest difference of a logit over all images, as a share of the largest one if that is above 1."""
    return max(
        float((programs["together"](turn) - single).abs().max()) / max(1.0, float(single.abs().max()))
        for turn in range(IMAGES)
        for single in [programs["each"](turn)]
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and say by the exit status whether the claim holds."""
    rounds = asked_rounds(__doc__, 12, arguments)
    torch.set_num_threads(1)
    networks = {}
    for name in NETWORKS:
        programs, rows = contenders(load_classifier(name))
        apart = distance(programs)
        times = take_turns(programs, rounds, warm_up=1)
        networks[name] = {
            "rows": rows,
            "ratio": round(paired_ratio(times, "together", "each"), 4),
            "distance": apart,
            "milliseconds": medians(times, 1),
        }
    found = [
        f"{name}: {one['rows']} rows in 1/{1 / one['ratio']:.1f} of the time "
        f"({one['milliseconds']['together']:.0f} ms, {one['milliseconds']['each']:.0f} ms), "
        f"all consequences in {one['milliseconds']['consequences']:.0f} ms"
        for name, one in networks.items()
    ]
    return tell(
        "many_edits",
        {"limit": LIMIT, "close": CLOSE, "rounds": rounds, "networks": networks},
        "; ".join(found),
        holds=all(one["ratio"] <= LIMIT and one["distance"] <= CLOSE for one in networks.values()),
    )


if __name__ == "__main__":
    sys.exit(main())
