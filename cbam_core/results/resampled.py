"""Mean of a number over images, and how sure it is: intervals by resampling the images.

The interval is the percentile interval of B. Efron, *Bootstrap Methods: Another Look at the Jackknife*, Annals of
Statistics 7 (1979), 1-26.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from cbam_core.results.evaluation import Interval

DRAWS = 2000
"""Number of times that the images are drawn again, with replacement."""


@dataclass(frozen=True)
class Mean:
    """Mean of a number over several images, or over several trials with one.

    Attributes:
        mean: the mean.
        interval: lowest and highest; 95 % by resampling for several images, the range of all trials for one image;
            None for one number.
        count: how many numbers it is the mean of.
    """

    mean: float
    interval: Interval | None
    count: int

    @property
    def low(self) -> float:
        """Lower end of the interval; the mean itself where there is none."""
        return self.mean if self.interval is None else self.interval[0]

    @property
    def high(self) -> float:
        """Upper end of the interval; the mean itself where there is none."""
        return self.mean if self.interval is None else self.interval[1]

    def as_dict(self) -> dict[str, Any]:
        """Convert to JSON-ready values."""
        found = self.interval
        return {
            "mean": self.mean,
            "low": None if found is None else found[0],
            "high": None if found is None else found[1],
            "count": self.count,
        }


def over_images(values: Iterable[float | None], seed: int = 0) -> Mean | None:
    """Compute the mean of one number for each image, with its 95 % interval.

    Args:
        values: numbers; those that are not known (None or NaN) are left out.
        seed: seed of the resampling.

    Returns:
        The mean; None where no number is known.
    """
    known = _known(values)
    if not known.size:
        return None
    if known.size == 1:
        return Mean(float(known[0]), None, 1)
    drawn = np.random.default_rng(seed).integers(0, known.size, (DRAWS, known.size))
    low, high = np.percentile(known[drawn].mean(axis=1), (2.5, 97.5))
    return Mean(float(known.mean()), (float(low), float(high)), known.size)


def over_trials(values: Iterable[float | None]) -> Mean | None:
    """Compute the mean of several trials with one image, with their range.

    Args:
        values: numbers; those that are not known (None or NaN) are left out.

    Returns:
        The mean; None where no number is known.
    """
    known = _known(values)
    if not known.size:
        return None
    span = (float(known.min()), float(known.max()))
    return Mean(float(known.mean()), span if known.size > 1 else None, known.size)


def over_both(trials: Float[np.ndarray, "n t"], seed: int = 0) -> Mean | None:
    """Compute the mean of several trials with each of N images: over images, or over the trials with the only one.

    Args:
        trials: one row for each image; NaN where a number is not known.
        seed: seed of the resampling.
    """
    if len(trials) == 1:
        return over_trials(trials[0].tolist())
    known = ~np.isnan(trials)
    sums = np.where(known, trials, 0.0).sum(axis=1)
    counts = known.sum(axis=1)
    return over_images((sums[counts > 0] / counts[counts > 0]).tolist(), seed)


def over_shared(trials: Float[np.ndarray, "n t"], seed: int = 0) -> Mean | None:
    """Compute the mean of trials that all images share, such as networks with other weights: both are drawn again.

    Args:
        trials: one row for each image, one column for each trial; NaN where a number is not known.
        seed: seed of the resampling.
    """
    if len(trials) == 1:
        return over_trials(trials[0].tolist())
    known = ~np.isnan(trials)
    if not known.any():
        return None
    draws, values = np.random.default_rng(seed), np.where(known, trials, 0.0)
    rows, columns = (draws.multinomial(count, np.full(count, 1 / count), DRAWS) for count in trials.shape)
    sums = np.einsum("dn,nt,dt->d", rows, values, columns, optimize=True)
    counts = np.einsum("dn,nt,dt->d", rows, known.astype(np.float64), columns, optimize=True)
    low, high = np.percentile(sums[counts > 0] / counts[counts > 0], (2.5, 97.5))
    return Mean(float(values.sum() / known.sum()), (float(low), float(high)), int(known.any(axis=1).sum()))


def _known(values: Iterable[float | None]) -> Float[np.ndarray, " n"]:
    numbers = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    found: np.ndarray = numbers[~np.isnan(numbers)]
    return found


def optional(found: Mean | None) -> dict[str, Any] | None:
    """Convert a mean that may be unknown to JSON-ready values."""
    return None if found is None else found.as_dict()
