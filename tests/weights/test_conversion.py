"""Weights carried between layouts give the same logits, or are refused."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from cbam_core.errors import CheckpointError
from cbam_core.network import load_classifier
from cbam_core.nn import CBAM, CBAM_CNN, CBAM_ResNet
from cbam_core.weights.conversion import convert
from cbam_core.weights.layouts import LAYOUTS, MAX_FIRST, MEAN_FIRST, find_blocks
from tests.weights.foreign_blocks import FOREIGN, Block, Conv1x1Attention, LinearAttention, Mask

OURS = LAYOUTS["cbam-lens"]


def network_with(block: Callable[[int], nn.Module]) -> CBAM_CNN:
    torch.manual_seed(3)
    model = CBAM_CNN(hidden=8)
    for name, channels in (("cbam1", 32), ("cbam2", 64), ("cbam3", 128)):
        setattr(model, name, block(channels))
    return model.eval()


def images() -> Tensor:
    return torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def without_constants(model: nn.Module) -> nn.Module:
    """Set biases of blocks to 0, and give norms a scale and statistics that add nothing."""
    for name, module in model.named_modules():
        if "cbam" in name and isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)
        if "cbam" in name and isinstance(module, nn.BatchNorm2d):
            nn.init.constant_(module.weight, 1.7)
            module.running_var.fill_(0.3)
    return model


def saved(state: dict[str, Tensor]) -> bytes:
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("layout", FOREIGN)
def test_theirs_to_ours_gives_the_same_logits(layout: str) -> None:
    theirs = without_constants(network_with(FOREIGN[layout]))
    done = convert(theirs.state_dict(), OURS)
    ours = CBAM_CNN(hidden=8).eval()
    ours.load_state_dict(done.tensors)
    assert torch.allclose(ours(images()), theirs(images()), atol=1e-6)
    assert [block.prefix for block in done.blocks] == ["cbam1.", "cbam2.", "cbam3."]


@pytest.mark.parametrize("layout", FOREIGN)
def test_ours_to_theirs_gives_the_same_logits_with_strict_names(layout: str) -> None:
    ours = network_with(CBAM)
    theirs = network_with(FOREIGN[layout])
    theirs.load_state_dict(convert(ours.state_dict(), LAYOUTS[layout]).tensors)
    assert torch.allclose(theirs(images()), ours(images()), atol=1e-6)


@pytest.mark.parametrize("layout", FOREIGN)
def test_the_loader_opens_them_and_says_what_was_renamed(layout: str) -> None:
    theirs = without_constants(network_with(FOREIGN[layout]))
    classifier = load_classifier(saved({f"model.{name}": one for name, one in theirs.state_dict().items()}))
    assert classifier.architecture == "CBAM_CNN"
    assert torch.allclose(classifier.model(images()), theirs(images()), atol=1e-6)
    codes = [remark.code for remark in classifier.remarks]
    assert codes.count("checkpoint.renamed") == 1
    assert "convert.planes-taken" in codes


def test_the_loader_opens_any_known_network_so() -> None:
    torch.manual_seed(4)
    ours = CBAM_ResNet(num_classes=3).eval()
    classifier = load_classifier(saved(convert(ours.state_dict(), LAYOUTS["ca-sa"]).tensors))
    assert classifier.architecture == "CBAM_ResNet"
    assert torch.equal(classifier.model(images()), ours(images()))


def test_there_and_back_is_bit_equal() -> None:
    before = network_with(CBAM).state_dict()
    for layout in ("ca-sa", "ca-sa-fc", "channel-attention", "channel-attention-mlp"):
        after = convert(convert(before, LAYOUTS[layout]).tensors, OURS).tensors
        assert after.keys() == before.keys()
        assert all(torch.equal(after[name], before[name]) for name in before)


def test_own_tensors_of_a_network_stay_where_they_are() -> None:
    before = network_with(CBAM).state_dict()
    after = convert(before, LAYOUTS["ca-sa"]).tensors
    assert [name for name in after if "cbam" not in name] == [name for name in before if "cbam" not in name]
    assert after["cbam3.ca.fc1.weight"].shape == (8, 128, 1, 1)


def test_parts_with_numbers_become_numbered_blocks() -> None:
    blocks = find_blocks(
        {"ca2.fc1.weight": (2, 32, 1, 1), "ca2.fc2.weight": (32, 2, 1, 1), "sa2.conv1.weight": (1, 2, 7, 7)}
    )
    assert [(block.prefix, block.planes, block.own) for block in blocks] == [("cbam2.", MEAN_FIRST, False)]


def unknown_order(c: int) -> nn.Module:
    return Block(("channel_attention", Conv1x1Attention(c)), ("spatial_attention", Mask("conv")))


def test_an_unknown_order_of_planes_is_asked_for() -> None:
    theirs = network_with(unknown_order)
    with pytest.raises(CheckpointError, match=r"which is the mean and which the maximum.*--planes") as caught:
        convert(theirs.state_dict(), OURS)
    assert caught.value.code == "convert.planes"
    with pytest.raises(CheckpointError, match="cbam convert"):
        load_classifier(saved(theirs.state_dict()))
    done = convert(theirs.state_dict(), OURS, MEAN_FIRST)
    ours = CBAM_CNN(hidden=8).eval()
    ours.load_state_dict(done.tensors)
    assert torch.allclose(ours(images()), theirs(images()), atol=1e-6)
    other = convert(theirs.state_dict(), OURS, MAX_FIRST).tensors["cbam1.spatial_attn.conv.weight"]
    assert torch.equal(other, done.tensors["cbam1.spatial_attn.conv.weight"].flip(1))


def biased(c: int) -> nn.Module:
    return Block(("ca", LinearAttention(c, bias=True)), ("sa", Mask("conv1")))


def test_a_bias_that_is_not_zero_is_refused_and_named() -> None:
    theirs = network_with(biased)
    with pytest.raises(CheckpointError, match=r"cbam1\.ca\.mlp\.0\.bias is a bias that is not 0"):
        convert(theirs.state_dict(), OURS)
    with pytest.raises(CheckpointError, match="cannot be carried over"):
        load_classifier(saved(theirs.state_dict()))


def test_a_norm_that_adds_something_is_refused() -> None:
    theirs = without_constants(network_with(FOREIGN["timm"]))
    theirs.cbam2.spatial.conv["bn"].running_mean.fill_(0.1)
    with pytest.raises(CheckpointError, match=r"cbam2\.spatial\.conv\.bn adds a constant"):
        convert(theirs.state_dict(), OURS)


def test_constants_are_carried_where_both_layouts_have_them() -> None:
    theirs = network_with(FOREIGN["authors"])
    for number in (1, 2, 3):
        norm = theirs.get_submodule(f"cbam{number}").SpatialGate.spatial["bn"]
        norm.running_mean.fill_(0.2)
        norm.bias.data.fill_(-0.4)
        norm.running_var.fill_(2.0)
    others = network_with(FOREIGN["pytorchcv"])
    others.load_state_dict(convert(theirs.state_dict(), LAYOUTS["pytorchcv"]).tensors)
    assert torch.allclose(others(images()), theirs(images()), atol=1e-6)


def test_a_file_without_blocks_is_refused() -> None:
    with pytest.raises(CheckpointError, match="no CBAM was found among the 2 tensors"):
        convert(nn.Linear(2, 2).state_dict(), OURS)


def test_files_of_other_networks_are_left_as_they_are() -> None:
    block = FOREIGN["ca-sa"](32)
    with pytest.raises(CheckpointError) as caught:
        load_classifier(saved(block.state_dict()))
    assert caught.value.code == "checkpoint.unknown-network"
