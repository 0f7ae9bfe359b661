"""Pictures of masks and curves for the tests of masks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import streamlit as st

from app.services.prediction import percent
from app.session.words import Words
from app.widgets.chart import as_figure
from cbam_core.render.charts import GRID, PAIR_COLOURS, Chart
from cbam_core.render.colours import colourise, is_flat, stretch
from cbam_core.render.curves import plain_layout
from cbam_core.render.overlay import cells_on_input, upsample
from cbam_core.results.deletion import Curves, DeletionRow, DeletionTest
from cbam_core.results.placement import Placement

DRAWN = 192
"""Pictures are drawn about this wide, pixels, where the input is small."""

OPACITY = 0.65
"""Share of a mask's colour over an image."""

HEIGHT = 280

CONFIG = {"displaylogo": False, "modeBarButtons": [["toImage", "resetScale2d"]]}

WORDS = Words(
    {
        "deletion": "Deletion: lower is better",
        "insertion": "Insertion: higher is better",
        "blurred": "blurred pixels (%)",
        "sharp": "sharp pixels (%)",
        "probability": "probability of the answer (%)",
        "own": "this mask",
        "alike": "random, as smooth",
        "centre": "spot in the centre",
        "pixels": "random pixels",
        "says": "{title}: area {own} for {mask}, {alike} for random maps of its own smoothness, {centre} for a spot in "
        "the centre, {pixels} for random pixels.",
    }
)

LINES: dict[str, dict[str, Any]] = {
    "own": {"color": PAIR_COLOURS[1], "width": 3},
    "alike": {"color": PAIR_COLOURS[0], "width": 2},
    "centre": {"color": "#7a5cc0", "width": 2, "dash": "dash"},
    "pixels": {"color": "#808080", "width": 2, "dash": "dot"},
}
"""Lines of the mask and of its controls, in order."""


def note_on_scale(masks: Iterable[np.ndarray]) -> tuple[float, float]:
    """The range of the colours of several masks: theirs together, or 0 to 1 where the first of them is flat."""
    found = list(masks)
    ends = [stretch(mask) for mask in found]
    if is_flat(found[0]) or any(not np.isfinite(end).all() for end in ends):
        return 0.0, 1.0
    low, high = min(end[0] for end in ends), max(end[1] for end in ends)
    return (low, high) if high > low else (0.0, 1.0)


def mask_over(
    image: np.ndarray | None, mask: np.ndarray, placement: Placement, limits: tuple[float, float]
) -> np.ndarray:
    """A mask in colours over an image, or alone.

    Args:
        image: uint8 RGB (H, W, 3); None for the mask alone, cell by cell.
        mask: its values.
        placement: positions of its cells on the image.
        limits: values at the ends of the colours.
    """
    low, high = limits
    if image is None:
        zoom = max(1, DRAWN // max(mask.shape))
        alone: np.ndarray = colourise((mask - low) / (high - low)).repeat(zoom, axis=0).repeat(zoom, axis=1)
        return alone
    height, width = image.shape[:2]
    zoom = max(1, DRAWN // max(height, width))
    values = upsample(mask, cells_on_input(placement), (width, height), zoom)
    base = image.repeat(zoom, axis=0).repeat(zoom, axis=1)
    mixed: np.ndarray = (1 - OPACITY) * base + OPACITY * colourise((values - low) / (high - low))
    drawn: np.ndarray = np.rint(mixed).astype(np.uint8)
    return drawn


def frame(picture: np.ndarray, tile: int) -> np.ndarray:
    """The same picture with a line around one of its four tiles, numbered in reading order."""
    framed: np.ndarray = picture.copy()
    height, width = (length // 2 for length in picture.shape[:2])
    top, left = (tile // 2) * height, (tile % 2) * width
    for inset, colour in ((0, (255, 255, 255)), (2, (20, 20, 20))):
        part = framed[top + inset : top + height - inset, left + inset : left + width - inset]
        part[:2], part[-2:], part[:, :2], part[:, -2:] = colour, colour, colour, colour
    return framed


def curves_of(found: DeletionTest, row: DeletionRow) -> None:
    """Draw both tests of a map beside its controls."""
    left, right = st.columns(2)
    for side, kind in ((left, "deletion"), (right, "insertion")):
        chart, said = _chart(found, row, kind)
        with side:
            st.plotly_chart(as_figure(chart), height=HEIGHT, config=CONFIG, alt=said, key=f"evidence-{kind}")


def _chart(found: DeletionTest, row: DeletionRow, kind: str) -> tuple[Chart, str]:
    curves: dict[str, Curves] = {"own": row.own, **{str(name): one for name, one in row.controls.items()}}
    shares = [round(100 * float(share), 1) for share in found.shares]
    traces = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": shares,
            "y": [round(100 * float(value), 2) for value in getattr(curves[name], kind)],
            "name": WORDS[name],
            "line": line,
        }
        for name, line in LINES.items()
    ]
    axis = "blurred" if kind == "deletion" else "sharp"
    layout = plain_layout(WORDS[kind], None) | {
        "hovermode": "x unified",
        "xaxis": {"title": {"text": WORDS[axis], "standoff": 6}, "showgrid": False, "zeroline": False},
        "yaxis": {
            "title": {"text": WORDS["probability"], "standoff": 6},
            "range": [0, 103],
            "gridcolor": GRID,
            "zeroline": False,
        },
    }
    layout["legend"] |= {"orientation": "h", "x": 0, "xanchor": "left", "y": -0.25}
    areas = {name: _area(one, kind) for name, one in curves.items()}
    return {"data": traces, "layout": layout}, WORDS["says"].format(title=WORDS[kind], mask=row.map, **areas)


def _area(found: Curves, kind: str) -> str:
    mean = found.deletion_area if kind == "deletion" else found.insertion_area
    return "-" if mean is None else percent(mean.mean)
