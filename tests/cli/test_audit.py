"""``cbam audit``: what a block is made of, sentence by sentence, and the same as JSON."""

import json
import re
from pathlib import Path

import pytest

from cbam_core.cli import main

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "audit.md").read_text(encoding="utf-8")


def test_blocks_made_alike_stand_together(capsys):
    assert main(["audit", "cbam_cnn_cifar10", "--repeats", "1"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("cbam_cnn_cifar10, 32×32: 3 blocks, forward ")
    assert "cbam1 and 2 more made alike: CBAM; channel weights, then a mask" in said
    assert "cbam2: 64 channels / 4 hidden units, 610 parameters, 15,488 multiply-adds, " in said
    assert "reduction ratio        16" in said
    assert "As the paper describes it." in said


@pytest.mark.parametrize(
    ("network", "size"),
    [
        ("cbam_cnn_cifar10", 32),
        ("pytorchcv.models.cbamresnet:cbam_resnet18", 224),
        ("pytorchcv.models.bamresnet:bam_resnet18", 224),
    ],
)
def test_the_page_shows_what_the_command_writes(network, size, capsys):
    if ":" in network:
        pytest.importorskip("pytorchcv")
    assert main(["audit", network, "--input-size", str(size), "--repeats", "0"]) == 0
    said = [line.rstrip() for line in capsys.readouterr().out.strip().splitlines()]
    shown = PAGE.split(f"`{network}`")[1].split("```\n")[1].strip().splitlines()
    if ":" in network:  # without the rows
        said = [line for line in said if not re.search(r"\((read|probed|read and probed)\)$", line)]
    assert shown == said


def test_a_network_of_ones_own_needs_no_normalisation(tmp_path, monkeypatch, capsys):
    (tmp_path / "nets_to_audit.py").write_text(
        "from torch import nn\nfrom cbam_core import CBAM\n\n"
        "def small():\n    return nn.Sequential(nn.Conv2d(3, 16, 3), CBAM(16, ratio=4), nn.Conv2d(16, 4, 1))\n"
    )
    monkeypatch.chdir(tmp_path)
    assert main(["audit", "nets_to_audit:small", "--input-size", "24", "--repeats", "0"]) == 0
    written = capsys.readouterr()
    assert written.out.startswith("small, 24×24: 1 block")
    assert "mean and std of the network are not known, and not needed here" in written.err


def test_json_has_every_block_with_how_it_was_found(capsys):
    assert main(["audit", "cbam_cnn_cifar10", "--json", "--repeats", "0"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["network"], found["input_size"], found["forward_milliseconds"]) == (
        "cbam_cnn_cifar10",
        [32, 32],
        None,
    )
    assert {block["style"] for block in found["blocks"]} == {"CBAM"}
    assert found["blocks"][0]["gates"][1]["kernel"] == [7, 7]
    assert found["blocks"][0]["gates"][0]["how"]["pools"] == "both"
