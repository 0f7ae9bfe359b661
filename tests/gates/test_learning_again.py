"""What one forward taught of a network of any class is learnt again where it no longer holds."""

from __future__ import annotations

import copy
import gc
import weakref

import pytest
import torch
from torch import Tensor, nn

from cbam_core.gates import capture
from tests.gates.foreign import NAMES, Foreign, Mask, captured, images, seeded


def test_a_network_in_training_mode_can_be_learnt_from_while_others_use_it() -> None:
    model = seeded(Foreign).train()
    model.drop.p = 0.0
    plain = copy.deepcopy(model)
    plain(images())
    with capture(model):
        model(images())
    assert torch.equal(plain.norm.running_mean, model.norm.running_mean)
    assert int(model.norm.num_batches_tracked) == 1


def test_what_was_learnt_does_not_keep_a_network_alive() -> None:
    model = seeded(Foreign)
    captured(model, images())
    known = weakref.ref(model)
    del model
    gc.collect()
    assert known() is None


def test_a_swapped_module_is_seen() -> None:
    model = seeded(Foreign)
    captured(model, images())
    model.squeeze = Mask()
    assert [gate.name for gate in captured(model, images())[1]] == ["squeeze.spatial", "mask.spatial"]
    model._modules["mask"] = nn.Identity()
    assert [gate.name for gate in captured(model, images())[1]] == ["squeeze.spatial"]


class Choosing(Foreign):
    """Takes one way or the other, by its input or by an attribute."""

    both = False

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = self.squeeze(x) if x.mean() > 0 else self.mask(x)
        return self.mask(x) if self.both else x


def test_a_branch_that_depends_on_the_input_gives_the_gates_of_its_way() -> None:
    model = seeded(Choosing)
    bright, dark = torch.ones(1, 3, 9, 9), -torch.ones(1, 3, 9, 9)
    ways = {float(batch.mean()): [gate.name for gate in captured(model, batch)[1]] for batch in (bright, dark)}
    assert sorted(ways.values()) == [["mask.spatial"], ["squeeze.channel"]]
    with capture(model) as record:
        for batch in (bright, dark, dark, bright):
            model(batch)
            assert [gate.name for gate in record.gates] == ways[float(batch.mean())]


def test_an_attribute_that_switches_a_gate_is_seen() -> None:
    model = seeded(Choosing)
    batch = torch.ones(1, 3, 9, 9)
    first = len(captured(model, batch)[1])
    model.both = True
    assert len(captured(model, batch)[1]) == first + 1


def test_a_module_that_did_not_run_before_is_not_overlooked() -> None:
    switch = [False]

    class Hidden(Foreign):
        def forward(self, x: Tensor) -> Tensor:
            x = self.squeeze(self.stem(x))
            return self.mask(x) if switch[0] else x

    model = seeded(Hidden)
    assert len(captured(model, images())[1]) == 1
    switch[0] = True
    assert [gate.name for gate in captured(model, images())[1]] == NAMES


@pytest.mark.filterwarnings("ignore:Lazy modules:UserWarning")
def test_layers_that_get_their_size_in_the_first_forward_are_initialised_as_without_capture() -> None:
    class Lazy(Foreign):
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.LazyConv2d(8, 3, padding=1)

    plain, model = seeded(Lazy), seeded(Lazy)
    torch.manual_seed(2)
    expected = plain(images())
    torch.manual_seed(2)
    with capture(model) as record:
        assert torch.equal(model(images()), expected)
    assert [gate.name for gate in record.gates] == NAMES


def test_a_scale_that_is_a_parameter_is_that_of_the_forward() -> None:
    class Scaled(Foreign):
        def __init__(self) -> None:
            super().__init__()
            self.strength = nn.Parameter(torch.tensor(0.5))

        def forward(self, x: Tensor) -> Tensor:
            x = self.stem(x)
            return x * (1 + self.strength * torch.sigmoid(self.mask.conv(x[:, :2])))

    model = seeded(Scaled)
    for value in (0.5, 2.0):
        with torch.no_grad():
            model.strength.fill_(value)
            with capture(model) as record:
                output = model(images())
        (gate,) = record.gates
        assert (gate.scale, gate.shift) == (value, 1.0)
        x = model.stem(images())
        torch.testing.assert_close(output, x * (value * gate.values[:, None] + 1))
