"""Sentences about masks whose place on the image is approximate or unknown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from cbam_core.results.placement import Placement

PLACE_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "place_approximate": "Blocks whose place is approximate: {count}; their cells lie up to {bound:.1f} pixels of "
        "the network's input from where they are drawn.",
        "place_unknown": "Blocks whose place is unknown: {count}; their masks are stretched over the network's input.",
    }
)
"""Words of these sentences; those of a figure include them."""


def placed(placements: Iterable[Placement | None], words: Mapping[str, str]) -> list[str]:
    """Say how many masks do not lie exactly where they are drawn, and by how much; nothing if all do.

    Args:
        placements: those of the masks that are drawn.
        words: words of the figure.
    """
    known = [one for one in placements if one is not None]
    bounds = [one.bound for one in known if one.status == "approximate"]
    lost = sum(one.status == "unknown" for one in known)
    said = []
    if bounds:
        said.append(words["place_approximate"].format(count=len(bounds), bound=max(bounds)))
    if lost:
        said.append(words["place_unknown"].format(count=lost))
    return said
