"""What is kept of a visit to What if: the edits, and which rows of the table are open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from app.session.choices import Generation, Remembered
from app.whatif.link import KEPT
from cbam_core.errors import EditError
from cbam_core.results.gate_edits import GateEdits, read_edits

JUMPED: Remembered[bool] = Remembered("whatif-jumped", bool)
"""Whether a click in the table chose another image, which the choices above it do not show yet."""

NO_EDITS: GateEdits = MappingProxyType({})


@dataclass(frozen=True)
class Experiment:
    """The edits on the page.

    Attributes:
        now: edits that are made.
        kept: edits that were kept to compare with, A first.
        opened: name of the gate whose further choices are open; "" for none.
        all: whether all gates of a network with many are listed.
        other: image that lends its gates: ``"sample"`` or ``"test"``, and its number; None before one was chosen.
    """

    now: GateEdits = field(default_factory=lambda: NO_EDITS)
    kept: tuple[GateEdits, ...] = ()
    opened: str = ""
    all: bool = False
    other: tuple[str, int] | None = None


EXPERIMENT: Remembered[Experiment] = Remembered("whatif-experiment", Experiment)
GENERATION = Generation("whatif-generation")
"""How often the page and not the visitor set the edits: the table in the browser follows then."""


def begin_with(now: GateEdits, kept: tuple[GateEdits, ...], other: tuple[str, int] | None) -> None:
    """Show edits that a link or file holds; a gate that alone has values set by hand is opened, where they are seen.

    Args:
        now: edits that are made.
        kept: edits to compare with.
        other: image that lends its gates; None for the one that does already.
    """
    before = EXPERIMENT.get()
    by_hand = [name for name, edit in now.items() if edit.values]
    opened = by_hand[0] if len(by_hand) == 1 else before.opened
    EXPERIMENT.set(replace(before, now=now, kept=kept[: len(KEPT)], opened=opened, other=other or before.other))
    GENERATION.advance()


def take(told: Any, generation: int) -> None:
    """Take over what the browser tells of the table, unless it is no experiment, or of an earlier generation.

    Args:
        told: anything.
        generation: that of the page.
    """
    if (found := experiment_of(told, generation)) is not None:
        EXPERIMENT.set(found)


def experiment_of(told: Any, generation: int) -> Experiment | None:
    """Read what the browser tells of the table; see `take`."""
    if not isinstance(told, Mapping) or told.get("generation") != generation:
        return None
    kept, opened = told.get("kept", []), told.get("opened", "")
    if not isinstance(kept, list) or len(kept) > len(KEPT) or not isinstance(opened, str):
        return None
    try:
        edits = [read_edits(one) for one in (told.get("now", {}), *kept)]
    except EditError:
        return None
    return Experiment(edits[0], tuple(edits[1:]), opened, told.get("all") is True, lender_of(told.get("other")))


def lender_of(given: Any) -> tuple[str, int] | None:
    """Read which image lends its gates, from a browser or an address; None for anything else."""
    match given:
        case [("sample" | "test") as source, int() as index] if index >= 0:
            return source, index
    return None
