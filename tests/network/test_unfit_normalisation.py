"""A network that says a mean and deviation with which images cannot be normalised: they are named, and what to give."""

import numpy as np
import pytest
from torch import nn

from cbam_core import explain
from cbam_core.errors import ModelError
from cbam_core.nn import ChannelAttention

IMAGE = np.zeros((16, 16, 3), np.uint8)


class Weighted(nn.Module):
    """A network with one gate."""

    def __init__(self, mean, std):
        super().__init__()
        self.stem, self.gate, self.head = nn.Conv2d(3, 16, 3), ChannelAttention(16), nn.Linear(16, 3)
        self.num_classes = 3
        self.pretrained_cfg = {"input_size": (3, 16, 16), "num_classes": 3, "mean": mean, "std": std}

    def forward(self, x):
        x = self.stem(x)
        return self.head((x * self.gate(x)).mean((2, 3)))


@pytest.mark.parametrize(
    ("mean", "std"),
    [
        ((124, 116, 104), (58, 57, 57)),
        ((0.5, 0.5), (0.5, 0.5)),
        (None, (1, 1, 1)),
        ((0.5, 0.5, 0.5), (0.0, 1.0, 1.0)),
        ("mean", (1, 1, 1)),
    ],
)
def test_what_it_says_is_named_and_what_to_give(mean, std):
    network = Weighted(mean, std).eval()
    with pytest.raises(ModelError) as raised:
        explain(network, IMAGE)
    assert raised.value.code == "network.unfit-normalisation"
    assert f"mean {mean!r} and deviation {std!r}: three numbers from 0 to 1" in str(raised.value)
    assert explain(network, IMAGE, normalisation="none").blocks


def test_what_can_be_used_is_used_and_what_is_not_said_is_missing():
    assert explain(Weighted((0.5,), (0.25,)).eval(), IMAGE).blocks
    with pytest.raises(ModelError, match="it is not known how images are normalised"):
        explain(Weighted(None, None).eval(), IMAGE)
