"""The page of a report: one HTML file with its data, script and style, which loads nothing."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from functools import cache
from html import escape
from importlib.resources import files

from cbam_core.report.entries import Entry, Packed, Report, pack, source_of, titled
from cbam_core.report.summary import IN_TABLE, blocks_html, prediction_html, source_html
from cbam_core.viewer import source, styles
from cbam_core.viewer.payload import PIXELATED

SURROGATES = re.compile("[\ud800-\udfff]")
"""What stands in names of files in the place of bytes that are no UTF-8, and that no file can hold."""


def report_html(report: Report) -> str:
    """Make the page of a report.

    It opens from a disk, from a server and inside a frame, without a network. Without scripts it shows the images,
    their predictions and, for one image, the summary of its blocks.

    Numbers of one image are exact float32 where they and its picture take up to `EXACT_BYTES`. Otherwise they are in
    16-bit steps of each gate's range, and pictures of more than 96 pixels are JPEG; the page says which. A page of many
    images has at most `Report.most` bytes of data: the last images keep picture and prediction, without their gates.
    """
    packed = pack(report)
    title = titled(report)
    head = f'<header><h1>{escape(title)}</h1><p class="quiet">{escape(_subtitle(report))}</p></header>'
    body = _single(report, report.entries[0], packed) if len(report.entries) == 1 else _many(report, packed)
    return document(report, packed, f"{head}\n{body}\n{_footer(report, packed)}", "page", title)


def framed_html(report: Report) -> str:
    """Make the page of a report for a frame in a notebook: the viewer alone, below the images if there are several."""
    packed = pack(report)
    if len(report.entries) == 1:
        body = f'<img data-picture="0" src="{packed.pictures[0]}" alt="" hidden>\n<main id="viewer"></main>\n'
        body += f"<p class='scripts'>{escape(report.word('needs_trust'))}</p>"
    else:
        body = _many(report, packed)
    return document(report, packed, f"{body}\n{_left_out(report, packed)}", "framed", titled(report))


def document(report: Report, packed: Packed, body: str, kind: str, title: str) -> str:
    """Put a body on a page whose Content-Security-Policy allows its own script, style and pictures alone."""
    script, style = _script(), styles() + _read("report.css")
    policy = (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    data = json.dumps(packed.data, separators=(",", ":"), allow_nan=False)
    data = data.replace("<", "\\u003c")  # a name must not end the script element
    page = (
        f'<!doctype html>\n<html lang="{escape(report.language)}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{style}</style>\n</head>\n"
        f'<body class="{kind}">\n{body}\n'
        f'<script type="application/json" id="report">{data}</script>\n'
        f'<script type="module">{script}</script>\n</body>\n</html>\n'
    )
    return SURROGATES.sub("\ufffd", page)


def _subtitle(report: Report) -> str:
    labelled = [entry for entry in report.entries if entry.truth is not None]
    said = []
    if len(report.entries) > 1:
        if report.title:
            said.append(report.word("count", count=len(report.entries)))
        if labelled:
            right = sum(not entry.is_wrong for entry in labelled)
            said.append(report.word("right_of", right=right, labelled=len(labelled)))
    if report.date is not None:
        said.append(report.date.strftime("%Y-%m-%d %H:%M %Z").strip())
    return " · ".join(said)


def _single(report: Report, entry: Entry, packed: Packed) -> str:
    one = entry.explanation
    name = report.class_name(entry.predicted) if entry.predicted is not None else report.name_of(0)
    percent = f" {report.percent(entry.probability)}" if entry.predicted is not None else ""
    height, width = one.input_image.shape[:2]
    kind = "pixels" if max(width, height) <= PIXELATED else "photo"
    picture = f'<img class="input {kind}" data-picture="0" src="{packed.pictures[0]}" '
    picture += f'alt="{escape(report.word("input_alt"))}">'
    said = f"<h2>{escape(name)}<b>{escape(percent)}</b></h2>{prediction_html(report, entry)}"
    said += source_html(report, entry, source_of(report, entry))
    return (
        f'<section class="result">{picture}<div class="said">{said}</div>'
        f'<div class="overview{" wide" if len(one.blocks) > IN_TABLE else ""}">{blocks_html(report, one)}</div>'
        "</section>\n"
        f'<main id="viewer"></main>\n<p class="scripts">{escape(report.word("needs_script"))}</p>\n'
        f'<p class="quiet">{escape(report.word("no_reason"))}</p>'
    )


def _many(report: Report, packed: Packed) -> str:
    items = "\n".join(_item(report, packed, place, number) for place, number in enumerate(report.order))
    return (
        f'<div class="browser"><nav aria-label="{escape(report.word("index"))}"><div class="controls"></div>'
        f'<p class="shown quiet" role="status"></p>\n<ol class="index">\n{items}\n</ol></nav>\n'
        '<div class="detail"><section class="result"></section><main id="viewer"></main>'
        f'<p class="scripts">{escape(report.word("needs_script"))}</p>'
        f'<p class="quiet">{escape(report.word("no_reason"))}</p></div></div>'
    )


def _item(report: Report, packed: Packed, place: int, number: int) -> str:
    entry = report.entries[number]
    height, width = entry.explanation.input_image.shape[:2]
    kind = "pixels" if max(width, height) <= PIXELATED else "photo"
    said = ""
    if entry.predicted is not None:
        said = f"<b>{escape(report.class_name(entry.predicted))}</b> {escape(report.percent(entry.probability))}"
    if entry.is_wrong and entry.truth is not None:
        truth = escape(report.word("truth", name=report.class_name(entry.truth)))
        said += f'<span class="wrong">{truth}</span>'
    return (
        f'<li><a href="#{number + 1}" data-place="{place}">'
        f'<img class="{kind}" data-picture="{number}" src="{packed.pictures[number]}" alt="">'
        f'<span class="words"><span>{said}</span>'
        f'<span class="file">{escape(report.name_of(number))}</span></span></a></li>'
    )


def _footer(report: Report, packed: Packed) -> str:
    one = report.entries[0].explanation
    networks = dict.fromkeys(
        (entry.explanation.checkpoint, entry.explanation.checkpoint_digest) for entry in report.entries
    )
    facts = [*report.card]
    for name, digest in () if report.card else networks:
        facts += [(report.word("network"), name), (report.word("weights_file"), digest)]
    if len(report.entries) == 1:
        facts.append((report.word("image_file"), one.image_digest))
    if report.versions:
        said = ", ".join(f"{name} {version}" for name, version in report.versions.items())
        facts.append((report.word("versions"), said))
    facts.append((report.word("precision"), report.word("exact" if packed.is_exact else "packed", side=PIXELATED)))
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts if value)
    return (
        f"<footer>{_left_out(report, packed)}<details><summary>{escape(report.word('about'))}</summary>"
        f"<dl>{rows}</dl></details><p>{escape(report.word('made_with'))}</p></footer>"
    )


def _left_out(report: Report, packed: Packed) -> str:
    if packed.held == len(report.entries):
        return ""
    said = report.word("left_out_some", count=packed.held, limit=round(report.most / 1e6, 1))
    return f'<p class="quiet">{escape(said)}</p>'


@cache
def _script() -> str:
    return source() + "\n" + _read("report.js")


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def _read(name: str) -> str:
    return files("cbam_core.report").joinpath(name).read_text(encoding="utf-8")
