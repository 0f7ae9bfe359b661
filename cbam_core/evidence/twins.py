"""Networks that were trained with and without gates, from a file of runs: what retraining says beside replacing."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cbam_core.errors import DataError, reason_of
from cbam_core.results import twins
from cbam_core.results.paired import student
from cbam_core.results.score_rows import Twin

WITHOUT: Mapping[str, str] = {"all.spatial": "channel", "all.channel": "spatial", "all": "none"}
"""Gates that a twin still has, by the group of gates that it lacks."""


def read_twins(path: Path) -> tuple[Twin, ...]:
    """Compare twins in a file of runs, as ``benchmarks/twin.py`` or ``cbam train --twins`` writes it.

    Runs are a pair if they have the same seed and number type.

    Raises:
        DataError: the file is missing, or holds something else.
    """
    try:
        ledger = json.loads(path.read_text(encoding="utf-8"))
        if "settings" in ledger:
            return tuple(_trained(twins.read_twins(path)))
        return tuple(_twins(ledger["runs"], str(ledger["recipe"]["name"])))
    except (OSError, ValueError, KeyError, TypeError, ZeroDivisionError) as error:
        raise DataError(
            "score.twins-unreadable",
            "{path} does not hold runs of twins ({reason}); name a file as benchmarks/twin.py writes it",
            path=str(path),
            reason=reason_of(error)[:80],
        ) from error


def _trained(trained: twins.Twins) -> Iterator[Twin]:
    gain = trained.gain("without")
    if gain.pairs > 1:
        yield Twin("all", -gain.points, gain.reach, gain.pairs, str(trained.settings["recipe"]))


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
