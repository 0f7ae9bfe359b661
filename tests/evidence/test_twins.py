"""Networks that were trained without gates, compared pair by pair."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cbam_core.errors import DataError
from cbam_core.evidence.twins import read_twins
from cbam_core.places import project_folder
from cbam_core.results.twins import VARIANTS, TwinRun, Twins


def test_twins_are_compared_by_seed_and_number_type(tmp_path: Path) -> None:
    runs = [
        {"gates": gates, "seed": seed, "right": right, "images": 1000, "arithmetic": "float32"}
        for seed, row in enumerate([(860, 850), (864, 852)])
        for gates, right in zip(("both", "none"), row, strict=True)
    ]
    runs.append({**runs[1], "seed": 7})
    runs.append({**runs[1], "gates": "channel", "arithmetic": "bfloat16"})
    path = tmp_path / "runs.json"
    path.write_text(json.dumps({"recipe": {"name": "fast"}, "runs": runs}))
    (twin,) = read_twins(path)
    assert (twin.group, twin.pairs, twin.recipe) == ("all", 2, "fast")
    assert twin.points == pytest.approx(-1.1)
    assert twin.reach == pytest.approx(12.706 * 0.1)  # deviation 0.1414 over the root of 2


def test_the_runs_of_this_project_give_its_numbers() -> None:
    twins = {twin.group: twin for twin in read_twins(project_folder() / "benchmarks" / "twin_runs.json")}
    assert (round(twins["all"].points, 2), round(twins["all"].reach, 2), twins["all"].pairs) == (-0.54, 0.50, 5)
    assert twins["all.channel"].points > 0  # masks alone are not worse than both gates


def test_twins_of_a_training_command_are_read_too(tmp_path: Path) -> None:
    runs = [
        TwinRun(variant, seed, right, 1000, 100, None, 1.0, "float32")
        for seed, row in enumerate([(860, 850, 855), (864, 852, 860)])
        for variant, right in zip(VARIANTS, row, strict=True)
    ]
    Twins({"recipe": "staged"}, tuple(runs)).write(tmp_path / "twins.json")
    (twin,) = read_twins(tmp_path / "twins.json")
    assert (twin.group, twin.pairs, twin.recipe) == ("all", 2, "staged")
    assert twin.points == pytest.approx(-1.1)


@pytest.mark.parametrize("content", ["", "{}", '{"recipe": {"name": "a"}, "runs": [{"gates": 1}]}'])
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "runs.json"
    path.write_text(content)
    with pytest.raises(DataError, match="does not hold runs of twins"):
        read_twins(path)
    with pytest.raises(DataError, match="No such file"):
        read_twins(tmp_path / "none.json")
