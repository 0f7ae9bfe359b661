"""The values of one gate in two atlases: mean masks and their difference, or the channels that changed most."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from jaxtyping import Float

from app.session.words import Words, plain_text
from app.widgets.figures import figure, figure_style, scale_bar
from cbam_core.render.colours import colourise, table
from cbam_core.render.diverging import DIVERGING, diverging
from cbam_core.results.look import DEFAULT_COLOURS

if TYPE_CHECKING:
    from cbam_core.atlas.answers import GateChange
    from cbam_core.atlas.gate import AtlasGate

WORDS = Words(
    {
        "before": "Mean in this atlas",
        "after": "Mean in the other one",
        "difference": "The other minus this",
        "absolute": "Mean absolute difference",
        "about_masks": "Both means are on one scale. Where masks of single images change up and down, their means "
        "can be alike: the last picture shows how much they change.",
        "alt": "{name}: {low} to {high}",
        "channels": "Channels that changed most",
        "channel": "Channel",
        "mean": "Mean",
        "apart": "Mean absolute difference",
        "correlation": "Correlation",
        "about_channels": "By the mean absolute difference over the images. A dot is the mean in this atlas, an arrow "
        "leads to that in the other one; scale from {low} to {high}. A low correlation: other images drive the channel "
        "now.",
        "same": "–",
    }
)

SHOWN = 12
"""Channels that are listed."""

ZOOM_TO = 176
"""Pixels of a mask's picture about."""

_STYLE = """<style>
.atlas-both .cbam-maps { grid-template-columns: repeat(4, minmax(0, 11rem)); gap: 0.8rem; }
.atlas-both .cbam-maps figcaption { min-height: 1.5rem; }
.atlas-channels { overflow-x: auto; }
.atlas-channels table { border-collapse: collapse; font-size: 0.875rem; font-variant-numeric: tabular-nums; margin: 0; }
.atlas-channels :is(th, td) { padding: 0.2rem 1rem 0.2rem 0; border: 0;
  border-bottom: 1px solid rgba(128, 128, 128, 0.22);
  text-align: left; font-weight: 400; white-space: nowrap; }
.atlas-channels thead th { font-weight: 600; white-space: normal; }
.atlas-channels .line { position: relative; display: block; width: 14rem; height: 1rem; }
.atlas-channels .line::before { content: ""; position: absolute; inset: 0.46rem 0 auto; height: 1px;
  background: currentColor; opacity: 0.25; }
.atlas-channels .line b { position: absolute; top: 0.28rem; width: 0.5rem; height: 0.5rem; margin-left: -0.25rem;
  border-radius: 50%;
  background: #3a8fb7; }
.atlas-channels .line i { position: absolute; top: 0.44rem; height: 2px; background: #c2570c; }
.atlas-channels .line i::after { content: ""; position: absolute; top: -0.2rem; border: 0.26rem solid transparent; }
.atlas-channels .line .up::after { right: -0.26rem; border-left-color: #c2570c; }
.atlas-channels .line .down::after { left: -0.26rem; border-right-color: #c2570c; }
.atlas-both .cbam-ends { flex-wrap: nowrap; }
.atlas-both .cbam-ends span:nth-child(2) { order: 0; flex-basis: auto; }
@media (max-width: 640px) {
  .atlas-both .cbam-maps { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .atlas-channels .line { width: 3.5rem; }
  .atlas-channels :is(th, td) { padding-right: 0.5rem; white-space: normal; }
}
</style>"""


def changed_masks(gate: AtlasGate, change: GateChange) -> None:
    """Draw the mean masks of both atlases, their difference, and how much single masks change."""
    before, after, difference, absolute = (
        _plane(gate, values) for values in (change.mean_before, change.mean_after, change.difference, change.absolute)
    )
    low, high = float(min(before.min(), after.min())), float(max(before.max(), after.max()))
    drawn = [_map(name, values, (low, high)) for name, values in (("before", before), ("after", after))]
    drawn += [_difference(difference), _map("absolute", absolute, (0.0, float(absolute.max())))]
    st.html(f'{figure_style()}{_STYLE}<div class="atlas-both"><div class="cbam-maps">{"".join(drawn)}</div></div>')
    st.caption(WORDS["about_masks"])


def _plane(gate: AtlasGate, values: Float[np.ndarray, " c"]) -> Float[np.ndarray, "h w"]:
    """Values along rows and columns; the mean over the channels, if there are any."""
    shaped = values.reshape(gate.shape)
    found: Float[np.ndarray, "h w"] = shaped.mean(axis=0) if shaped.ndim == 3 else shaped
    return found


def _map(name: str, values: Float[np.ndarray, "h w"], limits: tuple[float, float]) -> str:
    low, high = limits
    span = (high - low) or 1.0
    own = float(values.min()), float(values.max())
    scale = scale_bar(
        table(DEFAULT_COLOURS), (f"{low:.3f}", "", f"{high:.3f}"), ((own[0] - low) / span, (own[1] - low) / span)
    )
    return _figure(name, colourise((values - low) / span), own, scale)


def _difference(values: Float[np.ndarray, "h w"]) -> str:
    limit = float(np.abs(values).max()) or 1.0
    own = float(values.min()), float(values.max())
    shown = ((own[0] + limit) / (2 * limit), (own[1] + limit) / (2 * limit))
    scale = scale_bar(DIVERGING, (f"−{limit:.3f}", "0", f"{limit:.3f}"), shown)
    return _figure("difference", diverging(values, limit), own, scale)


def _figure(name: str, cells: np.ndarray, own: tuple[float, float], scale: str) -> str:
    zoom = max(1, ZOOM_TO // max(cells.shape[:2]))
    alt = WORDS["alt"].format(name=WORDS[name], low=f"{own[0]:.3f}", high=f"{own[1]:.3f}")
    return figure(html.escape(WORDS[name]), cells.repeat(zoom, axis=0).repeat(zoom, axis=1), alt, scale)


def changed_channels(change: GateChange) -> None:
    """Draw the channels that changed most, each with its means, from this atlas to the other."""
    order = np.argsort(-change.absolute, kind="stable")[:SHOWN]
    both = np.concatenate([change.mean_before[order], change.mean_after[order]])
    low, high = float(both.min()), float(both.max())
    heads = "".join(f'<th scope="col">{html.escape(WORDS[name])}</th>' for name in ("channel", "mean"))
    heads += (
        f"<th></th>{''.join(f'<th scope=col>{html.escape(WORDS[name])}</th>' for name in ('apart', 'correlation'))}"
    )
    rows = "".join(_row(change, int(channel), low, high) for channel in order)
    name = html.escape(WORDS["channels"])
    st.html(
        f'{_STYLE}<div class="atlas-channels"><table aria-label="{name}"><thead><tr>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )
    st.caption(plain_text(WORDS["about_channels"].format(low=f"{low:.2f}", high=f"{high:.2f}")))


def _row(change: GateChange, channel: int, low: float, high: float) -> str:
    before, after = float(change.mean_before[channel]), float(change.mean_after[channel])
    at, to = (100 * (value - low) / ((high - low) or 1.0) for value in (before, after))
    arrow = (
        f'<i class="{"up" if to > at else "down"}" style="left: {min(at, to):.1f}%; width: {abs(to - at):.1f}%"></i>'
    )
    correlation = float(change.correlation[channel])
    said = f"{correlation:.2f}".replace("-", "−") if np.isfinite(correlation) else WORDS["same"]
    cells = (
        f"{before:.3f}\u00a0→ {after:.3f}",
        f'<span class="line">{arrow}<b style="left: {at:.1f}%"></b></span>',
        f"{float(change.absolute[channel]):.3f}",
        said,
    )
    return f'<tr><th scope="row">{channel}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'
