"""A scorecard: what it knows of its gates, and counts for some of its images."""

from __future__ import annotations

import numpy as np
import pytest

from cbam_core.results.score import Score
from tests.results.made_score import COUNT


def test_a_gate_above_095_everywhere_is_switched_through(score: Score) -> None:
    assert [gate.is_through for gate in score.gates] == [False, True]
    assert score.gates[0].saturated == pytest.approx(0.03)


def test_some_of_the_images_can_be_looked_at_alone(score: Score) -> None:
    half = np.arange(COUNT) < 500
    found = score.changes(half)["a.spatial", "usual"]
    assert (found.count, found.newly_wrong, found.right) == (500, 100, 400)
