"""Predictions of a network for every image of a split, and statistics of them; without torch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64, UInt, UInt16

from cbam_core.results.left_out import LeftOut, numbers_read

TOP = np.iinfo(np.uint16).max
"""Level of probability 1. The rounding error of a level is at most 0.0000077, and equal bins have exact borders."""

BINS = 15
"""Number of bins of confidence, as in C. Guo et al."""

CONFIDENCE_LEVEL, QUANTILE = 0.95, 1.959964
"""Confidence level of intervals, and the quantile of the normal distribution for it."""

Interval = tuple[float, float]


def wilson_interval(right: int, count: int) -> Interval:
    """Compute the 95 % confidence interval of a share, also near 0 and 1 and for few images.

    It covers the random choice of images, not the random seed of training.

    E. B. Wilson, *Probable Inference, the Law of Succession, and Statistical Inference*, Journal of the American
    Statistical Association 22 (1927), 209-212.

    Args:
        right: number of images with the property.
        count: number of images; for 0 the interval is [0, 1].
    """
    if count == 0:
        return 0.0, 1.0
    share, term = right / count, QUANTILE**2 / count
    middle = (share + term / 2) / (1 + term)
    reach = math.sqrt(term * (share * (1 - share) + term / 4)) / (1 + term)
    return (0.0 if right == 0 else middle - reach), (1.0 if right == count else middle + reach)


@dataclass(frozen=True, eq=False)
class Calibration:
    """Calibration of a network: accuracy against confidence.

    Predictions are grouped by confidence into M bins of equal width; bin m holds ((m - 1) / M, m / M].

    M. P. Naeini, G. F. Cooper and M. Hauskrecht, *Obtaining Well Calibrated Probabilities Using Bayesian Binning*,
    AAAI 2015; for networks, and with 15 bins: C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, *On Calibration of
    Modern Neural Networks*, ICML 2017.

    Attributes:
        edges: borders of the bins, (M + 1,), from 0 to 1.
        count: number of predictions in each bin, (M,).
        accuracy: share of correct predictions in each bin, (M,); NaN in an empty bin.
        confidence: mean confidence in each bin, (M,); NaN in an empty bin.
    """

    edges: Float64[np.ndarray, " edges"]
    count: Int64[np.ndarray, " m"]
    accuracy: Float64[np.ndarray, " m"]
    confidence: Float64[np.ndarray, " m"]

    @property
    def error(self) -> float:
        """Expected calibration error: distances of accuracy and confidence, averaged over bins weighted by count."""
        distance = np.nan_to_num(np.abs(self.accuracy - self.confidence))
        return float(self.count @ distance / max(self.count.sum(), 1))


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Predictions of a network for N labelled images, in the order of their split.

    Attributes:
        classes: names of the K classes; a file holds at most 256.
        labels: true class of each image.
        predicted: most probable class of each image.
        levels: probability of each class in steps of 1/65535, so that a file of 10,000 images stays small.
        split: name of the split, such as ``"test"``.
        digest: SHA-256 of the network's weights file; "" for a network without a file.
        left_out: images of the split that are not among these, because they cannot be decoded.
    """

    classes: tuple[str, ...]
    labels: UInt[np.ndarray, " n"]
    predicted: UInt[np.ndarray, " n"]
    levels: UInt16[np.ndarray, "n k"]
    split: str = ""
    digest: str = ""
    left_out: tuple[LeftOut, ...] = ()

    @property
    def probabilities(self) -> Float32[np.ndarray, "n k"]:
        """Probability of each class for each image, in [0, 1]."""
        return self.levels / np.float32(TOP)

    @property
    def confidence(self) -> Float32[np.ndarray, " n"]:
        """Probability of the predicted class of each image, in [0, 1]."""
        return self._predicted_levels / np.float32(TOP)

    @property
    def is_right(self) -> Bool[np.ndarray, " n"]:
        """Whether the prediction of each image is correct."""
        return np.asarray(self.predicted == self.labels)

    @property
    def confusion(self) -> Int64[np.ndarray, "k k"]:
        """Number of images by true class (row) and predicted class (column)."""
        size = len(self.classes)
        pairs = self.labels.astype(np.int64) * size + self.predicted
        return np.bincount(pairs, minlength=size**2).astype(np.int64).reshape(size, size)

    @property
    def right(self) -> tuple[int, ...]:
        """Number of correct predictions for the images of each class, K numbers."""
        return tuple(self.confusion.diagonal().tolist())

    @property
    def count(self) -> tuple[int, ...]:
        """Number of images of each class, K numbers."""
        return tuple(self.confusion.sum(axis=1).tolist())

    @property
    def total_right(self) -> int:
        """Number of correct predictions."""
        return int(self.is_right.sum())

    @property
    def total(self) -> int:
        """Number of images."""
        return len(self.labels)

    @property
    def numbers(self) -> Int64[np.ndarray, " n"]:
        """Number in the split of each image."""
        return numbers_read(self.left_out, self.total)

    def answer_to(self, number: int) -> str | None:
        """Return the predicted class of the image of a number in the split; None for one that was left out."""
        place = number - sum(image.number < number for image in self.left_out)
        if any(image.number == number for image in self.left_out):
            return None
        return self.classes[int(self.predicted[place])]

    @property
    def accuracy(self) -> float:
        """Share of correct predictions, in [0, 1]."""
        return self.total_right / max(self.total, 1)

    @property
    def interval(self) -> Interval:
        """95 % confidence interval of the accuracy; see `wilson_interval`."""
        return wilson_interval(self.total_right, self.total)

    def calibration(self, bins: int = BINS) -> Calibration:
        """Compute accuracy and confidence in bins of equal width."""
        levels = self._predicted_levels.astype(np.int64)
        index = np.maximum((levels * bins + TOP - 1) // TOP - 1, 0)  # integers: no border is rounded
        count, right, sure = (
            np.bincount(index, weights=weights, minlength=bins) for weights in (None, self.is_right, levels / TOP)
        )
        with np.errstate(invalid="ignore"):
            return Calibration(np.arange(bins + 1) / bins, count.astype(np.int64), right / count, sure / count)

    def as_dict(self) -> dict[str, Any]:
        """Convert all statistics to JSON-ready values; those without images are None."""
        return {
            "accuracy": self.accuracy,
            "right": self.total_right,
            "count": self.total,
            "interval": _interval_as_dict(self.interval),
            "classes": {
                name: {
                    "right": right,
                    "count": count,
                    "accuracy": right / count if count else None,
                    "interval": _interval_as_dict(wilson_interval(right, count)) if count else None,
                }
                for name, right, count in zip(self.classes, self.right, self.count, strict=True)
            },
            "confusion": {
                name: dict(zip(self.classes, row, strict=True))
                for name, row in zip(self.classes, self.confusion.tolist(), strict=True)
            },
            "calibration": self._calibration_as_dict(),
            **({"left_out": [image.name for image in self.left_out]} if self.left_out else {}),
        }

    @property
    def _predicted_levels(self) -> UInt16[np.ndarray, " n"]:
        levels: np.ndarray = self.levels[np.arange(len(self.predicted)), self.predicted]
        return levels

    def _calibration_as_dict(self) -> dict[str, Any]:
        found = self.calibration()
        columns = (found.edges[:-1], found.edges[1:], found.count, found.accuracy, found.confidence)
        rows = zip(*(column.tolist() for column in columns), strict=True)
        return {
            "expected_calibration_error": found.error,
            "confidence": float(self.confidence.mean(dtype=np.float64)) if self.total else None,
            "bins": [
                {
                    "above": above,
                    "up_to": up_to,
                    "count": count,
                    "accuracy": accuracy if count else None,
                    "confidence": confidence if count else None,
                }
                for above, up_to, count, accuracy, confidence in rows
            ],
        }


def levels_of(probabilities: Float32[np.ndarray, "n k"]) -> UInt16[np.ndarray, "n k"]:
    """Convert probabilities to the levels of an `Evaluation`."""
    return np.rint(probabilities * np.float32(TOP)).astype(np.uint16)


def _interval_as_dict(interval: Interval) -> dict[str, float]:
    low, high = interval
    return {"low": low, "high": high, "level": CONFIDENCE_LEVEL}
