"""One gate in many spellings: how it is squashed, multiplied, shaped, scaled."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.gates.styles.cases import STYLES, Expected, channel, logistic, spatial, written

BLOCKS = ("", "fc")


class Spelt(nn.Module):
    """Squeeze and excite, the rest of whose forward is a function of the map and the logits."""

    def __init__(self, c: int, spelt: Callable[[Tensor, Tensor], Tensor], truth: Callable[[Tensor], Expected]) -> None:
        super().__init__()
        self.fc = nn.Linear(c, c)
        self.spelt, self.truth = spelt, truth

    def forward(self, x: Tensor) -> Tensor:
        return self.spelt(x, self.fc(x.mean((2, 3))))

    def gates(self, x: Tensor) -> list[Expected]:
        return [self.truth(x.mean((2, 3)) @ self.fc.weight.T + self.fc.bias)]


class SpeltMask(Spelt):
    """The same for a spatial mask, whose logits are (B, 1, H, W)."""

    def __init__(self, c: int, spelt: Callable[[Tensor, Tensor], Tensor], truth: Callable[[Tensor], Expected]) -> None:
        super().__init__(c, spelt, truth)
        self.fc = nn.Conv2d(c, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.spelt(x, self.fc(x))

    def gates(self, x: Tensor) -> list[Expected]:
        return [self.truth(torch.einsum("bchw,c->bhw", x, self.fc.weight.flatten()) + self.fc.bias)]


def columns(g: Tensor) -> Tensor:
    """Spread (B, C) over rows and columns."""
    return g[:, :, None, None]


def hard(z: Tensor) -> Tensor:
    """Compute the hard sigmoid."""
    return ((z + 3) / 6).clamp(0, 1)


class Rational(torch.autograd.Function):
    """A squash with a derivative of its own."""

    @staticmethod
    def forward(ctx: Any, z: Tensor) -> Tensor:
        g = 1 / (1 + torch.exp(-z))
        ctx.save_for_backward(g)
        return g

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (g,) = ctx.saved_tensors
        return gradient * g * (1 - g)


def _into(squash: Callable[..., Any], z: Tensor) -> Tensor:
    out = torch.empty_like(z)
    squash(z, out=out)
    return out


SQUASHES: dict[str, Callable[[Tensor], Tensor]] = {
    "torch.sigmoid": torch.sigmoid,
    "Tensor.sigmoid": lambda z: z.sigmoid(),
    "Tensor.sigmoid_": lambda z: z.sigmoid_(),
    "torch.sigmoid with out=": lambda z: _into(torch.sigmoid, z),
    "nn.Sigmoid made in the forward": lambda z: nn.Sigmoid()(z),
    "torch.special.expit": torch.special.expit,
    "an overload of torch.ops": torch.ops.aten.sigmoid.default,
    "torch.special.expit with out=": lambda z: _into(torch.special.expit, z),
    "by tanh": lambda z: 0.5 * torch.tanh(0.5 * z) + 0.5,
    "by tanh, added first": lambda z: (torch.tanh(z / 2) + 1) / 2,
    "by F.tanh and mul_": lambda z: z.mul(0.5).tanh_().add_(1).mul_(0.5),
    "by exp, as a quotient": lambda z: 1 / (1 + torch.exp(-z)),
    "by exp, as a reciprocal": lambda z: (1 + (-z).exp()).reciprocal(),
    "by exp, to the power of minus one": lambda z: (1 + torch.exp(-z)) ** -1,
    "by exp over exp and one": lambda z: torch.exp(z) / (1 + torch.exp(z)),
    "by exp over one and itself": lambda z: (e := z.exp()) / (e + 1),
    "by torch.div": lambda z: torch.div(1.0, torch.add(torch.exp(torch.neg(z)), 1)),
    "exp of logsigmoid": lambda z: F.logsigmoid(z).exp(),
    "exp of minus softplus": lambda z: torch.exp(-F.softplus(-z)),
    "softmax over two": lambda z: torch.stack([z, torch.zeros_like(z)], -1).softmax(-1)[..., 0],
    "own autograd function": Rational.apply,
}
"""Ways to write the sigmoid."""

HARD_SQUASHES: dict[str, Callable[[Tensor], Tensor]] = {
    "F.hardsigmoid": F.hardsigmoid,
    "F.hardsigmoid in place": lambda z: F.hardsigmoid(z, inplace=True),
    "by F.relu6": lambda z: F.relu6(z + 3.0) / 6.0,
    "by F.relu6 in place": lambda z: F.relu6(z + 3.0, inplace=True) / 6.0,
    "by nn.ReLU6": lambda z: nn.ReLU6(inplace=True)(z + 3) * (1 / 6),
    "by clamp": lambda z: torch.clamp(z / 6 + 0.5, 0, 1),
    "by clamp_": lambda z: z.mul(1 / 6).add_(0.5).clamp_(min=0.0, max=1.0),
    "by clip": lambda z: ((z + 3) / 6).clip(0.0, 1.0),
    "by clamp_min and clamp_max": lambda z: (z / 6 + 0.5).clamp_min(0).clamp_max(1),
    "by F.hardtanh": lambda z: F.hardtanh(z / 6 + 0.5, 0.0, 1.0),
    "by relu twice": lambda z: 1 - F.relu(1 - F.relu(z / 6 + 0.5)),
    "by minimum and maximum": lambda z: torch.minimum(torch.maximum(z / 6 + 0.5, torch.tensor(0.0)), torch.tensor(1.0)),
}
"""Ways to write the hard sigmoid."""

PRODUCTS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "x * g": lambda x, g: x * g,
    "g * x": lambda x, g: g * x,
    "x *= g": operator.imul,
    "x.mul(g)": lambda x, g: x.mul(g),
    "x.mul_(g)": lambda x, g: x.mul_(g),
    "x.multiply(g)": lambda x, g: x.multiply(g),
    "torch.mul(x, g)": torch.mul,
    "torch.multiply(g, x)": lambda x, g: torch.multiply(g, x),
    "torch.mul with keywords": lambda x, g: torch.mul(input=x, other=g),
    "torch.mul with out=": lambda x, g: torch.mul(x, g, out=torch.empty_like(x)),
    "torch.ops": torch.ops.aten.mul,
    "an overload of torch.ops": torch.ops.aten.mul.Tensor,
    "an overload of torch.ops in place": torch.ops.aten.mul_.Tensor,
    "an overload of torch.ops with out=": lambda x, g: torch.ops.aten.mul.out(x, g, out=torch.empty_like(x)),
    "operator.mul": operator.mul,
    "functools.reduce": lambda x, g: functools.reduce(torch.mul, [x, g]),
    "x + x * g": lambda x, g: x + x * g,
    "x - x * g": lambda x, g: x - x * g,
    "torch.addcmul": lambda x, g: torch.addcmul(x, x, g),
    "x.addcmul_": lambda x, g: x.clone().addcmul_(x, g),
    "torch.lerp from zero": lambda x, g: torch.lerp(torch.zeros_like(x), x, g.expand_as(x)),
    "x.div(1 / g)": lambda x, g: x.div(1 / g),
    "x / (1 / g)": lambda x, g: x / g.reciprocal(),
    "einsum of two maps": lambda x, g: torch.einsum("bchw,bcij->bchw", x, g),
    "einsum of (B, C)": lambda x, g: torch.einsum("bchw,bc->bchw", x, g[:, :, 0, 0]),
    "einsum with an ellipsis": lambda x, g: torch.einsum("bc...,bc->bc...", x, g.flatten(1)),
    "einsum that turns the map": lambda x, g: torch.einsum("bchw,bc->bhwc", x, g.flatten(1)).permute(0, 3, 1, 2),
    "matmul by one": lambda x, g: (x.flatten(2).unsqueeze(-1) @ g).squeeze(-1).view_as(x),
    "matmul with a diagonal": lambda x, g: (g.flatten(1).diag_embed() @ x.flatten(2)).view_as(x),
    "a convolution with the gate as its kernel": lambda x, g: F.conv2d(
        x.reshape(1, -1, *x.shape[2:]), g.reshape(-1, 1, 1, 1), groups=x.size(0) * x.size(1)
    ).view_as(x),
    "F.mul of float_functional": lambda x, g: _float_functional(x, g),
    "in the argument of another call": lambda x, g: F.relu(x.mul(g), inplace=True),
    "on a flattened map": lambda x, g: (x.flatten(2) * g.flatten(2)).view_as(x),
    "on tokens": lambda x, g: (x.flatten(2).transpose(1, 2) * g.flatten(2).transpose(1, 2)).mT.reshape(x.shape),
    "on a map with the channels last": lambda x, g: (x.permute(0, 2, 3, 1) * g.permute(0, 2, 3, 1)).permute(0, 3, 1, 2),
    "on a moved axis": lambda x, g: (x.movedim(1, -1) * g[:, None, None, :, 0, 0]).movedim(-1, 1),
    "on five axes": lambda x, g: (x.unsqueeze(1) * g.unsqueeze(1)).squeeze(1),
    "in channels_last memory": lambda x, g: x.contiguous(memory_format=torch.channels_last) * g,
}
"""Ways to multiply a map by channel weights (B, C, 1, 1)."""


def _float_functional(x: Tensor, g: Tensor) -> Tensor:
    """Multiply as torchvision's networks for quantisation do."""
    from torch.ao.nn.quantized import FloatFunctional

    return FloatFunctional().mul(x, g)


SHAPES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "view": lambda g, x: g.view(g.size(0), -1, 1, 1),
    "reshape": lambda g, x: g.reshape(*g.shape, 1, 1),
    "unsqueeze twice": lambda g, x: g.unsqueeze(-1).unsqueeze(-1),
    "unsqueeze_": lambda g, x: g.unsqueeze_(2).unsqueeze_(3),
    "indexing with None": lambda g, x: g[:, :, None, None],
    "indexing with an ellipsis": lambda g, x: g[..., None, None],
    "expand_as": lambda g, x: g[:, :, None, None].expand_as(x),
    "expand": lambda g, x: g[..., None, None].expand(-1, -1, *x.shape[2:]),
    "torch.broadcast_to": lambda g, x: torch.broadcast_to(g[..., None, None], x.shape),
    "torch.broadcast_tensors": lambda g, x: torch.broadcast_tensors(g[..., None, None], x)[0],
    "repeat": lambda g, x: g[..., None, None].repeat(1, 1, x.size(2), x.size(3)),
    "repeat_interleave": lambda g, x: (
        g[..., None, None].repeat_interleave(x.size(2), 2).repeat_interleave(x.size(3), dim=3)
    ),
    "torch.tile": lambda g, x: torch.tile(g[..., None, None], (1, 1, x.size(2), x.size(3))),
    "expand, then contiguous": lambda g, x: g[..., None, None].expand_as(x).contiguous(),
    "expand, then clone": lambda g, x: g[..., None, None].expand_as(x).clone(),
    "times ones": lambda g, x: g[..., None, None] * torch.ones_like(x),
    "unflatten": lambda g, x: g.unflatten(1, (-1, 1, 1)),
    "permute": lambda g, x: g.view(-1, 1, 1, g.size(1)).permute(0, 3, 1, 2),
    "swapaxes": lambda g, x: g[:, None, None].swapaxes(1, 3),
    "nearest interpolation": lambda g, x: F.interpolate(g[..., None, None], size=x.shape[2:]),
    "bilinear interpolation": lambda g, x: F.interpolate(
        g[..., None, None], size=x.shape[2:], mode="bilinear", align_corners=False
    ),
    "two halves, put together again": lambda g, x: torch.cat(g[..., None, None].chunk(2, 1), 1),
    "split, and stacked": lambda g, x: torch.stack(g.unbind(1), 1)[..., None, None],
    "detach": lambda g, x: g.detach()[..., None, None],
    "another number type and back": lambda g, x: g.double()[..., None, None].to(x.dtype),
    "type_as": lambda g, x: g[..., None, None].type_as(x),
    "nn.Dropout and nn.Identity": lambda g, x: nn.Identity()(nn.Dropout(0.3).eval()(g))[..., None, None],
}
"""Ways to bring channel weights (B, C) to the shape of the map."""

FACTORS: dict[str, tuple[Callable[[Tensor], Tensor], float, float]] = {
    "1 + g": (lambda g: 1 + g, 1.0, 1.0),
    "g + 0.5": (lambda g: g + 0.5, 1.0, 0.5),
    "2 * g": (lambda g: 2 * g, 2.0, 0.0),
    "g * 2 in place": (lambda g: g.mul_(2), 2.0, 0.0),
    "g + g": (lambda g: g + g, 2.0, 0.0),
    "1 + 2 * g": (lambda g: 1 + 2 * g, 2.0, 1.0),
    "torch.add with alpha": (lambda g: torch.add(torch.ones_like(g), g, alpha=3), 3.0, 1.0),
}
"""What is done to the gate before it multiplies, its scale, and its shift."""

SHIFTED: dict[str, Callable[[Tensor], Tensor]] = {
    "1 + tanh": lambda z: 1 + torch.tanh(z),
    "tanh + 1 in place": lambda z: z.tanh().add_(1.0),
    "1 - tanh": lambda z: 1 - torch.tanh(-z),
    "1 + erf": lambda z: torch.erf(z) + 1,
}
"""Functions between -1 and 1 with 1 beside them: two times a gate."""

SMALLER: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]] = {
    "1 - g": (lambda g: 1 - g, lambda g: 1 - g),
    "torch.rsub": (lambda g: torch.rsub(g, 1), lambda g: 1 - g),
    "0.5 * g": (lambda g: 0.5 * g, lambda g: g / 2),
    "g / 4 + 0.75": (lambda g: g / 4 + 0.75, lambda g: (3 + g) / 4),
}
"""The same, where the result lies in [0, 1] too: it is a gate itself, or the smaller part with scale and shift."""


def _channel(squash: Callable[[Tensor], Tensor], **others: Any) -> Callable[[Tensor], Expected]:
    return lambda z: channel(squash(z), *BLOCKS, **others)


def _register() -> None:
    for name, squash in SQUASHES.items():
        spelt = lambda x, z, squash=squash: x * squash(z)[..., None, None]  # noqa: E731
        _add(f"squash: {name}", Spelt, spelt, _channel(logistic))
    for name, squash in HARD_SQUASHES.items():
        spelt = lambda x, z, squash=squash: x * squash(z)  # noqa: E731
        truth = lambda z: spatial(hard(z), *BLOCKS)  # noqa: E731
        _add(f"hard squash: {name}", SpeltMask, spelt, truth)
    for name, product in PRODUCTS.items():
        spelt = lambda x, z, product=product: product(x, z.sigmoid()[..., None, None])  # noqa: E731
        _add(f"product: {name}", Spelt, spelt, _channel(logistic))
    for name, shape in SHAPES.items():
        spelt = lambda x, z, shape=shape: x * shape(z.sigmoid(), x)  # noqa: E731
        _add(f"shape: {name}", Spelt, spelt, _channel(logistic))
    for name, (factor, scale, shift) in FACTORS.items():
        spelt = lambda x, z, factor=factor: x * factor(z.sigmoid())[..., None, None]  # noqa: E731
        _add(f"factor: {name}", Spelt, spelt, _channel(logistic, scale=scale, shift=shift))
    for name, (factor, multiplier) in SMALLER.items():
        spelt = lambda x, z, factor=factor: x * factor(z.sigmoid())[..., None, None]  # noqa: E731
        _add(f"factor: {name}", Spelt, spelt, lambda z, multiplier=multiplier: _smaller(logistic(z), multiplier))
    for name, factor in SHIFTED.items():
        spelt = lambda x, z, factor=factor: x * factor(z)[..., None, None]  # noqa: E731
        truth = lambda z, factor=factor: channel(factor(z.clone()) / 2, *BLOCKS, scale=2.0)  # noqa: E731
        _add(f"factor: {name}", Spelt, spelt, truth)
    for value in (0.5, -1.0):
        spelt = lambda x, z, value=value: torch.addcmul(x, z.sigmoid()[..., None, None], x, value=value)  # noqa: E731
        _add(f"product: torch.addcmul with {value:g}", Spelt, spelt, _channel(logistic, scale=value))


def _smaller(g: Tensor, multiplier: Callable[[Tensor], Tensor]) -> Expected:
    return channel((g, multiplier(g)), *BLOCKS, multiplier=multiplier(g))


def _add(name: str, kind: type[Spelt], spelt: Callable[..., Tensor], truth: Callable[[Tensor], Expected]) -> None:
    context = torch.no_grad if "out=" in name else nullcontext  # autograd takes no out=
    written(STYLES, name, lambda c: kind(c, spelt, truth), context=context)


_register()

MASKS: dict[str, tuple[Callable[[Tensor, Tensor], Tensor], Callable[[Tensor], Expected]]] = {
    "squeezed": (lambda x, z: x * z.squeeze(1).sigmoid().unsqueeze(1), lambda z: spatial(logistic(z), *BLOCKS)),
    "repeated over the channels": (
        lambda x, z: x * z.sigmoid().repeat(1, x.size(1), 1, 1),
        lambda z: spatial(logistic(z), *BLOCKS),
    ),
    "a list of copies, put together": (
        lambda x, z: x * torch.cat([z.sigmoid()] * x.size(1), 1),
        lambda z: spatial(logistic(z), *BLOCKS),
    ),
    "by einsum": (
        lambda x, z: torch.einsum("bchw,bhw->bchw", x, z[:, 0].sigmoid()),
        lambda z: spatial(logistic(z), *BLOCKS),
    ),
    "from a flat row of positions": (
        lambda x, z: x * z.flatten(1).sigmoid().view(x.size(0), 1, *x.shape[2:]),
        lambda z: spatial(logistic(z), *BLOCKS),
    ),
    "saturated, so that it is one everywhere": (
        lambda x, z: x * torch.sigmoid(z + 100),
        lambda z: spatial(torch.ones_like(z), *BLOCKS),
    ),
    "bilinear from half its size": (
        lambda x, z: x * F.interpolate(F.avg_pool2d(z, 2).sigmoid(), scale_factor=2, mode="bilinear"),
        lambda z: spatial(
            F.interpolate(logistic(F.avg_pool2d(z[:, None], 2)), scale_factor=2, mode="bilinear")[:, 0], *BLOCKS
        ),
    ),
    "nearest from half its size": (
        lambda x, z: x * nn.Upsample(scale_factor=2)(F.max_pool2d(z, 2)).sigmoid(),
        lambda z: spatial(
            logistic(z.unfold(1, 2, 2).unfold(2, 2, 2).amax((3, 4))).repeat_interleave(2, 1).repeat_interleave(2, 2),
            *BLOCKS,
        ),
    ),
    "as a foreground's probability": (
        lambda x, z: x * torch.cat([-z, z], 1).softmax(1)[:, 1:],
        lambda z: spatial(logistic(2 * z), *BLOCKS),
    ),
    "mean of two": (
        lambda x, z: x * ((z.sigmoid() + (2 * z).sigmoid()) / 2),
        lambda z: spatial((logistic(z) + logistic(2 * z)) / 2, *BLOCKS),
    ),
    "larger of two": (
        lambda x, z: x * torch.max(z.sigmoid(), (-z).sigmoid()),
        lambda z: spatial(logistic(z.abs()), *BLOCKS),
    ),
    "as a share of its maximum": (
        lambda x, z: x * (z.sigmoid() / z.sigmoid().amax((2, 3), keepdim=True)),
        lambda z: spatial(logistic(z) / logistic(z.amax((1, 2), keepdim=True)), *BLOCKS),
    ),
    "as a share of its maximum by torch.max": (
        lambda x, z: x * ((g := z.flatten(2).sigmoid()) / (g.max(-1, keepdim=True)[0] + 1e-6)).view_as(z),
        lambda z: spatial(logistic(z) / (logistic(z.amax((1, 2), keepdim=True)) + 1e-6), *BLOCKS),
    ),
    "as a share of its maximum, after relu": (
        lambda x, z: x * ((r := z.relu()) / (r.amax((2, 3), keepdim=True) + 1e-6)),
        lambda z: spatial(z.clamp(min=0) / (z.clamp(min=0).amax((1, 2), keepdim=True) + 1e-6), *BLOCKS),
    ),
    "applied to positive features": (
        lambda x, z: F.softplus(x) * z.sigmoid(),
        lambda z: spatial(logistic(z), *BLOCKS),
    ),
    "then relu in place": (
        lambda x, z: (x * z.sigmoid()).relu_(),
        lambda z: spatial(logistic(z), *BLOCKS),
    ),
}
"""Spatial masks."""

for _name, (_spelt, _truth) in MASKS.items():
    _add(f"mask: {_name}", SpeltMask, _spelt, _truth)
