"""How much each gate differs between two atlases, as a table."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from app.session.words import Words
from cbam_core.results.score_words import signed

if TYPE_CHECKING:
    from cbam_core.atlas.answers import GateChange

WORDS = Words(
    {
        "table": "How much each gate changed",
        "gate": "Gate",
        "mean": "Mean",
        "difference": "Mean difference",
        "absolute": "Mean absolute difference",
        "correlation": "Correlation over the images, median",
        "same": "the same for all images",
        "was_now": "{before} → {after}",
    }
)

_STYLE = """<style>
.atlas-changed { overflow-x: auto; }
.atlas-changed table { border-collapse: collapse; font-size: 0.875rem; font-variant-numeric: tabular-nums; margin: 0; }
.atlas-changed :is(th, td) { padding: 0.25rem 1rem 0.25rem 0; border: 0;
  border-bottom: 1px solid rgba(128, 128, 128, 0.22);
  text-align: left; font-weight: 400; white-space: nowrap; }
.atlas-changed thead th { font-weight: 600; white-space: normal; vertical-align: bottom; max-width: 11rem; }
.atlas-changed .bar { display: inline-block; width: 6rem; height: 0.6rem; margin-left: 0.6rem; border-radius: 3px;
  background: color-mix(in srgb, currentColor 9%, transparent); vertical-align: -0.02rem; }
.atlas-changed .bar i { display: block; height: 100%; border-radius: 3px; background: #3a8fb7; }
@media (max-width: 640px) {
  .atlas-changed { overflow-x: visible; }
  .atlas-changed .bar { display: none; }
  .atlas-changed :is(th, td) { padding-right: 0.5rem; white-space: normal; }
}
</style>"""


def gate_table(gates: Sequence[GateChange]) -> str:
    """The table as HTML, one row a gate, in order of execution."""
    heads = "".join(
        f'<th scope="col">{html.escape(WORDS[name])}</th>'
        for name in ("gate", "mean", "difference", "absolute", "correlation")
    )
    largest = max((float(one.absolute.mean()) for one in gates), default=0.0)
    rows = "".join(_row(one, largest) for one in gates)
    name = html.escape(WORDS["table"])
    return (
        f'{_STYLE}<div class="atlas-changed"><table aria-label="{name}"><thead><tr>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def median_correlation(one: GateChange) -> float | None:
    """Median over a gate's values of their correlation over the images; None where all are the same for all images."""
    known = one.correlation[np.isfinite(one.correlation)]
    return float(np.median(known)) if len(known) else None


def _row(one: GateChange, largest: float) -> str:
    correlation, absolute = median_correlation(one), float(one.absolute.mean())
    cells = (
        html.escape(
            WORDS["was_now"].format(before=_number(one.mean_before.mean()), after=_number(one.mean_after.mean()))
        ),
        signed(float(one.difference.mean()), 3),
        f"{_number(absolute)}{_bar(absolute / largest if largest else 0.0)}",
        html.escape(WORDS["same"]) if correlation is None else f"{_number(correlation)}{_bar(max(0.0, correlation))}",
    )
    name = html.escape(one.gate).replace(".", ".<wbr>")
    return f'<tr><th scope="row">{name}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def _bar(share: float) -> str:
    return f'<span class="bar"><i style="width: {100 * min(share, 1.0):.1f}%"></i></span>'


def _number(value: float) -> str:
    return f"{value:.3f}".replace("-", "−")
