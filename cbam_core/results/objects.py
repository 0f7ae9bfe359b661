"""Is the mask where the object is? Four tests of the masks of a network, together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cbam_core.errors import Message
from cbam_core.results.deletion import DeletionTest
from cbam_core.results.mosaic import TileTest
from cbam_core.results.randomised import RandomisedTest
from cbam_core.results.shift import ShiftTest

TESTS = ("shift", "tiles", "deletion", "randomised")
"""Codes of the tests, the quickest first."""


@dataclass(frozen=True, eq=False)
class ObjectTests:
    """What four tests say about the masks of a network.

    Attributes:
        network: name of the network.
        count: number of images.
        shift: whether masks follow an image that is moved; None where it was not asked for, as for the others.
        tiles: how much of the masks lies where the object is.
        deletion: whether masks rank the pixels that the answer needs.
        randomised: what is left of masks when weights are shuffled.
        left_out: why a test could not be made, by its code.
    """

    network: str
    count: int
    shift: ShiftTest | None = None
    tiles: TileTest | None = None
    deletion: DeletionTest | None = None
    randomised: RandomisedTest | None = None
    left_out: Mapping[str, Message] = field(default_factory=dict)

    def __str__(self) -> str:
        found = (self.shift, self.tiles, self.deletion, self.randomised)
        return "\n".join(str(one) for one in (*found, *self.left_out.values()) if one is not None)

    def as_dict(self) -> dict[str, Any]:
        """Convert to JSON-ready values, without images and masks."""
        found = {name: getattr(self, name) for name in TESTS}
        return {
            "network": self.network,
            "count": self.count,
            **{name: None if one is None else one.as_dict() for name, one in found.items()},
            "left_out": {name: str(one) for name, one in self.left_out.items()},
        }
