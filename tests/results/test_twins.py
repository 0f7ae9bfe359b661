"""Whether attention paid: gains from pairs of runs, and what is said of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from cbam_core.errors import DataError
from cbam_core.results.twins import VARIANTS, Gain, TwinRun, Twins, Variant, read_twins


def run(variant: Variant, seed: int, right: int, arithmetic: str = "float32") -> TwinRun:
    return TwinRun(variant, seed, right, 1000, 500, 7000, 2.5, arithmetic)


def twins(**accuracies: list[int]) -> Twins:
    """Twins with so many of 1000 test images right, for seeds 0, 1, ..."""
    return Twins(
        {"recipe": "fast"},
        tuple(
            run(variant, seed, right) for variant in VARIANTS for seed, right in enumerate(accuracies.get(variant, ()))
        ),
    )


def test_a_gain_is_the_mean_over_pairs_with_students_interval() -> None:
    gain = twins(**{"with": [860, 864], "without": [850, 852]}).gain("without")
    assert (gain.pairs, gain.points) == (2, pytest.approx(1.1))
    assert gain.reach == pytest.approx(12.706 * 0.1)  # the deviation 0.1414 over the root of 2


def test_few_test_images_that_agree_settle_nothing() -> None:
    runs = [TwinRun(variant, seed, 4, 6, 100, None, 1.0, "float32") for variant in VARIANTS for seed in (0, 1)]
    gain = Twins({}, tuple(runs)).gain("without")
    assert gain.reach == pytest.approx(12.706 * (100 / 6) / 2**0.5)
    assert gain.answer == "cannot tell"


def test_only_runs_of_one_seed_and_number_type_are_pairs() -> None:
    known = Twins({}, (run("with", 0, 860), run("without", 0, 850, "bfloat16"), run("without", 1, 850)))
    assert known.gain("without").pairs == 0


@pytest.mark.parametrize(
    ("gain", "answer", "said"),
    [
        (Gain(0.6, 0.5, 5), "yes", "yes (+0.60 ± 0.50 points, 5 pairs)"),
        (Gain(-0.2, 0.5, 5), "no", "no (-0.20 ± 0.50 points, 5 pairs)"),
        (Gain(0.2, 0.5, 5), "cannot tell", "cannot tell (+0.20 ± 0.50 points, 5 pairs)"),
        (Gain(3.0, float("inf"), 1), "cannot tell", "cannot tell (+3.00 points, 1 pair: at least two are needed)"),
        (Gain(float("nan"), float("inf"), 0), "cannot tell", "cannot tell (no pairs)"),
    ],
)
def test_the_answer_is_yes_no_or_cannot_tell(gain: Gain, answer: str, said: str) -> None:
    assert (gain.answer, str(gain)) == (answer, said)


def test_the_verdict_names_the_capacity_control_where_there_is_one() -> None:
    both = {"with": [870, 872, 874], "without": [850, 852, 854]}
    assert twins(**both).verdict == "Gain above seed noise: yes (+2.00 ± 0.25 points, 3 pairs)."
    control = twins(**both, capacity=[871, 871, 875]).verdict
    assert control.startswith(
        "Gain above seed noise: yes (+2.00 ± 0.25 points, 3 pairs); above the capacity control: no ("
    )


def test_a_caution_names_the_steps_of_short_runs() -> None:
    short, long = replace(run("with", 0, 860), steps=30), replace(run("without", 0, 850), steps=4000)
    assert Twins({}, (short, long)).caution.startswith("These runs had 30 steps: ")
    assert Twins({}, (long, run("with", 0, 860))).caution == ""


def test_a_run_done_again_takes_the_place_of_the_first() -> None:
    once = Twins({}, (run("with", 0, 860), run("without", 0, 850)))
    assert [kept.right for kept in once.joined(run("with", 0, 870)).runs] == [850, 870]


def test_a_file_gives_back_what_was_written(tmp_path: Path) -> None:
    known = twins(**{"with": [860], "without": [850], "capacity": [855]})
    known.write(tmp_path / "twins.json")
    assert read_twins(tmp_path / "twins.json") == known


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", json.dumps({"settings": {}, "runs": [{"variant": "with"}]}), '{"settings": 1, "runs": []}'],
)
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "twins.json").write_text(content)
    with pytest.raises(DataError, match="does not hold results of twins"):
        read_twins(tmp_path / "twins.json")


def test_impossible_numbers_are_refused(tmp_path: Path) -> None:
    Twins({}, (run("with", 0, 1001),)).write(tmp_path / "twins.json")
    with pytest.raises(DataError, match="1001 of 1000"):
        read_twins(tmp_path / "twins.json")
