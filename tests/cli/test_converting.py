"""``cbam convert``: blocks in another layout, and what was done to them, line by line."""

import pytest
import safetensors.torch
import torch

from cbam_core.cli import main
from cbam_core.network import export_state_dict, load_classifier


@pytest.fixture
def ours(tiny_classifier, tmp_path):
    export_state_dict(tiny_classifier, tmp_path / "ours.pth")
    return tmp_path / "ours.pth"


def test_there_and_back_gives_the_same_weights(ours, tmp_path, capsys):
    theirs, back = tmp_path / "theirs.safetensors", tmp_path / "back.pth"
    assert main(["convert", str(ours), "--to", "authors", "--out", str(theirs)]) == 0
    said = capsys.readouterr().out
    assert "theirs.safetensors: 3 blocks as authors, 55 tensors" in said
    assert "was: channel_attn.fc.0, spatial_attn.conv" in said
    assert "cbam1.ChannelGate.mlp.1.bias" in safetensors.torch.load_file(theirs)
    assert main(["convert", str(theirs), "--to", "cbam-lens", "--out", str(back)]) == 0
    said = capsys.readouterr().out
    assert "biases of 0 were dropped" in said
    assert "the norm behind the kernel was folded into it" in said
    assert "the planes of the kernel were taken as max, mean" in said
    before, after = torch.load(ours), torch.load(back)
    assert before.keys() == after.keys()
    assert all(torch.allclose(before[name], after[name], rtol=1e-6) for name in before)
    assert load_classifier(theirs).architecture == "CBAM_CNN"


def test_a_network_that_ships_is_converted_by_its_name(tmp_path, capsys):
    assert main(["convert", "cbam_cnn_cifar10", "--to", "authors", "--out", str(tmp_path / "theirs.pth")]) == 0
    assert "theirs.pth: 3 blocks as authors" in capsys.readouterr().out


def test_a_file_is_not_written_over_itself(ours, capsys):
    assert main(["convert", str(ours), "--to", "ca-sa", "--out", str(ours)]) == 3
    assert "choose another name" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "said"),
    [(["--to", "mine"], "'--to': 'mine' is not one of cbam-lens"), (["--to", "timm", "--planes", "a"], "neither")],
)
def test_unknown_words_are_usage_errors(ours, tmp_path, capsys, option, said):
    assert main(["convert", str(ours), "--out", str(tmp_path / "x.pth"), *option]) == 2
    assert said in capsys.readouterr().err
