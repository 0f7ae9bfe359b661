"""``cbam info`` and ``cbam export``."""

import json
import os
from dataclasses import replace

import pytest
import torch
from rich.console import Console

from cbam_core import CBAM_CNN
from cbam_core.cli import main
from cbam_core.gates.anatomy import summarise
from cbam_core.network import save_classifier
from cbam_core.nn import CBAM_ResNet
from cbam_core.weights.card import Card


@pytest.fixture
def carded(tiny_classifier, tmp_path):
    card = Card(
        what="A network for a test.",
        recipe={"name": "short", "epochs": 3},
        command="cbam train --recipe short --out runs/short",
        epochs=3,
        seed=7,
        split="trained on 45,000 images",
        test_correct=8765,
        test_count=10_000,
        limits="Good for nothing [yet].",
        date="2026-02-03",
    )
    path = tmp_path / "carded.safetensors"
    save_classifier(replace(tiny_classifier, card=card), path)
    return path


def test_info_shows_the_card(carded, capsys):
    assert main(["info", str(carded)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    for fact in (
        "A network for a test.",
        "87.65 % (8,765 of 10,000)",
        "trained on 45,000 images",
        "cbam train --recipe short --out runs/short",
        "Good for nothing [yet].",
        "2026-02-03",
        "epochs 3",
        "seed 7",
    ):
        assert fact in said


def test_info_shows_layers_blocks_and_costs(carded, capsys, tiny_classifier):
    main(["info", str(carded)])
    said = capsys.readouterr().out
    summary = summarise(tiny_classifier.model, (32, 32))
    rows = {tuple(line.split()) for line in said.splitlines()}
    for layer in summary.layers:
        shape = "×".join(map(str, layer.output_shape))
        assert (layer.name, layer.kind, shape, f"{layer.parameters:,}", f"{layer.multiply_adds:,}") in rows
    assert ("cbam3", "2,146", "2,048", "98", "9,760") in rows
    assert ("parameters", "1,150,896") in rows
    assert "2,982 parameters (0.26 % of all)" in said


def test_info_as_json_holds_the_same(carded, capsys, tiny_classifier):
    assert main(["info", str(carded), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    summary = summarise(tiny_classifier.model, (32, 32))
    assert said["parameters"] == said["trainable"] == 1_150_896
    assert said["multiply_adds"] == summary.multiply_adds
    assert said["cbam"]["parameters"] == sum(block["parameters"] for block in said["blocks"]) == 2982
    assert len(said["layers"]) == len(summary.layers)
    assert said["card"]["test_accuracy"] == 0.8765
    assert said["card"]["seed"] == 7


def test_info_opens_a_plain_state_dict_and_says_what_it_took_for_granted(tiny_classifier, tmp_path, capsys):
    path = tmp_path / "plain.pth"
    torch.save(tiny_classifier.model.state_dict(), path)
    assert main(["info", str(path)]) == 0
    assert "assumed" in capsys.readouterr().out


def test_exported_weights_load_strictly_and_are_the_same(carded, tmp_path, capsys, tiny_classifier):
    out = tmp_path / "weights.pth"
    assert main(["export", str(carded), str(out)]) == 0
    assert str(out) in capsys.readouterr().out
    model = CBAM_CNN()
    model.load_state_dict(torch.load(out, weights_only=True), strict=True)
    for name, tensor in tiny_classifier.model.state_dict().items():
        assert torch.equal(model.state_dict()[name], tensor)


def test_export_to_where_nobody_may_write_is_one_line(carded, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["export", str(carded), str(tmp_path / "file" / "weights.pth")]) == 3
    errors = capsys.readouterr().err
    assert errors.count("\n") == 1
    assert "choose a file that you may write to" in errors


def test_a_refused_checkpoint_leaves_nothing_behind(tmp_path, capsys):
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(os.urandom(64))
    assert main(["export", str(bad), str(tmp_path / "out.pth")]) == 3
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "out.pth").exists()


def test_a_checkpoint_is_not_exported_onto_itself(carded, capsys, monkeypatch):
    content = carded.read_bytes()
    assert main(["export", str(carded), str(carded)]) == 3
    assert "is the checkpoint itself" in capsys.readouterr().err
    monkeypatch.setenv("CBAM_CHECKPOINT_DIR", str(carded.parent))
    assert main(["export", "carded", str(carded)]) == 3
    assert carded.read_bytes() == content


def test_info_names_every_layer_in_full_in_a_narrow_terminal(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr("cbam_core.cli.checkpoints.console", lambda: Console(width=60, highlight=False, markup=False))
    assert main(["info", "cbam_resnet_cifar10"]) == 0
    said = capsys.readouterr().out
    assert "…" not in said
    table = said.partition("Layers\n")[2].partition("\nCBAM blocks")[0].splitlines()
    (heading,) = [line for line in table if line.startswith("layer")]
    kind, output = heading.index("kind"), heading.index("output")
    assert "stage1.0.cbam.channel_attn.avg_pool" in "".join(line[:kind].rstrip() for line in table)
    assert "BatchNorm2d" in "".join(line[kind:output].rstrip() for line in table)


def test_info_takes_what_the_owner_states(tiny_classifier, tmp_path, capsys):
    path = tmp_path / "plain.pth"
    torch.save({"net": tiny_classifier.model.state_dict(), "ema": tiny_classifier.model.state_dict()}, path)
    names = tmp_path / "names.txt"
    names.write_text("\n".join("abcdefghij") + "\n", encoding="utf-8")
    stated = ["--classes", str(names), "--normalisation", "0.5/0.25", "--weights", "ema", "--json"]
    assert main(["info", str(path), *stated]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["classes"] == list("abcdefghij")
    assert (said["mean"], said["std"]) == ([0.5] * 3, [0.25] * 3)
    assert said["card"]["assumptions"] == []
    assert main(["info", str(path), "--json"]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert plain["classes"][0] == "airplane"
    assert plain["digest"] != said["digest"]
    assert "ema" in plain["remarks"][0]["text"]


@pytest.mark.parametrize("given", ["imagnet", "0.5,0.5/1,1"])
def test_a_statement_that_is_none_is_one_line(given, tiny_classifier, tmp_path, capsys):
    path = tmp_path / "plain.pth"
    torch.save(tiny_classifier.model.state_dict(), path)
    assert main(["info", str(path), "--normalisation", given]) == 3
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(("given", "size"), [("32", [32, 32]), ("64x48", [64, 48])])
def test_the_input_size_can_be_stated(given, size, tmp_path, capsys):
    path = tmp_path / "net.pth"
    torch.save(CBAM_ResNet().state_dict(), path)
    assert main(["info", str(path), "--input-size", given, "--normalization", "imagenet", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["input_size"] == size


def test_a_size_that_is_none_and_an_address_are_one_line(tmp_path, capsys):
    assert main(["info", "cbam_cnn_cifar10", "--input-size", "big"]) == 2
    assert "'big' is not a size like 32 or 64x48" in " ".join(capsys.readouterr().err.split())
    assert main(["info", "https://example.org/net.pth"]) == 3
    assert "https://example.org/net.pth is an address, and nothing is downloaded" in capsys.readouterr().err


def test_info_takes_a_network_of_ones_own_as_other_commands_do(capsys):
    assert main(["info", "--model", "torchvision:mobilenet_v3_small", "--size", "64"]) == 0
    said = capsys.readouterr().out
    assert "1,000: tench, goldfish" in said
    assert "microwave" not in said  # one of the thousand classes
    assert "CBAM adds" not in said
    assert "gates add " in said  # those of its nine squeeze-and-excitation blocks
    assert "features.1.block.1" in said.split("Blocks with gates")[1]


def test_info_is_asked_for_one_network(capsys):
    assert main(["info", "cbam_cnn_cifar10", "--model", "cbam_resnet_cifar10"]) == 2
    assert "not both cbam_cnn_cifar10 and cbam_resnet_cifar10" in capsys.readouterr().err


def test_a_folder_in_the_place_of_a_network_is_told_what_is_meant_perhaps(carded, tmp_path, capsys):
    assert main(["info", str(tmp_path)]) == 3
    assert f"is a folder; name the file of the network in it, such as {carded}" in capsys.readouterr().err
    (tmp_path / "photos").mkdir()
    assert main(["info", str(tmp_path / "photos")]) == 3
    assert "is not a file; give the path of a .safetensors or .pth file" in capsys.readouterr().err
    assert main(["score", str(tmp_path / "photos")]) == 3
    assert f"name them with --set {tmp_path / 'photos'}" in capsys.readouterr().err


def test_info_says_how_other_weights_are_chosen(tmp_path, capsys):
    model = CBAM_CNN()
    torch.save({"model": model.state_dict(), "ema": model.state_dict()}, tmp_path / "two.pth")
    main(["info", str(tmp_path / "two.pth")])
    assert "(ema), which can be chosen by name: --weights NAME" in " ".join(capsys.readouterr().out.split())
