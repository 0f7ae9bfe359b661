"""What is checked of annotations while tests run."""

from __future__ import annotations

import gc
import inspect
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import jaxtyping
import numpy as np
import pytest
from beartype import beartype
from jaxtyping import Float64, TypeCheckError

from cbam_core.training.stages import parse_stages
from tests.checked_types import checked

if TYPE_CHECKING:
    from somewhere import Unknown


def half(number: int, unknown: Unknown | None = None) -> int:
    return number / 2 if number % 2 else number // 2


def numbers(count: int) -> Iterator[int]:
    yield from range(count)


def joined(left: Float64[np.ndarray, " n"], right: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
    return left + right if len(left) < 3 else left[:1]


def each(rows: Float64[np.ndarray, " n"]) -> Iterator[float]:
    yield from rows


each = checked(each)


def first(rows: Float64[np.ndarray, " m"]) -> Float64[np.ndarray, " n"]:
    return np.array(list(each(rows))[:1])


@dataclass
class Named:
    name: str


@pytest.mark.parametrize("wrong", [lambda: checked(half)("4"), lambda: checked(half)(3)])
def test_arguments_and_results_are_checked(wrong):
    with pytest.raises(TypeCheckError):
        wrong()


def test_what_fits_is_handed_on_and_a_name_that_is_not_imported_is_anything():
    assert checked(half)(4, unknown=2) == 2
    assert list(checked(numbers)(3)) == [0, 1, 2]
    with pytest.raises(TypeCheckError):
        list(checked(numbers)("3"))


def test_axes_of_a_generator_are_its_own():
    assert checked(first)(np.ones(3)).tolist() == [1]
    with pytest.raises(TypeCheckError):
        each(np.ones((2, 2)))


def test_axes_of_one_name_are_of_one_length():
    check = checked(joined, typechecker=beartype)
    assert check(np.zeros(2), np.ones(2)).tolist() == [1, 1]
    for left, right in ((2, 1), (3, 3)):
        with pytest.raises(TypeCheckError):
            check(np.zeros(left), np.zeros(right))
    assert len(check(np.zeros(1), np.ones(1))) == 1, "the next call may have another length"
    assert all(isinstance(np.zeros(length), Float64[np.ndarray, " n"]) for length in (1, 2))  # no call is under way


def test_shapes_are_not_checked_while_jaxtyping_is_disabled(monkeypatch):
    check = checked(joined)
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    assert len(check(np.zeros(2), np.ones(1))) == 2
    monkeypatch.undo()
    with pytest.raises(TypeCheckError):
        check(np.zeros(2), np.ones(1))


def enclosing(added: float) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    def total(left: Float64[np.ndarray, " n"], right: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
        return left + right + added

    return checked(total)


def test_axes_hold_in_a_nested_function_too_and_only_there():
    for added in (1, 2):
        total = enclosing(added)
        assert total(np.zeros(2), np.ones(2)).tolist() == [1 + added] * 2
        with pytest.raises(TypeCheckError):
            total(np.zeros(2), np.ones(1))


@checked
def called(left: Float64[np.ndarray, " n"], right: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
    return checked(joined)(left[:1], right[:1]) + left


def test_axes_of_a_call_do_not_hold_in_a_call_that_it_makes():
    assert called(np.zeros(2), np.ones(2)).tolist() == [1, 1]


def test_a_dataclass_is_checked_as_it_is_made():
    made = checked(Named)
    assert made("a").name == "a"
    with pytest.raises(TypeCheckError):
        made(3)


class Held:
    number = 1


def outer(held: Held) -> Callable[[int], int]:
    def inner(number: int) -> int:
        return held.number + number

    return checked(inner)


def test_a_nested_function_is_checked_and_has_its_own_surroundings_each_time_it_is_made():
    for number in (1, 2):
        held = Held()
        held.number = number
        check = outer(held)
        assert [check(5), check(6)] == [5 + number, 6 + number]
        held.number = 0.5
        for wrong in ("5", 5):
            with pytest.raises(TypeCheckError):
                check(wrong)


def test_what_a_nested_function_closes_over_is_not_kept():
    held = Held()
    check, left = outer(held), weakref.ref(held)
    assert check(5) == 6
    del held, check
    gc.collect()
    assert left() is None


def test_functions_of_the_library_are_checked():
    with pytest.raises(TypeCheckError):
        parse_stages(3)


def test_a_function_looks_like_itself_before_and_after_its_first_call():
    check = checked(half)
    for _ in range(2):
        assert (check.__name__, check.__module__, check.__wrapped__) == ("half", __name__, half)
        assert inspect.signature(check) == inspect.signature(half)
        assert check(8) == 4


def test_threads_that_call_first_at_the_same_time_are_all_checked():
    for function, good, wrong in ((half, (4,), ("4",)), (joined, (np.zeros(2), np.ones(2)), (np.zeros(2), np.ones(1)))):
        check, together = checked(function, typechecker=beartype), threading.Barrier(8)

        def call(number, check=check, together=together, good=good, wrong=wrong):
            together.wait()
            if number % 2:
                return check(*good) is not None
            with pytest.raises(TypeCheckError):
                check(*wrong)
            return True

        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(call, range(8)))
