"""Where gates live in a network, how often they run, and under which settings."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.gates.styles.cases import Expected, channel, full, logistic, network, spatial, style


class Weighting(nn.Module):
    """Channel attention that multiplies."""

    def __init__(self, c: int = 8) -> None:
        super().__init__()
        self.fc = nn.Linear(c, c)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.fc(x.mean((2, 3))).sigmoid()[:, :, None, None]

    def weights(self, x: Tensor) -> Tensor:
        return logistic(x.mean((2, 3)) @ self.fc.weight.T + self.fc.bias)

    def after(self, x: Tensor) -> Tensor:
        return x * self.weights(x)[:, :, None, None]


class Masking(nn.Module):
    """Spatial attention that returns its mask."""

    def __init__(self, c: int = 8) -> None:
        super().__init__()
        self.conv = nn.Conv2d(c, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x).sigmoid()

    def mask(self, x: Tensor) -> Tensor:
        return logistic(torch.einsum("bchw,c->bhw", x, self.conv.weight.flatten()) + self.conv.bias)


def stem() -> nn.Conv2d:
    return nn.Conv2d(3, 8, 3, padding=1)


@network()
class GateInASequential(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(stem(), nn.ReLU(), Weighting(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4))

    def gates(self, x: Tensor) -> list[Expected]:
        return [channel(self[2].weights(self[0](x).relu()), "2")]


@network()
class GatesInAModuleList(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = stem()
        self.attentions = nn.ModuleList([Weighting(), Weighting(), Weighting()])

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for attention in self.attentions:
            x = attention(x)
        return x.mean((2, 3))

    def gates(self, x: Tensor) -> list[Expected]:
        x, found = self.stem(x), []
        for index, attention in enumerate(self.attentions):
            found.append(channel(attention.weights(x), f"attentions.{index}"))
            x = attention.after(x)
        return found


@network()
class DeeplyNested(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        inner = nn.ModuleDict({"act": nn.ReLU(), "mask": Masking(), "att": Weighting()})
        self.body = nn.ModuleDict({"stem": stem(), "stage": nn.ModuleList([nn.Sequential(inner["act"], inner["att"])])})

    def forward(self, x: Tensor) -> Tensor:
        return self.body["stage"][0](self.body["stem"](x))

    def gates(self, x: Tensor) -> list[Expected]:
        return [channel(self.body["stage"][0][1].weights(self.body["stem"](x).relu()), "body.stage.0.1")]


@network()
class TheNetworkItself(nn.Module):
    """No module inside: the gate belongs to the network, whose path is empty."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc = stem(), nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return x * torch.sigmoid(self.fc(x.mean((2, 3))))[:, :, None, None]

    def gates(self, x: Tensor) -> list[Expected]:
        x = self.conv(x)
        return [channel(logistic(self.fc(x.mean((2, 3)))), "TheNetworkItself", "fc")]


@network()
class SharedBlockCalledTwice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.between, self.att = stem(), nn.Conv2d(8, 8, 1), Weighting()

    def forward(self, x: Tensor) -> Tensor:
        x = self.att(self.stem(x))
        return self.att(self.between(x)).mean((2, 3))

    def gates(self, x: Tensor) -> list[Expected]:
        x = self.stem(x)
        again = self.between(self.att.after(x))
        return [channel(self.att.weights(x), "att"), channel(self.att.weights(again), "att#2", call=2)]


@network()
class RefinedThreeTimes(nn.Module):
    """The same mask, computed anew in a loop."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.att = stem(), Masking()

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for _ in range(3):
            x = x + x * self.att(x)
        return x.mean((2, 3))

    def gates(self, x: Tensor) -> list[Expected]:
        x, found = self.stem(x), []
        own = type(self).__name__
        for call in (1, 2, 3):
            ending = f"#{call}" if call > 1 else ""
            found.append(spatial(self.att.mask(x), f"att{ending}", f"{own}{ending}", call=call))
            x = x * (1 + found[-1].values[0][:, None])
        return found


@network()
class OneGateForTwoMaps(nn.Module):
    """The gate is made once, and multiplies two maps of a block of its own."""

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.left, self.right, self.fc = nn.Conv2d(8, 8, 1), nn.Conv2d(8, 8, 3, padding=1), nn.Linear(8, 8)

        def forward(self, x: Tensor) -> Tensor:
            g = torch.sigmoid(self.fc(x.mean((2, 3))))[:, :, None, None]
            return torch.cat([self.left(x) * g, self.right(x) * g], 1)

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.block = stem(), self.Block()

    def forward(self, x: Tensor) -> Tensor:
        return self.block(self.stem(x)).mean((2, 3))

    def gates(self, x: Tensor) -> list[Expected]:
        weights = logistic(self.block.fc(self.stem(x).mean((2, 3))))
        return [channel(weights, "block"), channel(weights, "block#2", call=2)]


@style()
class FunctionInsideTheForward(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.fc = nn.Linear(c, c)

    def forward(self, x: Tensor) -> Tensor:
        def attend(features: Tensor) -> Tensor:
            weigh = lambda pooled: self.fc(pooled).sigmoid()  # noqa: E731
            return features * weigh(features.mean((2, 3)))[..., None, None]

        return attend(x)

    def gates(self, x: Tensor) -> list[Expected]:
        return [channel(logistic(self.fc(x.mean((2, 3)))))]


def excite(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Gate a map, outside of any class."""
    return x * F.linear(x.mean((2, 3)), weight, bias).sigmoid()[..., None, None]


@style()
class FreeFunction(FunctionInsideTheForward):
    def forward(self, x: Tensor) -> Tensor:
        return excite(x, self.fc.weight, self.fc.bias)


@style()
class PartialOfAFunction(FunctionInsideTheForward):
    def forward(self, x: Tensor) -> Tensor:
        return partial(excite, weight=self.fc.weight, bias=self.fc.bias)(x)


@style()
class InheritedForward(Weighting):
    """The forward stands in a base class."""

    def gates(self, x: Tensor) -> list[Expected]:
        return [channel(self.weights(x))]


@style()
class ForwardWrappedByASubclass(InheritedForward):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).relu()


@network()
class AnotherMethodThanForward(nn.Module):
    """The block is used by a method of its own, so its hooks never run."""

    class Refiner(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(8, 8)

        def refine(self, x: Tensor) -> Tensor:
            return x * self.fc(x.mean((2, 3))).sigmoid()[..., None, None]

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.att = stem(), self.Refiner()

    def forward(self, x: Tensor) -> Tensor:
        return self.att.refine(self.stem(x)).mean((2, 3))

    def gates(self, x: Tensor) -> list[Expected]:
        return [channel(logistic(self.att.fc(self.stem(x).mean((2, 3)))), "att")]


@style()
class ReturnsItsAttentionToo(nn.Module):
    """A tuple comes back from the inner module."""

    class Inner(nn.Module):
        def __init__(self, c: int) -> None:
            super().__init__()
            self.conv = nn.Conv2d(c, 1, 1)

        def forward(self, x: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
            mask = torch.sigmoid(self.conv(x))
            return x * mask, {"mask": mask}

    def __init__(self, c: int) -> None:
        super().__init__()
        self.inner = self.Inner(c)

    def forward(self, x: Tensor) -> Tensor:
        x, attention = self.inner(x)
        self.last = attention["mask"].mean().item()
        return x

    def gates(self, x: Tensor) -> list[Expected]:
        return [spatial(logistic(self.inner.conv(x))[:, 0], "inner")]


@style()
class KeptOnTheModule(nn.Module):
    """The gate is stored as an attribute, read by a method."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(c, 1, 1)
        self.mask: Tensor | None = None

    def attend(self, x: Tensor) -> None:
        self.mask = torch.sigmoid(self.conv(x))

    def forward(self, x: Tensor) -> Tensor:
        self.attend(x)
        return x * self.mask

    def gates(self, x: Tensor) -> list[Expected]:
        return [spatial(logistic(self.conv(x))[:, 0])]


def _two(generator: torch.Generator) -> tuple[Any, ...]:
    images = torch.randn(2, 3, 10, 14, generator=generator)
    return ({"image": images, "guide": torch.randn(2, 3, 10, 14, generator=generator)},)


@network(inputs=_two)
class GuidedByAnotherImage(nn.Module):
    """A dictionary goes in, a list comes out; the mask comes from the other image."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.guide = stem(), Masking(3)

    def forward(self, batch: dict[str, Tensor]) -> list[Tensor]:
        x = self.stem(batch["image"])
        mask = self.guide(batch["guide"])
        return [x * mask, mask]

    def gates(self, batch: dict[str, Tensor]) -> list[Expected]:
        return [spatial(self.guide.mask(batch["guide"]), "guide", type(self).__name__)]


@network()
class MaskOfTheImage(nn.Module):
    """The map that is gated is the input itself."""

    def __init__(self) -> None:
        super().__init__()
        self.mask = Masking(3)
        self.body = nn.Conv2d(3, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x * self.mask(x)).mean((2, 3))

    def gates(self, x: Tensor) -> list[Expected]:
        return [spatial(self.mask.mask(x), "mask", type(self).__name__)]


@style()
class AttentionPooling(nn.Module):
    """The gated map is summed at once; its axes of length one remain."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.mask = Masking(c)

    def forward(self, x: Tensor) -> Tensor:
        mask = self.mask(x)
        return (x * mask).sum((2, 3), keepdim=True) / mask.sum((2, 3), keepdim=True)

    def gates(self, x: Tensor) -> list[Expected]:
        return [spatial(self.mask.mask(x), "", "mask")]


@style()
class TwoBranchesFused(nn.Module):
    """Attentional feature fusion: one map is weighted by the gate, the other by what is left."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.left, self.right = nn.Conv2d(c, c, 1), nn.Conv2d(c, c, 3, padding=1)
        self.local = nn.Conv2d(c, c, 1)

    def forward(self, x: Tensor) -> Tensor:
        x, residual = self.left(x), self.right(x)
        wei = torch.sigmoid(self.local(x + residual))
        return 2 * x * wei + 2 * residual * (1 - wei)

    def gates(self, x: Tensor) -> list[Expected]:
        g = logistic(self.local(self.left(x) + self.right(x)))
        return [full(g), full((1 - g, g), multiplier=1 - g)]
