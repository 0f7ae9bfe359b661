"""The parts of a report that need no script: an image, its prediction, and a summary of the blocks.

Text is escaped, pictures are data URLs, and looks are classes, which `cbam_core.report.notebook` turns into styles.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from html import escape
from io import BytesIO

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from cbam_core.errors import unbroken
from cbam_core.render.colours import is_flat, is_through, stretch
from cbam_core.render.overlay import cells_on_input, overlay, raw_mask
from cbam_core.render.placed import PLACE_WORDS, placed
from cbam_core.report.entries import Entry, Report
from cbam_core.results.explanation import Block, Explanation, Gate

SIDE = 72
"""Longest side in pixels of a block's picture."""

IN_TABLE = 4
"""Number of blocks up to which they are the rows of a table."""


def data_url(image: UInt8[np.ndarray, "h w 3"], longest: int | None = None) -> str:
    """Return a picture as the data URL of a PNG file.

    Args:
        image: uint8 RGB.
        longest: longest side in pixels to which a larger picture is reduced; None to keep its size.
    """
    picture = Image.fromarray(np.ascontiguousarray(image))
    if longest is not None and max(picture.size) > longest:
        picture.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    file = BytesIO()
    picture.save(file, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"


def prediction_html(report: Report, entry: Entry) -> str:
    """Return the most probable classes as a table with bars, the true class, and the notes about the image."""
    rows = "".join(
        f'<tr><td class="name">{escape(report.class_name(name))}</td>'
        f'<td class="bar">{_bar(share)}</td>'
        f'<td class="number">{report.percent(share)}</td></tr>'
        for name, share in entry.top
    )
    table = f'<table class="top">{rows}</table>' if rows else f"<p>{escape(report.word(entry.without_top))}</p>"
    return table + truth_html(report, entry)


def _bar(share: float) -> str:
    """Return a bar as a drawing, whose lengths are attributes: a page's policy allows no styles beside its own."""
    filled = f'<rect width="{100 * share:.1f}" height="8" rx="2" class="full" fill="currentColor" opacity="0.65"/>'
    empty = '<rect width="100" height="8" rx="2" class="empty" fill="currentColor" opacity="0.12"/>'
    return f'<svg width="100" height="8" aria-hidden="true">{empty}{filled}</svg>'


def truth_html(report: Report, entry: Entry) -> str:
    """Return a line with the true class; "" where it is unknown."""
    if entry.truth is None:
        return ""
    share = entry.probability_of(entry.truth)
    name, verdict = report.class_name(entry.truth), report.word("is_wrong" if entry.is_wrong else "is_right")
    said = report.word("truth", name=name)
    if entry.is_wrong and share is not None:
        said = report.word("truth_wrong", name=name, percent=report.percent(share))
    kind = "wrong" if entry.is_wrong else "right"
    return f'<p class="{kind}">{escape(said)} · {escape(verdict)}</p>'


def source_html(report: Report, entry: Entry, source: str) -> str:
    """Return lines with the network, the input, and the notes about the image."""
    one = entry.explanation
    width, height = one.frame.input_size
    facts = [one.checkpoint, report.word("input", width=width, height=height), source]
    lines = [" · ".join(filter(None, facts)), *(unbroken(report.say(note)) for note in one.notes)]
    return "".join(f'<p class="quiet">{escape(line)}</p>' for line in lines if line)


def blocks_html(report: Report, explanation: Explanation) -> str:
    """Return the blocks with picture, range and flatness of the mask, and range of the channel weights.

    They are a table, or small tiles where there are more than `IN_TABLE`.
    """
    if not explanation.blocks:
        return f"<p>{escape(report.word('no_gates'))}</p>"
    if len(explanation.blocks) > IN_TABLE:
        tiles = "".join(_tile(report, explanation, block) for block in explanation.blocks)
        return f'<div class="tiles">{tiles}</div>{_places(report, explanation)}'
    return _table(report, explanation) + _places(report, explanation)


def _places(report: Report, explanation: Explanation) -> str:
    """Return lines that say where masks do not lie exactly where they are drawn."""
    masked = [block.placement for block in explanation.blocks if block.mask is not None]
    words = {key: report.words.get(key, text) for key, text in PLACE_WORDS.items()}
    return "".join(f'<p class="quiet">{escape(said)}</p>' for said in placed(masked, words))


def _tile(report: Report, explanation: Explanation, block: Block) -> str:
    lines = [f"<b>{escape(block.name)}</b>"]
    for gate in sorted(block.gates, key=lambda gate: gate.kind != "spatial"):
        key = {"spatial": "of_mask", "channel": "of_weights"}.get(gate.kind, "of_gate")
        lines.append(_gate(report, gate, key))
    return f'<div class="tile">{_picture(report, explanation, block)}<br>{"<br>".join(lines)}</div>'


def _table(report: Report, explanation: Explanation) -> str:
    has_others = any(gate.kind not in ("spatial", "channel") for block in explanation.blocks for gate in block.gates)
    heads = ["block", "mask", "weights", *(["others"] if has_others else [])]
    head = f'<th class="name">{escape(report.word("block"))}</th>'
    head += '<th class="picture"></th>' + "".join(
        f'<th class="cell">{escape(report.word(key))}</th>' for key in heads[1:]
    )
    rows = (
        f'<tr><th class="name">{escape(block.name)}</th>'
        f'<td class="picture">{_picture(report, explanation, block)}</td>'
        + "".join(f'<td class="cell">{cell}</td>' for cell in _cells(report, block, has_others))
        + "</tr>"
        for block in explanation.blocks
    )
    return f'<table class="blocks"><tr>{head}</tr>{"".join(rows)}</table>'


def _picture(report: Report, explanation: Explanation, block: Block) -> str:
    gate = block.mask
    values = None if gate is None else gate.read(report.settings.reading)
    if gate is None or values is None:
        return ""
    look = report.settings.look
    low, high = stretch(gate.values)
    if block.placement is None:
        drawn = raw_mask(values, look)
    else:
        drawn = overlay(explanation.input_image, values, cells_on_input(block.placement), look)
    said = report.word("mask_alt", block=block.name, low=f"{low:.2f}", high=f"{high:.2f}")
    height, width = drawn.shape[:2]
    scale = SIDE / max(width, height)
    size = f'width="{max(1, round(width * scale))}" height="{max(1, round(height * scale))}"'
    return f'<img class="pixels" src="{data_url(drawn, SIDE)}" {size} alt="{escape(said)}">'


def _cells(report: Report, block: Block, has_others: bool) -> Iterator[str]:
    spatial, channel = block.gate("spatial"), block.gate("channel")
    for gate in (spatial, channel):
        yield _gate(report, gate) if gate is not None else escape(report.word("none"))
    if has_others:
        others = [gate for gate in block.gates if gate.kind not in ("spatial", "channel")]
        yield "<br>".join(f"{escape(gate.name)}: {_gate(report, gate)}" for gate in others)


def _gate(report: Report, gate: Gate, key: str = "range") -> str:
    low, high = stretch(gate.values)
    said = [report.word(key, low=f"{low:.2f}", high=f"{high:.2f}")]
    if is_through(gate.values):
        said.append(report.word("through"))
    elif is_flat(gate.values):
        said.append(report.word("flat"))
    if gate.kind == "channel":
        size = report.word("channels", count=gate.values.size)
    else:
        *rows, columns = gate.values.shape
        size = report.word("cells" if rows else "places", columns=columns, rows="×".join(map(str, rows)))
    return f'{escape(" · ".join(said))}<br><span class="quiet">{escape(size)}</span>'
