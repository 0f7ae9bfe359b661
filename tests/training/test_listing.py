"""Which runs there are, and how they stand."""

from __future__ import annotations

import os
import shutil
import sys
import time

import pytest

from cbam_core.results.film import FILM
from cbam_core.results.history import HISTORY, PROGRESS, read_progress
from cbam_core.training.listing import PATIENCE, find_runs, silence, state_of
from tests.made_runs import make_run


@pytest.fixture
def folders(tmp_path):
    checkpoints, runs = tmp_path / "checkpoints", tmp_path / "runs"
    checkpoints.mkdir()
    return checkpoints, runs


def ship(checkpoints, name):
    made = make_run(checkpoints.parent / "made")
    for kept in (HISTORY, FILM):
        shutil.copy(made / kept, checkpoints / f"{name}.{kept}")


def test_nothing_is_found_where_there_is_nothing(folders):
    assert find_runs(*folders) == {}
    assert find_runs(folders[1] / "missing", folders[1]) == {}


def test_histories_beside_checkpoints_ship_complete(folders):
    ship(folders[0], "cbam_cnn_cifar10")
    (run,) = find_runs(*folders).values()
    assert run.ships
    assert run.name == "cbam_cnn_cifar10"
    assert run.history.exists()
    assert run.film.exists()
    assert state_of(run, None, time.time()) == "complete"
    assert silence(run, None, time.time()) == 0


def test_runs_lie_in_the_folder_or_one_deeper_the_latest_first(folders):
    checkpoints, runs = folders
    for age, name in enumerate(("new", "twin/both-0", "old")):
        folder = make_run(runs / name)
        for kept in (HISTORY, PROGRESS):
            os.utime(folder / kept, (1e9 - age, 1e9 - age))
    make_run(runs / "too" / "deep" / "down")
    (runs / "stray.json").write_text("{}")
    assert list(find_runs(checkpoints, runs)) == ["new", "twin/both-0", "old"]


def test_a_run_with_the_name_of_a_shipped_one_is_told_apart(folders):
    checkpoints, runs = folders
    ship(checkpoints, "same")
    make_run(runs / "same")
    found = find_runs(checkpoints, runs)
    assert list(found) == ["same", "runs/same"]
    assert [run.ships for run in found.values()] == [True, False]


@pytest.mark.parametrize(
    ("complete", "age", "state"),
    [
        (False, 0, "running"),
        (False, PATIENCE + 5, "stalled"),
        (True, 0, "complete"),
        (True, 1e6, "complete"),
        (False, -100, "running"),  # a clock that was set back
    ],
)
def test_how_a_run_stands(folders, complete, age, state):
    make_run(folders[1] / "one", complete=complete, age=age)
    (run,) = find_runs(*folders).values()
    progress = read_progress(run.folder)
    assert state_of(run, progress, time.time()) == state
    assert silence(run, progress, time.time()) == pytest.approx(max(age, 0), abs=30)


def test_a_run_that_has_not_said_anything_stands_by_its_history(folders):
    folder = make_run(folders[1] / "one")
    (folder / PROGRESS).unlink()
    (run,) = find_runs(*folders).values()
    assert state_of(run, None, time.time()) == "running"
    os.utime(folder / HISTORY, (1e9, 1e9))
    assert state_of(run, None, time.time()) == "stalled"
    (folder / HISTORY).unlink()
    assert state_of(run, None, time.time()) == "stalled"


def test_a_run_that_wrote_its_network_is_complete_although_its_progress_is_gone(folders):
    folder = make_run(folders[1] / "one", age=PATIENCE + 5)
    (folder / PROGRESS).unlink()
    os.utime(folder / HISTORY, (1e9, 1e9))
    (folder / "one.safetensors").touch()
    (run,) = find_runs(*folders).values()
    assert state_of(run, None, time.time()) == "complete"


def test_the_network_of_a_run_is_its_latest_checkpoint(folders):
    checkpoints, runs = folders
    ship(checkpoints, "net")
    folder = make_run(runs / "fast")
    found = find_runs(checkpoints, runs)
    assert [run.checkpoint for run in found.values()] == [None, None]
    (checkpoints / "net.safetensors").touch()
    for age, name in enumerate(("new", "old")):
        (folder / f"{name}.safetensors").touch()
        os.utime(folder / f"{name}.safetensors", (1e9 - age, 1e9 - age))
    (folder / ".new.safetensors.x.part").touch()
    (folder / "state.pt").touch()
    assert found["net"].checkpoint == checkpoints / "net.safetensors"
    assert found["fast"].checkpoint == folder / "new.safetensors"


@pytest.mark.skipif(os.name != "posix" or sys.platform == "darwin", reason="names of files are text there")
def test_a_folder_whose_name_is_no_text_is_listed_by_what_can_be_shown(folders):
    checkpoints, runs = folders
    made = make_run(runs / "plain")
    shutil.move(made, os.fsdecode(os.fsencode(runs) + b"/odd\xff"))
    (run,) = find_runs(checkpoints, runs).values()
    assert run.name == "odd?"
    assert run.history.is_file()
