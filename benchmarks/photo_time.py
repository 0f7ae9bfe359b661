"""Claim: a 12-megapixel JPEG becomes a result in at most a third of the processor time that full decoding would need.

Both contenders turn the bytes of one photo into what Inspect draws: the explanation, the viewer's pictures and masks,
and the preview. One does it as the app does, with a JPEG decoded in as much detail as the network and the screen need;
the other decodes it at its full size first, as the app did before. Seconds on the processors are counted, not on the
clock, so that other programs matter less. What both show is compared too.

    python benchmarks/photo_time.py [--rounds 12]
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from time import process_time

import numpy as np
import torch
from apparatus.photo import SIZE, photo
from apparatus.turns import asked_rounds, medians, paired_ratio, take_turns, tell

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from app.services.prediction import preview_of
from cbam_core import load_classifier
from cbam_core.data.fitting import decode_to_fit, whole_picture
from cbam_core.data.images import DecodedImage, decode
from cbam_core.explanation import explain
from cbam_core.network import Classifier
from cbam_core.results.explanation import Explanation
from cbam_core.viewer import lay_out
from cbam_core.viewer.payload import LONGEST

LIMIT = 1 / 3


def drawn(classifier: Classifier, image: DecodedImage, original: np.ndarray) -> Explanation:
    """Make all that Inspect draws of an image."""
    explanation = explain(classifier, image)
    lay_out(explanation.input_image, explanation.frame, explanation.blocks, original=original).as_dict()
    preview_of(original)
    return explanation


def as_the_app(classifier: Classifier, content: bytes) -> Explanation:
    """Decode in as much detail as is needed."""
    image = decode_to_fit(content, classifier.input_size)
    return drawn(classifier, image, whole_picture(image, LONGEST))


def from_full_size(classifier: Classifier, content: bytes) -> Explanation:
    """Decode every pixel."""
    image = decode(content)
    return drawn(classifier, image, image.pixels)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and say by the exit status whether the claim holds."""
    rounds = asked_rounds(__doc__, 12, arguments)
    torch.set_num_threads(1)
    classifier, content = load_classifier("cbam_cnn_cifar10"), photo()
    times = take_turns(
        {
            "reduced": lambda _: as_the_app(classifier, content),
            "full": lambda _: from_full_size(classifier, content),
        },
        rounds,
        warm_up=1,
        clock=process_time,
    )
    ratio, found = paired_ratio(times, "reduced", "full"), medians(times, 0)
    inputs = [way(classifier, content).input_image.astype(int) for way in (as_the_app, from_full_size)]
    apart = int(np.abs(inputs[0] - inputs[1]).max())
    return tell(
        "photo_time",
        {"ratio": round(ratio, 3), "ratio_limit": round(LIMIT, 3), "processor_ms": found, "input_levels_apart": apart},
        f"a photo of {SIZE[0]}x{SIZE[1]} takes {found['reduced']:.0f} ms of processor time, {ratio:.2f} of the "
        f"{found['full']:.0f} ms from its full size (at most {LIMIT:.2f}); inputs differ by at most {apart} of 255",
        holds=ratio <= LIMIT,
    )


if __name__ == "__main__":
    logging.disable(logging.WARNING)  # Streamlit warns that nothing is served
    sys.exit(main())
