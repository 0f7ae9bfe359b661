"""Hooks are all registered or none, in the order asked for."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import pytest
from torch import nn

from cbam_core.gates.hooks import Hooks


class Stubborn(OrderedDict[int, Any]):
    def __setitem__(self, *_: Any) -> None:
        raise RuntimeError("no more hooks")


def test_hooks_that_cannot_all_be_registered_leave_none() -> None:
    layer = nn.Linear(2, 2)
    with pytest.raises(RuntimeError, match="no more hooks"):
        Hooks().register([(layer._forward_hooks, print), (Stubborn(), print)])
    assert not layer._forward_hooks
    assert not vars(layer._forward_hooks)


def test_hooks_run_after_those_that_hang_or_before_them() -> None:
    hooks: OrderedDict[int, Any] = OrderedDict({0: len})
    last, first = Hooks(), Hooks()
    last.register([(hooks, print), (hooks, repr)])
    first.register([(hooks, max), (hooks, min)], rank=1)
    assert list(hooks.values()) == [max, min, len, print, repr]
    first.remove()
    assert list(hooks.values()) == [len, print, repr]
    last.remove()
    assert hooks == {0: len}
