"""Blocks for tests, by the kinds of their gates."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cbam_core.results.explanation import Block, Gate
from cbam_core.results.kinds import as_kind
from cbam_core.results.placement import Placement


def block_of(name: str, values: Mapping[str, np.ndarray], placement: Placement | None = None) -> Block:
    """A block with one gate of each kind that is given."""
    gates = (Gate(f"{name}.{kind}", as_kind(kind), 1, array) for kind, array in values.items())
    return Block(name, tuple(gates), placement)


def by_kind(block: Block) -> dict[str, np.ndarray]:
    """The values of a block whose gates are of different kinds."""
    found = {gate.kind: gate.values for gate in block.gates}
    assert len(found) == len(block.gates)
    return {**found}
