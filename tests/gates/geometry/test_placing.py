"""Maps of gates in other modules than this library's are located where they are multiplied."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own habit
from torch import Tensor, nn

from cbam_core.gates import place
from cbam_core.gates.geometry import locate
from cbam_core.results.placement import Placement


class Squeeze(nn.Module):
    """Channel and spatial gates in one forward, as local variables."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc, self.conv = nn.Linear(channels, channels), nn.Conv2d(1, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = x * torch.sigmoid(self.fc(x.mean((2, 3))))[:, :, None, None]
        return x * torch.sigmoid(self.conv(x.mean(1, keepdim=True)))


class Foreign(nn.Module):
    """A network that repeats one block of gates."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.gates = Squeeze(4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.gates(self.stem(x))
        return self.gates(F.max_pool2d(x, 2))


def test_gates_that_operations_show_are_placed_on_the_map_that_they_multiply() -> None:
    assert place(Foreign().eval(), (16, 16)) == {"gates": Placement((0.0, 0.0), (2.0, 2.0))}


def test_every_call_of_a_block_has_a_place_of_its_own() -> None:
    assert place(Foreign().eval(), (16, 16), every_call=True) == {
        "gates": Placement((0.0, 0.0), (2.0, 2.0)),
        "gates#2": Placement((1.0, 1.0), (4.0, 4.0)),
    }


def test_gates_do_not_widen_the_field() -> None:
    (grid,) = place(Foreign().eval(), (16, 16)).values()
    assert (grid.field, grid.cells) == ((3.0, 3.0), (8, 8))


def test_placing_takes_no_random_numbers() -> None:
    class Noisy(Foreign):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x + 0 * torch.rand_like(x))

    network = Noisy().eval()
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    place(network, (16, 16))
    assert torch.equal(torch.rand(3), expected)


def test_grey_networks_are_shown_one_plane() -> None:
    network = nn.Sequential(nn.Conv2d(1, 4, 2, stride=2), Squeeze(4)).eval()
    assert place(network, (8, 8)) == {"1": Placement((0.5, 0.5), (2.0, 2.0))}


def test_layers_without_gates_are_located_by_name() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 2, stride=2), nn.ReLU(), nn.Flatten(), nn.Identity()).eval()
    assert locate(network, (8, 8), ["0", "1", "2"]) == {
        "0": Placement((0.5, 0.5), (2.0, 2.0)),
        "1": Placement((0.5, 0.5), (2.0, 2.0)),
    }
    assert not any(module._forward_hooks for module in network.modules())


def test_hooks_are_removed_after_an_error() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(5, 1)).eval()
    with pytest.raises(RuntimeError):
        locate(network, (8, 8), ["0"])
    assert not any(module._forward_hooks for module in network.modules())


def test_a_map_of_unknown_place_keeps_its_number_of_cells_for_masks_of_another_size() -> None:
    scattered = nn.Sequential(nn.Flatten(), nn.Linear(3 * 64, 4 * 16), nn.Unflatten(1, (4, 4, 4)), Squeeze(4)).eval()
    (grid,) = place(scattered, (8, 8)).values()
    assert (grid.status, grid.bound) == ("unknown", math.inf)
    assert grid.shared_by((2, 2)) == Placement.stretched((2, 2), (8, 8))
