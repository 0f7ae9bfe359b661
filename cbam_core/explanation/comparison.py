"""How do the gates of two explanations differ, and what do those of a class have in common? Plain numbers, no torch.

Blocks are paired by name, and those whose name only one side knows by the grid of their masks. A difference is always
the second minus the first, and is made only where shapes agree; where it is not made, a note says why.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Float64

from cbam_core.errors import Message
from cbam_core.results.explanation import Block, own_copy

CONSTANT = 1e-6
"""Values whose standard deviation is at most this share of their size vary by no more than float32 rounds."""


KIND_WORDS = {"spatial": "spatial mask", "channel": "channel weights"}
"""What gates of a kind are called in remarks."""


@dataclass(frozen=True)
class Similarity:
    """How alike two lists of gate values are.

    Attributes:
        cosine: of the angle between them, in [-1, 1]: 1 where one is a multiple of the other. Gates are positive, so
            it is near 1 for any two that stay near a level of their own. None where one is zero throughout.
        pearson: correlation, in [-1, 1]: the cosine after each one's mean is taken off, so only ups and downs count.
            None where one of them does not vary.
        notes: why a number is missing.
    """

    cosine: float | None
    pearson: float | None
    notes: tuple[Message, ...] = ()


@dataclass(frozen=True, eq=False)
class Difference:
    """Second minus first of one kind of gate.

    Attributes:
        values: float32, of the gate's shape; those of CBAM lie in (-1, 1).
        similarity: of the two gates.
    """

    values: Float32[np.ndarray, "*shape"]
    similarity: Similarity

    @property
    def range(self) -> tuple[float, float]:
        """The least and the greatest difference."""
        return float(self.values.min()), float(self.values.max())


@dataclass(frozen=True)
class BlockComparison:
    """One block in both explanations.

    Attributes:
        name: of the first's block, or of the second's where only that has one; no two comparisons share it.
        left: the first's block; None where it has no partner for the second's.
        right: the second's.
        mask: difference of the spatial masks, None where they cannot be compared.
        weights: difference of the channel weights, None where they cannot be compared.
        notes: why something is not compared.
    """

    name: str
    left: Block | None
    right: Block | None
    mask: Difference | None
    weights: Difference | None
    notes: tuple[Message, ...]


def similarity(left: Float[np.ndarray, "*shape"], right: Float[np.ndarray, "*shape"]) -> Similarity:
    """Cosine and Pearson correlation of two gates of one shape, computed in float64."""
    first, second = left.astype(np.float64).ravel(), right.astype(np.float64).ravel()
    if not first.size or not (np.isfinite(first).all() and np.isfinite(second).all()):
        note = Message("similarity.not-finite", "a gate is empty or holds values that are not numbers")
        return Similarity(None, None, (note,))
    notes = []
    cosine = _cosine(first, second)
    if cosine is None:
        notes.append(Message("similarity.zero", "no cosine: one of the two is zero everywhere"))
    pearson = None
    if _is_constant(first) or _is_constant(second):
        notes.append(Message("similarity.constant", "no correlation: one of the two has the same value everywhere"))
    else:
        pearson = _cosine(first - first.mean(), second - second.mean())
    return Similarity(cosine, pearson, tuple(notes))


def compare(left: Sequence[Block], right: Sequence[Block]) -> tuple[BlockComparison, ...]:
    """Pair two explanations' blocks, and take differences where shapes agree.

    Blocks of one name are a pair. Of the others, those whose masks have one grid are paired in order of execution: the
    first with the first, the second with the second; what then is left over has no partner. Blocks without a mask go
    by where the cells of their feature maps lie.

    Between two networks a block of the same name has the same place in the network, but a channel of one need not
    hold what the channel of that number holds in the other.

    Args:
        left: blocks of the first explanation or summary, in order of execution.
        right: blocks of the second.

    Returns:
        The first's blocks in order, then those that only the second has.
    """
    partners = _partners(left, right)
    taken = {partner.name for partner in partners.values()}
    rest = [block for block in right if block.name not in taken]
    return (*(_pair(block, partners.get(block.name)) for block in left), *(_pair(None, block) for block in rest))


def _partners(left: Sequence[Block], right: Sequence[Block]) -> dict[str, Block]:
    """The second's blocks by the names of the first's that they are compared with."""
    named = {block.name: block for block in right}
    found = {block.name: named.pop(block.name) for block in left if block.name in named}
    waiting: dict[Hashable, list[Block]] = {}
    for block in named.values():
        waiting.setdefault(_grid(block), []).append(block)
    for block in left:
        grid = _grid(block)
        if block.name not in found and grid is not None and waiting.get(grid):
            found[block.name] = waiting[grid].pop(0)
    return found


def _grid(block: Block) -> Hashable:
    """What blocks of different names are paired by; None where nothing is known of it."""
    mask = block.spatial_mask
    return block.placement if mask is None else mask.shape


def _pair(left: Block | None, right: Block | None) -> BlockComparison:
    if left is None or right is None:
        name = next(block.name for block in (left, right) if block is not None)
        missing = Message(
            "comparison.unpaired", "only one of the two networks has a block that matches {name}", {"name": name}
        )
        return BlockComparison(name, left, right, None, None, (missing,))
    mask, mask_notes = _difference(left.spatial_mask, right.spatial_mask, KIND_WORDS["spatial"])
    weights, weight_notes = _difference(left.channel_weights, right.channel_weights, KIND_WORDS["channel"])
    return BlockComparison(left.name, left, right, mask, weights, (*mask_notes, *weight_notes))


def _difference(
    left: Float32[np.ndarray, ...] | None, right: Float32[np.ndarray, ...] | None, kind: str
) -> tuple[Difference | None, tuple[Message, ...]]:
    if left is None and right is None:
        return None, (Message("comparison.no-gate", "this block has no {kind}", {"kind": kind}),)
    if left is None or right is None:
        return None, (Message("comparison.one-gate", "one of the two lacks {kind} here", {"kind": kind}),)
    if left.shape != right.shape:
        sizes = {"left": "x".join(map(str, left.shape)), "right": "x".join(map(str, right.shape))}
        said = (
            Message("comparison.grids-differ", "no difference: one mask has {left} cells and one {right}", sizes)
            if left.ndim == 2
            else Message(
                "comparison.counts-differ", "no difference: one has {left} channel weights and one {right}", sizes
            )
        )
        return None, (said,)
    return Difference(own_copy(right.astype(np.float64) - left), similarity(left, right)), ()


def _cosine(first: Float64[np.ndarray, " n"], second: Float64[np.ndarray, " n"]) -> float | None:
    lengths = float(np.linalg.norm(first)), float(np.linalg.norm(second))
    if 0.0 in lengths:
        return None
    return float(np.clip((first / lengths[0]) @ (second / lengths[1]), -1, 1))


def _is_constant(values: Float64[np.ndarray, " n"]) -> bool:
    return float(values.std()) <= CONSTANT * float(np.abs(values).max())
