import pytest

from cbam_core.atlas.memory import Memory


def test_a_result_is_made_once():
    memory, calls = Memory(), []
    assert memory.get("a", lambda: calls.append(1) or "first") == "first"
    assert memory.get("a", lambda: calls.append(2) or "second") == "first"
    assert memory.get("b", lambda: "other") == "other"
    assert calls == [1]


def test_a_failure_is_not_remembered():
    memory = Memory()
    with pytest.raises(ZeroDivisionError):
        memory.get("a", lambda: 1 / 0)
    assert memory.get("a", lambda: "now") == "now"


def test_one_result_may_need_another_and_a_newer_one_takes_its_place():
    memory = Memory()
    assert memory.get("a", lambda: memory.get("b", lambda: 2) + 1) == 3
    memory.put("a", 7)
    assert memory.get("a", lambda: 0) == 7


def test_what_is_known_is_told_without_making_it_and_forgotten_on_request():
    memory = Memory()
    assert memory.known("a") is None
    memory.get("a", lambda: 1)
    assert memory.known("a") == 1
    memory.forget("a")
    memory.forget("b")
    assert memory.known("a") is None
    assert memory.get("a", lambda: 2) == 2
