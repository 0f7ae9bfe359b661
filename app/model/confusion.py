"""The confusion matrix as a table whose cells are coloured by their share of the row."""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Mapping, Sequence

import numpy as np
import streamlit as st
from jaxtyping import Int64

from app.session.words import Words, listed, plain_text

WORDS = Words(
    {
        "table": "Confusion matrix: one row per true class, one column per predicted class",
        "corner": "true class, by row",
        "across": "predicted class, by column",
        "right": "{name} recognised: {count} of {of} ({share} %)",
        "wrong": "{name} predicted as {answer}: {count} of {of} ({share} %)",
        "key_right": "right",
        "key_wrong": "predicted as another class",
        "percent": "{share:.1f} %",
        "often": "Most frequent errors: {pairs}.",
        "pair": "{name} as {answer} ({count})",
        "never": "There were no errors.",
        "many": "A table of {classes} classes would not be readable; these are the largest numbers off the diagonal.",
    }
)

MOST = 30
"""Classes up to which the table is drawn."""

PAIRS = 5
"""Mistakes that are named below it."""

# At this opacity, over white and over near-black, text of the page keeps a contrast of 4.5 to 1.
_OPAQUE = 0.6
_RIGHT, _WRONG = "47, 143, 208", "217, 115, 13"

_STYLE = f"""<style>
.confusion {{ font-size: 0.8125rem; line-height: 1.3; font-variant-numeric: tabular-nums; }}
.confusion table {{ width: 100%; table-layout: fixed; border-collapse: separate; border-spacing: 1px; margin: 0; }}
.confusion :is(th, td) {{ border: 0; padding: 0; font-weight: 400; }}
.confusion col.names {{ width: var(--names); }}
.confusion thead th {{ vertical-align: bottom; height: var(--names); }}
.confusion thead th span {{ writing-mode: vertical-rl; transform: rotate(180deg); padding-top: 0.35rem; }}
.confusion thead.upright th span {{ transform: none; padding: 0 0 0.35rem; }}
.confusion thead td {{ vertical-align: bottom; font-size: 0.6875rem; padding: 0 0.3rem 0.3rem 0; text-align: right; }}
.confusion tbody th {{ text-align: right; padding-right: 0.45rem; overflow: hidden; text-overflow: ellipsis;
  white-space: nowrap; }}
.confusion tbody td {{ position: relative; height: 2.1rem; text-align: center; border-radius: 2px; }}
.confusion tbody td.none {{ opacity: 0.75; }}
.confusion tbody td:hover {{ outline: 2px solid currentColor; z-index: 2; opacity: 1; }}
.confusion tbody td:hover::after {{ content: attr(data-said); position: absolute; bottom: calc(100% + 4px); left: 50%;
  transform: translateX(-50%); padding: 0.15rem 0.5rem; border-radius: 0.25rem; white-space: nowrap; z-index: 3;
  background: #0a161a; color: #ffffff; pointer-events: none; }}
.confusion tbody td:nth-last-child(-n+4):hover::after {{ left: auto; right: 0; transform: none; }}
.confusion tbody td:nth-child(-n+4):hover::after {{ left: 0; transform: none; }}
.confusion .key {{ display: flex; flex-wrap: wrap; gap: 0.3rem 1.5rem; margin-top: 0.6rem; }}
.confusion .key div {{ display: flex; align-items: center; gap: 0.5rem; }}
.confusion .key i {{ width: 4.5rem; height: 0.6rem; border-radius: 2px; }}
.confusion .right {{ background: linear-gradient(to right, rgba({_RIGHT}, 0), rgba({_RIGHT}, {_OPAQUE})); }}
.confusion .wrong {{ background: linear-gradient(to right, rgba({_WRONG}, 0), rgba({_WRONG}, {_OPAQUE})); }}
@media (max-width: 700px) {{ .confusion {{ font-size: 0.6875rem; }} .confusion tbody td {{ height: 1.9rem; }} }}
</style>"""


def confusion_matrix(
    names: Sequence[str], confusion: Int64[np.ndarray, "k k"], *, words: Mapping[str, str] = WORDS
) -> None:
    """Show the matrix, and the most frequent mistakes in a sentence.

    Args:
        names: of the K classes.
        confusion: images by true class (row) and answer (column).
        words: of this component.
    """
    if len(names) <= MOST:
        st.html(confusion_table(names, confusion, words=words))
    else:
        st.caption(words["many"].format(classes=len(names)))
    st.caption(plain_text(mistakes(names, confusion, words=words)))


def confusion_table(
    names: Sequence[str], confusion: Int64[np.ndarray, "k k"], *, words: Mapping[str, str] = WORDS
) -> str:
    """The matrix as HTML: blue for what is right, orange for mistakes, each on its own scale, which is printed."""
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    worst = float((shares * (1 - np.eye(len(names)))).max(initial=0))
    width = f"{min(max(map(_width, names), default=0), 14) * 0.52 + 0.9:.1f}em"
    # Chinese is written downwards as it is; letters are turned to be read upwards.
    upright = ' class="upright"' if any(_width(name) > len(name) for name in names) else ""
    heads = "".join(f'<th scope="col"><span>{html.escape(name)}</span></th>' for name in names)
    rows = "".join(_row(names, row, confusion[row], shares[row], worst, words) for row in range(len(names)))
    key = _key("right", words["key_right"], 1.0, words) + _key("wrong", words["key_wrong"], worst, words)
    return (
        f'{_STYLE}<div class="confusion" style="--names: {width}"><table aria-label="{html.escape(words["table"])}">'
        f'<colgroup><col class="names"><col span="{len(names)}"></colgroup>'
        f"<thead{upright}><tr><td></td>{heads}</tr></thead><tbody>{rows}</tbody></table>"
        f'<div class="key">{key}</div></div>'
    )


def mistakes(
    names: Sequence[str], confusion: Int64[np.ndarray, "k k"], *, most: int = PAIRS, words: Mapping[str, str] = WORDS
) -> str:
    """The most frequent mistakes in one sentence."""
    outside = confusion * (1 - np.eye(len(names), dtype=np.int64))
    order = np.argsort(-outside, axis=None, kind="stable")[:most]
    pairs = [
        words["pair"].format(name=names[row], answer=names[column], count=f"{int(outside[row, column]):,}")
        for row, column in zip(*(axis.tolist() for axis in np.unravel_index(order, outside.shape)), strict=True)
        if outside[row, column]
    ]
    return words["often"].format(pairs=listed(pairs)) if pairs else words["never"]


def _width(name: str) -> int:
    """In halves of a Chinese character, which is as wide as two letters."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in name)


def _row(
    names: Sequence[str],
    row: int,
    counts: Int64[np.ndarray, " k"],
    shares: np.ndarray,
    worst: float,
    words: Mapping[str, str],
) -> str:
    cells, of = [], f"{int(counts.sum()):,}"
    for column, (count, share) in enumerate(zip(counts.tolist(), shares.tolist(), strict=True)):
        right = row == column
        depth = _OPAQUE * (share if right else share / worst if worst else 0)
        said = words["right" if right else "wrong"].format(
            name=names[row], answer=names[column], count=f"{count:,}", of=of, share=f"{100 * share:.1f}"
        )
        ground = f"rgba({_RIGHT if right else _WRONG}, {depth:.3f})"
        kind = "" if count else ' class="none"'
        cells.append(f'<td{kind} style="background:{ground}" data-said="{html.escape(said)}">{count or "·"}</td>')
    return f'<tr><th scope="row">{html.escape(names[row])}</th>{"".join(cells)}</tr>'


def _key(kind: str, name: str, end: float, words: Mapping[str, str]) -> str:
    last = words["percent"].format(share=100 * end)
    return f'<div><span>{html.escape(name)}: 0</span><i class="{kind}"></i><span>{last}</span></div>'
