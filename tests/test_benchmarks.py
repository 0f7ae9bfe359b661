"""The benchmarks say what they claim, and the quick ones run; their figures are not looked at here."""

import importlib.util
import json
import os
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from cbam_core.training.recipes import FAST

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py"))


@pytest.fixture
def load(monkeypatch):
    """Opens a benchmark as running it would, with its own folder in front of the import path."""
    monkeypatch.syspath_prepend(str(FOLDER))

    def opened(name):
        spec = importlib.util.spec_from_file_location(f"benchmark_{name}", FOLDER / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, spec.name, module)  # dataclasses look themselves up there
        spec.loader.exec_module(module)
        return module

    yield opened
    for name in [name for name in sys.modules if name.partition(".")[0] == "apparatus"]:
        del sys.modules[name]


def told(capsys):
    line, sentence = capsys.readouterr().out.splitlines()
    return json.loads(line), sentence


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_names_its_claim_and_its_command(load, name):
    module = load(name)
    assert re.match(r"(Claim|Report): ", module.__doc__)
    assert f"\n    python benchmarks/{name}.py [--rounds " in module.__doc__


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_refuses_fewer_rounds_than_one(load, name, capsys):
    with pytest.raises(SystemExit) as stopped:
        load(name).main(["--rounds", "0"])
    assert stopped.value.code == 2
    assert "--rounds must be at least 1" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "rounds"), [("capture_cost", "3"), ("memory", "20")])
def test_a_quick_benchmark_prints_figures_and_a_sentence(load, name, rounds, capsys):
    status = load(name).main(["--rounds", rounds])
    figures, sentence = told(capsys)
    assert figures["claim"] == name
    assert status == (0 if figures["holds"] else 1)
    assert sentence.startswith("Holds: " if figures["holds"] else "DOES NOT HOLD: ")


def test_the_report_on_reruns_says_what_is_to_be_written(load, capsys):
    assert load("page_reruns").main(["--rounds", "2", "--quick"]) == 0
    figures, sentence = told(capsys)
    assert set(figures["reruns_ms"]) == {"model", "training"}
    assert all(0 < ms <= figures["worst_ms"][page] for page, ms in figures["reruns_ms"].items())
    named = re.fullmatch(r"Holds: (\w+) (\d+) ms; (\w+) (\d+) ms \(medians, in processor time .*\)", sentence)
    assert {named[1], named[3]} == {"Model", "Training"}
    assert int(named[2]) >= int(named[4])  # the slowest page first


def test_what_the_user_of_a_report_has_set_is_not_seen_and_stays(load, monkeypatch):
    module = load("page_reruns")
    monkeypatch.setenv("CBAM_IMAGE_DIR", "photos")
    monkeypatch.setenv("CBAM_DATA_DIR", "fetched")
    with module.as_installed():
        assert "CBAM_IMAGE_DIR" not in os.environ
        assert os.environ["CBAM_DATA_DIR"] != "fetched"
    assert (os.environ["CBAM_IMAGE_DIR"], os.environ["CBAM_DATA_DIR"]) == ("photos", "fetched")


def test_a_claim_that_fails_ends_with_another_status(load, monkeypatch, capsys):
    module = load("memory")
    readings = iter([100.0, 106.0])
    monkeypatch.setattr(module, "resident", lambda: next(readings))
    assert module.main(["--rounds", "2"]) == 1
    figures, sentence = told(capsys)
    assert figures["growth_mb"] == 6
    assert sentence.startswith("DOES NOT HOLD: 100 MB after 1 explanations, 106 MB after 2: +6.0 MB")


def test_contenders_take_turns_and_are_compared_round_by_round(load):
    load("memory")
    from apparatus import turns

    calls = []
    times = turns.take_turns({"a": lambda turn: calls.append(("a", turn)), "b": lambda turn: None}, 3, warm_up=2)
    assert [turn for _, turn in calls] == [-2, -1, 0, 1, 2]
    assert {name: len(seconds) for name, seconds in times.items()} == {"a": 3, "b": 3}
    assert turns.paired_ratio({"a": [1.0, 20.0, 3.0], "b": [2.0, 10.0, 6.0]}, "a", "b") == 0.5


def test_what_all_images_would_take_is_reckoned_from_some(load):
    passes = load("score_speed").passes_an_edit
    assert passes(2.0, 4.0, 16.0, 10, whole=100, shown=100) == pytest.approx(1.0)
    # 5,000 images in 10 plain seconds are twice 2,500; constants are tried on 1,000 however many there are
    assert passes(5.0, 4.0, 10.0, 10, whole=5000, shown=2500) == pytest.approx((2 * (10 + 5) + 0.4 * 4) / 10 / 10)


def test_the_rivals_see_what_explain_sees(load, tiny_classifier):
    module = load("explain_vs_gradcam")
    from PIL import Image

    from cbam_core.data.samples import sample_sheet

    pixels = sample_sheet().images[0]
    (content,) = module.encoded([Image.fromarray(pixels)], "PNG")
    batch = module.user_preprocessing(tiny_classifier)(content)
    assert batch.shape == (1, 3, 32, 32)
    assert batch[0].equal(tiny_classifier.preprocess(content))


def test_the_load_test_measures_real_visitors_and_counts_their_errors(load):
    module = load("load")
    found = module.measure(2, [2], thinking=0.2, gone=0)
    assert found["visitors"][2]["errors"] == 0
    assert found["visitors"][2]["reruns"] == 4
    assert 0 < found["visitors"][2]["p50_ms"] <= found["visitors"][2]["p95_ms"] < 60_000
    assert found["visitors"][2]["resident_mb"] > 100


def test_the_load_claim_fails_for_slow_answers_errors_and_memory_that_stays(load, monkeypatch, capsys):
    module = load("load")
    good = {"reruns": 50, "p50_ms": 20.0, "p95_ms": 149.0, "first_page_p50_ms": 9, "errors": 0}
    good |= {"resident_mb": 600.0}

    def status(after=501.0, **changed):
        found = {50: good, 100: {**good, "reruns": 100, **changed}}
        mb = {"before": 500.0, "after": after}
        monkeypatch.setattr(module, "measure", lambda *_, **__: {"mb": mb, "visitors": found})
        return module.main(["--rounds", "1"])

    assert status() == 0
    assert "100 visitors: p50 20 ms, p95 149 ms" in told(capsys)[1]
    assert status(p95_ms=1001.0) == 1
    assert status(errors=1) == 1
    assert status(reruns=99) == 1
    assert status(resident_mb=701.0) == 1
    assert status(after=521.0) == 1


@pytest.fixture
def twins(load, monkeypatch, tmp_path):
    """The twin report with made-up runs; says which were trained."""
    module = load("twin")
    monkeypatch.setattr(module, "LEDGER", tmp_path / "twin_runs.json")
    module.trained = []

    def train(gates, seed):
        module.trained.append((gates, seed))
        right = {"both": 8630, "channel": 8600, "spatial": 8680, "none": 8600}[gates] + 10 * seed * (gates == "both")
        return module.Result(gates, seed, right, 10_000, 1_150_896, 400.0 - 100 * (gates == "none"), "float32", "a")

    monkeypatch.setattr(module, "train", train)
    return module


def test_twins_are_compared_pair_by_pair(twins, capsys):
    assert twins.main(["--rounds", "2"]) == 0
    figures, sentence = told(capsys)
    both = figures["twins"]["both"]
    assert both["accuracies"] == [0.863, 0.864]
    assert both["difference"] == pytest.approx(0.0035)
    assert both["half_interval"] == pytest.approx(12.706 * 0.0005, rel=1e-3)  # deviation 0.00071, over the root of 2
    assert "both 86.35% (+0.35 ± 0.64 points, 2 pairs)" in sentence
    assert sentence.endswith("none 86.00%")


def test_steps_of_all_twins_are_timed_in_turns(twins, monkeypatch, capsys):
    monkeypatch.setattr(twins, "STEPS", 1)
    monkeypatch.setattr("apparatus.learning.FAST", replace(FAST, batch_size=8))
    assert twins.time_steps(rounds=1) == 0
    figures, sentence = told(capsys)
    assert figures["over_none"]["none"] == 1
    assert set(figures["step_ms"]) == set(twins.TWINS)
    assert "none" in sentence


def test_a_twin_that_was_trained_before_is_not_trained_again(twins, capsys):
    twins.main(["--rounds", "1"])
    twins.main(["--rounds", "2"])
    assert twins.trained == [(gates, seed) for seed in (0, 1) for gates in twins.TWINS]
    twins.main(["--rounds", "1"])
    assert len(twins.trained) == 8
    assert told_last(capsys)["twins"]["both"]["accuracies"] == [0.863]


def told_last(capsys):
    return json.loads(capsys.readouterr().out.splitlines()[-2])


def test_what_is_kept_is_told_without_training(twins, capsys):
    twins.main(["--rounds", "1"])
    twins.main(["--kept"])
    assert len(twins.trained) == 4
    assert told_last(capsys)["twins"]["both"]["pairs"] == 1


def test_twins_in_different_arithmetic_are_no_pair(twins):
    results = {(gates, 0): twins.train(gates, 0) for gates in twins.TWINS}
    assert len(twins.pairs(results, "both")) == 1
    results["none", 0] = twins.Result(**{**vars(results["none", 0]), "arithmetic": "bfloat16"})
    assert twins.pairs(results, "both") == []


def test_twins_of_another_recipe_are_refused(twins, monkeypatch):
    from dataclasses import replace

    twins.main(["--rounds", "1"])
    monkeypatch.setattr(twins, "FAST", replace(twins.FAST, epochs=3))
    with pytest.raises(SystemExit, match=r"of another recipe \(other: epochs\); remove it to train all twins anew"):
        twins.main(["--rounds", "1"])


def test_the_twins_that_ship_are_of_recipe_fast(load):
    module = load("twin")
    results = module.read_ledger()
    assert {result.images for result in results.values()} == {10_000}
    assert all(len(module.pairs(results, gates)) >= 2 for gates in module.TWINS)


def test_an_atlas_is_compared_with_an_evaluation_by_the_medians_of_their_calls(load, tiny_classifier, tmp_path, capsys):
    from cbam_core.data.dataset import samples, thinned

    module = load("atlas_build")
    timed = module.contenders(tiny_classifier, thinned(samples(), 20), tmp_path / "atlas")
    for name in ("evaluate", "observe", "build"):
        timed[name]()
    assert (tmp_path / "atlas" / "tables.npz").is_file()
    took = {
        ("evaluate", 0): [(1.0, 2.0), (9.0, 2.0), (3.0, 1.0)],
        ("observe", 0): [(2.0, 1.0)],
        ("build", 0): [(2.2, 2.5), (1.0, 9.0)],
        ("evaluate", 1): [(1.0, 2.0)],
        ("observe", 1): [(2.0, 1.0)],
        ("build", 1): [(1.6, 5.75)],
    }
    module.in_slices = lambda commands, calls: took if set(commands) == set(took) and calls == 5 else None
    assert module.main(["--processes", "2"]) == 1  # medians: 1.6 and 2.0 of the processor, 5.75 and 2.0 of the clock
    figures = json.loads(capsys.readouterr().out.partition("\n")[0])
    assert (figures["ratio_processor"], figures["ratio_clock"]) == (0.8, 2.88)


BUSY = """
import sys, time
sys.path.insert(0, sys.argv[1])
from apparatus.slices import repeat

def work():
    started = time.process_time()
    while time.process_time() - started < float(sys.argv[2]):
        pass

repeat(work)
"""


def test_programs_take_turns_in_slices_and_only_the_time_in_which_they_run_counts(load):
    in_slices = load("atlas_build").in_slices
    commands = {str(seconds): [sys.executable, "-c", BUSY, FOLDER, str(seconds)] for seconds in (0.05, 0.25)}
    calls = in_slices(commands, 2)
    for name, times in calls.items():
        assert len(times) == 2
        for computing, running in times:
            assert computing == pytest.approx(float(name), abs=0.02)
            assert computing - 0.01 <= running
    with pytest.raises(RuntimeError, match="of none ended"):
        in_slices({"none": [sys.executable, "-c", ""]}, 1)
