"""The control for capacity: as many parameters as attention has, and no gate."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from cbam_core import CBAM_CNN, capture, insert_cbam
from cbam_core.errors import ModelError
from cbam_core.nn.capacity import Bottleneck, bottleneck_of, places_of_cbam, spend


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


def test_a_network_without_gates_gets_as_many_parameters_as_one_with() -> None:
    attentive, plain = CBAM_CNN(), CBAM_CNN(gates="none")
    missing = size(attentive) - size(plain)
    places = places_of_cbam(attentive)
    assert {path: channels for path, (channels, _) in places.items()} == {"cbam1": 32, "cbam2": 64, "cbam3": 128}
    spent = spend(plain, places)
    assert size(plain) == size(attentive) - missing + spent
    assert abs(spent - missing) <= 32 + 64 + 128
    x = torch.randn(2, 3, 32, 32)
    with capture(plain.eval()) as record:
        plain(x)
    assert record.gates == ()


def test_it_goes_where_attention_would_be_inserted() -> None:
    def host() -> nn.Sequential:
        torch.manual_seed(0)
        return nn.Sequential(nn.Conv2d(3, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3))

    inserted = insert_cbam(host(), ["0", "2"], size=16)
    plain = host()
    spend(plain, {block.layer: (block.channels, block.parameters) for block in inserted.blocks})
    assert abs(size(plain) - size(host()) - inserted.parameters) <= 32 + 64
    assert torch.equal(plain(torch.ones(1, 3, 16, 16)), host()(torch.ones(1, 3, 16, 16)))


def test_a_layer_that_is_not_there_is_named_and_nothing_changes() -> None:
    model = nn.Sequential(nn.Conv2d(3, 32, 3))
    with pytest.raises(ModelError, match="no layer 7"):
        spend(model, {"0": (32, 128), "7": (32, 128)})
    assert size(model) == 3 * 32 * 9 + 32
