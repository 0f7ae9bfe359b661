"""The file of a scorecard: it comes back as it was, and nothing else is taken for one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cbam_core.errors import DataError
from cbam_core.results.arrays import read_arrays, write_arrays
from cbam_core.results.score import Score
from cbam_core.results.score_file import read_score, score_path, write_score
from tests.results.made_score import COUNT


def test_a_file_gives_back_the_same_scorecard(score: Score, tmp_path: Path) -> None:
    path = score_path(tmp_path / "net.safetensors")
    assert path.name == "net.score.npz"
    write_score(score, path)
    again = read_score(path)
    assert again.as_dict() == score.as_dict()
    assert all(
        np.array_equal(one.predicted, other.predicted) for one, other in zip(again.edits, score.edits, strict=True)
    )
    assert not again.edits[0].predicted.flags.writeable
    assert path.stat().st_size < 20_000


@pytest.mark.parametrize(
    "changed",
    [
        {"labels": np.zeros(3, np.uint8)},
        {"labels": np.full(COUNT, 3, np.uint8)},
        {"edits": np.array([["a", "eaten"]] * 13)},
        {"plain": np.array([np.nan, 0.5])},
        {"facts": np.full((2, 9), np.inf)},
        {"proof": np.array([1, 2, 3, 4])},
        {"usual": np.array(3)},
        {"twins": None},
    ],
)
def test_a_file_of_something_else_is_refused(
    score: Score, tmp_path: Path, changed: dict[str, np.ndarray | None]
) -> None:
    path = tmp_path / "net.score.npz"
    write_score(score, path)
    arrays = {**read_arrays(path, largest=10**7), **changed}
    write_arrays(path, {name: array for name, array in arrays.items() if array is not None})
    with pytest.raises(DataError, match="does not hold the scorecard of a network; create it again"):
        read_score(path)
