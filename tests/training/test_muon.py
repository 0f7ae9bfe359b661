"""Orthogonal steps."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from cbam_core.training.muon import BLOCK, Muon, orthogonalise


@pytest.mark.parametrize("shape", [(8, 8), (4, 32), (32, 4)])
def test_singular_values_come_near_one_and_vectors_stay(shape):
    torch.manual_seed(0)
    matrix = torch.randn(shape)
    result = orthogonalise(matrix)
    values = torch.linalg.svdvals(result)
    assert result.shape == matrix.shape
    assert values.min() > 0.5
    assert values.max() < 1.3
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    assert torch.nn.functional.cosine_similarity((left @ right).flatten(), result.flatten(), dim=0) > 0.95


@pytest.mark.parametrize("noise", [0.05, 0.001])
@pytest.mark.parametrize("shape", [(64, 288), (128, 576), (512, 2048)])
def test_no_singular_value_grows_beyond_one_near_a_low_rank(shape, noise):
    torch.manual_seed(0)
    matrix = torch.randn(shape[0], 3) @ torch.randn(3, shape[1]) + noise * torch.randn(shape)
    assert torch.linalg.svdvals(orthogonalise(matrix)).max() < 1.4


def test_rows_of_a_tall_layer_are_orthogonal_block_by_block():
    torch.manual_seed(0)
    layer = nn.Linear(2 * BLOCK, 2 * BLOCK, bias=False)
    before = layer.weight.detach().clone()
    optimiser = Muon([{"params": [layer.weight], "orthogonal": True}], lr=1.0)
    layer(torch.randn(300, 2 * BLOCK)).square().mean().backward()
    gradient = layer.weight.grad.clone()
    optimiser.step()
    for rows in (slice(0, BLOCK), slice(BLOCK, 2 * BLOCK)):
        step = before[rows] - layer.weight.detach()[rows]
        torch.testing.assert_close(step, orthogonalise(1.9 * gradient[rows]), atol=1e-5, rtol=0)


def test_size_of_the_gradient_does_not_matter():
    torch.manual_seed(0)
    matrix = torch.randn(6, 10)
    torch.testing.assert_close(orthogonalise(matrix), orthogonalise(1000 * matrix), atol=0.05, rtol=0)


def test_other_groups_are_sgd():
    torch.manual_seed(0)
    one, other = nn.Linear(3, 2), nn.Linear(3, 2)
    other.load_state_dict(one.state_dict())
    groups = [{"params": list(one.parameters()), "weight_decay": 0.01}]
    ours = Muon(groups, lr=0.1)
    theirs = torch.optim.SGD(other.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01)
    for _ in range(3):
        images = torch.randn(5, 3)
        for model, optimiser in ((one, ours), (other, theirs)):
            optimiser.zero_grad()
            model(images).square().sum().backward()
            optimiser.step()
    for mine, expected in zip(one.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(mine, expected)


def test_a_convolution_steps_by_its_rate_and_shrinks_by_its_decay():
    torch.manual_seed(0)
    layer = nn.Conv2d(4, 6, 3, bias=False)
    before = layer.weight.detach().clone()
    optimiser = Muon([{"params": [layer.weight], "orthogonal": True, "weight_decay": 0.5}], lr=0.1)
    layer(torch.randn(2, 4, 8, 8)).square().mean().backward()
    optimiser.step()
    step = (layer.weight.detach() - before * (1 - 0.1 * 0.5)).flatten(1)
    values = torch.linalg.svdvals(step)
    assert values.max() < 0.1 * 1.3
    assert values.min() > 0.1 * 0.3


def test_state_goes_there_and_back():
    layer = nn.Linear(3, 2)
    optimiser = Muon([{"params": [layer.weight], "orthogonal": True}], lr=0.1)
    layer(torch.ones(1, 3)).sum().backward()
    optimiser.step()
    other = Muon([{"params": [layer.weight], "orthogonal": True}], lr=0.1)
    other.load_state_dict(optimiser.state_dict())
    buffer = other.state[layer.weight]["momentum_buffer"]
    torch.testing.assert_close(buffer, optimiser.state[layer.weight]["momentum_buffer"])
