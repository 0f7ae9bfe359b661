"""The means of one value of a gate in all groups, each with its interval, as a row with a point."""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np
import streamlit as st
from jaxtyping import Float64

from app.atlas.extremes import written
from app.atlas.values import Values, digits_for, widest
from app.session.words import Words, paragraph, plain_text
from cbam_core.atlas.answers import Profile

WORDS = Words(
    {
        "about": "Mean of each group with its 95 % interval, and its number of images; the line is the mean of "
        "these {total} images.",
        "some": "{shown} of {count} groups: those with the highest and the lowest means.",
        "row": "{group}: {mean} ({low} to {high}), {count} images",
        "one": "{group}: {mean}, 1 image",
        "list": "Mean by group, the highest first",
        "only": "The value of the only image is {value}.",
        "spread": "Spread over {count} images: mean {mean}, standard deviation {deviation}.",
    }
)

MOST = 24
"""Groups that are drawn, half of them the highest."""

BINS = 40
"""Bars of a spread."""

_STYLE = """<style>
.atlas-profile { font-size: 0.8125rem; line-height: 1.3; font-variant-numeric: tabular-nums; }
.atlas-profile :is([role=listitem], .ends) { display: grid; gap: 0 0.7rem;
  grid-template-columns: var(--names) minmax(0, 1fr) minmax(3rem, max-content) 3rem;
  align-items: center; min-height: 1.5rem; }
.atlas-profile [role=listitem] > :first-child { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.atlas-profile .n { text-align: right; }
.atlas-profile .count { text-align: right; opacity: 0.75; }
.atlas-profile .line { position: relative; align-self: stretch; min-height: 1.5rem; background:
  linear-gradient(currentColor, currentColor) calc(var(--all) * 100%) 0 / 1px 100% no-repeat; }
.atlas-profile .line::before { content: ""; position: absolute; inset: 0; margin-block: 0.2rem; border-radius: 3px;
  background: color-mix(in srgb, currentColor 6%, transparent); }
.atlas-profile .line i { position: absolute; top: calc(50% - 1px); height: 2px; left: calc(var(--low) * 100%);
  width: calc((var(--high) - var(--low)) * 100%); background: currentColor; opacity: 0.75; }
.atlas-profile .line b { position: absolute; top: calc(50% - 5px); left: calc(var(--mean) * 100% - 5px);
  width: 10px; height: 10px; border-radius: 50%; background: var(--tone);
  border: 1px solid color-mix(in srgb, currentColor 70%, transparent); }
.atlas-profile .ends { min-height: 1.2rem; opacity: 0.8; }
.atlas-profile .between { display: flex; justify-content: space-between; }
.atlas-profile .bins { display: flex; align-items: flex-end; gap: 1px; height: 8rem;
  border-bottom: 1px solid currentColor; }
.atlas-profile .bins i { flex: 1 1 0; height: calc(var(--share) * 100%); background: #7d93a8; }
</style>"""

HIGHER, LOWER, UNSURE = "#b35c1c", "#1f6f93", "#8a8a8a"
"""Points of means above and below that of the images of all groups, and of those whose interval holds it."""


def profile_plot(values: Values, value: int) -> None:
    """Draw the means of one value."""
    found = values.profile
    if found is None:
        return
    st.html(profile_html(values, found, value))
    shown = min(MOST, len(found.counts))
    said = [WORDS["about"].format(total=f"{int(found.counts.sum()):,}")]
    if shown < len(found.counts):
        said.append(WORDS["some"].format(shown=shown, count=len(found.counts)))
    st.caption(plain_text(paragraph(*said)))


def spread(numbers: Float64[np.ndarray, " n"]) -> None:
    """Draw how one value is spread over images of which nothing else is known; nothing where it is finite in none."""
    numbers = numbers[np.isfinite(numbers)]
    if not len(numbers):
        return
    if len(numbers) == 1:
        st.caption(WORDS["only"].format(value=written(float(numbers[0]))))
        return
    counts, edges = np.histogram(numbers, bins=BINS)
    digits = digits_for(float(np.ptp(numbers)))
    said = WORDS["spread"].format(
        count=f"{len(numbers):,}", mean=f"{numbers.mean():.{digits}f}", deviation=f"{numbers.std():.{digits}f}"
    )
    bars = "".join(f'<i style="--share: {count / counts.max():.3f}"></i>' for count in counts.tolist())
    ends = f"<span>{edges[0]:.{digits}f}</span><span>{edges[-1]:.{digits}f}</span>"
    st.html(
        f'{_STYLE}<div class="atlas-profile"><div class="bins" role="img" aria-label="{html.escape(said)}">{bars}</div>'
        f'<div class="between" aria-hidden="true">{ends}</div></div>'
    )
    st.caption(said)


def profile_html(values: Values, found: Profile, value: int) -> str:
    """The list of groups as HTML, the highest mean first."""
    mean, low, high = (table[:, value] for table in (found.mean, found.low, found.high))
    order = np.argsort(-mean, kind="stable").tolist()
    drawn: list[int] = order if len(order) <= MOST else order[: MOST // 2] + order[-MOST // 2 :]
    overall = float(values.overall[value])
    start, end = _ends([*low[drawn], *high[drawn], *mean[drawn], overall], squashed=values.gate.squashed)
    digits = digits_for(end - start)
    rows = "".join(
        _row(values.groups[g], [mean[g], low[g], high[g], overall], (start, end), found.counts[g], digits)
        for g in drawn
    )
    ends = f"<span>{_number(start, digits)}</span><span>{_number(end, digits)}</span>"
    scale = f'<div class="ends" aria-hidden="true"><span></span><span class="between">{ends}</span></div>'
    listed = f'<div role="list" aria-label="{html.escape(WORDS["list"])}">{rows}</div>'
    width = f"{min(widest(values.groups), 20) * 0.5 + 0.3:.1f}em"
    return f'{_STYLE}<div class="atlas-profile" style="--names: {width}">{listed}{scale}</div>'


def _ends(numbers: Sequence[float], *, squashed: bool) -> tuple[float, float]:
    """The ends of the axis: all that is drawn, with a little room.

    This room does not go below 0, nor above 1 where the values are known to lie in [0, 1].
    """
    low, high = float(np.nanmin(numbers)), float(np.nanmax(numbers))
    room = 0.06 * (high - low) or 0.01
    start = max(0.0, low - room) if low >= 0 else low - room
    return start, min(1.0, high + room) if squashed and high <= 1 else high + room


def _number(value: float, digits: int) -> str:
    return written(value) if digits == 3 else f"{value:.{digits}f}".replace("-", "−")


def _row(name: str, numbers: Sequence[float], ends: tuple[float, float], count: int, digits: int) -> str:
    mean, low, high, overall = (float(number) for number in numbers)
    sure = np.isfinite(low)
    tone = UNSURE if not sure or low <= overall <= high else HIGHER if mean > overall else LOWER
    places = {"mean": mean, "low": low if sure else mean, "high": high if sure else mean, "all": overall}
    style = "; ".join(f"--{key}: {(place - ends[0]) / (ends[1] - ends[0]):.4f}" for key, place in places.items())
    said = WORDS["row" if sure else "one"].format(
        group=name, **{key: f"{places[key]:.{digits}f}" for key in ("mean", "low", "high")}, count=f"{int(count):,}"
    )
    return (
        f'<div role="listitem" title="{html.escape(said)}"><span>{html.escape(name)}</span>'
        f'<span class="line" style="{style}; --tone: {tone}"><i></i><b></b></span>'
        f'<span class="n">{mean:.{digits}f}</span><span class="count">{int(count):,}</span></div>'
    )
