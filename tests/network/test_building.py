"""Networks by name: of timm, torchvision, a factory or a TOML file; their weights are read as data, and strictly."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cbam_core import explain, load_classifier
from cbam_core.cli import main
from cbam_core.cli.stating import Stated
from cbam_core.data.dataset import labelled_for, samples
from cbam_core.errors import CbamError, CheckpointError, ModelError
from cbam_core.network import load_checkpoint
from cbam_core.network.building import open_network
from cbam_core.network.file_facts import completed
from cbam_core.network.naming import split_weights
from cbam_core.network.opening import open_operators, operators_text
from cbam_core.network.statement import statement
from cbam_core.nn import inserted_blocks
from cbam_core.weights import open_weights

SOURCE = """
from torch import nn
from cbam_core import CBAM

def small(classes=3):
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, stride=2, padding=1), CBAM(16, ratio=4), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(16, classes),
    )

def named():
    from cbam_core import Classifier
    return Classifier(
        model=small().eval(), classes=("a", "b", "c"), mean=(0.0,) * 3, std=(1.0,) * 3, input_size=(24, 24), name="Mine"
    )

def broken():
    raise OSError("no disk")

def leaving():
    raise SystemExit(2)

def painted():
    network = small()
    network.add_module("\x1b[31mred", nn.Linear(3, 3))
    return network

class Gated(nn.Sequential):
    def forward(self, x):
        x = self[0](x)
        return self[4](self[3](self[2](x * x.mean((2, 3), keepdim=True).sigmoid())))

def gated():
    return Gated(*small())

number = 3
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a module of factories, which is the current one."""
    (tmp_path / "nets_of_mine.py").write_text(SOURCE, encoding="utf-8")
    (tmp_path / "names.txt").write_text("cat\ndog\nowl\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    sys.modules.pop("nets_of_mine", None)


@pytest.fixture
def weights(place: Path) -> Path:
    torch.manual_seed(3)
    model = open_network("nets_of_mine:small", statement({"size": 24, "normalisation": "half"})).model
    state = {f"module.{name}": torch.randn_like(tensor) for name, tensor in model.state_dict().items()}
    torch.save({"epoch": 3, "state_dict": state}, place / "best.pth")
    return place / "best.pth"


STATED = {"size": 24, "mean": (0.5, 0.4, 0.3), "std": (0.2, 0.2, 0.2), "classes": "names.txt"}


def refused(text: str, **given: object) -> str:
    with pytest.raises(CbamError) as caught:
        open_network(text, statement({**STATED, **given}))
    return f"{caught.value.code}: {caught.value}"


def test_weights_are_found_under_any_prefix_and_loaded(weights: Path) -> None:
    network = open_network("nets_of_mine:small", statement({**STATED, "weights": weights}))
    stored = torch.load(weights, weights_only=True)["state_dict"]
    assert all(torch.equal(stored[f"module.{name}"], tensor) for name, tensor in network.model.state_dict().items())
    assert (network.classes, network.input_size, network.name) == (("cat", "dog", "owl"), (24, 24), "small")
    assert (network.mean, network.std) == ((0.5, 0.4, 0.3), (0.2, 0.2, 0.2))
    assert not network.model.training
    again = open_network("nets_of_mine:small", statement({**STATED, "weights": str(weights)}))
    assert len(network.digest) == 64
    assert network.digest == again.digest
    assert (
        network.digest
        != open_network("nets_of_mine:small", statement({**STATED, "weights": weights, "size": 32})).digest
    )
    assert [block.name for block in explain(network, np.zeros((24, 24, 3), np.uint8)).blocks] == ["1"]


def test_averaged_weights_are_chosen_behind_the_name_of_the_file(weights: Path, place: Path) -> None:
    held = torch.load(weights, weights_only=True)["state_dict"]
    plain = {name.removeprefix("module."): tensor for name, tensor in held.items()}
    averaged = {name: torch.randn_like(tensor) for name, tensor in plain.items()}
    torch.save({"model": plain, "model_ema": averaged}, place / "both.pth")
    network = open_network("nets_of_mine:small", statement({**STATED, "weights": place / "both.pth"}))
    said = {remark.code: str(remark) for remark in network.remarks}
    assert "(model_ema)" in said["network.other-weights"]
    assert said["network.other-weights"].endswith("FILE:model_ema")
    (place / "net.toml").write_text('model = "nets_of_mine:small"\nweights = "both.pth:model_ema"\n')
    for name, file in (("nets_of_mine:small", "both.pth:model_ema"), (str(place / "net.toml"), None)):
        chosen = open_network(name, statement({**STATED, "weights": file}))
        state = chosen.model.state_dict()
        assert all(torch.equal(averaged[key], tensor) for key, tensor in state.items())
        assert chosen.digest != network.digest
        assert "(model)" in {remark.code: str(remark) for remark in chosen.remarks}["network.other-weights"]
    again = open_operators(operators_text("nets_of_mine:small", statement({**STATED, "weights": "both.pth:model_ema"})))
    assert again.digest == chosen.digest
    assert refused("nets_of_mine:small", weights="both.pth:swa").startswith("checkpoint.no-such-weights")
    assert "both.pth" not in said["network.other-weights"]  # visitors of the app read it


def test_a_name_with_a_colon_is_a_file_where_there_is_one(weights: Path, place: Path) -> None:
    weights.rename(place / "best:ema")
    assert split_weights("best:ema") == (Path("best:ema"), None)
    assert split_weights("missing.pth:ema") == (Path("missing.pth:ema"), None)


def test_class_names_in_a_file_are_set_aside(weights: Path, place: Path) -> None:
    held = torch.load(weights, weights_only=True)
    torch.save({**held, "class_names": ["cat", "dog", "owl"]}, place / "named.pth")
    given = {"size": 24, "normalisation": "half", "weights": place / "named.pth"}
    assert open_network("nets_of_mine:small", statement(given)).classes == ("cat", "dog", "owl")
    assert open_network("nets_of_mine:small", statement({**given, "classes": ()})).classes == ()
    assert Stated(classes="none").statement.classes == ()


@pytest.mark.parametrize(
    "given",
    [{"owl": 2, "cat": 0, "dog": 1}, {1: "dog", 0: "cat", 2: "owl"}, {"2": "owl", "0": "cat", "1": "dog"}],
    ids=str,
)
def test_classes_are_named_by_a_dict_in_the_order_of_its_numbers(given: dict[Any, Any]) -> None:
    assert statement({"classes": given}).classes == ("cat", "dog", "owl")


@pytest.mark.parametrize("given", [{9: 2, 3: 0, 7: 1}, {0: 3, 2: 9, 1: 7}], ids=str)
def test_classes_may_be_numbers(given: dict[int, int]) -> None:
    assert statement({"classes": given}).classes == ("3", "7", "9")
    assert statement({"classes": {1: 1, 0: 0}}).classes == ("0", "1")


@pytest.mark.parametrize("given", [{"cat": 1, "dog": 2}, {0: "cat", 2: "dog"}, {"cat": "dog"}, {0: 1, 1: 0}], ids=str)
def test_a_dict_whose_numbers_have_gaps_names_no_classes(given: dict[Any, Any]) -> None:
    with pytest.raises(CheckpointError, match="the numbers run from 0 without a gap"):
        statement({"classes": given})


def test_names_and_shapes_are_matched_strictly(weights: Path, place: Path) -> None:
    state = torch.load(weights, weights_only=True)["state_dict"]
    lacking = {name: tensor for name, tensor in state.items() if not name.endswith("4.bias")}
    torch.save(lacking, place / "lacking.pth")
    assert "4.bias" in refused("nets_of_mine:small", weights=place / "lacking.pth")
    torch.save({**state, "module.4.extra": torch.zeros(2)}, place / "more.pth")
    assert "4.extra" in refused("nets_of_mine:small", weights=place / "more.pth")
    (place / "net.toml").write_text('model = "nets_of_mine:small"\n[arguments]\nclasses = 5\n', encoding="utf-8")
    assert "checkpoint.shape" in refused("net.toml", weights=weights)


def test_a_file_says_which_network_and_the_command_line_counts_more(weights: Path, place: Path) -> None:
    (place / "sub").mkdir()
    (place / "sub" / "mine.toml").write_text(
        'model = "nets_of_mine:small"\nweights = "../best.pth"\nclasses = ["a", "b", "c"]\nsize = [24, 16]\n'
        "mean = 0.5\nstd = 0.25\n[arguments]\nclasses = 3\n",
        encoding="utf-8",
    )
    network = open_network("sub/mine.toml")
    assert (network.classes, network.input_size, network.name) == (("a", "b", "c"), (24, 16), "mine")
    assert (network.mean, network.std) == ((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
    assert open_network("sub/mine.toml", statement({"size": 32})).input_size == (32, 32)


def test_what_is_wrong_is_said_in_one_sentence(place: Path) -> None:
    assert "no-factory" in refused("not.there:small")
    assert "no-factory" in refused("nets_of_mine:smaller")
    assert "no disk" in refused("nets_of_mine:broken")
    assert "no-module" in refused("nets_of_mine:number")
    assert "not-built" in refused("torchvision:no_such_network")
    assert "file-unreadable" in refused("missing.toml")
    (place / "odd.toml").write_text('model = "timm:resnet18"\nsise = 3\n', encoding="utf-8")
    assert "'sise'" in refused("odd.toml")
    (place / "odd.toml").write_text("size = 3\n", encoding="utf-8")
    assert "file-model" in refused("odd.toml")


def test_a_network_that_names_no_classes_says_why_there_is_no_prediction(place: Path) -> None:
    stated = {"size": 24, "normalisation": "half"}
    (remark,) = open_network("nets_of_mine:small", statement(stated)).remarks
    assert remark.code == "network.unnamed"
    assert "--classes" in str(remark)
    assert open_network("nets_of_mine:small", statement({**stated, "classes": ["a", "b", "c"]})).remarks == ()


def test_networks_of_libraries_have_their_own_preprocessing() -> None:
    network = open_network("torchvision:squeezenet1_1")
    assert (network.input_size, network.mean[0], network.classes[0]) == ((224, 224), 0.485, "tench")
    assert {remark.code for remark in network.remarks} == {"network.random", "network.torchvision"}
    assert network.digest == open_network("torchvision:squeezenet1_1").digest  # random, and the same each time
    two = open_network("torchvision:squeezenet1_1", statement({"classes": ["cat", "dog"], "size": 64}))
    assert (two.classes, two.input_size) == (("cat", "dog"), (64, 64))


@pytest.mark.parametrize("library", ["torchvision:squeezenet1_1", "timm:mobilenetv3_small_050"])
def test_networks_of_libraries_have_as_many_outputs_as_their_weights(library: str, place: Path) -> None:
    pytest.importorskip("timm")
    five = open_network(library, statement({"classes": list("abcde"), "size": 64})).model.state_dict()
    torch.save(five, place / "five.pth")
    network = open_network(library, statement({"weights": "five.pth"}))
    assert network.classes == tuple(f"class {number}" for number in range(5))
    assert "network.assumed-numbers" in {remark.code for remark in network.remarks}
    assert all(torch.equal(tensor, five[name]) for name, tensor in network.model.state_dict().items())
    torch.save({"model": five, "classes": list("vwxyz")}, place / "five.pth")
    assert open_network(library, statement({"weights": "five.pth"})).classes == tuple("vwxyz")
    stated = statement({"weights": "five.pth", "classes": ["one", "two"]})
    with pytest.raises(CheckpointError, match="which means"):
        open_network(library, stated)


@pytest.mark.parametrize(("given", "asked"), [("nets.py", "nets:FUNCTION"), ("code/nets.py:small", "nets:small")])
def test_a_file_of_code_is_refused_with_how_to_name_what_is_in_it(given: str, asked: str) -> None:
    with pytest.raises(ModelError, match=f"returns the network as {asked}, in the folder of the file"):
        load_classifier(given)


def test_networks_of_timm_say_what_they_need() -> None:
    pytest.importorskip("timm")
    network = open_network("timm:mobilenetv3_small_050")
    assert (network.input_size, network.std[0], network.classes[1]) == ((224, 224), 0.229, "goldfish")
    few = open_network("timm:mobilenetv3_small_050", statement({"classes": ["cat", "dog", "owl"]}))
    assert few.classes == ("cat", "dog", "owl")
    bare = explain(few.model, np.zeros((9, 9, 3), np.uint8), size=32)
    assert bare.classes == ("class 0", "class 1", "class 2")
    assert "network.assumed-numbers" in {note.code for note in bare.notes}


def test_commands_take_a_network_of_ones_own(
    weights: Path, place: Path, picture_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = ["--weights", "best.pth", "--classes", "names.txt", "--size", "24", "--mean", "0.5", "--std", "0.2"]
    assert main(["explain", str(picture_file), "--model", "nets_of_mine:small", *own, "--out", "out"]) == 0
    assert capsys.readouterr().out.split(": ")[1].split()[0] in ("cat", "dog", "owl")
    assert main(["info", "nets_of_mine:small", *own]) == 0
    assert "24×24" in capsys.readouterr().out
    for name in ("dog", "owl"):
        (place / "val" / name).mkdir(parents=True)
        (place / "val" / name / "one.png").write_bytes(picture_file.read_bytes())
    assert main(["evaluate", "--model", "nets_of_mine:small", *own, "--images", "val"]) == 0
    said = capsys.readouterr().out
    assert "on the images of val: accuracy 50.00 % (1 of 2)" in said or "accuracy 0.00 % (0 of 2)" in said
    assert main(["usual", "--model", "nets_of_mine:small", *own, "--images", "val"]) == 0
    assert (place / "best.pth.usual.npz").is_file()
    assert (
        open_network("nets_of_mine:small", statement({**STATED, "mean": 0.5, "std": 0.2, "weights": weights})).usual
        is not None
    )


def test_labels_are_numbered_as_the_network_does() -> None:
    few = samples()
    more = ("owl", *reversed(few.classes))
    told = labelled_for(few, more)
    assert [more[label] for label in told.known_labels] == [few.classes[label] for label in few.known_labels]
    assert labelled_for(few, ("owl",)) is few


@pytest.mark.parametrize(
    "wrong", ['mean = [0, 0, "a"]\nstd = 1', 'mean = "a"\nstd = 1', "classes = [1, 2, [3]]", "size = 16.5"]
)
def test_wrong_values_of_a_file_are_said_in_one_sentence(place: Path, wrong: str) -> None:
    (place / "mine.toml").write_text(f'model = "nets_of_mine:small"\n{wrong}\n', encoding="utf-8")
    with pytest.raises(CbamError, match="; given"):
        open_network("mine.toml")


@pytest.mark.parametrize(
    "size", ["16.5", "big", "1e9", "16x", "0", "1x2x3", 16.5, 1e9, float("nan"), float("inf"), None]
)
def test_sizes_that_are_none_are_quoted(size: object) -> None:
    with pytest.raises(CbamError, match=re.escape(f"given {[size]!r}")):
        statement({"size": [size]})
    if size is not None:
        with pytest.raises(CbamError, match=re.escape(f"given {size!r}")):
            statement({"size": size})


def test_sizes_are_understood_as_they_are_written() -> None:
    assert statement({"size": "16"}).input_size == (16, 16)
    assert statement({"size": "64x48"}).input_size == (64, 48)
    assert statement({"size": np.int64(16)}).input_size == (16, 16)


@pytest.mark.parametrize("given", [3, ((0.5,),), {0.5}])
def test_a_normalisation_that_is_none_is_quoted(given: object) -> None:
    with pytest.raises(CbamError, match=re.escape(f"given {given!r}")):
        statement({"normalisation": given})


def test_names_of_classes_from_windows_are_read(place: Path) -> None:
    (place / "names.txt").write_bytes("cat\r\ndog\r\n".encode("utf-8-sig"))
    assert statement({"classes": "names.txt"}).classes == ("cat", "dog")


@pytest.mark.parametrize("factory", ["leaving", "leaving_early:small"])
def test_code_that_ends_the_program_is_named(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], factory: str
) -> None:
    (place / "leaving_early.py").write_text("raise SystemExit(2)", encoding="utf-8")
    name = factory if ":" in factory else f"nets_of_mine:{factory}"
    assert main(["info", name, "--size", "24", "--normalisation", "half"]) == 3
    assert "SystemExit: 2" in capsys.readouterr().err


def test_names_of_modules_do_not_control_the_terminal(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "nets_of_mine:painted", "--size", "24", "--normalisation", "half"]) == 0
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert "\\x1b[31mred" in said


def test_info_names_the_network_where_its_own_code_multiplies(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "nets_of_mine:gated", "--size", "24", "--normalisation", "half"]) == 0
    assert "the network itself  Gated" in capsys.readouterr().out


def test_weights_named_in_a_file_are_beside_it(place: Path, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "net.toml").write_text('model = "nets_of_mine:small"\nweights = "none.pth"\n', encoding="utf-8")
    assert str(folder / "none.pth") in refused(str(folder / "net.toml"))


def test_a_network_keeps_its_own_name_unless_the_file_gives_another(place: Path) -> None:
    (place / "net.toml").write_text('model = "nets_of_mine:named"\n', encoding="utf-8")
    assert open_network("net.toml").name == "Mine"
    (place / "net.toml").write_text('model = "nets_of_mine:named"\nname = "Other"\n', encoding="utf-8")
    assert open_network("net.toml").name == "Other"


@pytest.mark.parametrize("given", [3, ["a"], "a\nb", "n" * 101])
def test_a_name_is_one_line_of_text(given: object) -> None:
    with pytest.raises(CbamError, match="the name of a network must have at most 100 printable characters"):
        statement({"name": given})


def test_commands_name_their_own_options(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "nets_of_mine:small"]) == 3
    said = capsys.readouterr().err
    assert "give --size in pixels, and --mean and --std or --normalisation imagenet; and --classes, their names" in said
    assert "tensor" not in said


def test_usual_gates_of_a_network_without_a_file_are_shown_and_not_kept(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stated = ["--size", "24", "--mean", "0.5", "--std", "0.2"]
    assert main(["usual", "--model", "nets_of_mine:small", "--images", "samples", *stated]) == 0
    shown = capsys.readouterr()
    assert "1.channel" in shown.out
    assert "small has no file of weights beside which results could be saved" in shown.err


def test_info_needs_no_normalisation(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "nets_of_mine:small", "--size", "24"]) == 0
    shown = capsys.readouterr()
    assert "24×24" in shown.out
    assert "mean and std of the network are not known" in shown.err


def test_a_file_may_ask_for_inserted_blocks(place: Path) -> None:
    said = 'model = "torchvision:squeezenet1_1"\nsize = 64\ninsert = "features.3"\nratio = 8\n'
    (place / "net.toml").write_text(f"{said}gradual = true\n", encoding="utf-8")
    (place / "plain.toml").write_text(said.replace("insert", "#"), encoding="utf-8")
    network, plain = open_network(str(place / "net.toml")), open_network(str(place / "plain.toml"))
    assert [*inserted_blocks(network.model)] == ["features.3.cbam"]
    images = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        assert network.model(images).shape == plain.model(images).shape
    torch.save(network.model.state_dict(), place / "own.pth")
    (place / "net.toml").write_text(f'{said}gradual = true\nweights = "own.pth"\n', encoding="utf-8")
    assert open_network(str(place / "net.toml")).digest == network.digest


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('insert = "a;b"', "insert must be up to 20 names or patterns of layers"),
        ("insert = 3", "insert must be up to 20 names or patterns"),
        ("ratio = 0", "ratio must be from 1 to 32; given 0"),
        ('gradual = "maybe"', "gradual must be no or yes; given 'maybe'"),
        ('stem = "tiny"', "stem must be usual or small"),
    ],
)
def test_what_cannot_be_inserted_is_one_sentence(place: Path, line: str, said: str) -> None:
    (place / "net.toml").write_text(f'model = "torchvision:squeezenet1_1"\n{line}\n', encoding="utf-8")
    with pytest.raises(CheckpointError, match=said):
        open_network(str(place / "net.toml"))


def test_python_takes_what_the_command_line_takes(weights: Path, place: Path) -> None:
    (place / "net.toml").write_text(
        'model = "nets_of_mine:small"\nweights = "best.pth"\nclasses = "names.txt"\n'
        'size = 24\nnormalisation = "half"\n',
        encoding="utf-8",
    )
    stated = {"classes": "names.txt", "size": 24, "normalisation": "half"}
    by_file = load_classifier("net.toml")
    by_name = load_classifier("nets_of_mine:small", weights=weights, name="mine", **stated)
    assert by_file.digest == by_name.digest == load_classifier(place / "net.toml").digest
    assert (by_file.name, by_file.classes, by_name.name) == ("net", ("cat", "dog", "owl"), "mine")
    library = load_classifier("torchvision:squeezenet1_1", classes=["cat", "dog"], size=64)
    assert (library.classes, library.input_size) == (("cat", "dog"), (64, 64))
    grey = np.full((24, 24, 3), 128, np.uint8)
    shown = explain("nets_of_mine:small", grey, weights=weights, **stated)
    assert shown.checkpoint_digest == by_file.digest
    assert np.array_equal(shown.probabilities, explain(by_file, grey).probabilities)


def test_usual_gates_that_a_command_kept_reach_python(weights: Path, place: Path) -> None:
    stated = ["--size", "24", "--normalisation", "half", "--weights", "best.pth"]
    assert main(["usual", "--model", "nets_of_mine:small", "--images", "samples", *stated]) == 0
    network = load_classifier("nets_of_mine:small", weights="best.pth", size=24, normalisation="half")
    gate = explain(network, np.full((24, 24, 3), 128, np.uint8)).blocks[0].gates[0]
    assert gate.usual is not None
    usual, values = gate.usual.mean, gate.values
    assert np.allclose(gate.against_usual, values / values.mean() - usual / usual.mean(), atol=1e-5)


@pytest.mark.parametrize("named", ["nets_of_mine:small", "net.toml", b'model = "nets_of_mine:small"'])
def test_a_checkpoint_is_never_taken_for_code(place: Path, named: str | bytes) -> None:
    (place / "net.toml").write_text('model = "nets_of_mine:small"\n', encoding="utf-8")
    with pytest.raises(CheckpointError):
        load_checkpoint(named)
    if isinstance(named, bytes):
        with pytest.raises(CheckpointError):
            load_classifier(named)
    assert "nets_of_mine" not in sys.modules


def test_a_file_under_the_name_of_a_factory_is_read_as_a_checkpoint(weights: Path, place: Path) -> None:
    (place / "nets_of_mine:small").write_bytes(weights.read_bytes())
    sys.modules.pop("nets_of_mine", None)
    with pytest.raises(CheckpointError, match=r"tensors \(.+\) do not match any network"):
        load_classifier("nets_of_mine:small")
    assert "nets_of_mine" not in sys.modules


def test_weights_of_other_code_are_refused_with_the_way_to_open_them(
    weights: Path, picture_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CheckpointError, match=r"load_classifier\('package.module:factory', weights='best.pth'\)"):
        load_classifier(weights)
    assert main(["info", "best.pth"]) == 3
    said = capsys.readouterr().err
    assert said.endswith("and this file as its weights, --model package.module:factory --weights FILE\n")
    assert "load_classifier" not in said


def test_what_the_file_says_beside_the_weights_is_used_with_a_factory_too(weights: Path, place: Path) -> None:
    state = torch.load(weights, weights_only=True)["state_dict"]
    beside = {"classes": ["cat", "dog", "owl"], "img_size": 24, "mean": [0.5, 0.4, 0.3], "std": [0.2, 0.2, 0.2]}
    torch.save({"state_dict": state, **beside, "labels": ["x", "y"]}, place / "told.pth")
    network = load_classifier("nets_of_mine:small", weights="told.pth")
    assert (network.classes, network.input_size) == (("cat", "dog", "owl"), (24, 24))
    assert (network.mean, network.std) == ((0.5, 0.4, 0.3), (0.2, 0.2, 0.2))
    assert [str(remark) for remark in network.remarks] == [
        "what the file says about its network beside the weights was used: classes, mean, std, ..."
    ]
    other = load_classifier("nets_of_mine:small", weights="told.pth", classes=["a", "b", "c"], normalisation="half")
    assert (other.classes, other.mean, other.input_size) == (("a", "b", "c"), (0.5,) * 3, (24, 24))
    assert network.digest == load_classifier("nets_of_mine:small", weights=weights, **STATED).digest


def test_class_names_of_another_number_than_the_outputs_are_not_taken(weights: Path, place: Path) -> None:
    state = torch.load(weights, weights_only=True)["state_dict"]
    torch.save({"state_dict": state, "classes": ["cat", "dog"], "img_size": 0}, place / "told.pth")
    network = load_classifier("nets_of_mine:small", weights="told.pth", size=24, normalisation="half")
    assert network.classes == ()
    assert [remark.code for remark in network.remarks] == ["checkpoint.other-classes", "network.unnamed"]


@pytest.mark.parametrize(
    ("beside", "code"),
    [
        ({"classes": [""] * 3}, "checkpoint.unfit-names"),
        ({"mean": [0.5] * 3, "std": [0.0] * 3}, "checkpoint.other-normalisation"),
        ({"img_size": 0}, "network.unfit-size"),
    ],
)
def test_what_the_file_says_and_cannot_be_so_is_named_unless_its_owner_states_it(
    beside: dict[str, Any], code: str, weights: Path, place: Path
) -> None:
    state = torch.load(weights, weights_only=True)["state_dict"]
    torch.save({"state_dict": state, **beside}, place / "told.pth")
    model = open_network("nets_of_mine:small", statement({"size": 24, "normalisation": "half"})).model
    _, remarks = completed(statement({}), model, open_weights(place / "told.pth"))
    assert [remark.code for remark in remarks] == [code]
    stated = statement({"classes": ["a", "b", "c"], "normalisation": "half", "size": 24})
    assert completed(stated, model, open_weights(place / "told.pth")) == (stated, ())


def test_a_mask_of_infinity_is_read_where_the_network_has_one(place: Path) -> None:
    (place / "nets_with_masks.py").write_text(
        "import torch\nfrom torch import nn\n\ndef net(mask=float('-inf')):\n"
        "    made = nn.Sequential(nn.Conv2d(3, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())\n"
        "    made.register_buffer('mask', torch.full((2, 2), mask).triu(1))\n    return made\n",
        encoding="utf-8",
    )
    state = {"0.weight": torch.zeros(2, 3, 3, 3), "0.bias": torch.zeros(2), "mask": torch.full((2, 2), -math.inf)}
    given = {"size": 24, "normalisation": "half", "weights": place / "masked.pth"}
    torch.save(state, place / "masked.pth")
    model = open_network("nets_with_masks:net", statement(given)).model
    assert model.get_buffer("mask").isinf().all()
    for broken in ({"mask": torch.full((2, 2), math.nan)}, {"0.bias": torch.full((2,), math.inf)}):
        torch.save(state | broken, place / "masked.pth")
        with pytest.raises(CheckpointError, match="not finite"):
            open_network("nets_with_masks:net", statement(given))
