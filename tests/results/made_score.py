"""A scorecard of two gates and 1,000 images, as no network gave it."""

from __future__ import annotations

import numpy as np

from cbam_core.results.paired import MeanChange
from cbam_core.results.receipt import Proof
from cbam_core.results.score import EDITS, GateFacts, Score, ScoredEdit
from cbam_core.results.score_rows import Twin
from cbam_core.results.usual import Shares

COUNT = 1000


def scored(gate: str, edit: str, wrong: int = 0) -> ScoredEdit:
    """All answers are 0, which is right for all but the last image; with the edit, some are 1."""
    predicted = np.zeros(COUNT, np.uint8)
    predicted[:wrong] = 1
    number = MeanChange(0.5, -0.1 * wrong, (-0.2, -0.0))
    return ScoredEdit(gate, edit, predicted, number, number)


def made_score() -> Score:
    """A scorecard of a gate that matters and one that does not, with its controls."""
    labels = np.zeros(COUNT, np.uint8)
    labels[-1] = 2
    facts = GateFacts("a.spatial", "spatial", 0.5, 0.1, 0.01, 0.02, 0.3, Shares(0.2, 0.3, 0.5), 0.25)
    through = GateFacts("b.spatial", "spatial", 0.99, 0.0, 0.0, 1.0, 0.96, Shares(1.0, 0.0, 0.0), None)
    edits = [scored("a.spatial", "usual", 100), scored("b.spatial", "usual", 2), scored("all", "usual", 90)]
    edits += [scored("a.spatial", edit, 200) for edit in EDITS[1:]]
    edits += [scored("a.spatial", "direct", 50), scored("b.spatial", "direct"), scored("a.spatial", "random", 80)]
    edits += [scored("all", "as_is"), scored("all", "closed", 900)]
    return Score(
        digest="d",
        images="set:test",
        classes=("x", "y", "z"),
        labels=labels,
        predicted=np.zeros(COUNT, np.uint8),
        loss=0.3,
        confidence=0.8,
        gates=(facts, through),
        edits=tuple(edits),
        proof=Proof(32, 2, 2, 1e-6),
        usual="set:train",
        usual_count=5000,
        twins=(Twin("all", -0.54, 0.5, 5, "fast"),),
    )
