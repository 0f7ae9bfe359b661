"""Two sets of answers to the same images: what changes from one to the other, and how sure that is.

The interval of the difference is that of D. G. Bonett and R. M. Price, *Adjusted Wald Confidence Interval for a
Difference of Binomial Proportions Based on Paired Data*, Journal of Educational and Behavioral Statistics 37 (2012),
479-488. As McNemar's test (*Psychometrika* 12, 1947), it uses only the images whose answer becomes wrong or right.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
from jaxtyping import Float, UInt

from cbam_core.results.evaluation import QUANTILE, Interval

MARGIN = 0.5
"""Points of accuracy, fixed beforehand: a smaller difference is not called one."""

_STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
"""Two-sided 95 % quantiles of Student's t, for 1 to 9 degrees of freedom."""

Verdict = Literal["matters", "little", "nothing", "unsure", "better"]
"""What an interval says about a replacement; see `verdict_of`."""

VERDICT_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "matters": "matters",
        "little": "a little",
        "nothing": "nothing seen",
        "unsure": "cannot tell",
        "better": "better without",
    }
)


@dataclass(frozen=True)
class Change:
    """Answers with a replacement, compared with those of the network as it is.

    Attributes:
        count: number of images, N.
        right: number of correct answers with the replacement.
        newly_wrong: number of images whose answer was correct and is no longer.
        newly_right: number of images whose answer was wrong and is correct now.
        changed: number of images with another answer, whether correct or not.
    """

    count: int
    right: int
    newly_wrong: int
    newly_right: int
    changed: int

    @property
    def accuracy(self) -> float:
        """Percentage of correct answers with the replacement."""
        return 100 * self.right / max(self.count, 1)

    @property
    def points(self) -> float:
        """Difference of accuracy in percentage points; below 0 where the replacement costs."""
        return 100 * (self.newly_right - self.newly_wrong) / max(self.count, 1)

    @property
    def interval(self) -> Interval:
        """95 % interval of the difference in percentage points, for paired answers."""
        return paired_interval(self.newly_wrong, self.newly_right, self.count)

    @property
    def changed_percent(self) -> float:
        """Percentage of images with another answer."""
        return 100 * self.changed / max(self.count, 1)

    @property
    def verdict(self) -> Verdict:
        """What the interval says."""
        return verdict_of(self.interval)


def change(labels: UInt[np.ndarray, " n"], before: UInt[np.ndarray, " n"], after: UInt[np.ndarray, " n"]) -> Change:
    """Compare two answers to each of N images.

    Args:
        labels: true classes.
        before: answers of the network as it is.
        after: answers with a replacement.
    """
    was, now = before == labels, after == labels
    return Change(
        count=len(labels),
        right=int(now.sum()),
        newly_wrong=int((was & ~now).sum()),
        newly_right=int((now & ~was).sum()),
        changed=int((before != after).sum()),
    )


def paired_interval(newly_wrong: int, newly_right: int, count: int) -> Interval:
    """Compute the 95 % interval of a difference of accuracy between two answers to the same images.

    Args:
        newly_wrong: number of images that only the first answer is correct for.
        newly_right: number of images that only the second answer is correct for.
        count: number of images; for 0 the interval is [-100, 100].

    Returns:
        Lowest and highest difference, second minus first, in percentage points.
    """
    if count == 0:
        return -100.0, 100.0
    lost, won, total = newly_wrong + 1, newly_right + 1, count + 2
    middle = (won - lost) / total
    reach = QUANTILE * math.sqrt(((won + lost) / total - middle**2) / total)
    return max(-100.0, 100 * (middle - reach)), min(100.0, 100 * (middle + reach))


def verdict_of(interval: Interval, margin: float = MARGIN) -> Verdict:
    """Read an interval of a difference of accuracy.

    Args:
        interval: lowest and highest difference in percentage points, below 0 where the replacement costs.
        margin: smallest difference that counts, in percentage points.

    Returns:
        ``"matters"`` for an interval wholly below -margin, ``"nothing"`` inside ±margin, ``"little"`` for one wholly
        below 0 that reaches across -margin, ``"better"`` for one wholly above 0 that is not inside ±margin, and
        ``"unsure"`` for all others.
    """
    low, high = interval
    if high < -margin:
        return "matters"
    if -margin <= low and high <= margin:
        return "nothing"
    if high < 0:
        return "little"
    return "better" if low > 0 else "unsure"


@dataclass(frozen=True)
class MeanChange:
    """Mean of a number for each image, and how it differs from that of the network as it is.

    Attributes:
        mean: mean with the replacement.
        difference: mean difference to the network as it is.
        interval: 95 % interval of this difference, from the deviation of the images' differences.
    """

    mean: float
    difference: float
    interval: Interval


def mean_change(before: Float[np.ndarray, " n"], after: Float[np.ndarray, " n"]) -> MeanChange:
    """Compare two numbers for each of N images, N > 0.

    Args:
        before: numbers of the network as it is, such as confidences.
        after: numbers with a replacement.
    """
    differences = after.astype(np.float64) - before
    middle, count = float(differences.mean()), len(differences)
    deviation = float(differences.std(ddof=1)) if count > 1 else math.inf
    reach = QUANTILE * deviation / math.sqrt(count)
    return MeanChange(float(after.mean(dtype=np.float64)), middle, (middle - reach, middle + reach))


def student(freedom: int) -> float:
    """Return the two-sided 95 % quantile of Student's t, to about 0.001.

    Args:
        freedom: degrees of freedom, 1 or more.
    """
    if freedom <= len(_STUDENT):
        return _STUDENT[freedom - 1]
    z = QUANTILE  # Cornish and Fisher's expansion
    first, second = (z**3 + z) / 4, (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / freedom + second / freedom**2 + third / freedom**3
