"""Claim: resident memory after 2,000 explanations is within 5 MB of that after 200.

The bundled images as files of several sizes, 32 x 32 to 1600 x 1200 pixels, PNG and JPEG, fitted in three ways, are
explained one after the other and forgotten. Nothing else happens in this process, and nothing is asked to give memory
back: no collection, no trimming.

    python benchmarks/memory.py [--rounds 2000]

The first reading is taken after a tenth of the rounds.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from apparatus.turns import asked_rounds, tell
from PIL import Image

from cbam_core import load_classifier
from cbam_core.data.samples import sample_sheet
from cbam_core.explanation import explain
from cbam_core.network import Classifier
from cbam_core.results.frame import Fit

LIMIT = 5.0
"""Largest growth, MB of 10**6 bytes."""

SIZES = ((32, 32), (48, 64), (333, 250), (800, 800), (1600, 1200))
FITS: tuple[Fit, ...] = ("crop", "pad", "squash")
STATUS = Path("/proc/self/status")


def resident() -> float:
    """Memory of this process that lies in RAM, MB.

    Linux tells it. Elsewhere it is the highest so far, as `getrusage` tells it: growth of the peak is then measured
    instead of growth.
    """
    if STATUS.exists():
        line = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) * 1024 / 1e6
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024) / 1e6


def files(count: int) -> list[bytes]:
    """Files of the first bundled images, one an image, size and format in turn; at most as many as are bundled."""
    made = []
    for number, pixels in enumerate(sample_sheet().images[:count]):
        size = SIZES[number % len(SIZES)]
        picture = Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC)
        file = io.BytesIO()
        picture.save(file, ("PNG", "JPEG")[number // len(SIZES) % 2])
        made.append(file.getvalue())
    return made


def explain_many(classifier: Classifier, contents: Sequence[bytes], first: int, end: int) -> None:
    """Explain file after file, and forget each result."""
    for number in range(first, end):
        explain(classifier, contents[number % len(contents)], FITS[number % len(FITS)])


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and say by the exit status whether the claim holds."""
    rounds = asked_rounds(__doc__, 2000, arguments)
    torch.set_num_threads(1)
    classifier, contents = load_classifier("cbam_cnn_cifar10"), files(rounds)
    early = max(1, rounds // 10)
    explain_many(classifier, contents, 0, early)
    before = resident()
    explain_many(classifier, contents, early, rounds)
    after = resident()
    growth = after - before
    return tell(
        "memory",
        {
            "growth_mb": round(growth, 2),
            "limit_mb": LIMIT,
            "resident_mb": {str(early): round(before, 1), str(rounds): round(after, 1)},
            "of": "resident" if STATUS.exists() else "peak",
        },
        f"{before:.0f} MB after {early} explanations, {after:.0f} MB after {rounds}: {growth:+.1f} MB "
        f"(at most {LIMIT:.0f})",
        holds=growth <= LIMIT,
    )


if __name__ == "__main__":
    sys.exit(main())
