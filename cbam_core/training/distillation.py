"""Learning from another network too: what it is asked, and how far a network is from its answers."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.nn import functional

Answer = Callable[[Tensor], Tensor]
"""From images in [0, 1], as the student is shown them, to logits."""


def distance_to_teacher(logits: Tensor, taught: Tensor, temperature: float) -> Tensor:
    """Mean Kullback-Leibler divergence of softened probabilities from a teacher's, times the squared temperature.

    Source: G. Hinton, O. Vinyals and J. Dean, *Distilling the Knowledge in a Neural Network*, 2015, section 2.

    Args:
        logits: the student's, (B, K).
        taught: the teacher's, (B, K).
        temperature: what both are divided by.
    """
    mine, theirs = logits / temperature, taught / temperature
    divergence = functional.kl_div(mine.log_softmax(1), theirs.log_softmax(1), reduction="batchmean", log_target=True)
    return divergence * temperature**2
