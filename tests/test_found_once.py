"""What was found out about a network is found once, and anew where a module of it was exchanged."""

import gc
import weakref

import pytest
from torch import nn

from cbam_core.found_once import FoundOnce


@pytest.fixture
def model() -> nn.Sequential:
    return nn.Sequential(nn.Linear(2, 2), nn.ReLU())


def test_it_is_found_once_for_each_network_and_key(model: nn.Sequential) -> None:
    numbers = iter(range(9))
    found: FoundOnce[int] = FoundOnce()
    assert found.known(model, "a") is None
    assert [found.find(model, key, lambda: next(numbers)) for key in ("a", "a", "b", "a")] == [0, 0, 1, 0]
    assert found.known(model, "a") == 0
    assert found.find(nn.ReLU(), "a", lambda: next(numbers)) == 2


def test_what_is_false_or_empty_is_found_too(model: nn.Sequential) -> None:
    answers: FoundOnce[bool] = FoundOnce()
    assert answers.find(model, (), lambda: False) is False
    assert answers.find(model, (), lambda: True) is False


@pytest.mark.parametrize(
    "change",
    [
        lambda model: model.append(nn.ReLU()),
        lambda model: model.pop(1),
        lambda model: model.__setitem__(0, nn.Linear(2, 2)),
        lambda model: model.__setitem__(1, nn.Sequential(model[1])),
    ],
    ids=["added", "removed", "exchanged", "wrapped"],
)
def test_it_is_found_anew_where_a_module_changed(model: nn.Sequential, change) -> None:
    found: FoundOnce[str] = FoundOnce()
    found.find(model, 1, lambda: "before")
    change(model)
    assert found.known(model, 1) is None
    assert found.find(model, 1, lambda: "after") == "after"
    assert found.find(model, 1, lambda: "never") == "after"


def test_it_keeps_no_network(model: nn.Sequential) -> None:
    found: FoundOnce[int] = FoundOnce()
    alone = nn.Sequential(nn.ReLU())
    found.find(alone, 1, lambda: 1)
    gone = weakref.ref(alone)
    del alone
    gc.collect()
    assert gone() is None
