"""Whose gate it is, whatever the code that multiplies calls its module, and wherever that code is written."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from cbam_core import Off, capture, edit
from tests.gates.test_naming import ChannelPart, SpatialPart

Forward = Callable[[nn.Module, Tensor], Tensor]


class Plain(nn.Module):
    """Holds both parts of a CBAM; its forward uses neither until another one is put in its place."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.ca, self.sa = nn.Conv2d(3, 3, 3, padding=1), ChannelPart(3), SpatialPart()

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


class ShortName(Plain):
    """Calls its module `s`, as people do."""

    def forward(s, x: Tensor) -> Tensor:  # noqa: N805 - the name is what is tested
        x = s.conv(x)
        x = s.ca(x) * x
        return s.sa(x) * x


class Refining(nn.Module):
    """An attention module whose call never runs: its owner calls another method, which names its module `m`."""

    def __init__(self) -> None:
        super().__init__()
        self.ca, self.sa = ChannelPart(3), SpatialPart()

    def refine(m, x: Tensor) -> Tensor:  # noqa: N805 - the name is what is tested
        x = m.ca(x) * x
        return m.sa(x) * x


class Asking(nn.Module):
    """Asks a child to refine a map."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.att = nn.Conv2d(3, 3, 3, padding=1), Refining()

    def forward(s, x: Tensor) -> Tensor:  # noqa: N805 - the name is what is tested
        return s.att.refine(s.conv(x))


class Giving(Plain):
    """Gives its children to a function that multiplies."""

    def forward(s, x: Tensor) -> Tensor:  # noqa: N805 - the name is what is tested
        x = s.conv(x)
        return _applied(s.sa, _applied(s.ca, x))


class Stages(nn.Module):
    """Two blocks in a stage, as in a ResNet."""

    def __init__(self, blocks: list[nn.Module]) -> None:
        super().__init__()
        self.layer = nn.Sequential(*blocks)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x).mean((2, 3))


def _applied(child: nn.Module, x: Tensor) -> Tensor:
    return child(x) * x


def _applied_as_self(self: nn.Module, x: Tensor) -> Tensor:
    return self(x) * x


def _forward(block: nn.Module, x: Tensor) -> Tensor:
    x = block.conv(x)
    x = block.ca(x) * x
    return block.sa(x) * x


def _inner(block: nn.Module, x: Tensor) -> Tensor:
    return _forward(block, x)


def _by_children(block: nn.Module, x: Tensor) -> Tensor:
    x = block.conv(x)
    return _applied_as_self(block.sa, _applied(block.ca, x))


def _patched(forward: Forward) -> nn.Module:
    return type("Patched", (Plain,), {"forward": forward})()


def _bound(forward: Forward, block: nn.Module | None = None) -> nn.Module:
    block = Plain() if block is None else block
    block.forward = types.MethodType(forward, block)
    return block


def _partial(forward: Forward) -> nn.Module:
    block = Plain()
    block.forward = functools.partial(forward, block)
    return block


def _closure(forward: Forward) -> nn.Module:
    block = Plain()
    block.forward = lambda x: forward(block, x)
    return block


def _enclosing(_: Forward) -> nn.Module:
    block = Plain()

    def forward(x: Tensor) -> Tensor:
        x = block.conv(x)
        x = block.ca(x) * x
        return block.sa(x) * x

    block.forward = forward
    return block


def _bound_to_torchs(forward: Forward) -> nn.Module:
    block = nn.Sequential()
    block.conv, block.ca, block.sa = nn.Conv2d(3, 3, 3, padding=1), ChannelPart(3), SpatialPart()
    return _bound(forward, block)


def _names(model: nn.Module) -> list[str]:
    with capture(model) as record, torch.inference_mode():
        model(torch.rand(2, 3, 16, 16))
    return [gate.name for gate in record.gates]


OF_BLOCKS = ["layer.0.channel", "layer.0.spatial", "layer.1.channel", "layer.1.spatial"]


@pytest.mark.parametrize("forward", [_forward, _inner, _by_children])
@pytest.mark.parametrize("made", [_patched, _bound, _partial, _closure, _enclosing, _bound_to_torchs])
def test_gates_are_of_the_block_into_which_a_function_was_put(
    made: Callable[[Forward], nn.Module], forward: Forward
) -> None:
    assert _names(Stages([made(forward), made(forward)])) == OF_BLOCKS


@pytest.mark.parametrize("block", [ShortName, Giving])
def test_gates_are_of_the_block_whatever_its_method_calls_it(block: type[nn.Module]) -> None:
    assert _names(Stages([block(), block()])) == OF_BLOCKS


def test_a_method_of_a_child_multiplies_for_the_child() -> None:
    names = [f"layer.{index}.att.{kind}" for index in (0, 1) for kind in ("channel", "spatial")]
    assert _names(Stages([Asking(), Asking()])) == names


def test_a_hook_that_multiplies_does_so_for_its_module() -> None:
    blocks = [Plain(), Plain()]
    for block in blocks:
        block.register_forward_hook(lambda module, _inputs, output: module.ca(output) * output)
    assert _names(Stages(list(blocks))) == ["layer.0.channel", "layer.1.channel"]


def test_a_hook_on_a_module_of_torch_multiplies_for_the_one_around_it() -> None:
    blocks = [_patched(lambda block, x: block.conv(x)) for _ in range(2)]
    ca = ChannelPart(3)
    for block in blocks:
        block.conv.register_forward_hook(lambda _module, _inputs, output: ca(output) * output)
    assert _names(Stages(list(blocks))) == ["layer.0.channel", "layer.1.channel"]


def test_one_of_several_gates_from_functions_can_be_edited_alone() -> None:
    model = Stages([_patched(_forward), _bound(_forward)]).eval()
    batch = torch.rand(1, 3, 16, 16)
    with torch.inference_mode():
        plain = model(batch)
        with edit(model, {"layer.1.spatial": Off()}):
            edited = model(batch)
        block = model.layer[1]
        features = block.conv(model.layer[0](batch))
        expected = (block.ca(features) * features).mean((2, 3))
    assert not torch.equal(plain, edited)
    torch.testing.assert_close(edited, expected)
