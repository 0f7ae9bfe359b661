"""Principal axes of the gates: a few directions that hold most of what differs between images.

The covariance is summed shard by shard in float64. Of atlases with very many columns, the axes come from a sample of
the rows instead, by their products with each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float16, Float32, Float64

from cbam_core.atlas.layout import Plan
from cbam_core.atlas.shards import Rows

AXES = 32
"""Most axes that are kept."""

WIDEST = 2048
"""Most columns whose covariance is summed; of more, `SAMPLED` rows are taken."""

SAMPLED = 2048
"""Most rows that the axes of wide atlases are found from, spread evenly over the set."""

_ROUNDING = 1e-7
"""Share of the variance up to which an axis may be one of rounding alone."""


@dataclass(frozen=True, eq=False)
class PrincipalAxes:
    """Mean and principal axes of the rows of gates.

    Attributes:
        mean: mean of each column, float64 (D,); 0 where it is not finite, and such a column is in no axis.
        axes: orthonormal rows, float32 (P, D), the one with most variance first; the largest number of each is above 0.
        share: share of the whole variance along each axis, float64 (P,).
        count: number of rows that they were found from.
    """

    mean: Float64[np.ndarray, " d"]
    axes: Float32[np.ndarray, "p d"]
    share: Float64[np.ndarray, " p"]
    count: int


class PrincipalSums:
    """What the axes are found from, taken in shard by shard.

    Args:
        plan: plan of the atlas.
    """

    def __init__(self, plan: Plan) -> None:
        self._whole = plan.width <= WIDEST
        self._step = 1 if self._whole else max(1, -(-plan.count // SAMPLED))
        self._sum = np.zeros(plan.width)
        self._products = np.zeros((plan.width, plan.width)) if self._whole else np.zeros((0, 0))
        self._rows: list[Float16[np.ndarray, "n d"]] = []
        self._finite = np.ones(plan.width, bool)
        self._count = 0

    def add(self, rows: Rows) -> None:
        """Add the rows of images that could be decoded."""
        values = rows.values[rows.ok & (rows.index % self._step == 0)]
        wide = values.astype(np.float64)
        finite = np.isfinite(wide).all(axis=0)
        if not finite.all():
            self._finite &= finite
            wide[:, ~finite] = 0
        self._count += len(wide)
        self._sum += wide.sum(axis=0)
        if self._whole:
            self._products += wide.T @ wide
        else:
            self._rows.append(values)

    def axes(self) -> PrincipalAxes:
        """Compute mean and axes; there are as many as the rows have, `AXES` at most."""
        mean = np.where(self._finite, self._sum / max(1, self._count), 0.0)
        if self._count < 2:
            return PrincipalAxes(mean, np.zeros((0, len(mean)), np.float32), np.zeros(0), self._count)
        return self._from_products(mean) if self._whole else self._from_rows(mean)

    def _from_products(self, mean: Float64[np.ndarray, " d"]) -> PrincipalAxes:
        covariance = self._products / self._count - np.outer(mean, mean)
        covariance[~self._finite] = 0
        covariance[:, ~self._finite] = 0
        variances, vectors = np.linalg.eigh(covariance)
        return self._kept(mean, variances[::-1], vectors.T[::-1], float(np.trace(covariance)))

    def _from_rows(self, mean: Float64[np.ndarray, " d"]) -> PrincipalAxes:
        rows = np.concatenate(self._rows).astype(np.float32) - mean.astype(np.float32)
        rows[:, ~self._finite] = 0
        squares, vectors = np.linalg.eigh((rows @ rows.T).astype(np.float64) / self._count)
        squares, vectors = squares[::-1][:AXES], vectors.T[::-1][:AXES]
        directions = vectors.astype(np.float32) @ rows
        length = np.linalg.norm(directions, axis=1, keepdims=True)
        whole = float(np.square(rows, dtype=np.float64).sum() / self._count)
        return self._kept(mean, squares, directions / np.maximum(length, np.finfo(np.float32).tiny), whole)

    def _kept(self, mean: np.ndarray, variances: np.ndarray, axes: np.ndarray, whole: float) -> PrincipalAxes:
        """Keep the axes whose variance is more than rounding, with their largest number above 0."""
        most = min(AXES, self._count - 1, len(mean))
        kept = int((variances[:most] > _ROUNDING * max(whole, 1e-300)).sum())
        axes, variances = np.where(self._finite, axes[:kept], 0), variances[:kept]
        largest = np.take_along_axis(axes, abs(axes).argmax(axis=1)[:, None], axis=1)
        return PrincipalAxes(mean, (axes * np.sign(largest)).astype(np.float32), variances / whole, self._count)


def project(axes: PrincipalAxes, values: Float16[np.ndarray, "n d"]) -> Float32[np.ndarray, "n p"]:
    """Compute the coordinates of some rows along the axes; NaN for rows without numbers."""
    centred = values.astype(np.float32) - axes.mean.astype(np.float32)
    centred[:, ~(axes.axes != 0).any(axis=0)] = 0
    found: Float32[np.ndarray, "n p"] = centred @ axes.axes.T
    return found
