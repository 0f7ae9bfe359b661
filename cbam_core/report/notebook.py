"""Outputs of a notebook: a summary that needs neither script nor style sheet, and below it the viewer in a frame.

A notebook that is not trusted, and a site that shows notebooks, drop the frame, and the summary remains. The frame is a
document of its own, given as an attribute: its names, styles and scripts meet those of no other output. It takes light
or dark from the text around it, and its height from its content.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import escape
from types import MappingProxyType

from cbam_core.report.entries import Entry, Report, source_of
from cbam_core.report.page import framed_html
from cbam_core.report.summary import blocks_html, data_url, prediction_html, source_html
from cbam_core.results.explanation import Explanation

MOST_BYTES = 3_000_000
"""Size in bytes of a notebook's output above which the numbers of further images are left out."""

MOST_SHOWN = 24
"""Number of images in the summary of a list."""

HEIGHT, GALLERY_HEIGHT = 560, 720
"""Height in pixels of the frame where it may not ask for more."""

_INLINE: Mapping[str, str] = MappingProxyType(
    {
        "output": "font:13px/1.5 system-ui,sans-serif;margin:4px 0 8px",
        "row": "display:flex;flex-wrap:wrap;gap:12px 24px;align-items:flex-start",
        "tiles": "display:flex;flex-wrap:wrap;gap:12px 16px",
        "tile": "width:136px;font-size:12px;line-height:1.35;overflow-wrap:anywhere",
        "shown": "width:96px;font-size:12px;line-height:1.35;overflow-wrap:anywhere",
        "said": "min-width:200px",
        "top": "border-collapse:collapse;margin:0;font-size:13px",
        "blocks": "border-collapse:collapse;margin:0;font-size:13px",
        "name": "text-align:left;padding:2px 12px 2px 0;font-weight:600;vertical-align:middle",
        "bar": "padding:2px 8px 2px 0",
        "number": "text-align:right;padding:2px 0",
        "picture": "padding:2px 12px 2px 0",
        "cell": "text-align:left;padding:2px 20px 2px 0;vertical-align:middle",
        "pixels": "image-rendering:pixelated;margin:0;max-width:none",
        "photo": "margin:0;max-width:none",
        "quiet": "opacity:.72;margin:0",
        "right": "margin:2px 0",
        "wrong": "margin:2px 0;color:#b3261e;font-weight:600",
        "frame": "display:block;width:100%;border:0;margin:8px 0 0",
    }
)


def output_html(explanation: Explanation) -> str:
    """Make a notebook's output of one explanation: prediction, summary of the blocks, and the viewer.

    Numbers in the viewer are exact where they and the image take up to 300,000 bytes, and otherwise in 16-bit steps of
    each gate's range; the summary has two decimals.
    """
    entry = Entry(explanation)
    report = Report((entry,))
    said = prediction_html(report, entry) + source_html(report, entry, source_of(report, entry))
    summary = (
        f'<div class="row">{_input(report, entry)}<div class="said">{said}</div>'
        f"<div>{blocks_html(report, explanation)}</div></div>"
    )
    frame = _frame(report, HEIGHT) if explanation.blocks else ""
    return _inlined(f'<div class="output">{summary}{frame}</div>')


def gallery_html(explanations: Sequence[Explanation], names: Sequence[str] = ()) -> str:
    """Make a notebook's output of several explanations: their images, with one viewer for the chosen one.

    Numbers are in 16-bit steps of each gate's range. Above `MOST_BYTES` the numbers of further images are left out.

    Args:
        explanations: the explanations.
        names: names of their images; "" for an image without one.
    """
    if not explanations:
        return "<p>[]</p>"
    known = names if len(names) == len(explanations) else [""] * len(explanations)
    report = Report(tuple(map(Entry, explanations, known)), most=MOST_BYTES)
    shown = "".join(_tile(report, number) for number in range(min(MOST_SHOWN, len(explanations))))
    more = len(explanations) - MOST_SHOWN
    if more > 0:
        shown += f'<p class="quiet">{escape(report.word("more_images", count=more))}</p>'
    return _inlined(
        f'<div class="output"><div class="tiles" data-replaced>{shown}</div>{_frame(report, GALLERY_HEIGHT)}</div>'
    )


def _frame(report: Report, height: int) -> str:
    """The frame has no sandbox of its own, so that it may set its height; its policy forbids all that it could load."""
    page = escape(framed_html(replace(report, language="en")))
    return f'<iframe class="frame" height="{height}" title="{escape(report.word("viewer"))}" srcdoc="{page}"></iframe>'


def _input(report: Report, entry: Entry) -> str:
    image = entry.explanation.input_image
    height, width = image.shape[:2]
    scale = 144 / max(width, height)
    kind = "pixels" if scale > 1 else "photo"
    size = f'width="{max(1, round(width * scale))}" height="{max(1, round(height * scale))}"'
    return f'<img class="{kind}" src="{data_url(image, 144)}" {size} alt="{escape(report.word("input_alt"))}">'


def _tile(report: Report, number: int) -> str:
    entry = report.entries[number]
    image = entry.explanation.input_image
    kind = "pixels" if max(image.shape[:2]) < 96 else "photo"
    said = ""
    if entry.predicted is not None:
        said = f"<br><b>{escape(report.class_name(entry.predicted))}</b> {escape(report.percent(entry.probability))}"
    picture = f'<img class="{kind}" src="{data_url(image, 96)}" width="96" alt="">'
    return f'<div class="shown">{picture}{said}<br><span class="quiet">{escape(report.name_of(number))}</span></div>'


def _inlined(text: str) -> str:
    """Replace classes outside the frame by styles: a style sheet would be dropped, or reach other outputs."""

    def styled(found: re.Match[str]) -> str:
        names = (_INLINE[name] for name in found[1].split() if name in _INLINE)
        return f'style="{";".join(names)}"'

    # Text and the frame's document are escaped, so that no other class is written with plain quotes.
    return re.sub(r'class="([^"]*)"', styled, text)
