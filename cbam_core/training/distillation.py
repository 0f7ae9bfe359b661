"""Knowledge distillation: learning from the probabilities of another network, the teacher."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.nn import functional

Answer = Callable[[Tensor], Tensor]
"""Function from images in [0, 1], the same as the student's, to the teacher's logits."""


def distance_to_teacher(logits: Tensor, taught: Tensor, temperature: float) -> Tensor:
    """Compute the mean Kullback-Leibler divergence from a teacher's softened probabilities, times T squared.

    Source: G. Hinton, O. Vinyals and J. Dean, *Distilling the Knowledge in a Neural Network*, 2015, section 2.

    Args:
        logits: logits of the student, (B, K).
        taught: logits of the teacher, (B, K).
        temperature: T, the divisor of both.
    """
    mine, theirs = logits / temperature, taught / temperature
    divergence = functional.kl_div(mine.log_softmax(1), theirs.log_softmax(1), reduction="batchmean", log_target=True)
    return divergence * temperature**2
