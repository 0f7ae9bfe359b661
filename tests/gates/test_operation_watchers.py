"""Maps around gates that operations show, and replacing such gates."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from cbam_core.errors import CaptureError, EditError
from cbam_core.gates import capture
from cbam_core.gates.block_trace import follow_block
from cbam_core.gates.channel_trace import follow_channel
from cbam_core.gates.editing import edit
from cbam_core.gates.edits import EditWatcher
from cbam_core.gates.looking import all_sites
from cbam_core.gates.replacements import Off
from cbam_core.nn import CBAM


class Both(nn.Module):
    """Channel weights with a shift, and a mask, in one forward."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.conv = nn.Linear(8, 8), nn.Conv2d(1, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = x * (1 + torch.sigmoid(self.fc(x.mean((2, 3)))))[:, :, None, None].expand_as(x)
        return self.conv(x.mean(1, keepdim=True)).sigmoid().mul(x)


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.both, self.cbam = nn.Conv2d(3, 8, 3, padding=1), Both(), CBAM(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.cbam(self.both(self.stem(x)))


@pytest.fixture
def network() -> Network:
    torch.manual_seed(0)
    return Network().eval()


@pytest.fixture
def images() -> Tensor:
    return torch.randn(2, 3, 6, 7, generator=torch.Generator().manual_seed(1))


def test_all_sites_are_those_of_classes_and_of_operations(network: Network, images: Tensor) -> None:
    found = [(site.name, site.by_operation) for site in all_sites(network, images)]
    assert found == [
        ("cbam.channel", False), ("cbam.spatial", False), ("both.channel", True), ("both.spatial", True)
    ]  # fmt: skip


def test_a_block_is_followed_from_gate_to_gate(network: Network, images: Tensor) -> None:
    with torch.no_grad():
        before = network.stem(images)
        weights = 1 + torch.sigmoid(network.both.fc(before.mean((2, 3))))
        after = network.both(before)
    first, second = follow_block(network, images, "both")
    assert (first.kind, second.kind) == ("channel", "spatial")
    assert torch.equal(first.before, before)
    torch.testing.assert_close(first.after, before * weights[:, :, None, None])
    assert torch.equal(second.before, first.after)
    assert torch.equal(second.after, after)


def test_a_channel_is_followed_through_a_block(network: Network, images: Tensor) -> None:
    before, after = follow_channel(network, images, "both", 3)
    with torch.no_grad():
        assert torch.equal(before, network.stem(images)[:, 3])
        assert torch.equal(after, network.both(network.stem(images))[:, 3])
    with pytest.raises(CaptureError, match=r"both.*cbam|cbam.*both"):
        follow_channel(network, images, "other", 0)


def test_a_gate_that_operations_show_is_replaced_before_it_is_recorded(network: Network, images: Tensor) -> None:
    sites = {site.name: site for site in all_sites(network, images)}
    edits = {sites["both.channel"]: torch.zeros_like, sites["cbam.spatial"]: torch.ones_like}
    with torch.no_grad():
        x = network.stem(images)
        gated = network.both.conv(x.mean(1, keepdim=True)).sigmoid() * x  # weights of 1 + 0
        expected = network.cbam.channel_attn(gated)
        plain = network(images)
        for first in (True, False):
            recording, editing = capture(network), EditWatcher(network, edits)
            outer, inner = (recording, editing) if first else (editing, recording)
            with outer as record, inner as other:
                output = network(images)
            torch.testing.assert_close(output, expected)
            gates = {gate.name: gate for gate in (record if first else other).gates}
            assert torch.equal(gates["both.channel"].values, torch.zeros(2, 8))
            assert gates["both.channel"].shift == 1
            assert torch.equal(gates["cbam.spatial"].values, torch.ones(2, 6, 7))
        assert torch.equal(network(images), plain)


def test_edits_by_name_reach_gates_that_operations_show(network: Network, images: Tensor) -> None:
    with torch.no_grad(), capture(network) as record, edit(network, {"both.spatial": Off()}):
        network(images)
    mask = next(gate for gate in record.gates if gate.name == "both.spatial")
    assert torch.equal(mask.values, torch.ones(2, 6, 7))
    with pytest.raises(EditError, match=r"both\.channel"), edit(network, {"both.full": Off()}):
        network(images)
