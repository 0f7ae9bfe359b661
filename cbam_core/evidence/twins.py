"""Networks that were trained with and without gates, from a file of runs: what retraining says beside replacing."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cbam_core.errors import DataError
from cbam_core.results.evaluation import QUANTILE
from cbam_core.results.score import Twin

WITHOUT: Mapping[str, str] = {"all.spatial": "channel", "all.channel": "spatial", "all": "none"}
"""Gates that a twin still has, by the group of gates that it lacks."""

_STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
"""Two-sided 95 % quantiles of Student's t, for 1 to 9 degrees of freedom."""


def read_twins(path: Path) -> tuple[Twin, ...]:
    """Compare twins in a file of runs, as ``benchmarks/twin.py`` writes it.

    Runs are a pair if they have the same seed and number type.

    Raises:
        DataError: the file is missing, or holds something else.
    """
    try:
        ledger = json.loads(path.read_text(encoding="utf-8"))
        return tuple(_twins(ledger["runs"], str(ledger["recipe"]["name"])))
    except (OSError, ValueError, KeyError, TypeError, ZeroDivisionError) as error:
        raise DataError(
            "score.twins-unreadable",
            "{path} does not hold runs of twins ({reason}); name a file as benchmarks/twin.py writes it",
            path=str(path),
            reason=(getattr(error, "strerror", None) or str(error) or type(error).__name__)[:80],
        ) from error


def _twins(runs: list[Mapping[str, Any]], recipe: str) -> Iterator[Twin]:
    accuracy = {
        (str(run["gates"]), run["seed"], run["arithmetic"]): 100 * float(run["right"]) / float(run["images"])
        for run in runs
    }
    for group, kept in WITHOUT.items():
        differences = [
            points - accuracy["both", seed, arithmetic]
            for (gates, seed, arithmetic), points in accuracy.items()
            if gates == kept and ("both", seed, arithmetic) in accuracy
        ]
        if len(differences) > 1:
            reach = student(len(differences) - 1) * statistics.stdev(differences) / math.sqrt(len(differences))
            yield Twin(group, statistics.fmean(differences), reach, len(differences), recipe)


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
