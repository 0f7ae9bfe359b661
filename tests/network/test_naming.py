"""Names of networks, and what is none."""

from pathlib import Path

import pytest

from cbam_core.errors import CheckpointError
from cbam_core.network.naming import is_named, read_named


@pytest.mark.parametrize("text", ["timm:resnet18", "torchvision:resnet18", "my.nets:build", "a.toml", "nets:Net.make"])
def test_names_of_networks_are_told_from_checkpoints(text: str) -> None:
    assert is_named(text)


@pytest.mark.parametrize("text", ["cbam_cnn_cifar10", "runs/a.pth", "C:\\nets\\a.pth", "https://a.org/a.pth", "a b:c"])
def test_checkpoints_are_no_names_of_networks(text: str) -> None:
    assert not is_named(text)


def test_arguments_that_are_no_table_are_named(tmp_path: Path) -> None:
    (tmp_path / "net.toml").write_text('model = "my.nets:build"\narguments = 3\n', encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"the arguments in .*net\.toml have to be a table, .* = 7}; given 3"):
        read_named(str(tmp_path / "net.toml"))
