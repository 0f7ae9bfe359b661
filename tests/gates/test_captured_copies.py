"""Copies of a model that is being captured have no hooks of the capture, and are captured as any other."""

from __future__ import annotations

import copy
import pickle
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from cbam_core.gates import capture
from cbam_core.nn import CBAM_CNN
from tests.gates.watched import Look, same

Copier = Callable[[nn.Module], nn.Module]
COPIERS: dict[str, Copier] = {
    "deepcopy": copy.deepcopy,
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "pickle in Python": lambda model: pickle.loads(pickle._dumps(model)),  # type: ignore[attr-defined]
}


@pytest.mark.parametrize("copier", COPIERS.values(), ids=COPIERS)
@pytest.mark.parametrize("elsewhere", [False, True], ids=["here", "in another thread"])
def test_a_copy_made_inside_carries_no_hooks_and_is_captured_as_if_fresh(
    model: CBAM_CNN, batch: Tensor, hooks: Look, copier: Copier, elsewhere: bool
) -> None:
    with capture(model) as record, capture(model):
        if elsewhere:
            with ThreadPoolExecutor(1) as pool:
                twin = pool.submit(copier, model).result()
        else:
            twin = copier(model)
        assert not any(hooks(twin).values())
        assert hooks(twin).keys() == hooks(model).keys()
        expected = model(batch)
        with capture(twin) as again:
            assert torch.equal(twin(batch), expected)
        assert sum(map(len, hooks(model).values())) == 16
    assert same(again.gates, record.gates)
    assert not any(hooks(twin).values())


def test_a_copy_made_inside_keeps_the_hooks_of_the_user(model: CBAM_CNN, batch: Tensor, hooks: Look) -> None:
    fired: list[nn.Module] = []

    class Told:
        def __deepcopy__(self, _memo: dict[int, Any]) -> Told:
            return self

        def __call__(self, module: nn.Module, *_: Any) -> None:
            fired.append(module)

    gate = model.cbam1.channel_attn.sigmoid
    handle = gate.register_forward_hook(Told())
    with capture(model):
        inside = model.register_forward_hook(Told())
        twin = copy.deepcopy(model)
    assert sum(map(len, hooks(twin).values())) == 2
    twin(batch)
    assert fired == [twin.cbam1.channel_attn.sigmoid, twin]
    handle.remove()
    inside.remove()
    assert not any(hooks(model).values())


def test_a_copy_made_during_a_forward_carries_no_hooks(unlucky: nn.Sequential, hooks: Look) -> None:
    twins: list[nn.Module] = []
    handle = unlucky[1].register_forward_hook(lambda *_: twins.append(copy.deepcopy(unlucky[0])))
    with capture(unlucky) as record:
        unlucky(torch.rand(1, 16, 4, 4))
    handle.remove()
    assert not any(hooks(twins[0]).values())
    assert len(record.gates) == 4


def test_after_the_block_a_dictionary_of_hooks_is_copied_as_any_other(model: CBAM_CNN) -> None:
    with capture(model), capture(model):
        model.register_forward_hook(print)
    assert not any(vars(module._forward_hooks) for module in model.modules())
    assert list(copy.deepcopy(model)._forward_hooks.values()) == [print]


def test_hooks_that_a_copy_already_under_way_met_see_nothing(model: CBAM_CNN, batch: Tensor) -> None:
    twin = copy.deepcopy(model)
    with capture(model) as record:
        for copied, module in zip(twin.modules(), model.modules(), strict=True):
            met = OrderedDict(module._forward_hooks)  # as a copy finds them that began before the hooks were hung
            copied._forward_hooks = copy.deepcopy(met)
            assert len(pickle.loads(pickle.dumps(met))) == len(met)
        assert torch.equal(twin(batch), model(batch))
        before = record.gates
        twin(batch[:1])
    assert same(record.gates, before)


def test_a_captured_model_can_be_copied_and_pickled_afterwards(model: CBAM_CNN, batch: Tensor, hooks: Look) -> None:
    with capture(model) as record:
        expected = model(batch)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert not any(hooks(twin).values())
        with capture(twin) as again:
            assert torch.equal(twin(batch), expected)
        assert same(again.gates, record.gates)
