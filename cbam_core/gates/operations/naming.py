"""Which block owns a gate, and what is it called?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from cbam_core.gates.operations.learning import Found, OwnGate
from cbam_core.gates.sites import Site
from cbam_core.nn.cbam import CBAM, ChannelAttention, SpatialAttention


def name_gates(model: nn.Module, gates: Sequence[Found | OwnGate]) -> list[Site]:
    """Return the site of each gate; the calls of one gate have the same site, but for scale and shift.

    A gate belongs to the module whose code multiplies; a channel and a spatial gate of two children of one module
    belong to that module where the second multiplies what the first returned.
    """
    blocks = _blocks(model, [gate for gate in gates if isinstance(gate, Found)])
    sites: dict[Any, Site] = {}
    by_gate: dict[Any, Any] = {}
    taken = {gate.site.name for gate in gates if isinstance(gate, OwnGate)}
    found = []
    for gate in gates:
        if isinstance(gate, OwnGate):
            found.append(gate.site)
            continue
        judged = gate.judged
        same = (judged.part.source.origin, judged.signature, judged.kind)
        key = by_gate.setdefault(same, (gate.owner, gate.trail, judged.kind, gate.order))
        if key not in sites:
            sites[key] = _site(model, gate, blocks[gate], taken)
        found.append(sites[key]._replace(scale=judged.part.scale, shift=judged.part.shift, squashed=judged.squashed))
    return found


def _blocks(model: nn.Module, gates: Sequence[Found]) -> dict[Found, str]:
    blocks = {gate: _own_block(model, gate.owner) for gate in gates}
    for gate in gates:
        first = gate.earlier
        if first is None or first not in blocks or {first.judged.kind, gate.judged.kind} != {"channel", "spatial"}:
            continue
        parent, _, name = gate.owner.rpartition(".")
        other, _, sibling = first.owner.rpartition(".")
        if parent not in _roots(model) and parent == other and name != sibling:
            blocks[gate] = blocks[first] = parent
    whole = type(model).__name__
    return {gate: block or whole for gate, block in blocks.items()}


def _roots(model: nn.Module) -> tuple[str, ...]:
    """Return the paths of the network itself: its own, and that inside a wrapper for several devices."""
    wrapped = type(model).__name__ in {"DataParallel", "DistributedDataParallel"}
    return ("", "module") if wrapped else ("",)


def _own_block(model: nn.Module, owner: str) -> str:
    """Return the block of a gate by its owner: for parts of `CBAM`, the `CBAM`."""
    if isinstance(model.get_submodule(owner), ChannelAttention | SpatialAttention) and owner:
        parent = owner.rpartition(".")[0]
        if isinstance(model.get_submodule(parent), CBAM):
            return parent
    return owner


def _site(model: nn.Module, gate: Found, block: str, taken: set[str]) -> Site:
    judged = gate.judged
    name = _free_name(block, judged.kind, gate.owner, taken)
    taken.add(name)
    owner = model.get_submodule(gate.owner)
    return Site(
        name, block, judged.kind, owner, owner, judged.part.scale, judged.part.shift, judged.squashed, by_operation=True
    )


def _free_name(block: str, kind: str, owner: str, taken: set[str]) -> str:
    name = f"{block}.{kind}"
    if name in taken and owner != block and owner.rpartition(".")[0] == block:
        name = f"{block}.{owner.rpartition('.')[2]}"
    number, free = 2, name
    while free in taken:
        free, number = f"{name}_{number}", number + 1
    return free
