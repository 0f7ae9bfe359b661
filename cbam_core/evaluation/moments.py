"""Count, mean and standard deviation of arrays that arrive in batches.

Batches are combined in float64 by the pairwise update of T. F. Chan, G. H. Golub and R. J. LeVeque, *Updating Formulae
and a Pairwise Algorithm for Computing Sample Variances*, 1979, which never subtracts two large sums.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64


@dataclass(eq=False)
class Moments:
    """Count, mean and sum of squared deviations of arrays of one shape.

    Attributes:
        count: number of arrays.
        mean: mean, float64, of their shape.
        squares: sum of squared deviations from the mean, float64, of their shape.
    """

    count: int
    mean: Float64[np.ndarray, "*shape"]
    squares: Float64[np.ndarray, "*shape"]

    @classmethod
    def of(cls, values: Float[np.ndarray, " n *shape"]) -> Moments:
        """Compute the moments of at least one array."""
        wide = values.astype(np.float64)
        mean = wide.mean(axis=0)
        return cls(len(wide), mean, np.square(wide - mean).sum(axis=0))

    def joined(self, other: Moments) -> Moments:
        """Compute the moments of both sets of arrays together."""
        count = self.count + other.count
        gap = other.mean - self.mean
        return Moments(
            count,
            self.mean + gap * (other.count / count),
            self.squares + other.squares + np.square(gap) * (self.count * other.count / count),
        )

    @property
    def deviation(self) -> Float64[np.ndarray, "*shape"]:
        """Compute the standard deviation over all arrays, as `numpy.std` does."""
        root: Float64[np.ndarray, "*shape"] = np.sqrt(self.squares / self.count)
        return root
