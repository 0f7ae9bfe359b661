"""Blocks for tests, by the kinds of their gates."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from cbam_core.results.explanation import Block, Gate
from cbam_core.results.kinds import Kind, as_kind
from cbam_core.results.placement import Placement
from cbam_core.results.usual import Shares, UsualGate

FOLLOWS = Shares(0.1, 0.2, 0.7)
"""Of a gate that follows the image."""


def block_of(
    name: str,
    values: Mapping[str, np.ndarray],
    placement: Placement | None = None,
    usual: Mapping[str, UsualGate] = MappingProxyType({}),
) -> Block:
    """A block with one gate of each kind that is given."""
    gates = (Gate(f"{name}.{kind}", as_kind(kind), 1, array, usual.get(kind)) for kind, array in values.items())
    return Block(name, tuple(gates), placement)


def usual_of(name: str, kind: Kind, mean: np.ndarray, shares: Shares = FOLLOWS) -> UsualGate:
    """A usual gate of that mean, over 123 images of CIFAR-10."""
    return UsualGate(
        name=name,
        kind=kind,
        call=1,
        mean=mean.astype(np.float32),
        deviation=np.full_like(mean, 0.1, np.float32),
        variance=0.04,
        shares=shares,
        count=123,
        images="cifar10:train",
    )


def by_kind(block: Block) -> dict[str, np.ndarray]:
    """The values of a block whose gates are of different kinds."""
    found = {gate.kind: gate.values for gate in block.gates}
    assert len(found) == len(block.gates)
    return {**found}
