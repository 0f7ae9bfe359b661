"""The scorecards that ship: of the networks beside them, and with verdicts that hold on half of the images."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from cbam_core.evaluation.evaluation_file import open_evaluation
from cbam_core.files import sha256_of
from cbam_core.places import project_folder
from cbam_core.results.score import EDITS, Score
from cbam_core.results.score_file import SUFFIX, read_score

SHIPPED = sorted((project_folder() / "checkpoints").glob(f"*{SUFFIX}"))
OPPOSITES = ({"matters", "nothing"}, {"matters", "better"}, {"little", "better"})
HALVES = 40


@pytest.fixture(params=SHIPPED, ids=lambda path: path.name.removesuffix(SUFFIX))
def shipped(request: pytest.FixtureRequest) -> tuple[Path, Score]:
    path = request.param
    return path.with_name(path.name.replace(SUFFIX, ".safetensors")), read_score(path)


def test_there_are_some() -> None:
    assert "cbam_cnn_cifar10.score.npz" in {path.name for path in SHIPPED}


def test_a_scorecard_is_of_the_network_beside_it_and_of_the_whole_test_set(shipped: tuple[Path, Score]) -> None:
    checkpoint, score = shipped
    evaluation = open_evaluation(checkpoint)
    assert score.digest == sha256_of(checkpoint)
    assert (score.images, score.count) == ("cifar10:test", 10_000)
    assert np.array_equal(score.labels, evaluation.labels)
    assert (score.predicted != evaluation.predicted).sum() <= 2  # of near ties, on another processor
    assert score.receipt.holds
    assert {row.edit for row in score.rows} == set(EDITS)


def test_verdicts_are_never_opposite_on_random_halves(shipped: tuple[Path, Score]) -> None:
    _, score = shipped
    draws = np.random.default_rng(0)
    verdicts = defaultdict(set)
    for _ in range(HALVES):
        half = np.zeros(score.count, bool)
        half[draws.permutation(score.count)[: score.count // 2]] = True
        for name, found in score.changes(half).items():
            verdicts[name].add(found.verdict)
    assert len(verdicts) == len(score.rows)
    for name, said in verdicts.items():
        assert not any(pair <= said for pair in OPPOSITES), name
