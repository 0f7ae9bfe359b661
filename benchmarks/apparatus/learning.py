"""A network that learns by recipe `fast` from random images, step by step, to be timed."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.nn import functional

from cbam_core.nn import CBAM_CNN
from cbam_core.training.precision import arithmetic
from cbam_core.training.recipes import FAST
from cbam_core.training.schedule import make_optimiser


def learner(gates: str = "both") -> Callable[[int], None]:
    """A function that takes as many steps as it is told.

    Args:
        gates: of the `CBAM_CNN` that learns.
    """
    torch.manual_seed(0)
    model = CBAM_CNN(gates=gates).train().to(memory_format=torch.channels_last)
    optimiser = make_optimiser(model, FAST)
    images = torch.rand(FAST.batch_size, 3, 32, 32).to(memory_format=torch.channels_last)
    labels = torch.randint(10, (FAST.batch_size,))

    def learn(steps: int) -> None:
        for _ in range(steps):
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=arithmetic("cpu") == torch.bfloat16):
                logits = model(images).float()
            functional.cross_entropy(logits, labels).backward()
            optimiser.step()
            optimiser.zero_grad()

    return learn
