"""Names of networks, and what is none."""

import pytest

from cbam_core.network.naming import is_named


@pytest.mark.parametrize("text", ["timm:resnet18", "torchvision:resnet18", "my.nets:build", "a.toml", "nets:Net.make"])
def test_names_of_networks_are_told_from_checkpoints(text: str) -> None:
    assert is_named(text)


@pytest.mark.parametrize("text", ["cbam_cnn_cifar10", "runs/a.pth", "C:\\nets\\a.pth", "https://a.org/a.pth", "a b:c"])
def test_checkpoints_are_no_names_of_networks(text: str) -> None:
    assert not is_named(text)
