"""The control for capacity: as many parameters as attention has, and no gate."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from cbam_core import CBAM_CNN, Classifier, capture, load_classifier
from cbam_core.network import save_classifier
from cbam_core.nn import CBAM_ResNet
from cbam_core.nn.capacity import Bottleneck, bottleneck_of
from cbam_core.nn.registry import build, complete_arguments


def size(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def test_a_fresh_bottleneck_changes_nothing_and_then_adds() -> None:
    block, x = Bottleneck(4, 2), torch.randn(2, 4, 3, 3)
    assert torch.equal(block(x), x)
    block.down.weight.data[:] = torch.eye(4)[:2, :, None, None]
    block.up.weight.data[:] = torch.eye(4)[:, :2, None, None]
    expected = x.clone()
    expected[:, :2] += x[:, :2].relu()
    assert torch.allclose(block(x), expected)


@pytest.mark.parametrize(
    ("channels", "wanted", "hidden"), [(64, 2 * 64 * 4 + 98, 5), (256, 2 * 256 * 16 + 98, 16), (8, 1, 1)]
)
def test_its_size_is_the_nearest_that_there_is(channels: int, wanted: int, hidden: int) -> None:
    assert bottleneck_of(channels, wanted).down.out_channels == hidden


@pytest.mark.parametrize(("ratio", "kernel_size"), [(16, 7), (8, 3)])
def test_a_network_of_bottlenecks_has_as_many_parameters_and_no_gate(ratio: int, kernel_size: int) -> None:
    attentive = CBAM_CNN(ratio=ratio, kernel_size=kernel_size)
    control = CBAM_CNN(gates="bottleneck", ratio=ratio, kernel_size=kernel_size).eval()
    assert abs(size(control) - size(attentive)) <= 32 + 64 + 128
    x = torch.randn(2, 3, 32, 32)
    with capture(control) as record:
        control(x)
    assert record.gates == ()


@pytest.mark.parametrize("gates", ["none", "channel", "spatial"])
@pytest.mark.parametrize("network", [CBAM_CNN, CBAM_ResNet])
def test_a_file_without_some_gates_is_opened_as_what_it_is(
    network: type[nn.Module], gates: str, tmp_path: Path
) -> None:
    variant = network(gates=gates).eval()
    torch.save(variant.state_dict(), tmp_path / "variant.pth")
    opened = load_classifier(tmp_path / "variant.pth")
    assert opened.arguments["gates"] == gates
    x = torch.randn(1, 3, 32, 32)
    assert torch.equal(opened.model(x), variant(x))


def test_a_checkpoint_of_the_control_says_what_it_is(tmp_path: Path) -> None:
    arguments = complete_arguments("CBAM_ResNet", {"gates": "bottleneck"})
    model = build("CBAM_ResNet", arguments).eval()
    made = Classifier(
        model=model,
        architecture="CBAM_ResNet",
        arguments=arguments,
        classes=tuple("abcdefghij"),
        mean=(0.5,) * 3,
        std=(0.5,) * 3,
        input_size=(32, 32),
    )
    save_classifier(made, tmp_path / "control.safetensors")
    opened = load_classifier(tmp_path / "control.safetensors")
    x = torch.randn(1, 3, 32, 32)
    assert torch.equal(opened.model(x), model(x))
    assert opened.arguments["gates"] == "bottleneck"
