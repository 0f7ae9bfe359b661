"""Which gates are replaced by what, and how that is said to the network for one batch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from zlib import crc32

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from cbam_core.evidence.facts import Donors
from cbam_core.gates.joining import JoinedEdit
from cbam_core.gates.replacements import AnyReplacement, AsIs, Off, OwnMean, Target, Usual
from cbam_core.results.kinds import Kind
from cbam_core.results.score import EDITS, GROUPS

MASKS_ONLY = ("own_mean",)
"""Edits of masks alone: on channel weights they destroy a pattern that every image needs."""

SINGLE_ONLY = ("direct", "random")
"""Edits of the receipt that are made of each gate, and of no group."""

ALL_ONLY = ("as_is", "closed")
"""Edits of the receipt that are made of all gates together."""


@dataclass(frozen=True)
class Planned:
    """One row of a scorecard.

    Attributes:
        gate: name of the gate or group.
        edit: code of the replacement.
        members: names of the gates that are replaced.
    """

    gate: str
    edit: str
    members: tuple[str, ...]


def plan(gates: Mapping[str, Kind]) -> tuple[Planned, ...]:
    """List all rows: those of the table, then those of the receipt.

    Args:
        gates: kind of each gate, by name, in order of execution.
    """
    groups: dict[str, tuple[str, ...]] = {name: (name,) for name in gates}
    for group, kind in GROUPS.items():
        if members := tuple(name for name in gates if kind in (None, gates[name])):
            groups[group] = members
    return (*_table(gates, groups), *_controls(gates))


def _table(gates: Mapping[str, Kind], groups: Mapping[str, tuple[str, ...]]) -> Iterable[Planned]:
    for group, members in groups.items():
        masks = all(gates[name] == "spatial" for name in members)
        yield from (Planned(group, edit, members) for edit in EDITS if masks or edit not in MASKS_ONLY)


def _controls(gates: Mapping[str, Kind]) -> Iterable[Planned]:
    yield from (Planned(name, edit, (name,)) for edit in SINGLE_ONLY for name in gates)
    yield from (Planned("all", edit, tuple(gates)) for edit in ALL_ONLY)


@dataclass(frozen=True, eq=False)
class Lot:
    """Some images that go through the network together, and what their gates can be replaced by.

    Attributes:
        images: their indices in the data set.
        donors: gates that other images lend.
        best: best constant of each gate for the images of either half, by the gate's name.
    """

    images: Int64[np.ndarray, " b"]
    donors: Donors
    best: Mapping[str, tuple[float, float]]

    def edit(self, row: Planned) -> JoinedEdit:
        """Return the edit of a row for these images."""
        replacements = {name: self._replacement(row.edit, name) for name in row.members}
        return JoinedEdit(replacements, freeze_later=row.edit == "direct")

    def _replacement(self, edit: str, gate: str) -> AnyReplacement:
        if edit in _SIMPLE:
            return _SIMPLE[edit]
        if edit == "best":
            return _Each(np.array(self.best[gate], np.float32)[half_of(self.images)])
        if edit == "random":
            return _Random(crc32(f"{gate} {self.images[0]}".encode()))
        donors = self.donors.other if edit == "other" else self.donors.same_class
        return _Each(self.donors.lent(gate, donors[self.images]))


def half_of(images: Int64[np.ndarray, " b"]) -> Int64[np.ndarray, " b"]:
    """Return the half that each image belongs to, 0 or 1: constants for one half are fitted on the other."""
    return images % 2


@dataclass(frozen=True, eq=False)
class _Each:
    """Given values for each image: one number (B,), or values of the gate's shape (B, *axes)."""

    values: Float32[np.ndarray, "b ..."]

    def __call__(self, gate: Target) -> Tensor:
        values = torch.from_numpy(self.values).to(gate.values)
        return values.reshape(len(values), *values.shape[1:] or [1] * (gate.values.ndim - 1)).expand(gate.values.shape)


@dataclass(frozen=True)
class _Random:
    """The differences to the usual values in random places, with random signs: a change of equal size."""

    seed: int

    def __call__(self, gate: Target) -> Tensor:
        chance = torch.Generator().manual_seed(self.seed)
        differences = (Usual()(gate) - gate.values).flatten(1).cpu()
        places = torch.rand(differences.shape, generator=chance).argsort(dim=1)
        signs = torch.randint(0, 2, differences.shape, generator=chance) * 2 - 1
        moved = differences.gather(1, places) * signs
        return gate.values + moved.to(gate.values).reshape(gate.values.shape)


def closed(gate: Target) -> Tensor:
    """Replace a gate so that the feature map is multiplied by 0."""
    return gate.full_of(-gate.shift / gate.scale)


_SIMPLE: Mapping[str, AnyReplacement] = {
    "usual": Usual(),
    "direct": Usual(),
    "own_mean": OwnMean(),
    "off": Off(),
    "as_is": AsIs(),
    "closed": closed,
}
