"""Twins: which recipes they have, and whole runs on a few made-up images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cbam_core import load_classifier
from cbam_core.cli import main
from cbam_core.errors import TrainingError
from cbam_core.nn import CBAM_CNN, inserted_blocks
from cbam_core.nn.cbam import ChannelAttention
from cbam_core.results.twins import VARIANTS, read_twins
from cbam_core.training import run
from cbam_core.training.building import Sources
from cbam_core.training.recipes import FAST
from cbam_core.training.recipes.staged import STAGED
from cbam_core.training.stages import parse_stages
from cbam_core.training.twins import TwinPlan, _seconds, multiply_adds, recipe_of, train_twins
from tests.training.test_run import made_up

RECIPE = replace(FAST, epochs=1, batch_size=16, validation=8, bfloat16=False, learning_rate=0.01)
COMMAND = "train --recipe fast --set batch_size=16 --set validation=8 --set bfloat16=no --set learning_rate=0.01"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TwinPlan, Any]]:
    """Two seeds of the course's network, for an epoch each; without the figures that each run draws."""
    plan = TwinPlan(RECIPE, tmp_path_factory.mktemp("twins"), 2, Sources())
    with pytest.MonkeyPatch.context() as patch:
        made_up(patch)
        patch.setattr(run, "draw_figures", lambda *_, **__: None)
        yield plan, train_twins(plan)


def test_a_registered_network_loses_its_gates() -> None:
    assert [recipe_of(FAST, variant, 3).gates for variant in VARIANTS] == ["both", "none", "bottleneck"]
    assert {recipe_of(FAST, variant, 3).seed for variant in VARIANTS} == {3}


def test_an_inserted_block_is_left_out_or_made_a_bottleneck() -> None:
    staged = replace(STAGED, stages="1: cbam=1 head=1; 6: **=0.1 cbam=0.2")
    with_blocks, without, capacity = (recipe_of(staged, variant, 0) for variant in VARIANTS)
    assert (with_blocks.insert, with_blocks.gates) == ("layer[1-4]", "both")
    assert (without.insert, without.gates) == ("", "both")
    assert [stage.shares for stage in parse_stages(without.stages)] == [(("head", 1.0),), (("**", 0.1),)]
    assert (capacity.insert, capacity.gates, capacity.gradual) == ("layer[1-4]", "bottleneck", False)


@pytest.mark.parametrize("recipe", [replace(FAST, gates="none"), replace(STAGED, insert="")])
def test_a_network_without_attention_is_refused_before_anything_is_trained(recipe: Any, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no attention that can be left out"):
        train_twins(TwinPlan(recipe, tmp_path / "new", 1, Sources()))
    assert not (tmp_path / "new").exists()


def test_three_networks_are_trained_for_each_seed(trained: tuple[TwinPlan, Any]) -> None:
    plan, found = trained
    assert {(one.variant, one.seed) for one in found.runs} == {(v, s) for v in VARIANTS for s in (0, 1)}
    assert {one.count for one in found.runs} == {30}
    parameters = {variant: found.of(variant)[0].parameters for variant in VARIANTS}
    assert parameters["with"] == 1_150_896
    assert parameters["without"] < parameters["with"]
    assert abs(parameters["capacity"] - parameters["with"]) <= 32 + 64 + 128
    assert found.gain("without").pairs == found.gain("capacity").pairs == 2
    control = load_classifier(next(plan.run_folder("capacity", 1).glob("*.safetensors"))).model
    assert not any(isinstance(module, ChannelAttention) for module in control.modules())
    assert read_twins(plan.folder / "twins.json") == found


def test_what_is_trained_is_not_trained_again(trained: tuple[TwinPlan, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    plan, found = trained

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(run, "train_classifier", refuse)
    assert train_twins(plan) == found


def test_twins_of_another_recipe_are_not_mixed(trained: tuple[TwinPlan, Any]) -> None:
    plan, _ = trained
    with pytest.raises(TrainingError, match=r"twins of another recipe \(other: learning_rate\)"):
        train_twins(replace(plan, recipe=replace(RECIPE, learning_rate=0.02)))


def test_the_command_prints_a_table_and_the_verdict(
    trained: tuple[TwinPlan, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    plan, found = trained
    assert main([*COMMAND.split(), "--epochs", "1", "--twins", "2", "--resume", "--out", str(plan.folder)]) == 0
    printed = capsys.readouterr().out
    assert f"{found.verdict}\nThese runs had 2 steps" in printed
    assert [line.split("  ")[0] for line in printed.splitlines()[1:4]] == [
        "with attention",
        "without",
        "as many parameters",
    ]


def test_a_folder_in_use_needs_resume(trained: tuple[TwinPlan, Any], capsys: pytest.CaptureFixture[str]) -> None:
    plan, _ = trained
    assert main([*COMMAND.split(), "--twins", "2", "--out", str(plan.folder)]) != 0
    assert "continue it with --resume" in capsys.readouterr().err


def test_an_epoch_in_which_the_machine_was_busy_does_not_count() -> None:
    assert _seconds([3.0, 3.0, 57.0]) == 9.0
    assert _seconds([]) == 0.0


def test_operations_are_those_of_the_layers() -> None:
    plain = CBAM_CNN(gates="none").eval()
    layers = 32 * 32 * 32 * 27 + 16 * 16 * 64 * 288 + 8 * 8 * 128 * 576 + 2048 * 512 + 512 * 10
    assert multiply_adds(plain, (32, 32)) == layers


def test_a_network_of_ones_own_gets_blocks_without_gates(tmp_path: Path) -> None:
    from cbam_core.training.building import begin

    recipe = replace(
        STAGED,
        architecture="torchvision:squeezenet1_1",
        stem="usual",
        insert="features.3",
        stages="",
        gates="bottleneck",
    )
    model = begin(recipe, Sources(), ("a", "b"), 32, "control").classifier.model
    (block,) = inserted_blocks(model).values()
    assert not any(isinstance(module, ChannelAttention) for module in block.modules())
    with pytest.raises(TrainingError, match="has none; name the layers"):
        begin(replace(recipe, insert=""), Sources(), ("a", "b"), 32, "control")
