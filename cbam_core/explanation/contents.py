"""Contents of an explanation's files: a figure, raw values, a table of channel weights.

Arrays are exact (``np.load`` without pickle): ``probabilities``, ``input_image``, and each gate under its
name, such as ``cbam1.spatial``. The same explanation, look and date give the same bytes.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime

import numpy as np
from jaxtyping import UInt8

from cbam_core.render.figure import WORDS, Original, Prediction, figure
from cbam_core.render.overlay import Cells, cells_on_input, cells_on_original, seen_on_original
from cbam_core.render.panels import panel_of
from cbam_core.report import Entry, Report, report_html
from cbam_core.report.saving import versions
from cbam_core.results.explanation import Block, Explanation
from cbam_core.results.frame import Box
from cbam_core.results.look import DEFAULT_LOOK, Look
from cbam_core.results.means import GateMeans
from cbam_core.viewer import Settings

Pixels = UInt8[np.ndarray, "h w 3"]


@dataclass(frozen=True, eq=False)
class Request:
    """Input of the files of one explanation.

    Attributes:
        explanation: the explanation.
        original: image before fitting, uint8 RGB, to draw the masks on; None for the network's input.
        look: look of the masks in the figure.
        words: words of the figure in another language; see `cbam_core.render.figure.WORDS`.
        date: date in the manifest, in any time zone.
        files: contents of the files that were made before, by name.
        decoding: how the image file was decoded, see `cbam_core.explanation.manifest.PLAIN`.
    """

    explanation: Explanation
    original: Pixels | None
    look: Look
    words: Mapping[str, str]
    date: datetime
    files: Mapping[str, bytes]
    decoding: Mapping[str, str | bool] = field(default_factory=dict)


def as_png(
    explanation: Explanation,
    *,
    original: Pixels | None = None,
    look: Look = DEFAULT_LOOK,
    words: Mapping[str, str] = WORDS,
) -> bytes:
    """Draw the figure as a PNG of 300 dots per inch.

    Args:
        explanation: the explanation.
        original: image before fitting, uint8 RGB, to draw the masks on; None for the network's input.
        look: look of the masks in the figure.
        words: words of the figure in another language; see `cbam_core.render.figure.WORDS`.

    Raises:
        ImageError: `original` is not the image that was explained.
    """
    factors = (1.0, 1.0)
    if original is not None:
        factors = explanation.frame.factors((original.shape[1], original.shape[0]))
    picture = figure(
        explanation.input_image,
        [
            panel_of(block, _cells(block, explanation, None if original is None else factors), look.reading)
            for block in explanation.blocks
        ],
        Prediction(explanation.checkpoint, explanation.classes, explanation.probabilities),
        original=None if original is None else Original(original, _seen(explanation, factors)),
        look=look,
        words=words,
    )
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", dpi=(300, 300))
    return buffer.getvalue()


def as_html(request: Request) -> bytes:
    """Make a web page with the viewer, in English, which opens with the look that is asked for."""
    entry = Entry(request.explanation, original=request.original)
    settings = Settings(image="input" if request.original is None else "original", **asdict(request.look))
    return report_html(Report((entry,), date=request.date, versions=versions(), settings=settings)).encode()


def as_npz(explanation: Explanation) -> bytes:
    """Make an NPZ file of every exact number: ``probabilities``, ``input_image`` and each gate as ``block.kind``.

    A gate whose values are not what multiplies the map has ``block.kind.scale`` and ``block.kind.shift`` beside it.
    """
    arrays = {"probabilities": explanation.probabilities, "input_image": explanation.input_image}
    for gate in (gate for block in explanation.blocks for gate in block.gates):
        arrays[gate.name] = gate.values
        if gate.use:
            arrays[f"{gate.name}.scale"], arrays[f"{gate.name}.shift"] = np.array(gate.scale), np.array(gate.shift)
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def as_csv(explanation: Explanation) -> bytes:
    """Make a CSV table with one channel weight in each line; nine digits represent every float32 exactly."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(("block", "channel", "weight"))
    for block in explanation.blocks:
        if block.channel_weights is not None:
            weights = enumerate(block.channel_weights.tolist())
            rows.writerows((block.name, channel, f"{weight:.9g}") for channel, weight in weights)
    return text.getvalue().encode()


def means_as_npz(means: Mapping[str, GateMeans]) -> bytes:
    """Make an NPZ file of exact means over explanations.

    Each name has ``name.count``, ``name.probabilities``, and for every gate ``name.block.kind.mean`` and
    ``name.block.kind.std``.

    Args:
        means: means by name, such as that of a class.
    """
    arrays: dict[str, np.ndarray] = {}
    for name, summary in means.items():
        arrays[f"{name}.count"] = np.array(summary.count)
        arrays[f"{name}.probabilities"] = summary.probabilities
        for measure, blocks in (("mean", summary.blocks), ("std", summary.deviation)):
            for block in blocks:
                arrays.update({f"{name}.{gate.name}.{measure}": gate.values for gate in block.gates})
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _cells(block: Block, explanation: Explanation, on_original: tuple[float, float] | None) -> Cells | None:
    """Return the cells of a block on the original that was reduced by these factors, or on the input."""
    if block.placement is None:
        return None
    if on_original is not None:
        return cells_on_original(block.placement, explanation.frame).scaled(*on_original)
    return cells_on_input(block.placement)


def _seen(explanation: Explanation, factors: tuple[float, float]) -> Box | None:
    """Return the part of the original that the network saw, reduced by these factors; None for all of it."""
    seen = seen_on_original(explanation.frame)
    if seen == (0, 0, *explanation.frame.original_size):
        return None
    left, top, right, bottom = seen
    return left * factors[0], top * factors[1], right * factors[0], bottom * factors[1]
