"""Comparing the gates of two explanations, as NumPy arrays, without torch.

Blocks are paired by name, and those without a partner of the same name by the grid of their masks. A difference is
always the second minus the first. It is computed only where shapes agree; otherwise a note says why not.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import numpy as np
from jaxtyping import Float, Float32, Float64

from cbam_core.arguments import check
from cbam_core.errors import CbamError, Message
from cbam_core.results.explanation import EXPLANATION, Block, Explanation, own_copy
from cbam_core.results.layout import Layout, LayoutOptions

if TYPE_CHECKING:
    from cbam_core.render.paper.pair import Pair
    from cbam_core.render.paper.printed import PrintedFigure

CONSTANT = 1e-6
"""Ratio of standard deviation to size up to which values count as constant: float32 rounding alone can reach it."""


KIND_WORDS = {"spatial": "spatial mask", "channel": "channel weights"}
"""Names of the kinds in notes."""


@dataclass(frozen=True)
class Similarity:
    """Similarity of two arrays of gate values.

    Attributes:
        cosine: cosine of the angle between them, in [-1, 1]: 1 where one is a multiple of the other. Gates are
            positive, so it is near 1 for any two that are nearly constant. None where one is all zero.
        pearson: correlation, in [-1, 1]: the cosine after subtraction of the means, so only the variation counts. None
            where one is constant.
        notes: reasons for missing numbers.
    """

    cosine: float | None
    pearson: float | None
    notes: tuple[Message, ...] = ()


@dataclass(frozen=True, eq=False)
class Difference:
    """Difference of one kind of gate, the second minus the first.

    Attributes:
        values: float32, of the gate's shape; those of CBAM are in (-1, 1).
        similarity: similarity of the two gates.
    """

    values: Float32[np.ndarray, "*shape"]
    similarity: Similarity

    @property
    def range(self) -> tuple[float, float]:
        """Minimum and maximum of the difference."""
        return float(self.values.min()), float(self.values.max())


@dataclass(frozen=True)
class BlockComparison:
    """One block in both explanations.

    Attributes:
        name: name of the first block, or of the second where there is no first; unique among comparisons.
        left: block of the first; None where the second's has no partner.
        right: block of the second; None where the first's has no partner.
        mask: difference of the spatial masks, None where they cannot be compared.
        weights: difference of the channel weights, None where they cannot be compared.
        notes: reasons for missing comparisons.
    """

    name: str
    left: Block | None
    right: Block | None
    mask: Difference | None
    weights: Difference | None
    notes: tuple[Message, ...]


def similarity(left: Float[np.ndarray, "*shape"], right: Float[np.ndarray, "*shape"]) -> Similarity:
    """Compute cosine and Pearson correlation of two gates of one shape, in float64."""
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
    """Pair the blocks of two explanations, and compute differences where shapes agree.

    Blocks with the same name are a pair. Of the others, those whose masks have the same grid are paired in order of
    execution; the rest has no partner. For blocks without a mask, the grid of their feature maps counts.

    Blocks of two networks with the same name are at the same position, but channels with the same index need not have
    the same meaning.

    Args:
        left: blocks of the first explanation or mean, in order of execution.
        right: blocks of the second.

    Returns:
        Comparisons of the first's blocks in order, then of those that only the second has.
    """
    partners = _partners(left, right)
    taken = {partner.name for partner in partners.values()}
    rest = [block for block in right if block.name not in taken]
    return (*(_pair(block, partners.get(block.name)) for block in left), *(_pair(None, block) for block in rest))


def _partners(left: Sequence[Block], right: Sequence[Block]) -> dict[str, Block]:
    """Find the partners in the second, by the names of the first's blocks."""
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
    """Return the grid by which blocks of different names are paired; None where it is unknown."""
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
        sizes = {"left": "×".join(map(str, left.shape)), "right": "×".join(map(str, right.shape))}
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


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two explanations side by side: of two images by one network, or of one image by two networks.

    Attributes:
        left: first explanation.
        right: second explanation.
        labels: short names of both.
    """

    left: Explanation
    right: Explanation
    labels: tuple[str, str] = ("A", "B")

    def __post_init__(self) -> None:
        for name in ("left", "right"):
            check(CbamError, name, getattr(self, name), EXPLANATION)

    @property
    def blocks(self) -> tuple[BlockComparison, ...]:
        """Blocks of both with the differences of their gates, see `compare`."""
        return compare(self.left.blocks, self.right.blocks)

    def figure(
        self,
        path: str | Path | None = None,
        *,
        truths: tuple[str | None, str | None] = (None, None),
        limit: float | None = None,
        ends: int | None = None,
        **options: Unpack[LayoutOptions],
    ) -> PrintedFigure:
        """Draw both for print: their masks on one scale, the difference of these, and their channel weights.

        Args:
            path: path of a file to write, which ends in ``.pdf``, ``.svg`` or ``.png``; None for none.
            truths: names of the true classes; None where they are unknown.
            limit: end of the colour scale of differences; None for the largest of them.
            ends: number of channels with the largest decrease, and with the largest increase, that are drawn; None for
                all.
            **options: attributes of `cbam_core.results.layout.Layout`, such as ``width=84``; usual masks are not drawn.

        Raises:
            RenderError: an option is unknown or out of its range, or matplotlib is not installed.
            CbamError: the file cannot be written.
        """
        from cbam_core.render.paper.pair import PairStyle, pair_of
        from cbam_core.render.paper.sides import side_of

        left, right = (
            side_of(one, label, truth=truth)
            for one, label, truth in zip((self.left, self.right), self.labels, truths, strict=True)
        )
        drawn = pair_of((left, right), pairs_of(self.blocks), Layout.of(options), PairStyle(limit, ends)).warn()
        if path is not None:
            drawn.save(path)
        return drawn


def pairs_of(blocks: Sequence[BlockComparison]) -> list[Pair]:
    """Take what figures show of compared blocks, with both names where they differ."""
    from cbam_core.render.paper.pair import Pair

    return [Pair(_name_of(block), block.left, block.right) for block in blocks]


def _name_of(block: BlockComparison) -> str:
    if block.left is None or block.right is None or block.left.name == block.right.name:
        return block.name
    return f"{block.left.name} / {block.right.name}"
