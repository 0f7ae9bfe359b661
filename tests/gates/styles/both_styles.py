"""Channel weights and a spatial mask that are combined before they meet the map."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tests.gates.styles.cases import Expected, channel, full, logistic, spatial, style


class Both(nn.Module):
    """Channel weights and a spatial mask of the same map."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.fc, self.conv = nn.Linear(c, c), nn.Conv2d(c, 1, 1)

    def parts(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.fc(x.mean((2, 3))).sigmoid(), self.conv(x)[:, 0].sigmoid()

    def truths(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mask = torch.einsum("bchw,c->bhw", x, self.conv.weight.flatten()) + self.conv.bias
        return logistic(self.fc(x.flatten(2).mean(2))), logistic(mask)

    def gates(self, x: Tensor) -> list[Expected]:
        weights, mask = self.truths(x)
        return [channel(weights, "", "fc"), spatial(mask, "", "conv")]


@style()
class OuterProductOfBoth(Both):
    def forward(self, x: Tensor) -> Tensor:
        weights, mask = self.parts(x)
        return x * torch.einsum("bc,bhw->bchw", weights, mask)


@style()
class OuterProductByMatrices(Both):
    def forward(self, x: Tensor) -> Tensor:
        weights, mask = self.parts(x)
        return x * torch.bmm(weights.unsqueeze(2), mask.flatten(1).unsqueeze(1)).view_as(x)


@style()
class OneEinsumOfThree(Both):
    def forward(self, x: Tensor) -> Tensor:
        return torch.einsum("bchw,bc,bhw->bchw", x, *self.parts(x))


@style()
class OneAndTheProductOfBoth(Both):
    """Nothing but the whole product says what multiplied the map."""

    def forward(self, x: Tensor) -> Tensor:
        weights, mask = self.parts(x)
        return x * (1 + weights[:, :, None, None] * mask[:, None])

    def gates(self, x: Tensor) -> list[Expected]:
        weights, mask = self.truths(x)
        return [full(weights[:, :, None, None] * mask[:, None], shift=1.0)]


@style()
class EitherOfBoth(Both):
    """What neither of them closes passes."""

    def forward(self, x: Tensor) -> Tensor:
        weights, mask = self.parts(x)
        return x * (1 - (1 - weights[:, :, None, None]) * (1 - mask[:, None]))

    def gates(self, x: Tensor) -> list[Expected]:
        weights, mask = self.truths(x)
        either = weights[:, :, None, None] + mask[:, None] - weights[:, :, None, None] * mask[:, None]
        return [full((either, 1 - either), multiplier=either)]


@style()
class OneAndEach(Both):
    """Each of the two factors has a residual of its own."""

    def forward(self, x: Tensor) -> Tensor:
        weights, mask = self.parts(x)
        return x * (1 + weights[:, :, None, None]) * (1 + mask[:, None])

    def gates(self, x: Tensor) -> list[Expected]:
        weights, mask = self.truths(x)
        return [channel(weights, "", "fc", shift=1.0), spatial(mask, "", "conv", shift=1.0)]
