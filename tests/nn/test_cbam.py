import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from cbam_core.errors import ModelError
from cbam_core.nn import CBAM, ChannelAttention, SpatialAttention


def sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-x))


def channel_weights(x: NDArray[np.float64], gate: ChannelAttention) -> NDArray[np.float64]:
    """Channel weights (B, C) by hand, in float64."""
    down, up = (p.detach().double().numpy() for p in gate.parameters())

    def perceptron(v: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.maximum(v @ down.T, 0) @ up.T

    return sigmoid(perceptron(x.mean(axis=(2, 3))) + perceptron(x.max(axis=(2, 3))))


def spatial_mask(x: NDArray[np.float64], gate: SpatialAttention) -> NDArray[np.float64]:
    """Spatial mask (B, H, W) by hand, in float64: one sum of products per place."""
    kernel = gate.conv.weight.detach().double().numpy()[0]  # (2, k, k)
    side = kernel.shape[-1]
    edge = side // 2
    planes = np.stack([x.mean(axis=1), x.max(axis=1)], axis=1)  # (B, 2, H, W)
    padded = np.pad(planes, ((0, 0), (0, 0), (edge, edge), (edge, edge)))
    mask = np.empty((x.shape[0], *x.shape[2:]))
    for row in range(x.shape[2]):
        for column in range(x.shape[3]):
            window = padded[:, :, row : row + side, column : column + side]
            mask[:, row, column] = (window * kernel).sum(axis=(1, 2, 3))
    return sigmoid(mask)


@pytest.fixture
def x() -> torch.Tensor:
    return torch.randn(2, 32, 6, 9, generator=torch.Generator().manual_seed(1))


def test_channel_attention_agrees_with_numpy(x: torch.Tensor) -> None:
    torch.manual_seed(0)
    gate = ChannelAttention(32)
    array = x.double().numpy()
    expected = array * channel_weights(array, gate)[:, :, None, None]
    np.testing.assert_allclose(gate(x).detach().numpy(), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kernel_size", [1, 3, 7])
def test_spatial_attention_agrees_with_numpy(x: torch.Tensor, kernel_size: int) -> None:
    torch.manual_seed(0)
    gate = SpatialAttention(kernel_size)
    array = x.double().numpy()
    expected = array * spatial_mask(array, gate)[:, None]
    np.testing.assert_allclose(gate(x).detach().numpy(), expected, rtol=1e-5, atol=1e-6)


def test_cbam_gates_channels_first_then_places(x: torch.Tensor) -> None:
    torch.manual_seed(0)
    block = CBAM(32, ratio=8, kernel_size=3)
    array = x.double().numpy()
    array = array * channel_weights(array, block.channel_attn)[:, :, None, None]
    array = array * spatial_mask(array, block.spatial_attn)[:, None]
    np.testing.assert_allclose(block(x).detach().numpy(), array, rtol=1e-5, atol=1e-6)


def test_mean_plane_comes_before_max_plane() -> None:
    gate = SpatialAttention(1)
    with torch.no_grad():
        gate.conv.weight.copy_(torch.tensor([1.0, 0.0]).view(1, 2, 1, 1))
    x = torch.tensor([0.0, 4.0]).view(1, 2, 1, 1)
    torch.testing.assert_close(gate(x)[0, 1, 0, 0], 4 * torch.sigmoid(torch.tensor(2.0)))


def test_cbam_keeps_the_shape_of_a_large_map() -> None:
    assert CBAM(512)(torch.zeros(2, 512, 26, 26)).shape == (2, 512, 26, 26)


def test_sigmoids_see_the_gates_themselves(x: torch.Tensor) -> None:
    block = CBAM(32)
    shapes = []
    for gate in (block.channel_attn, block.spatial_attn):
        gate.sigmoid.register_forward_hook(lambda module, inputs, output: shapes.append(tuple(output.shape)))
    block(x)
    assert shapes == [(2, 32), (2, 1, 6, 9)]


@pytest.mark.parametrize(("channels", "ratio"), [(8, 16), (15, 16), (1, 2)])
def test_fewer_channels_than_the_ratio_are_refused_with_what_fits(channels: int, ratio: int) -> None:
    with pytest.raises(ModelError, match=f"ratio of {channels} or less") as caught:
        CBAM(channels, ratio)
    assert caught.value.code == "model.ratio-too-large"


@pytest.mark.parametrize(("channels", "ratio"), [(0, 16), (-4, 1), (16, 0), (16, -1)])
def test_channels_and_ratio_must_be_positive(channels: int, ratio: int) -> None:
    with pytest.raises(ModelError, match="at least one channel"):
        ChannelAttention(channels, ratio)


@pytest.mark.parametrize("kernel_size", [0, 2, 8, -3])
def test_kernel_must_be_odd(kernel_size: int) -> None:
    with pytest.raises(ModelError, match="odd kernel size"):
        SpatialAttention(kernel_size)


@pytest.mark.parametrize("gates", ["channel", "spatial", "none"])
def test_a_block_can_lack_a_gate(gates: str, x: torch.Tensor) -> None:
    both = CBAM(x.shape[1], ratio=2)
    part = CBAM(x.shape[1], ratio=2, gates=gates)
    kept = {name: tensor for name, tensor in both.state_dict().items() if name.startswith(gates)}
    part.load_state_dict(kept)
    expected = {"channel": both.channel_attn, "spatial": both.spatial_attn, "none": torch.nn.Identity()}[gates]
    assert torch.equal(part(x), expected(x))


def test_unknown_gates_are_refused() -> None:
    with pytest.raises(ModelError, match="one of both, channel, spatial, none, bottleneck as its gates; given 'half'"):
        CBAM(32, gates="half")
