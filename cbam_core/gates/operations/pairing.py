"""Which channel gate and which mask, computed by two children of one module, are one block?

People paste CBAM into the code of a network as ``x = self.ca(x) * x`` and ``x = self.sa(x) * x``, with no module around
both. They are one block where one multiplies what the other has made of the map, whatever they are called.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence

from torch import nn

from cbam_core.gates.operations.elements import Root
from cbam_core.gates.operations.lesson import Found
from cbam_core.gates.operations.tensors import ModuleCall, Tracked
from cbam_core.results.block_names import joined


def paired_blocks(
    model: nn.Module, gates: Sequence[Found], same: Mapping[Found, Hashable], blocks: Mapping[Found, str]
) -> dict[Hashable, str]:
    """Name the blocks that two modules make up.

    Args:
        model: the network.
        gates: gates in order of execution.
        same: what each gate shares with the same gate in other calls; it has one block in all of them.
        blocks: block of each gate by its own module.

    Returns:
        The common block of both gates of each pair, by what `same` says of them.
    """
    pairs = _pairs(dict(model.named_modules()), gates, blocks)
    partners: dict[Hashable, set[Hashable | None]] = {}
    for gate in gates:
        partners.setdefault(same[gate], set()).add(same[pairs[gate]] if gate in pairs else None)
    found: dict[Hashable, str] = {}
    for first, second in pairs.items():
        if partners[same[first]] == {same[second]} and partners[same[second]] == {same[first]}:
            both = sorted((first, second), key=gates.index)
            found.setdefault(same[first], joined([blocks[gate] for gate in both]))
    return found


def _pairs(modules: Mapping[str, nn.Module], gates: Sequence[Found], blocks: Mapping[Found, str]) -> dict[Found, Found]:
    """Find the partner of each gate that has one; a mask goes with the channel gate before it rather than after it."""
    kinds: dict[str, set[str]] = {}
    for gate in gates:
        kinds.setdefault(blocks[gate], set()).add(gate.judged.kind)
    single = [gate for gate in gates if len(kinds[blocks[gate]]) == 1]
    pairs: dict[Found, Found] = {}
    for order in (("channel", "spatial"), ("spatial", "channel")):
        for gate in single:
            first = _before(gate, single)
            if first is None or first not in single or {first, gate} & pairs.keys():
                continue
            if order == (first.judged.kind, gate.judged.kind) and _are_one_block(modules, first, gate, blocks):
                pairs[gate], pairs[first] = first, gate
    return pairs


def _are_one_block(modules: Mapping[str, nn.Module], first: Found, second: Found, blocks: Mapping[Found, str]) -> bool:
    holders = [_holder(modules, blocks[gate]) for gate in (first, second)]
    are_two = blocks[first] != blocks[second] and holders[0] is not None and holders[0] == holders[1]
    return are_two and _multiplies_its_input(first, blocks[first])


def _multiplies_its_input(gate: Found, block: str) -> bool:
    """Check that a module that multiplies a map is given it, instead of computing it, as a bottleneck does."""
    call: ModuleCall | None = gate.call
    while call is not None and call.path != block:
        call = call.outer
    if call is None:
        return True  # the module around it multiplies
    tracked: Tracked | None = gate.one.map
    while tracked is not None and _is_made_in(call, tracked.made_in):
        tracked = _source(tracked)
    return tracked is not None


def _is_made_in(outer: ModuleCall | None, call: ModuleCall | None) -> bool:
    while call is not None and call is not outer:
        call = call.outer
    return call is not None


def _holder(modules: Mapping[str, nn.Module], block: str) -> str | None:
    """Return the path of the module whose child a block is, perhaps in a list; None for the network itself."""
    if not block or block not in modules:
        return None
    path = block.rpartition(".")[0]
    while isinstance(modules[path], nn.ModuleList | nn.ModuleDict):
        path = path.rpartition(".")[0]
    return path


def _before(gate: Found, gates: Sequence[Found]) -> Found | None:
    """Return the gate that the same product, or the one that made the map, has before this one."""
    if gate.order:
        return next((one for one in gates if one.one is gate.one and one.order == gate.order - 1), None)
    return _product_behind(gate.one.map)


def _product_behind(tracked: Tracked) -> Found | None:
    """Return the gate whose product a tensor is, or is a function of element by element."""
    while tracked.product is None:
        source = _source(tracked)
        if source is None:
            return None
        tracked = source
    product: Found = tracked.product
    return product


def _source(tracked: Tracked) -> Tracked | None:
    """Return the tensor of which another is a function element by element, or its sum with the map before the gate."""
    if tracked.mixing or not tracked.parents:
        return None
    several = [parent for parent in tracked.parents if parent.dynamic]
    if len(several) == 1:
        (source,) = several
        is_new = isinstance(tracked.elements, Root) and tracked.elements is not source.elements
        return None if is_new or math.prod(tracked.shape) != math.prod(source.shape) else source
    if not tracked.addends or len(several) != 2:
        return None
    first, second = several
    for product, other in ((first, second), (second, first)):
        if product.product is not None and product.product.one.map.origin is other.origin:
            return product
    return None
