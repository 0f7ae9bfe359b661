"""Which block owns a gate, and what is it called?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from typing import Any

from torch import nn

from cbam_core.gates.operations.judging import equivalents
from cbam_core.gates.operations.lesson import Found, OwnGate
from cbam_core.gates.operations.pairing import paired_blocks
from cbam_core.gates.operations.tensors import ModuleCall, Tracked
from cbam_core.gates.sites import Site
from cbam_core.nn.cbam import CBAM, ChannelAttention, SpatialAttention


def name_gates(model: nn.Module, gates: Sequence[Found | OwnGate]) -> list[Site]:
    """Return the site of each gate; the calls of one gate have the same site, but for scale and shift.

    A gate belongs to the module whose code multiplies; a channel and a spatial gate of two children of one module
    belong to that module where the second multiplies what the first returned. Where a module would have several gates
    of one kind in this way, each belongs to the child that returns it, and in the code of the network itself, to
    the child that computes it. Gates that cannot be told apart so have one name, and are counted. Two children may
    make up one block, which then has both of their names.
    """
    found = [gate for gate in gates if isinstance(gate, Found)]
    same = _same_gates(found)
    blocks = _blocks(model, found, same)
    pairs = paired_blocks(model, found, same, blocks)
    sites: dict[Hashable, Site] = {}
    orders: Counter[str] = Counter(gate.site.name for gate in gates if isinstance(gate, OwnGate))
    for gate in found:
        if same[gate] not in sites:
            site = _site(model, gate, blocks[gate])
            block = pairs.get(same[gate], site.block)
            sites[same[gate]] = site._replace(order=orders[site.name], block=block)
            orders[site.name] += 1
    return [gate.site if isinstance(gate, OwnGate) else sites[same[gate]]._replace(**_use(gate)) for gate in gates]


def _same_gates(gates: Sequence[Found]) -> dict[Found, Hashable]:
    """Return for each gate what it shares with the same gate in other calls, or at other maps."""
    by_values: dict[Any, Hashable] = {}
    keys = {}
    for gate in gates:
        judged = gate.judged
        values = (judged.part.source.origin, judged.signature, judged.kind)
        keys[gate] = by_values.setdefault(values, (gate.owner, gate.trail, judged.kind, gate.order))
    return keys


def _blocks(model: nn.Module, gates: Sequence[Found], same: dict[Found, Hashable]) -> dict[Found, str]:
    blocks = {gate: _own_block(model, gate.owner) for gate in gates}
    shared = dict(blocks)
    for gate in gates:
        first = gate.earlier
        if first is None or first not in blocks or {first.judged.kind, gate.judged.kind} != {"channel", "spatial"}:
            continue
        parent, _, name = gate.owner.rpartition(".")
        other, _, sibling = first.owner.rpartition(".")
        if parent not in _roots(model) and parent == other and name != sibling:
            shared[gate] = shared[first] = parent
    crowded = _crowded(shared, same)
    for gate, block in shared.items():
        if block not in crowded:
            blocks[gate] = block
        elif blocks[gate] == block:
            blocks[gate] = _maker(gate, returned=block not in _roots(model)) or block
    whole = type(model).__name__
    return {gate: block or whole for gate, block in blocks.items()}


def _crowded(blocks: dict[Found, str], same: dict[Found, Hashable]) -> set[str]:
    """Return the blocks that would have several gates of one kind in one call."""
    different = {same[gate]: (block, gate.judged.kind) for gate, block in blocks.items()}
    return {block for (block, _), count in Counter(different.values()).items() if count > 1}


def _maker(gate: Found, *, returned: bool) -> str | None:
    """Find the one child of the owner that computes a gate; None for none.

    Args:
        gate: the gate.
        returned: whether the child must return the gate itself, instead of what the owner's code squashes.
    """
    calls: ModuleCall | None = gate.call
    while calls is not None and calls.path != gate.owner:
        calls = calls.outer
    if calls is None:
        return None
    source = gate.judged.part.source.origin
    if returned:
        return _child(source.made_in, calls)
    makers = set(_makers(source, calls, equivalents(gate.one.map)))
    return makers.pop() if len(makers) == 1 else None


def _makers(source: Tracked, owner: ModuleCall, known: set[int]) -> Iterator[str]:
    """Yield the paths of the owner's children in whose calls a tensor was made, or those it is a function of.

    Args:
        source: the tensor.
        owner: call of the owner.
        known: numbers of tensors behind which nothing is looked for.
    """
    waiting, seen = [source], {source.number, *known}
    while waiting:
        tracked = waiting.pop()
        child = _child(tracked.made_in, owner)
        if child is not None:
            yield child
        elif tracked.made_in is owner:
            new = [parent for parent in tracked.parents if parent.dynamic and parent.number not in seen]
            seen.update(parent.number for parent in new)
            waiting += new


def _child(call: ModuleCall | None, owner: ModuleCall) -> str | None:
    """Return the path of the child of the owner in which a call ran; None where it did not."""
    while call is not None and call.outer is not owner:
        call = call.outer
    return None if call is None else call.path


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


def _site(model: nn.Module, gate: Found, block: str) -> Site:
    owner, kind = model.get_submodule(gate.owner), gate.judged.kind
    return Site(f"{block}.{kind}", block, kind, owner, owner, by_operation=True)


def _use(gate: Found) -> dict[str, Any]:
    """Return how this call of a gate multiplies the map."""
    part = gate.judged.part
    return {"scale": part.scale, "shift": part.shift, "squashed": gate.judged.squashed}
