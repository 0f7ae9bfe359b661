"""The kernels of spatial attention as plain numbers."""

import numpy as np
import torch
from torch import nn

from cbam_core.gates.kernels import spatial_kernels
from cbam_core.nn import CBAM_CNN, SpatialAttention
from tests.gates.audit.planted import PLANTED
from tests.gates.audit.spellings import Network


def test_every_block_gives_its_two_planes_in_the_networks_order(tiny_classifier):
    kernels = spatial_kernels(tiny_classifier.model)
    assert [kernel.block for kernel in kernels] == ["cbam1", "cbam2", "cbam3"]
    for kernel in kernels:
        weight = getattr(tiny_classifier.model, kernel.block).spatial_attn.conv.weight
        assert np.array_equal(kernel.planes, weight.detach().numpy()[0])
        assert kernel.planes.shape == (2, 7, 7)


def test_the_mean_comes_first():
    attention = SpatialAttention(3)
    with torch.no_grad():
        attention.conv.weight.zero_()
        attention.conv.weight[0, 0, 1, 1] = 1.0
    x = torch.randn(1, 4, 5, 5, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(attention(x), x * torch.sigmoid(x.mean(1, keepdim=True)))
    assert spatial_kernels(attention)[0].planes[0, 1, 1] == 1


def test_they_are_copies_of_any_size():
    model = nn.Sequential(SpatialAttention(1), SpatialAttention(5))
    kernels = spatial_kernels(model)
    assert [(kernel.block, kernel.planes.shape) for kernel in kernels] == [("0", (2, 1, 1)), ("1", (2, 5, 5))]
    kernels[0].planes[:] = 7
    assert model[0].conv.weight.abs().max() < 7


def test_a_network_without_spatial_gates_has_none():
    assert spatial_kernels(CBAM_CNN(gates="channel")) == ()
    assert spatial_kernels(nn.Linear(2, 2)) == ()


def test_kernels_of_other_code_have_the_mean_first_however_they_are_stored():
    model = Network(PLANTED["Planes"][0]()).eval()
    assert spatial_kernels(model) == ()
    (kernel,) = spatial_kernels(model, (12, 12))
    assert kernel.block == "block"
    assert np.array_equal(kernel.planes, model.block.conv.weight.detach().numpy()[0, ::-1])
