import math

import pytest

from cbam_core.errors import CheckpointError
from cbam_core.weights.fields import LARGEST_COUNT, MAX_ENTRIES, Fields


def read(kind: str, value: object) -> object:
    found = getattr(Fields({"it": value}, "card."), kind)("it")
    return list(found) if kind == "history" else found


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("text", "a" * 501),
        ("text", 3),
        ("texts", ["a", 1]),
        ("texts", ["a"] * (MAX_ENTRIES + 1)),
        ("count", -1),
        ("count", True),
        ("count", 1.0),
        ("count", LARGEST_COUNT + 1),
        ("sizes", [32]),
        ("sizes", [32, True]),
        ("triple", [0, 0, math.nan]),
        ("triple", [0, 0, 10**400]),
        ("scalars", {"a": []}),
        ("scalars", {"a": math.inf}),
        ("history", [{"loss": "low"}]),
        ("history", {"loss": 1}),
    ],
)
def test_a_value_of_another_kind_is_refused_with_its_place(kind: str, value: object) -> None:
    with pytest.raises(CheckpointError, match=r"card\.it must be") as error:
        read(kind, value)
    assert len(str(error.value)) < 400


@pytest.mark.parametrize(
    ("kind", "value"),
    [("text", "a"), ("texts", ["a"]), ("count", 0), ("scalars", {"a": None, "b": 1.5}), ("history", [{"loss": 0.5}])],
)
def test_a_good_value_comes_back(kind: str, value: object) -> None:
    assert read(kind, value) == value


def test_what_is_no_object_is_refused() -> None:
    with pytest.raises(CheckpointError, match="card must be an object"):
        Fields([], "card.")
