"""Finding the principal axes of the gates: a few directions that hold most of what differs between images.

They come from all rows of a small atlas, and from a sample of those of a large one: their covariance is summed shard by
shard, or, of atlases with very many columns, they are kept for their products with each other.

Torch multiplies here, with one thread: threads of numpy would wait for each other in a loop, beside workers that show
images to a network, and take as much of the processor as these.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float16, Float32, Float64, Int64

from cbam_core.atlas.plan import Plan
from cbam_core.atlas.shards import Rows
from cbam_core.atlas.tables import PrincipalAxes
from cbam_core.workers import workers_side_by_side

AXES = 32
"""Most axes that are kept."""

WIDEST = 2048
"""Most columns whose covariance is summed; of more, the rows are kept."""

SAMPLED = 4096
"""Most rows, or one more, whose covariance is summed."""

KEPT = 2048
"""Most rows, or one more, that are kept of wide atlases."""

_STRIDE, _CIRCLE = 2_654_435_769, 1 << 32
"""The golden ratio's part of a circle, and the circle: steps of it come evenly to all parts, and never in a rhythm."""

_AT_ONCE = 1024
"""Rows whose covariance is summed at once."""

_COLUMNS = 128
"""Columns whose products with those after them are computed at once."""

_ROUNDING = 1e-7
"""Share of the variance up to which an axis may be one of rounding alone."""


class PrincipalSums:
    """What the axes are found from, taken in shard by shard.

    A column that is not finite in most images is in no axis. An image with another value that is not finite is left
    out, as it is of distances; so it costs the axes of the others nothing.

    Products are of distances from the mean of the first rows, so that float32 holds their digits; sums are float64.

    Args:
        plan: plan of the atlas.
    """

    def __init__(self, plan: Plan) -> None:
        self._whole = plan.width <= WIDEST
        self._share = min(1.0, (SAMPLED if self._whole else KEPT) / max(1, plan.count))
        self._origin = np.zeros(plan.width, np.float32)
        self._sum = np.zeros(plan.width)
        self._products = torch.zeros((plan.width, plan.width) if self._whole else (0, 0), dtype=torch.float64)
        self._rows: list[Float16[np.ndarray, "n d"]] = []
        self._waiting: list[Float16[np.ndarray, "n d"]] = []
        self._finite = np.ones(plan.width, bool)
        self._count = 0

    def add(self, rows: Rows) -> None:
        """Add the rows of images that could be decoded and are in the sample."""
        chosen = rows.ok & _sampled(rows.index, self._share)
        self._waiting.append(rows.values if chosen.all() else rows.values[chosen])
        if sum(map(len, self._waiting)) >= _AT_ONCE:
            self._take_in()

    def _take_in(self) -> None:
        """Sum what waits."""
        values = np.concatenate([*self._waiting, np.zeros((0, len(self._origin)), np.float16)])
        self._waiting.clear()
        if len(values):
            with workers_side_by_side():
                self._add(values)

    def _add(self, values: Float16[np.ndarray, "n d"]) -> None:
        wide = torch.from_numpy(values).float()
        total = wide.sum(dim=0, dtype=torch.float64).numpy()
        if not np.isfinite(total).all():
            values = self._of_finite_images(values)
            wide = torch.from_numpy(values).float()
            total = wide.sum(dim=0, dtype=torch.float64).numpy()
        if not len(values):
            return
        if not self._count:
            self._origin = (total / len(values)).astype(np.float32)
        self._count += len(values)
        self._sum += total
        if self._whole:
            centred = wide.sub_(torch.from_numpy(self._origin))
            for start in range(0, len(self._origin), _COLUMNS):  # the upper half is enough
                part = centred[:, start : start + _COLUMNS]
                self._products[start : start + _COLUMNS, start:] += part.T @ centred[:, start:]
        else:
            self._rows.append(values)

    def _of_finite_images(self, values: Float16[np.ndarray, "n d"]) -> Float16[np.ndarray, "k d"]:
        """Return the rows that are finite but for columns that are not in most rows, which are 0 in them."""
        finite = np.isfinite(values)
        self._finite &= 2 * finite.sum(axis=0) > len(values)
        filled = np.where(self._finite, values, np.float16(0))
        kept: Float16[np.ndarray, "k d"] = filled[finite[:, self._finite].all(axis=1)]
        return kept

    def axes(self) -> PrincipalAxes:
        """Compute mean and axes; there are as many as the rows have, `AXES` at most."""
        self._take_in()
        mean = np.where(self._finite, self._sum / max(1, self._count), 0.0)
        if self._count < 2:
            return PrincipalAxes(mean, np.zeros((0, len(mean)), np.float32), np.zeros(0), self._count)
        with workers_side_by_side():
            return self._from_products(mean) if self._whole else self._from_rows(mean)

    def _from_products(self, mean: Float64[np.ndarray, " d"]) -> PrincipalAxes:
        shift = np.where(self._finite, mean - self._origin, 0.0)
        upper = self._products.triu(1)
        whole = upper + upper.T + self._products.diag().diag()
        covariance = whole.numpy() / self._count - np.outer(shift, shift)
        covariance[~self._finite] = 0
        covariance[:, ~self._finite] = 0
        variances, vectors = _decomposed(covariance)
        return self._kept(mean, variances, vectors, float(np.trace(covariance)))

    def _from_rows(self, mean: Float64[np.ndarray, " d"]) -> PrincipalAxes:
        rows = np.concatenate(self._rows).astype(np.float32) - mean.astype(np.float32)
        rows[:, ~self._finite] = 0
        all_rows = torch.from_numpy(rows)
        squares, vectors = _decomposed((all_rows @ all_rows.T).numpy().astype(np.float64) / self._count)
        directions = (torch.from_numpy(vectors.astype(np.float32)) @ all_rows).numpy()
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


def _sampled(index: Int64[np.ndarray, " n"], share: float) -> Bool[np.ndarray, " n"]:
    """Say which images, by their numbers in the set, are in a sample of a share of it."""
    places = (index.astype(np.uint64) * np.uint64(_STRIDE)) % np.uint64(_CIRCLE)
    return places < share * _CIRCLE


def _decomposed(products: Float64[np.ndarray, "n n"]) -> tuple[Float64[np.ndarray, " k"], Float64[np.ndarray, "k n"]]:
    """Return the largest eigenvalues, `AXES` at most and in descending order, and their vectors as rows."""
    values, vectors = torch.linalg.eigh(torch.from_numpy(products))
    return values.numpy()[::-1][:AXES].copy(), np.ascontiguousarray(vectors.numpy().T[::-1][:AXES])


class Projection:
    """Coordinates of rows along principal axes.

    Args:
        axes: mean and axes.
    """

    def __init__(self, axes: PrincipalAxes) -> None:
        in_none = ~(axes.axes != 0).any(axis=0)
        self._in_none = torch.from_numpy(in_none) if in_none.any() else None
        self._axes = torch.tensor(axes.axes.T)
        self._centre = (torch.tensor(axes.mean) @ self._axes.double()).float()

    def __call__(self, values: Float16[np.ndarray, "n d"]) -> Float32[np.ndarray, "n p"]:
        """Compute the coordinates of some rows; NaN for rows without numbers."""
        with workers_side_by_side():
            wide = torch.from_numpy(values).float()
            if self._in_none is not None:
                wide[:, self._in_none] = 0
            return torch.addmm(self._centre, wide, self._axes, beta=-1).numpy()
