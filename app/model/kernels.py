"""The spatial kernel of each block as a picture that is a table: a colour and a number in every cell."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

import numpy as np
import streamlit as st
from jaxtyping import Float32

from app.session.words import Words
from app.widgets.choices import choose_one
from cbam_core.render.diverging import STOPS, diverging
from cbam_core.render.kernels import WORDS as KERNEL_WORDS
from cbam_core.render.kernels import describe_kernel, ink_on, reach

WORDS = Words(
    {
        "own": "per block",
        "shared": "shared by all blocks",
        "scale": "Colour scale",
        "numbers": "Numbers",
        "mean": "mean",
        "max": "maximum",
        "plane": "{block}, weights over the {plane} of the channels",
        "size": "{size}×{size}",
        "range": "weights {low} to {high}",
        "about": "A spatial mask is the sigmoid of the sum of two convolutions: one kernel over the mean of the "
        "channels, one over their maximum. Orange weights increase the mask, blue weights decrease it. "
        "Point at a cell to see its value.",
    }
)

SPOKEN = Words(KERNEL_WORDS)

_STYLE = """<style>
.kernels { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(20.5rem, 100%), 1fr));
  gap: 1.5rem 2rem; font-size: 0.8125rem; line-height: 1.4; }
.kernels.spelled { grid-template-columns: repeat(auto-fill, minmax(min(34rem, 100%), 1fr)); }
.kernels figure { margin: 0; min-width: 0; }
.kernels figcaption { margin-bottom: 0.35rem; }
.kernels figcaption b { font-weight: 600; font-size: 0.9375rem; margin-right: 0.5rem; }
.kernels .pair { display: grid; grid-template-columns: 1fr 1fr; gap: 0.9rem; container-type: inline-size; }
.kernels table { width: 100%; table-layout: fixed; border-collapse: separate; border-spacing: 1px; margin: 0; }
.kernels caption { caption-side: top; text-align: left; padding: 0 0 0.15rem; color: inherit; opacity: 0.8; }
.kernels td { position: relative; padding: 0; border: 0; height: calc((50cqw - 0.45rem - 1px) / var(--size) - 1px); }
.kernels td span { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.kernels td:hover { outline: 2px solid currentColor; z-index: 2; }
.kernels td:hover::after { content: attr(data-value); position: absolute; bottom: calc(100% + 4px); left: 50%;
  transform: translateX(-50%); padding: 0.1rem 0.4rem; border-radius: 0.25rem; white-space: nowrap; z-index: 3;
  background: #0a161a; color: #ffffff; font-variant-numeric: tabular-nums; pointer-events: none; }
.kernels.spelled td { text-align: center; height: 1.35rem; }
.kernels.spelled td span { position: static; width: auto; height: auto; clip-path: none; font-size: 0.625rem;
  letter-spacing: -0.03em; font-variant-numeric: tabular-nums; }
.kernels.spelled .pair { grid-template-columns: repeat(auto-fit, minmax(15.5rem, 1fr)); }
.kernels .ramp { display: grid; grid-template-columns: auto 1fr auto; gap: 0.5rem; align-items: center;
  margin-top: 0.5rem; font-variant-numeric: tabular-nums; }
.kernels .ramp i { height: 0.5rem; border-radius: 0.25rem; }
</style>"""


def kernel_pictures(
    kernels: Sequence[tuple[str, Float32[np.ndarray, "2 k k"]]], *, key: str, words: Mapping[str, str] = WORDS
) -> None:
    """Show the kernels of all blocks, with a choice of colour scale and of numbers in the cells.

    Args:
        kernels: name of each block, and its weights over mean and maximum.
        key: of the widgets.
        words: of this component.
    """
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        shared = (
            len(kernels) > 1
            and choose_one(words["scale"], ["own", "shared"], words, first="own", key=f"{key}-scale") == "shared"
        )
        spelled = st.toggle(words["numbers"], key=f"{key}-numbers")
    st.html(kernel_figures(kernels, shared=shared, spelled=spelled, words=words))
    st.caption(words["about"])


def kernel_figures(
    kernels: Sequence[tuple[str, Float32[np.ndarray, "2 k k"]]],
    *,
    shared: bool = False,
    spelled: bool = False,
    words: Mapping[str, str] = WORDS,
) -> str:
    """The pictures as HTML.

    Args:
        kernels: name of each block, and its weights over mean and maximum.
        shared: one colour scale for all blocks; else each has its own.
        spelled: write the numbers into the cells.
        words: of this component.
    """
    common = reach([planes for _, planes in kernels])
    drawn = [_figure(block, planes, common if shared else reach([planes]), words) for block, planes in kernels]
    return f'{_STYLE}<div class="kernels{" spelled" if spelled else ""}">{"".join(drawn)}</div>'


def _figure(block: str, planes: Float32[np.ndarray, "2 k k"], end: float, words: Mapping[str, str]) -> str:
    size = words["size"].format(size=planes.shape[-1])
    span = words["range"].format(low=_signed(float(planes.min())), high=_signed(float(planes.max())))
    tables = [_plane(block, words[name], planes[index], end, words) for index, name in enumerate(("mean", "max"))]
    said = html.escape(describe_kernel(block, planes, words=SPOKEN))
    return (
        f'<figure aria-label="{said}"><figcaption><b>{html.escape(block)}</b> '
        f'{size} · {span}</figcaption><div class="pair" style="--size: {planes.shape[-1]}">{"".join(tables)}</div>'
        f'<div class="ramp"><span>{_signed(-end)}</span><i style="background: linear-gradient(to right, '
        f'{", ".join(STOPS)})"></i><span>{_signed(end)}</span></div></figure>'
    )


def _plane(block: str, plane: str, weights: Float32[np.ndarray, "k k"], end: float, words: Mapping[str, str]) -> str:
    rows = []
    ground = diverging(weights, end or 1.0)  # a kernel of zeros has the middle's colour on any scale
    for line, colours in zip(weights.tolist(), ground.tolist(), strict=True):
        cells = [_cell(value, (red, green, blue)) for value, (red, green, blue) in zip(line, colours, strict=True)]
        rows.append(f"<tr>{''.join(cells)}</tr>")
    label = html.escape(words["plane"].format(block=block, plane=plane))
    return f'<table aria-label="{label}"><caption>{html.escape(plane)}</caption><tbody>{"".join(rows)}</tbody></table>'


def _cell(value: float, rgb: tuple[int, int, int]) -> str:
    ground = "#{:02x}{:02x}{:02x}".format(*rgb)
    return (
        f'<td style="background:{ground}" data-value="{_signed(value, 4)}">'
        f'<span style="color:{ink_on(rgb)}">{_signed(value, 2)}</span></td>'
    )


def _signed(value: float, digits: int = 3) -> str:
    """With a true minus sign, as wide as a plus."""
    return f"{value:+.{digits}f}".replace("-", "−") if value else "0"
