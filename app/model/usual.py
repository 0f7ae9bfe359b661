"""What each gate of a network usually does, as a table: its mean, and three shares of its variance."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import astuple

import streamlit as st

from app.session.words import Words, plain_text, say
from app.widgets.evaluate_here import set_name
from cbam_core.results.usual import Usual, UsualGate

WORDS = Words(
    {
        "table": "What each gate usually does: its mean, and the shares of its variance",
        "gate": "Gate",
        "does": "What it usually does",
        "mean": "Mean",
        "fixed": "fixed pattern",
        "gain": "one number an image",
        "pattern": "pattern of the image",
        "percent": "{share:.0f} %",
        "about": "Over {count} images ({images}). Each bar is the variance of a gate over cells and images: how much "
        "is the same for every image, how much is one number an image, and how much is a pattern that the image "
        "decides. Whether a gate matters for the prediction is another question.",
    }
)

PARTS = ("fixed", "gain", "pattern")

# A gate that is off or steady varies by next to nothing: its bar is pale.
PALE = ("usual.off", "usual.steady")

_STYLE = """<style>
.usual { container-type: inline-size; font-size: 0.8125rem; line-height: 1.35; font-variant-numeric: tabular-nums; }
.usual table { width: 100%; border-collapse: separate; border-spacing: 0; margin: 0; }
.usual :is(th, td) { padding: 0.28rem 0.6rem; text-align: left; font-weight: 400; border: 0;
  border-bottom: 1px solid rgba(128, 128, 128, 0.18); }
.usual thead th { font-weight: 600; }
.usual thead :is(th, td) { border-bottom: 1px solid rgba(128, 128, 128, 0.5); vertical-align: bottom; }
.usual :is(.n, tbody th) { white-space: nowrap; }
.usual wbr { display: none; }
.usual .n { text-align: right; }
.usual .does { min-width: 17rem; }
.usual .shares { width: 22%; min-width: 7rem; }
.usual .shares > div { display: flex; gap: 1px; height: 0.75rem; }
.usual tr.pale .shares > div { opacity: 0.3; }
.usual .shares i { border-radius: 1px; min-width: 0; }
.usual i.fixed { background: rgba(128, 128, 128, 0.55); }
.usual i.gain { background: #2f8fd0; }
.usual i.pattern { background: #d9730d; }
.usual i.dot { display: inline-block; width: 0.6rem; height: 0.6rem; margin-right: 0.35rem; border-radius: 1px; }
.usual tbody th small { display: none; font-size: 0.75rem; opacity: 0.8; }
.usual .key { display: none; flex-wrap: wrap; gap: 0.2rem 1rem; margin-bottom: 0.4rem; }
@container (max-width: 940px) {
  .usual .key { display: flex; }
  .usual :is(.does, .n.part) { display: none; }
  .usual :is(th, td) { padding: 0.28rem 0.3rem; }
  .usual .shares { min-width: 4.5rem; }
  .usual tbody th { white-space: normal; overflow-wrap: anywhere; }
  .usual wbr { display: inline; }
  .usual tbody th small { display: block; }
}
</style>"""


def usual_table(usual: Usual, *, words: Mapping[str, str] = WORDS) -> None:
    """Show the usual values of every gate in one row, and over which images they were taken.

    Args:
        usual: of a network with gates.
        words: of this component.
    """
    key = {part: f'<i class="dot {part}"></i>{_safe(words[part])}' for part in PARTS}
    heads = f'<th scope="col">{_safe(words["gate"])}</th><th scope="col" class="does">{_safe(words["does"])}</th>'
    heads += '<td class="shares"></td>'
    heads += "".join(f'<th scope="col" class="n part">{said}</th>' for said in key.values())
    heads += f'<th scope="col" class="n">{_safe(words["mean"])}</th>'
    rows = "".join(_row(gate, words) for gate in usual.gates)
    table = f'<table aria-label="{_safe(words["table"])}"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'
    above = "".join(f"<span>{said}</span>" for said in key.values())
    st.html(f'{_STYLE}<div class="usual"><div class="key">{above}</div>{table}</div>')
    st.caption(plain_text(words["about"].format(count=f"{usual.count:,}", images=set_name(usual.images))))


def _row(gate: UsualGate, words: Mapping[str, str]) -> str:
    shares = dict(zip(PARTS, astuple(gate.shares), strict=True))
    bar = "".join(f'<i class="{part}" style="flex: {share:.4f}"></i>' for part, share in shares.items())
    numbers = (words["percent"].format(share=100 * share) for share in shares.values())
    cells = "".join(f'<td class="n part">{_safe(said)}</td>' for said in numbers)
    name, does = _safe(gate.name).replace(".", ".<wbr>"), _safe(say(gate.sentence))
    pale = ' class="pale"' if gate.sentence.code in PALE else ""
    return (
        f'<tr{pale}><th scope="row">{name}<small>{does}</small></th>'
        f'<td class="does">{does}</td><td class="shares"><div aria-hidden="true">{bar}</div></td>'
        f'{cells}<td class="n">{gate.level:.3f}</td></tr>'
    )


def _safe(text: str) -> str:
    return html.escape(text)
