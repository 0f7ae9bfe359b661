"""The blank image test: what gates do on an image with nothing on it, beside what is usual for them."""

from __future__ import annotations

import html
from collections.abc import Iterator

import numpy as np
import streamlit as st

from app.services import what_if
from app.session.words import Words
from app.whatif.table import gates_of
from app.widgets.failures import say_failure
from app.widgets.figures import image
from cbam_core.errors import CbamError
from cbam_core.evidence.edited import SAME_SHAPE, correlation_with_usual
from cbam_core.network import Classifier
from cbam_core.render.colours import is_flat
from cbam_core.render.diverging import diverging
from cbam_core.results.explanation import Explanation, Gate
from cbam_core.results.usual import UsualGate

WORDS = Words(
    {
        "open": "Blank image",
        "hint": "What the gates do on an image with nothing on it",
        "title": "Blank image test",
        "about": "Each gate on an image of one colour, in which the network sees nothing, beside the usual one. Where "
        "both have the same shape, the usual pattern comes from padding and bias, not from attention to an image.",
        "gate": "Gate",
        "blank": "Blank",
        "usual": "Usual",
        "same": "same shape",
        "flat": "no pattern",
        "differs": "another shape",
        "unknown": "usual values not known",
        "r": "r = {value}",
        "alt_blank": "{gate} on a blank image",
        "alt_usual": "{gate} as usual",
    }
)

_STYLE = """<style>
.blank { display: grid; grid-template-columns: minmax(6rem, 1.2fr) 96px 96px minmax(5rem, 1fr); gap: 0.5rem 1rem;
  align-items: center; font-size: 0.875rem; line-height: 1.35; }
.blank div { overflow-wrap: anywhere; }
.blank img { display: block; width: 96px; height: 96px; image-rendering: pixelated; border-radius: 4px; }
.blank img.stripe { height: 28px; }
.blank .same { font-weight: 600; }
.blank small { display: block; font-size: 0.8125rem; opacity: 0.8; }
@media (max-width: 640px) { .blank { grid-template-columns: minmax(4.5rem, 1fr) 64px 64px 4.5rem; gap: 0.5rem; }
  .blank img { width: 64px; height: 64px; } }
</style>"""


def offer_blank(classifier: Classifier, key: str) -> None:
    """Offer the test; nothing of it is computed before.

    Args:
        classifier: the network.
        key: what the button's key begins with.
    """
    if st.button(WORDS["open"], icon=":material/check_box_outline_blank:", help=WORDS["hint"], key=f"{key}-blank"):
        st.dialog(WORDS["title"], width="medium")(_test)(classifier)


def _test(classifier: Classifier) -> None:
    st.markdown(WORDS["about"])
    try:
        found = what_if.blank(classifier)
    except CbamError as error:
        say_failure(error)
        return
    st.html(as_html(found))


def as_html(blank: Explanation) -> str:
    """Draw every gate on a blank image beside the usual one, masks first.

    Args:
        blank: explanation of the blank image.
    """
    gates = sorted(gates_of(blank).values(), key=lambda gate: gate.kind != "spatial")
    heads = "".join(f"<b>{html.escape(WORDS[name])}</b>" for name in ("gate", "blank", "usual")) + "<b></b>"
    return f'{_STYLE}<div class="blank">{heads}{"".join(part for gate in gates for part in _row(gate))}</div>'


def _row(gate: Gate) -> Iterator[str]:
    name = html.escape(gate.name).replace(".", ".<wbr>")
    yield f"<div>{name}</div>"
    yield _drawn(gate.values, WORDS["alt_blank"].format(gate=gate.name))
    usual, likeness = gate.usual, correlation_with_usual(gate)
    if usual is None:
        yield f"<div></div><div><small>{html.escape(WORDS['unknown'])}</small></div>"
        return
    yield _drawn(usual.mean, WORDS["alt_usual"].format(gate=gate.name))
    verdict = _verdict(usual, likeness)
    r = "" if likeness is None or verdict == "flat" else WORDS["r"].format(value=f"{likeness:.2f}".replace("-", "−"))
    yield f'<div><span class="{verdict}">{html.escape(WORDS[verdict])}</span><small>{html.escape(r)}</small></div>'


def _verdict(usual: UsualGate, likeness: float | None) -> str:
    """What is said of a gate on a blank image: key of the word."""
    if likeness is None or is_flat(usual.mean):
        return "flat"
    return "same" if likeness >= SAME_SHAPE else "differs"


def _drawn(values: np.ndarray, alt: str) -> str:
    """A gate relative to its mean: a mask as a map, all else as a stripe."""
    drawn = values if values.ndim == 2 else values.reshape(len(values), -1).mean(axis=1)[None]
    mean = float(drawn.mean(dtype=np.float64)) or 1.0
    return image(diverging(drawn / mean - 1), alt, "" if values.ndim == 2 else "stripe")
