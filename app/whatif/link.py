"""What if's address: which image, how it is fitted, the image that lends its gates, and the edits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.session.links import Readers, read_image
from app.widgets.image import address as image
from cbam_core.results.gate_edits import GateEdits, edits_as_text, edits_from_text


def read_edits(text: str) -> str | None:
    """Edits as `cbam_core.results.gate_edits.edits_as_text` writes them."""
    return text if edits_from_text(text) else None


LONGEST = 1000
"""Characters of edits: an address may name `KEPT` of them beside those that are made."""

KEPT = tuple(f"edits_{letter}" for letter in "abcdefgh")
"""Parameters of edits that were kept; no more are kept."""

PARAMETERS: Readers = {
    **image.PARAMETERS,
    "other": read_image,
    "edits": read_edits,
    **dict.fromkeys(KEPT, read_edits),
}


def edits_of(asked: Mapping[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Edits that an address asks for: those that are made, and those that were kept."""
    kept = (edits_from_text(asked[name]) for name in KEPT if name in asked)
    return edits_from_text(asked.get("edits", "")) or {}, [edits for edits in kept if edits]


def edits_as_parameters(now: GateEdits, kept: Sequence[GateEdits]) -> dict[str, str]:
    """What an address says of edits."""
    return {"edits": edits_as_text(now), **dict(zip(KEPT, map(edits_as_text, kept), strict=False))}


def fits(now: GateEdits, kept: Sequence[GateEdits]) -> bool:
    """Whether an address holds all of these edits."""
    return all(len(text) <= LONGEST for text in edits_as_parameters(now, kept).values())
