"""Under which settings a network runs: number types, memory, autograd, batch, TorchScript beside it."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations
from torch.utils.checkpoint import checkpoint

from tests.gates.styles.cases import Expected, Trunk, channel, network, spatial, style
from tests.gates.styles.structure_styles import InheritedForward, Masking, Weighting, stem


@style()
class WithANormalisedWeight(InheritedForward):
    """A layer of the attention has a parametrisation."""

    def __init__(self, c: int) -> None:
        super().__init__(c)
        self.fc = parametrizations.weight_norm(nn.Linear(c, c))


@style()
class Checkpointed(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.att = Weighting(c)

    def forward(self, x: Tensor) -> Tensor:
        return checkpoint(self.att, x, use_reentrant=False)

    def gates(self, x: Tensor) -> list[Expected]:
        return [channel(self.att.weights(x), "att")]


@style()
class WithoutGradientsInside(InheritedForward):
    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            g = self.fc(x.mean((2, 3))).sigmoid()
        return x * g[..., None, None]


@style(tolerance=0.02, context=lambda: torch.autocast("cpu", dtype=torch.bfloat16))
class UnderAutocast(InheritedForward):
    pass


@style(context=torch.inference_mode)
class InInferenceMode(InheritedForward):
    pass


@style(training=True)
class InTrainingMode(nn.Module):
    """Dropout and batch normalisation are on: state and random numbers are those of one forward."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.att, self.drop, self.bn = Weighting(c), nn.Dropout(0.5), nn.BatchNorm2d(c)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.drop(self.att(x)))

    def gates(self, x: Tensor) -> list[Expected]:
        return [channel(self.att.weights(x), "att")]


@network(inputs=lambda generator: (torch.randn(2, 3, 10, 14, generator=generator, dtype=torch.float64),))
class InDoublePrecision(Trunk):
    def __init__(self) -> None:
        super().__init__(InheritedForward())
        self.double()


@network(inputs=lambda generator: (torch.randn(2, 3, 10, 14, generator=generator).bfloat16(),), tolerance=0.02)
class InHalfPrecision(Trunk):
    def __init__(self) -> None:
        super().__init__(InheritedForward())
        self.bfloat16()


@network(inputs=lambda generator: (torch.randn(1, 3, 10, 14, generator=generator),))
class OneImage(Trunk):
    def __init__(self) -> None:
        super().__init__(InheritedForward())


@network(inputs=lambda generator: (torch.randn(8, 3, 8, 8, generator=generator),))
class AllExtentsEqual(nn.Module):
    """Eight images, channels, rows and columns: shapes alone say nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.att, self.sa = stem(), Weighting(), Masking()

    def forward(self, x: Tensor) -> Tensor:
        x = self.att(self.stem(x))
        return (x * self.sa(x).expand_as(x)).mean((2, 3))

    def gates(self, x: Tensor) -> list[Expected]:
        x = self.stem(x)
        mask = self.sa.mask(self.att.after(x))
        return [channel(self.att.weights(x), "att"), spatial(mask, "sa", type(self).__name__)]


@network(
    inputs=lambda generator: (
        torch.randn(2, 3, 10, 14, generator=generator).contiguous(memory_format=torch.channels_last),
    )
)
class InChannelsLast(Trunk):
    def __init__(self) -> None:
        super().__init__(InheritedForward())
        self.to(memory_format=torch.channels_last)


def scripted(function: Any) -> Any:
    """Compile a function or module as TorchScript, which is deprecated and still in use."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.script(function)


def hard_sigmoid(x: Tensor) -> Tensor:
    """Squash by `clamp`."""
    return (x + 3).clamp(min=0, max=6).div(6.0)


@style()
class ScriptedSquash(nn.Module):
    """The activation alone is TorchScript: nothing inside it is seen, so whether it is a squash is not known."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.fc, self.gate = nn.Linear(c, c), scripted(hard_sigmoid)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gate(self.fc(x.mean((2, 3))))[:, :, None, None]

    def gates(self, x: Tensor) -> list[Expected]:
        return [channel(((self.fc(x.mean((2, 3))) + 3) / 6).clamp(0, 1), squashed=None)]


@style()
class BesideAScriptedChild(InheritedForward):
    """A scripted child without gates is no reason to refuse."""

    def __init__(self, c: int) -> None:
        super().__init__(c)
        self.conv = scripted(nn.Conv2d(c, c, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(super().forward(x))
