"""How a comparison is drawn: masks over their images or alone, colours of differences, order and number of channels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import streamlit as st

from app.compare.pair import greatest_difference
from app.session.words import Words
from app.widgets.choices import choose_one, keep_listed
from cbam_core.explanation.comparison import BlockComparison

if TYPE_CHECKING:
    from app.streamlit_internals import Container

WORDS = Words(
    {
        "display": "Display",
        "masks": "Masks",
        "over": "Over the image",
        "alone": "Masks alone",
        "colours": "Colours of differences",
        "fixed": "−1 to 1",
        "widest": "Scaled to the maximum",
        "order": "Order of channels",
        "index": "By number",
        "difference": "By difference",
        "ends": "Channels shown",
        "all": "All channels",
        "some": "{count} lowest, {count} highest B − A",
        "weight": "By weight",
        "some_weights": "{count} lowest, {count} highest",
    }
)

ENDS = (5, 10)
"""How many channels from either end of the difference can be asked for."""

FEW = 10
"""How many are shown at first: bars of hundreds of channels are too thin to be distinguished."""

SETTINGS: Mapping[str, tuple[str, Any, tuple[Any, ...]]] = {
    "compare-masks": ("masks", "over", ("over", "alone")),
    "compare-colours": ("colours", "widest", ("widest", "fixed")),
    "compare-order": ("sort", "index", ("index", "difference")),
    "compare-ends": ("ends", FEW, (0, *ENDS)),
}
"""By keys of widgets: their parameter in an address, what they begin with, and what can be chosen."""


@dataclass(frozen=True)
class ComparisonStyle:
    """How blocks are drawn.

    Attributes:
        over: masks over their images.
        limit: end of the scale of differences.
        order: of channels.
        ends: how many channels from either end; None for all.
    """

    over: bool
    limit: float
    order: Literal["index", "difference"]
    ends: int | None


def choose_display(pairs: Sequence[BlockComparison], *, images: bool, room: Container) -> ComparisonStyle:
    """Let the visitor choose how it is drawn.

    Args:
        pairs: the blocks that both sides have.
        images: whether there are images to draw masks over.
        room: where the button goes that opens the choices.
    """
    over, limit, order, ends = images, "widest", "index", 0
    # Where no channel of one side has a partner, there are weights to go by and no differences.
    by_weight = all(pair.weights is None for pair in pairs)
    names = {**WORDS, "difference": WORDS["weight"]} if by_weight else WORDS
    some = WORDS["some_weights" if by_weight else "some"]
    with room.popover(WORDS["display"], icon=":material/tune:"):
        if images:
            over = _either("masks", ("over", "alone")) == "over"
        if pairs:
            limit = _either("colours", ("widest", "fixed"))
            order = _either("order", ("index", "difference"), names)
            labels = {0: WORDS["all"], **{count: some.format(count=count) for count in ENDS}}
            keep_listed("compare-ends", [*labels.values()])
            ends = st.selectbox(
                WORDS["ends"],
                [*labels],
                format_func=labels.__getitem__,
                key="compare-ends",
            )
    return ComparisonStyle(
        over,
        greatest_difference(pairs) if limit == "widest" else 1.0,
        "index" if order == "index" else "difference",
        ends or None,
    )


def _either(what: str, choices: tuple[str, str], names: Mapping[str, str] = WORDS) -> str:
    return choose_one(WORDS[what], choices, names, labelled=True, key=f"compare-{what}")
