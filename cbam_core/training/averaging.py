"""Means of a network's weights that a recipe keeps instead of the network that learns."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, update_bn

from cbam_core.training.recipes import Recipe

SETTLING = 10_000
"""Images, about, from which the batch statistics of a plain mean are taken after an epoch."""


class Average:
    """One of two means: over all steps with a decay, or plainly over the last epochs, whose rate stays the same.

    Source of the second: P. Izmailov et al., *Averaging Weights Leads to Wider Optima and Better Generalization*, 2018,
    section 3; every step counts here, not every epoch.

    Args:
        model: what learns; it is copied.
        recipe: its ``averaging`` or its ``averaged`` is not 0.

    Attributes:
        first: epoch whose weights count first.
        settles: whether batch statistics have to be taken anew, because no network on the way had them.
    """

    def __init__(self, model: nn.Module, recipe: Recipe) -> None:
        self.settles = not recipe.averaging
        self.first = recipe.epochs - recipe.averaged + 1 if self.settles else 1
        decay = get_ema_multi_avg_fn(recipe.averaging) if recipe.averaging else None  # type: ignore[no-untyped-call]
        self.mean = AveragedModel(model, multi_avg_fn=decay, use_buffers=not self.settles)

    @classmethod
    def of(cls, model: nn.Module, recipe: Recipe) -> Average | None:
        """The recipe's mean; None where it keeps the network itself."""
        return cls(model, recipe) if recipe.averaging or recipe.averaged else None

    @property
    def model(self) -> nn.Module | None:
        """The network of these weights; None as long as none have counted."""
        return self.mean.module if self.mean.n_averaged else None

    def step(self, model: nn.Module, epoch: int) -> None:
        """Count the weights as a step of an epoch left them."""
        if epoch >= self.first:
            self.mean.update_parameters(model)

    def settle(self, batches: Iterable[Tensor]) -> None:
        """Take the batch statistics of the mean from inputs as training shows them; leave it in eval mode."""
        update_bn(batches, self.mean.module)
        self.mean.module.eval()
