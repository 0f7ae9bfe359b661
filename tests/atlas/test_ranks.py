"""Ranks: each computes its share without a word to the others, and what one leaves is completed by the next start."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest

from cbam_core import Classifier
from cbam_core.atlas import planning
from cbam_core.atlas.building import build_atlas
from cbam_core.atlas.finishing import is_finished
from cbam_core.atlas.layout import shard_path
from cbam_core.atlas.plan import read_plan
from cbam_core.atlas.ranks import Rank, build_share, read_rank
from cbam_core.data.dataset import Dataset
from cbam_core.errors import AtlasError
from tests.interpreter import Interpreter

SHARD = 15
"""Images of a shard: a hundred have seven, the last one of ten."""


@pytest.fixture(autouse=True, scope="module")
def small_shards() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(planning, "images_in_shard", lambda *given: SHARD)
        yield


@pytest.fixture(scope="module")
def expected(
    tiny_classifier: Classifier, sample_images: Dataset, small_shards: None, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, bytes]:
    """Files of an atlas that this process built alone."""
    return contents(build_atlas(tiny_classifier, sample_images, tmp_path_factory.mktemp("alone"), workers=1))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def shards(folder: Path) -> list[int]:
    return [int(path.stem.removeprefix("part-")) for path in sorted(folder.glob("shards/*"))]


@pytest.mark.parametrize("count", [2, 9])
def test_ranks_share_all_shards_and_the_last_one_finishes(
    tiny_classifier: Classifier, sample_images: Dataset, expected: dict[str, bytes], tmp_path: Path, count: int
) -> None:
    place = tmp_path / "shared"
    for number in reversed(range(count)):
        left = build_share(tiny_classifier, sample_images, place, Rank(number, count))
        assert left == 7 - len([shard for shard in range(7) if shard % count >= number])
        assert is_finished(place, read_plan(place)) == (left == 0)
    assert contents(place) == expected


def test_a_rank_reports_its_own_images_and_skips_what_is_there(
    tiny_classifier: Classifier, sample_images: Dataset, tmp_path: Path
) -> None:
    reported: list[tuple[int, int]] = []

    def report(done: int, total: int) -> None:
        reported.append((done, total))

    assert build_share(tiny_classifier, sample_images, tmp_path, Rank(0, 2), report=report) == 3
    assert shards(tmp_path) == [0, 2, 4, 6]
    assert reported == [(0, 55), (15, 55), (30, 55), (45, 55), (55, 55)]
    before = shard_path(tmp_path, 2).stat().st_mtime_ns
    shard_path(tmp_path, 4).unlink()
    reported.clear()
    build_share(tiny_classifier, sample_images, tmp_path, Rank(0, 2), report=report)
    assert reported == [(40, 55), (55, 55)]
    assert shard_path(tmp_path, 2).stat().st_mtime_ns == before


def test_what_a_killed_rank_left_is_completed_by_another_number_of_ranks(
    tiny_classifier: Classifier, sample_images: Dataset, tmp_path: Path
) -> None:
    def stop(done: int, total: int) -> None:
        if done >= 2 * SHARD:
            raise KeyboardInterrupt

    assert build_share(tiny_classifier, sample_images, tmp_path, Rank(1, 2)) == 4
    with pytest.raises(KeyboardInterrupt):
        build_share(tiny_classifier, sample_images, tmp_path, Rank(0, 2), report=stop)
    assert shards(tmp_path) == [0, 1, 2, 3, 5]
    assert build_share(tiny_classifier, sample_images, tmp_path, Rank(1, 3)) == 1
    assert build_share(tiny_classifier, sample_images, tmp_path, Rank(0, 3)) == 0
    assert is_finished(tmp_path, read_plan(tmp_path))


IMPORTS = """
import os, pickle, sys, torch
from cbam_core.atlas import finishing, planning
from cbam_core.atlas.ranks import build_share, read_rank
"""

PROGRAM = """
torch.set_num_threads(1)
planning.images_in_shard = lambda *given: int(sys.argv[3])
with open(sys.argv[1], "rb") as given:
    classifier, dataset = pickle.load(given)
build_share(classifier, dataset, sys.argv[2], read_rank(os.environ))
"""

TORCHRUN = """
from torch.distributed.run import main
main(["--standalone", "--nproc-per-node=2", "--start-method=fork", "--run-path", *sys.argv[1:]])
"""
"""Its processes find imported what they need."""


def test_torchrun_starts_ranks_that_build_one_atlas(
    interpreter: Interpreter,
    tiny_classifier: Classifier,
    sample_images: Dataset,
    expected: dict[str, bytes],
    tmp_path: Path,
) -> None:
    program, given, place = tmp_path / "program.py", tmp_path / "given", tmp_path / "shared"
    program.write_text(IMPORTS + PROGRAM)
    given.write_bytes(pickle.dumps((tiny_classifier, sample_images)))
    interpreter.succeeds(IMPORTS + TORCHRUN, program, given, place, SHARD)
    assert contents(place) == expected


@pytest.mark.parametrize(
    ("environment", "rank"),
    [
        ({}, None),
        ({"RANK": "1", "WORLD_SIZE": "4"}, Rank(1, 4)),
        ({"RANK": "0", "WORLD_SIZE": "1"}, None),
        ({"RANK": "0"}, None),
        ({"SLURM_PROCID": "3", "SLURM_STEP_NUM_TASKS": "8"}, Rank(3, 8)),
        ({"SLURM_PROCID": "0", "SLURM_NTASKS": "8"}, None),  # the script of a job, outside srun
        ({"RANK": "5", "WORLD_SIZE": "6", "SLURM_PROCID": "0", "SLURM_STEP_NUM_TASKS": "2"}, Rank(5, 6)),
    ],
)
def test_a_rank_is_what_the_launcher_says(environment: dict[str, str], rank: Rank | None) -> None:
    assert read_rank(environment) == rank


@pytest.mark.parametrize(("number", "count"), [("4", "4"), ("-1", "4"), ("one", "4"), ("0", ""), ("0", "0")])
def test_a_rank_that_cannot_be_is_refused(number: str, count: str) -> None:
    with pytest.raises(AtlasError, match="ranks are numbered from 0") as refused:
        read_rank({"RANK": number, "WORLD_SIZE": count})
    assert refused.value.code == "atlas.odd-rank"
