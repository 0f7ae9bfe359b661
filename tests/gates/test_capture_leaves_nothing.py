"""A capture leaves nothing on a model, after errors too: no hooks, no flags, no memory."""

from __future__ import annotations

import gc
import weakref
from collections import OrderedDict
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from cbam_core.errors import CaptureError
from cbam_core.gates import capture
from cbam_core.nn import CBAM, CBAM_CNN
from tests.gates.watched import ORDER, Look, same


def test_a_forward_that_raises_leaves_no_hook_and_no_record(unlucky: nn.Sequential, hooks: Look) -> None:
    before = hooks(unlucky)
    unlucky[1].fails = True
    with pytest.raises(RuntimeError, match="bad luck"), capture(unlucky) as record:
        unlucky(torch.rand(1, 16, 4, 4))
    assert hooks(unlucky) == before
    with pytest.raises(CaptureError):
        _ = record.gates


def test_a_forward_that_raises_after_a_good_one_leaves_no_record(unlucky: nn.Sequential) -> None:
    x = torch.rand(1, 16, 4, 4)
    with capture(unlucky) as record:
        unlucky(x)
        assert len(record.gates) == 4
        unlucky[1].fails = True
        with pytest.raises(RuntimeError):
            unlucky(x)
        with pytest.raises(CaptureError):
            _ = record.gates
        unlucky[1].fails = False
        unlucky(x)
    assert len(record.gates) == 4  # and nothing of the broken one


class Odd(BaseException):
    pass


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, GeneratorExit, Odd])
def test_a_body_that_raises_leaves_no_hook_and_keeps_its_error(
    model: CBAM_CNN, batch: Tensor, hooks: Look, error: type[BaseException]
) -> None:
    before = hooks(model)
    with pytest.raises(error), capture(model):  # noqa: PT012 - the error must come from inside the block
        model(batch)
        raise error
    assert hooks(model) == before


def test_a_module_that_refuses_its_hook_leaves_none_on_the_others(hooks: Look) -> None:
    class Stubborn(OrderedDict[int, Any]):
        def __setitem__(self, *_: Any) -> None:
            raise KeyboardInterrupt

    model = nn.Sequential(CBAM(16), CBAM(16))
    model[1].spatial_attn.sigmoid._forward_hooks = Stubborn()
    before = hooks(model)
    with pytest.raises(KeyboardInterrupt), capture(model):
        pass
    assert hooks(model) == before


def test_hooks_are_there_inside_and_gone_afterwards(model: CBAM_CNN, batch: Tensor, hooks: Look) -> None:
    before = hooks(model)
    assert not any(before.values())
    with capture(model):
        assert sum(map(len, hooks(model).values())) == 8  # or the other tests would look at nothing
        model(batch)
    assert hooks(model) == before


def test_hooks_of_the_user_stay_and_fire(model: CBAM_CNN, batch: Tensor, hooks: Look) -> None:
    fired: list[str] = []
    for module in (model, model.cbam1.channel_attn.sigmoid):
        module.register_forward_hook(lambda *_: fired.append("after"))
        module.register_forward_pre_hook(lambda *_: fired.append("before"))
    before = hooks(model)
    with capture(model):
        inside = model.cbam2.register_forward_hook(lambda *_: fired.append("inside"))
        model(batch)
    assert fired == ["before", "before", "after", "inside", "after"]
    inside.remove()
    assert hooks(model) == before


def test_nested_captures_in_one_thread_both_record(model: CBAM_CNN, batch: Tensor, hooks: Look) -> None:
    before = hooks(model)
    with capture(model) as outer:
        model(batch[:1])
        with capture(model) as inner, capture(model.cbam2) as part:
            model(batch[1:2])
        model(batch[2:3])
    with capture(model) as second:
        model(batch[1:2])
    with capture(model) as third:
        model(batch[2:3])
    assert same(outer.gates, third.gates)
    assert same(inner.gates, second.gates)
    assert [gate.name for gate in part.gates] == ["CBAM.channel", "CBAM.spatial"]
    assert hooks(model) == before


def test_captures_may_be_closed_in_any_order(model: CBAM_CNN, batch: Tensor, hooks: Look) -> None:
    first, second = capture(model), capture(model)
    records = first.__enter__(), second.__enter__()
    first.__exit__(None, None, None)
    model(batch)
    second.__exit__(None, None, None)
    with pytest.raises(CaptureError):
        _ = records[0].gates
    assert [gate.name for gate in records[1].gates] == ORDER
    assert not any(hooks(model).values())


def test_parameters_buffers_and_flags_are_untouched(model: CBAM_CNN, batch: Tensor, state: Look) -> None:
    model.fc1.train()
    model.conv1.weight.requires_grad_(False)
    before = state(model)
    with capture(model):
        assert state(model) == before
        model(batch)
        assert state(model) == before
    assert state(model) == before


def test_a_hundred_captures_leave_nothing_behind(model: CBAM_CNN, batch: Tensor) -> None:
    def run(times: int) -> int:
        for _ in range(times):
            with torch.no_grad(), capture(model) as record:
                model(batch[:1])
            _ = record.gates
        del record
        gc.collect()
        return len(gc.get_objects())

    run(20)
    before = run(20)
    assert run(100) < before + 20  # less than one object for every five captures


def test_a_capture_is_freed_without_the_garbage_collector(model: CBAM_CNN, batch: Tensor) -> None:
    gc.disable()
    try:
        watching = capture(model)
        with watching as record:
            model(batch)
        values = weakref.ref(record.gates[0].values)
        freed = weakref.ref(watching), weakref.ref(record), values
        del watching, record
        assert [reference() for reference in freed] == [None] * 3
    finally:
        gc.enable()
