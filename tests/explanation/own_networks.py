"""A network of somebody else, and what tests ask of its explanations."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from cbam_core import CBAM, Explanation, explain
from cbam_core.errors import CbamError

MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)


class Own(nn.Module):
    """A network of somebody else, with two blocks and an answer of any kind."""

    def __init__(self, outputs: int = 4, channels: int = 3) -> None:
        super().__init__()
        self.in_channels = 16  # as many networks call what they have reached while they are built
        self.stem = nn.Conv2d(channels, 16, 3, stride=2, padding=1)
        self.first, self.second = CBAM(16, ratio=4), CBAM(16, ratio=4)
        self.head = nn.Linear(16, outputs)

    def features(self, x: Tensor) -> Tensor:
        return self.second(self.first(self.stem(x)))

    def forward(self, x: Tensor) -> Any:
        return self.head(self.features(x).mean(dim=(2, 3)))


@cache
def seeded(kind: type[Own] = Own, **arguments: int) -> Own:
    """A network with seeded weights; shared, so that its gates are found once, and never changed by a test."""
    return fresh(kind, **arguments)


def fresh(kind: type[Own] = Own, **arguments: int) -> Own:
    torch.manual_seed(0)
    model = kind(**arguments)
    model.eval()
    return model


def normalised(picture: np.ndarray) -> Tensor:
    planes = torch.from_numpy(picture.transpose(2, 0, 1).copy()).float() / 255
    return (planes - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]


def gates(explanation: Explanation) -> list[np.ndarray]:
    return [gate.values for block in explanation.blocks for gate in block.gates]


def codes(explanation: Explanation) -> set[str]:
    return {note.code for note in explanation.notes}


def refusal(code: str, *arguments: Any, **stated: Any) -> str:
    with pytest.raises(CbamError) as caught:
        explain(*arguments, **stated)
    assert caught.value.code == code
    return str(caught.value)
