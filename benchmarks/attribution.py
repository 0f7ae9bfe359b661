"""Claim: integrated attributions of gates add up to the difference of the logit within a tenth of it, or of 1.

How true they are is reported. For each shipped network and some bundled images, one torch thread: the correlation of
gradient times (gate - usual), and of the integrated form, with the exact ablation of each entry; agreements of the maps
with the last mask, and of each with the centre and the edges of the image. Medians over images, with the 10th and 90th
percentile; gates whose exact ablation moves the logit by less than 0.01 in all do not count, for there is nothing to
correlate with.

    python benchmarks/attribution.py [--rounds 20]

A round is an image of each network.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Sequence
from time import perf_counter
from typing import Any

import numpy as np
import torch
from apparatus.turns import asked_rounds, tell

from cbam_core import load_classifier
from cbam_core.data.samples import sample_sheet
from cbam_core.evidence.attributing import attribute
from cbam_core.network import Classifier
from cbam_core.results.attribution import Attribution, correlation
from cbam_core.results.methods import CONTROLS

NETWORKS = ("cbam_cnn_cifar10", "cbam_resnet_cifar10")
MOVED = 0.01
"""Least sum of the absolute changes of a logit, over the entries of a gate, that is correlated with."""


def spread(values: Sequence[float]) -> list[float]:
    """Median, and 10th and 90th percentile."""
    return [round(float(np.percentile(values, share)), 3) for share in (50, 10, 90)]


def of_gates(found: Sequence[Attribution]) -> dict[str, Any]:
    """Correlations of both forms with the truth, by kind of gate, and how far sums are off."""
    rows: dict[str, list[float]] = defaultdict(list)
    for gate in (gate for one in found for gate in one.gates):
        if gate.exact is None or gate.integrated is None or np.abs(gate.exact).sum() < MOVED:
            continue
        for form, values in (("gradient", gate.gradient), ("integrated", gate.integrated)):
            r = correlation(values, gate.exact)
            if r is not None:
                rows[f"{form} {gate.gate.kind}"].append(r)
        rows["sum off by"].append(abs(gate.error or 0.0) / max(1.0, abs(gate.whole or 0.0)))
    return {name: spread(values) for name, values in rows.items()}


def of_maps(found: Sequence[Attribution]) -> dict[str, Any]:
    """Agreement of each map with the last mask and with both controls: correlation of values."""
    rows: dict[str, list[float]] = defaultdict(list)
    for one in found:
        for agreement in one.agreements:
            pair = (agreement.one, agreement.other)
            if agreement.pearson is not None and set(pair) & {"mask", *CONTROLS}:
                rows[" ".join(pair)].append(agreement.pearson)
    return {name: [*spread(values), len(values)] for name, values in rows.items()}


def measure(classifier: Classifier, rounds: int) -> tuple[dict[str, Any], float]:
    """Figures of a network, and the largest error of a sum."""
    images = sample_sheet().images
    chosen = [images[number * len(images) // rounds] for number in range(min(rounds, len(images)))]
    attribute(classifier, images[0])  # imports captum, and finds out whether rows may join
    started = perf_counter()
    found = [attribute(classifier, image) for image in chosen]
    seconds = (perf_counter() - started) / len(chosen)
    errors = [
        abs(gate.error) / max(1.0, abs(gate.whole))
        for one in found
        for gate in one.gates
        if gate.error is not None and gate.whole is not None
    ]
    return {"seconds": round(seconds, 2), "gates": of_gates(found), "maps": of_maps(found)}, max(errors)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and say by the exit status whether sums come out."""
    rounds = asked_rounds(__doc__, 20, arguments)
    torch.set_num_threads(1)
    measured, worst = {}, 0.0
    for name in NETWORKS:
        measured[name], error = measure(load_classifier(name), rounds)
        worst = max(worst, error)
        print(name, measured[name], file=sys.stderr)
    said = ", ".join(
        f"{name} {figures['gates']['gradient channel'][0]} and {figures['gates']['gradient spatial'][0]}"
        for name, figures in measured.items()
    )
    return tell(
        "attribution",
        {"images": rounds, "networks": measured, "worst sum": round(worst, 3)},
        f"gradients correlate with exact ablation (channel weights and masks): {said}; sums are off by at most "
        f"{worst:.3f} of the difference or of 1",
        holds=worst <= 0.1,
    )


if __name__ == "__main__":
    sys.exit(main())
