"""A part of a network that is in training mode is refused if it can compute otherwise then, and only then."""

import functools

import pytest
import torch
from torch import nn
from torchvision.ops import StochasticDepth

from cbam_core.errors import ModelError
from cbam_core.nn.training_mode import check_mode


class Gate(nn.Module):
    """Pasted into a trained network, its layers taken from there."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return x * torch.sigmoid(self.layer(x))


class Dropping(nn.Module):
    def forward(self, x):
        return nn.functional.dropout(x, 0.5, self.training)


class Named(Gate):
    """Its mode is read below a property and in a function inside of another one."""

    def __init__(self):
        super().__init__(nn.Identity())

    @property
    def rate(self):
        def read():
            return getattr(self, "training") and 0.5  # noqa: B009

        return read()


def watched(function):
    @functools.wraps(function)
    def inner(*given):
        return function(*given)

    return inner


class Wrapped(Gate):
    @watched
    def forward(self, x):
        return x if self.training else super().forward(x)


class Inherits(Dropping):
    pass


def network(part):
    """A network in eval mode that got a part afterwards, as a new module is: in training mode."""
    whole = nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)).eval()
    whole.append(part)
    return whole


@pytest.mark.parametrize("part", [Gate(nn.Conv2d(3, 3, 1)), Gate(nn.Sequential(nn.ReLU())), nn.Identity()])
def test_a_part_without_modes_that_was_put_in_later_does_no_harm(part):
    assert part.training
    check_mode(network(part))


@pytest.mark.parametrize("make", [Dropping, Inherits, Named, lambda: Wrapped(nn.Identity())])
def test_a_part_whose_code_reads_its_mode_is_named(make):
    part = make()
    with pytest.raises(ModelError, match="module 2 of the network is in training mode") as refused:
        check_mode(network(part))
    assert refused.value.code == "model.in-training"
    part.eval()
    check_mode(network(part))


@pytest.mark.parametrize("layer", [nn.BatchNorm2d(3), nn.Dropout(), StochasticDepth(0.5, "row")])
def test_a_layer_with_modes_inside_of_such_a_part_is_named(layer):
    with pytest.raises(ModelError, match=r"module 2\.layer of the network"):
        check_mode(network(Gate(layer)))


def test_a_network_in_training_mode_is_refused():
    with pytest.raises(ModelError, match="the network is in training mode"):
        check_mode(nn.Sequential(nn.ReLU()).train())
