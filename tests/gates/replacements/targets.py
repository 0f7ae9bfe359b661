"""Gates of known values to replace: a spatial mask of three images, channel weights of two, and a full gate."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from cbam_core.gates.replacements import Target

MASKS = torch.tensor([[[0.0, 0.25], [0.5, 0.25]], [[1.0, 1.0], [0.0, 1.0]], [[0.5, 0.5], [0.5, 0.5]]])
WEIGHTS = torch.tensor([[0.0, 0.5, 1.0], [0.25, 0.5, 0.75]])
USUAL = np.array([[0.5, 0.0], [1.0, 0.5]], dtype=np.float32)

MASK = Target("block.spatial", "spatial", MASKS, USUAL)
CHANNEL = Target("block.channel", "channel", WEIGHTS)
FULL = Target("block.full", "full", torch.arange(24.0).reshape(2, 3, 2, 2) / 24)


def everywhere(number: float) -> Tensor:
    return torch.full((3, 2, 2), number)
