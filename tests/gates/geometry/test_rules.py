"""Every operation's placement against the pixels that change a cell, found by gradients."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own habit
from torch import Tensor, nn

from cbam_core.gates.geometry import locate
from cbam_core.gates.geometry.positions import UNEVEN
from cbam_core.results.placement import Placement

WIDTH, HEIGHT = 48, 32

Function = Callable[[Tensor], Tensor]


class Call(nn.Module):
    """A function as a layer."""

    def __init__(self, function: Function) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def conv(outer: int, *size: int) -> Tensor:
    return torch.rand(outer, *size, generator=torch.Generator().manual_seed(outer)) + 0.1


def halved(x: Tensor) -> Tensor:
    return F.conv2d(x, conv(4, 3, 3, 3), stride=2, padding=1)


def pooled(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, 2)


def last(x: Tensor) -> Tensor:
    return x.permute(0, 2, 3, 1)


def linear(x: Tensor, outer: int = 4) -> Tensor:
    return F.linear(x, torch.arange(1.0, 1 + x.shape[-1]).expand(outer, -1))


def by_tokens(x: Tensor) -> Tensor:
    x = halved(x)
    tokens = linear(x.flatten(2).transpose(1, 2))
    return tokens.transpose(1, 2).reshape(1, 4, *x.shape[2:])


def folded(x: Tensor) -> Tensor:
    """Patches of 2x2 as channels, by reshaping alone."""
    b, c, h, w = x.shape
    x = x.reshape(b, c, h // 2, 2, w // 2, 2).permute(0, 2, 4, 1, 3, 5)
    return linear(x.reshape(b, h // 2, w // 2, c * 4)).movedim(-1, 1)


def sliced_together(x: Tensor) -> Tensor:
    parts = [x[..., row::2, column::2] for row in (0, 1) for column in (0, 1)]
    return F.conv2d(torch.cat(parts, 1), conv(4, 12, 1, 1))


def embedded(x: Tensor) -> Tensor:
    patches = F.unfold(x, 4, stride=4)  # (B, C * 16, places)
    return linear(patches.transpose(1, 2)).transpose(1, 2).unflatten(2, (HEIGHT // 4, WIDTH // 4))


def unfolded(x: Tensor) -> Tensor:
    return x.unfold(2, 3, 2).unfold(3, 3, 2).sum((-1, -2))


def overwritten(x: Tensor) -> Tensor:
    y = torch.zeros(1, 3, HEIGHT // 2, WIDTH)
    y[:, :, ::2] = x[:, :, 1::4]
    y[:, :, 1::2] = x[:, :, 3::4]
    return y


def rolled(x: Tensor) -> Tensor:
    return torch.roll(F.conv2d(torch.roll(x, 3, 3), conv(3, 3, 1, 1)), -3, 3)


def blurred(x: Tensor) -> Tensor:
    kernel = torch.tensor([1.0, 2.0, 1.0])
    x = F.pad(x, (1, 1, 1, 1), mode="reflect")
    return F.conv2d(x, (kernel[:, None] * kernel)[None, None].repeat(3, 1, 1, 1), stride=2, groups=3)


def added_in_place(x: Tensor) -> Tensor:
    y = halved(x)
    y += x[:, :1, ::2, ::2]
    return y


def added_to_a_view(x: Tensor) -> Tensor:
    y = halved(x)
    first, _ = y.chunk(2, 1)
    first.add_(pooled(x)[:, :1])
    return y


@functools.cache
def scripted() -> Function:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scripting is deprecated, and still met
        found: Function = torch.jit.script(nn.Hardtanh())
    return found


def around(x: Tensor) -> Tensor:
    rows = torch.zeros(1, 3, 2, WIDTH)
    return torch.cat((rows, x, rows), 2)


EXACT: dict[str, Function] = {
    "transposed conv3": lambda x: F.conv_transpose2d(x, conv(3, 4, 3, 3), stride=2, padding=1, output_padding=1),
    "transposed conv, stride 1": lambda x: F.conv_transpose2d(x, conv(3, 4, 2, 3)),
    "conv3d of one frame": lambda x: F.conv3d(x[:, :, None], conv(4, 3, 1, 3, 3), stride=(1, 2, 2)).squeeze(2),
    "conv1d of rows": lambda x: F.conv1d(x.flatten(0, 2)[:, None], conv(2, 1, 3), stride=2).reshape(
        1, 3, HEIGHT, 2, -1
    )[:, :, :, 0],
    "pooling by a norm": lambda x: F.lp_pool2d(x.abs(), 2, 3, 2),
    "pixel unshuffle": lambda x: F.conv2d(F.pixel_unshuffle(x, 2), conv(4, 12, 1, 1)),
    "folding by reshaping": folded,
    "folding by slices": sliced_together,
    "patches": embedded,
    "windows of a tensor": unfolded,
    "channels last": lambda x: linear(F.layer_norm(last(halved(x)), (4,))).permute(0, 3, 1, 2),
    "tokens": by_tokens,
    "matrix product": lambda x: (conv(4, 4) @ halved(x).flatten(2)).reshape(1, 4, HEIGHT // 2, WIDTH // 2),
    "einsum": lambda x: torch.einsum("oc,bchw->bohw", conv(4, 4), halved(x)),
    "sides swapped twice": lambda x: F.avg_pool2d(x.transpose(2, 3), (3, 2)).transpose(2, 3),
    "slices": lambda x: x[:, :, 1::3, 2:-2:2],
    "narrowed": lambda x: x.narrow(2, 3, 8).index_select(3, torch.arange(4, 40, 4)),
    "cut and put together": lambda x: torch.cat(x.split(8, 2), 2),
    "overwritten": overwritten,
    "zeros around": around,
    "rolled there and back": rolled,
    "flipped there and back": lambda x: F.avg_pool2d(x.flip(3), 2).flip(3),
    "blur pooling": blurred,
    "interpolated by a factor": lambda x: F.interpolate(x, scale_factor=1 / 3, mode="bilinear"),
    "interpolated by areas": lambda x: F.interpolate(x, (8, 12), mode="area"),
    "added in place": added_in_place,
    "stacked": lambda x: torch.stack((halved(x), x[:, :1, ::2, ::2].expand(-1, 4, -1, -1))).sum(0),
    "repeated and chosen": lambda x: torch.where(x > 0, x, x.repeat(1, 2, 1, 1)[:, :3]),
    "copied": lambda x: torch.empty(1, 4, HEIGHT // 2, WIDTH // 2).copy_(halved(x)),
    "without the mean of the map": lambda x: torch.cat((x, x.mean((2, 3), keepdim=True).expand_as(x)), 1)[:, :3],
    "gated": lambda x: x * F.interpolate(torch.sigmoid(pooled(x)).detach(), scale_factor=2),
    "half precision": lambda x: halved(x).half().float().contiguous(memory_format=torch.channels_last),
}

APPROXIMATE: dict[str, tuple[Function, float]] = {
    "nearest": (lambda x: F.interpolate(x, scale_factor=2), 0.25),
    "nearest of three": (lambda x: F.interpolate(pooled(x), scale_factor=3), 2 / 3),
    "transposed conv2": (lambda x: F.conv_transpose2d(pooled(x), conv(3, 4, 2, 2), stride=2), 0.5),
    "transposed conv4": (lambda x: F.conv_transpose2d(pooled(x), conv(3, 4, 4, 4), stride=2, padding=1), 0.5),
    "pixel shuffle": (lambda x: F.pixel_shuffle(F.conv2d(x, conv(12, 3, 3, 3), padding=1), 2), 0.25),
    "folded into channels": (lambda x: F.pixel_unshuffle(x, 4), 1.5),
    "repeated": (lambda x: x.repeat_interleave(2, 2).repeat_interleave(2, 3), 0.25),
    "sum of branches": (lambda x: halved(x) + pooled(x)[:, :1], 0.25),
    "branches in place": (lambda x: pooled(x).add_(halved(x)[:, :3]), 0.25),
    "branches side by side": (lambda x: F.conv2d(torch.cat((halved(x), pooled(x)), 1), conv(4, 7, 1, 1)), 0.25),
    "stacked branches": (lambda x: torch.stack((halved(x)[:, :3], pooled(x))).sum(0), 0.25),
    "decoder": (lambda x: torch.cat((F.interpolate(halved(halved(x)[:, :3]), scale_factor=2), halved(x)), 1), 1.0),
    "uneven sizes": (lambda x: F.interpolate(pooled(x)[..., :-1], (HEIGHT, WIDTH)) + x, 2.0),
}

UNKNOWN: dict[str, Function] = {
    "grid sampling": lambda x: F.grid_sample(x, torch.zeros(1, HEIGHT, WIDTH, 2), align_corners=False),
    "sorting": lambda x: x.sort(3).values,
    "mixing all tokens": lambda x: F.linear(x.flatten(2), torch.ones(48, HEIGHT * WIDTH)).unflatten(2, (6, 8)),
    "spectrum": lambda x: torch.fft.rfft2(x).abs(),
    "shuffled": lambda x: x[:, :, torch.randperm(HEIGHT, generator=torch.Generator().manual_seed(0))],
    "attention over all": lambda x: (
        x + F.scaled_dot_product_attention(*[last(x).flatten(1, 2)] * 3).unflatten(1, (HEIGHT, WIDTH)).movedim(-1, 1)
    ),
    "flat": lambda x: x.flatten(1).reshape(1, 12, HEIGHT // 2, WIDTH // 2),
    "added to a view": added_to_a_view,
    "scripted": lambda x: scripted()(x),
}


def grid_of(function: Function) -> Placement:
    return locate(nn.Sequential(Call(function)), (WIDTH, HEIGHT), ["0"])["0"]


def extent(function: Function, cell: tuple[int, int]) -> tuple[tuple[float, float], tuple[float, float]]:
    """Middle and size (rows, columns) of all pixels that change a cell of a map (B, C, H, W)."""
    x = torch.rand(1, 3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(0)).requires_grad_()
    (gradient,) = torch.autograd.grad(function(x)[0, :, cell[0], cell[1]].sum(), x)
    seen = gradient[0].abs().sum(0) > 0
    sides = [seen.any(1 - at).nonzero() for at in (0, 1)]
    middle = [(side.min() + side.max()).item() / 2 for side in sides]
    size = [(side.max() - side.min()).item() + 1 for side in sides]
    return (middle[0], middle[1]), (size[0], size[1])


def inner_cells(function: Function) -> list[tuple[int, int]]:
    rows, columns = function(torch.zeros(1, 3, HEIGHT, WIDTH)).shape[2:]
    return [(rows // 2, columns // 2), (rows // 2 + 1, columns // 2 - 1), (rows // 2 - 1, columns // 2)]


def distance(grid: Placement, cell: tuple[int, int], middle: tuple[float, float]) -> float:
    places = [s + i * d for s, i, d in zip(grid.start, cell, grid.step, strict=True)]
    return max(abs(place - at) for place, at in zip(places, middle, strict=True))


@pytest.mark.parametrize("name", EXACT)
def test_an_exact_place_is_the_middle_of_the_pixels_that_change_a_cell(name: str) -> None:
    function = EXACT[name]
    grid = grid_of(function)
    assert (grid.status, grid.bound) == ("exact", 0.0)
    sizes = []
    for cell in inner_cells(function):
        middle, size = extent(function, cell)
        assert distance(grid, cell, middle) == pytest.approx(0, abs=1e-6)
        sizes.append(size)
    assert grid.field == max(sizes)


@pytest.mark.parametrize("name", APPROXIMATE)
def test_an_approximate_place_holds_the_middle_within_its_bound(name: str) -> None:
    function, bound = APPROXIMATE[name]
    grid = grid_of(function)
    assert grid.status == "approximate"
    assert grid.bound == pytest.approx(bound + UNEVEN, abs=0.35 if name == "uneven sizes" else 1e-6)
    for cell in inner_cells(function):
        assert distance(grid, cell, extent(function, cell)[0]) <= grid.bound


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_cannot_be_followed_is_unknown_and_stretched(name: str) -> None:
    function = UNKNOWN[name]
    rows, columns = function(torch.zeros(1, 3, HEIGHT, WIDTH)).shape[2:]
    assert grid_of(function) == Placement.stretched((rows, columns), (HEIGHT, WIDTH))
