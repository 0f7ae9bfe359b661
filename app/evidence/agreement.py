"""How much maps agree, as a table: any two of them, and each with two maps that know no network."""

from __future__ import annotations

import html
from collections.abc import Sequence

from app.session.words import Words
from cbam_core.results.attribution import Agreement, Attribution
from cbam_core.results.methods import CONTROLS, METHOD_WORDS

WORDS = Words(
    {
        "pearson": "Correlation of values",
        "spearman": "Correlation of ranks",
        "overlap": "Overlap of the top 20 %",
        "map": "Map",
        "flat": "flat",
    }
)

METHODS = Words(METHOD_WORDS)

MEASURES = ("pearson", "spearman", "overlap")


def agreement_table(found: Attribution, measure: str) -> str:
    """Draw the table of a measure as HTML.

    A number is bold where two maps agree more with each other than either does with the centre or the edges.

    Args:
        found: maps and their agreements.
        measure: one of `MEASURES`.
    """
    names = [one.method for one in found.maps]
    columns = [*names[1:], *CONTROLS]
    head = "".join(f'<th scope="col"{_apart(name)}>{html.escape(METHODS[name])}</th>' for name in columns)
    rows = "".join(_row(found, name, place, columns, measure) for place, name in enumerate(names))
    first = f'<th scope="col">{html.escape(WORDS["map"])}</th>'
    return f'<div class="ev-wide"><table class="ev-agree"><thead><tr>{first}{head}</tr></thead>{rows}</table></div>'


def _row(found: Attribution, name: str, place: int, columns: Sequence[str], measure: str) -> str:
    before = {one.method for one in found.maps[: place + 1]}
    cells = ("<td></td>" if column in before else _cell(found, name, column, measure) for column in columns)
    return f'<tr><th scope="row">{html.escape(METHODS[name])}</th>{"".join(cells)}</tr>'


def _cell(found: Attribution, one: str, other: str, measure: str) -> str:
    value = _value(found.agreement(one, other), measure)
    if value is None:
        return f'<td class="flat"{_apart(other)}>{html.escape(WORDS["flat"])}</td>'
    text = f"{value:.2f}".replace("-", "−")
    strong = other not in CONTROLS and value > beyond_controls(found, one, other, measure)
    return f"<td{_apart(other)}>{f'<b>{text}</b>' if strong else text}</td>"


def beyond_controls(found: Attribution, one: str, other: str, measure: str) -> float:
    """Return the largest agreement of either map with the centre or the edges."""
    values = (_value(found.agreement(each, control), measure) for each in (one, other) for control in CONTROLS)
    return max((value for value in values if value is not None), default=0.0)


def _value(found: Agreement | None, measure: str) -> float | None:
    value: float | None = None if found is None else getattr(found, measure)
    return value


def _apart(name: str) -> str:
    return ' data-apart="yes"' if name == CONTROLS[0] else ""
