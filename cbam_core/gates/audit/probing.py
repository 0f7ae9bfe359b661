"""What a gate depends on, found by computing it for made-up maps; no spelling can hide it.

A channel weight of CBAM is a function of the mean and the maximum of its map's channels, and nothing else. So pairs of
maps are made that differ in one of them only, or in neither. Of spatial masks, channels and positions change places.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cbam_core.gates.audit.slices import Env, Slice
from cbam_core.gates.operations.tensors import Tracked

SETS = 3
"""Number of sets of made-up maps."""

CHANGES, SAME = 1e-3, 1e-4
"""A gate changes if it does by more than the first share of its range over all maps, and does not below the second."""

FEWEST = 4
"""Fewest values among which mean and maximum can stay while others change."""

SQUASHES: Mapping[str, Callable[[Tensor], Tensor]] = {
    "sigmoid": torch.sigmoid,
    "hard sigmoid": nn.functional.hardsigmoid,
    "none": lambda z: z,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "clamp": lambda z: z.clamp(0, 1),
    "softplus": nn.functional.softplus,
    "exponential": torch.exp,
    "sigmoid of twice the value": lambda z: torch.sigmoid(2 * z),
    "1 + tanh": lambda z: 1 + torch.tanh(z),
    "softmax": lambda z: torch.softmax(z.flatten(), 0).reshape(z.shape),
}
"""Functions that a gate's last step is compared with."""


@dataclass(frozen=True)
class Probed:
    """What made-up maps showed; None where they cannot tell.

    Attributes:
        pools: what matters of ``"mean"``, ``"max"`` and ``"other"`` statistics, in this order.
        ordered: whether it matters where values stand among those that are pooled.
        squash: last step of the gate, a key of `SQUASHES`.
        apart: whether branches are squashed before they meet.
        additive: whether mean and maximum have each an effect of their own, which add up before the squash.
        alike: whether both have the same effect.
        offset: whether the logit of a map of zeros is not 0.
        extent: rows and columns of the mask that one position of the map changes.
        rescaled: whether the logit stays where all values of the map are doubled, as after a norm of these values;
            False where it doubles, as without one.
    """

    pools: tuple[str, ...] | None = None
    ordered: bool | None = None
    squash: str | None = None
    apart: bool = False
    additive: bool | None = None
    alike: bool | None = None
    offset: bool | None = None
    extent: tuple[int, ...] | None = None
    rescaled: bool | None = None


def probe(cut: Slice) -> Probed:
    """Compute a gate for made-up maps, and see what it depends on."""
    if not cut.whole or not cut.is_exact or cut.site.kind not in ("channel", "spatial", "full"):
        return Probed()
    try:
        return _probe(cut)
    except Exception:  # calls of others, with values that they never had: anything may be raised
        logging.getLogger("cbam_lens").debug("a gate cannot be probed", exc_info=True)
        return Probed()


def _probe(cut: Slice) -> Probed:
    sets = [_Maps(cut, number) for number in range(SETS)]
    runs = [{name: cut.run(maps) for name, maps in one.maps.items()} for one in sets]
    squash, logits, apart = _squash(cut, [env for run in runs for env in run.values()])
    rows = [{name: _sum_of(env, logits) for name, env in run.items()} for run in runs]
    spread = _spread(rows)
    if spread == 0 or not math.isfinite(spread):
        return Probed(squash=squash, apart=apart)
    if cut.site.kind == "full":
        return Probed(squash=squash, apart=apart, offset=_changes(rows, spread, _offset))
    pools = _pools(rows, spread)
    only = pools is not None and "other" not in pools and len(pools) == 2
    known = squash is not None and only
    return Probed(
        pools=pools,
        ordered=_changes(rows, spread, lambda row: row["spread"] - row["moved"]),
        squash=squash,
        apart=apart,
        additive=_not(_changes(rows, spread, _interaction)) if known else None,
        alike=_not(_changes(rows, spread, _asymmetry)) if known else None,
        offset=_changes(rows, spread, _offset) if squash is not None else None,
        extent=_extent(cut, sets[0], logits, spread) if cut.site.kind == "spatial" else None,
        rescaled=_rescaled(rows, spread) if squash is not None else None,
    )


class _Maps:
    """One set of maps (C, P) that share some of their statistics; a is a mean, m a maximum, and b > a, n > m others."""

    def __init__(self, cut: Slice, number: int) -> None:
        self.generator = torch.Generator().manual_seed(number)
        self.channels, self.positions = cut.channels, math.prod(cut.positions)
        self.spatial = cut.site.kind == "spatial"
        items, over = (self.positions, self.channels) if self.spatial else (self.channels, self.positions)
        scale = (0.3, 1.0, 3.0)[number % 3]
        a = scale * torch.randn(items, generator=self.generator)
        b = a + scale * (0.2 + 0.2 * self._random(items))
        m = a + scale * (0.6 + self._random(items))
        n = m + scale * (0.3 + self._random(items))
        spread = _craft(a, m, over, spread=True)
        moved = spread[:, torch.randperm(over, generator=self.generator)]
        found = {
            "even": _craft(a, m, over),
            "spread": spread,
            "moved": moved,
            "an": _craft(a, n, over),
            "bm": _craft(b, m, over),
            "bn": _craft(b, n, over),
            "aa": a[:, None].expand(items, over),
            "mm": m[:, None].expand(items, over),
            "zero": torch.zeros(items, over),
            "twice": 2 * spread,
        }
        self.possible = over >= FEWEST
        self.maps = {name: self._turned(one) for name, one in found.items()}

    def _random(self, count: int) -> Tensor:
        return torch.rand(count, generator=self.generator)

    def _turned(self, maps: Tensor) -> Tensor:
        return maps.T.contiguous() if self.spatial else maps.contiguous()


def _craft(mean: Tensor, largest: Tensor, over: int, *, spread: bool = False) -> Tensor:
    """Make rows of `over` values of which mean and maximum are given; the others are equal, or spread around."""
    rest = over - 1
    level = mean - (largest - mean) / rest
    values = level[:, None].repeat(1, over)
    values[:, 0] = largest
    if spread:
        step = 0.5 * (largest - level)[:, None]
        pairs = rest // 2
        values[:, 1 : 1 + pairs] += step
        values[:, 1 + pairs : 1 + 2 * pairs] -= step
    return values


def _sum_of(env: Env, tensors: tuple[Tracked, ...]) -> Tensor:
    values = [env[tensor].double().cpu() for tensor in tensors]
    if len({one.numel() for one in values}) == 1:
        return torch.stack([one.flatten() for one in values]).sum(0)
    total: Tensor = sum(values[1:], start=values[0])
    return total.flatten()


def _spread(rows: list[dict[str, Tensor]]) -> float:
    every = torch.stack([values for row in rows for values in row.values()])
    return float((every.amax(0) - every.amin(0)).max())


def _changes(
    rows: list[dict[str, Tensor]], spread: float, difference: Callable[[dict[str, Tensor]], Tensor]
) -> bool | None:
    """Check whether a difference is one in some set; None where it is neither clearly one nor clearly none."""
    largest = max(float(difference(row).abs().max()) for row in rows) / spread
    return True if largest > CHANGES else False if largest < SAME else None


def _not(value: bool | None) -> bool | None:
    return None if value is None else not value


def _pools(rows: list[dict[str, Tensor]], spread: float) -> tuple[str, ...] | None:
    effects = {
        "mean": _changes(rows, spread, lambda row: row["even"] - row["bm"]),
        "max": _changes(rows, spread, lambda row: row["even"] - row["an"]),
        "other": _changes(rows, spread, lambda row: row["even"] - row["spread"]),
    }
    if None in effects.values():
        return None
    if effects["other"]:  # mean and maximum cannot be told apart from what else matters
        return ("other",)
    return tuple(name for name, found in effects.items() if found)


def _interaction(row: dict[str, Tensor]) -> Tensor:
    return row["even"] + row["bn"] - row["an"] - row["bm"]


def _asymmetry(row: dict[str, Tensor]) -> Tensor:
    return 2 * row["even"] - row["aa"] - row["mm"]


def _offset(row: dict[str, Tensor]) -> Tensor:
    return row["zero"]


def _rescaled(rows: list[dict[str, Tensor]], spread: float) -> bool | None:
    if _changes(rows, spread, lambda row: row["twice"] - row["zero"] - 2 * (row["spread"] - row["zero"])) is False:
        return False
    moved = max(float((row["twice"] - row["spread"]).abs().max()) for row in rows) / spread
    return True if moved < CHANGES else None


def _extent(cut: Slice, maps: _Maps, logits: tuple[Tracked, ...], spread: float) -> tuple[int, ...] | None:
    """Change one position in the middle, and see how much of the mask follows; None where it reaches the border."""
    sides = cut.positions
    if len(sides) != 2 or min(sides) < 3:
        return None
    base = maps.maps["spread"]
    changed = base.clone()
    middle = [side // 2 for side in sides]
    changed[:, middle[0] * sides[1] + middle[1]] += 1 + base.abs().max()
    difference = _sum_of(cut.run(changed), logits) - _sum_of(cut.run(base), logits)
    if difference.numel() != math.prod(sides):
        return None
    found = (difference.reshape(sides).abs() > SAME * spread).nonzero()
    if not len(found):
        return None
    low, high = found.amin(0).tolist(), found.amax(0).tolist()
    if any(start == 0 or end == side - 1 for start, end, side in zip(low, high, sides, strict=True)):
        return None
    return tuple(end - start + 1 for start, end in zip(low, high, strict=True))


def _squash(cut: Slice, envs: list[Env]) -> tuple[str | None, tuple[Tracked, ...], bool]:
    """Find the last step of a gate: its name, the tensors before it, and whether they are several branches."""
    core = cut.core
    chain = _chain_before(cut, core)
    found = _matching(core, chain[1:], envs)
    if found is not None:
        return found[0], (found[1],), False
    step = cut.maker(chain[-1])
    inputs = () if step is None or step.name not in _JOINING else step.values_from
    branches = [_matching(one, _chain_before(cut, one)[1:], envs) for one in inputs]
    names = {one[0] for one in branches if one is not None}
    if len(branches) > 1 and None not in branches and len(names) == 1:
        return names.pop(), tuple(one[1] for one in branches if one is not None), True
    return ("none" if len(chain) == 1 and not names else None), (core,), False


_JOINING = frozenset({"add", "mul", "maximum", "max", "sub"})
_ENDS = frozenset({"conv1d", "conv2d", "conv3d", "linear", "matmul", "einsum", "batch_norm", "group_norm",
                   "layer_norm", "instance_norm", "cat", "mean", "amax", "bmm", "mm", "addmm"})  # fmt: skip


def _chain_before(cut: Slice, tensor: Tracked) -> list[Tracked]:
    """Return a tensor, and those that it is a function of element by element, the nearest first."""
    found = [tensor]
    while (step := cut.maker(found[-1])) is not None and len(step.values_from) == 1 and step.name not in _ENDS:
        if math.prod(step.values_from[0].shape) > math.prod(found[-1].shape):
            break  # something was pooled
        found.append(step.values_from[0])
    return found


def _matching(gate: Tracked, chain: list[Tracked], envs: list[Env]) -> tuple[str, Tracked] | None:
    """Find the tensor, from the farthest on, of which a gate is a known function."""
    for before in reversed(chain):
        for name, function in SQUASHES.items():
            if all(_is(function, env.get(before), env.get(gate)) for env in envs):
                return name, before
    return None


def _is(function: Callable[[Tensor], Tensor], before: Tensor | None, gate: Tensor | None) -> bool:
    if before is None or gate is None or before.numel() != gate.numel():
        return False
    expected = function(before.double()).flatten()
    return bool(torch.allclose(expected, gate.double().flatten(), rtol=1e-4, atol=1e-5))
