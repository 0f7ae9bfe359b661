import pytest
import torch
from torch import Tensor

from cbam_core.errors import CaptureError
from cbam_core.gates.record import Kind, Record


def test_gates_before_any_forward_are_an_error() -> None:
    with pytest.raises(CaptureError) as error:
        _ = Record().gates
    assert error.value.code == "capture.no-forward"


def test_a_forward_without_gates_gives_none() -> None:
    record = Record()
    record.replace([])
    assert record.gates == ()


def test_forgetting_a_forward_makes_reading_an_error_again() -> None:
    record = Record()
    record.replace([])
    record.replace(None)
    with pytest.raises(CaptureError):
        _ = record.gates


@pytest.mark.parametrize(
    ("kind", "seen", "smallest"),
    [
        ("channel", (2, 5), (2, 5)),
        ("channel", (2, 5, 1, 1), (2, 5)),
        ("channel", (2, 1, 1, 1), (2, 1)),
        ("spatial", (2, 1, 3, 4), (2, 3, 4)),
        ("spatial", (1, 1, 1, 1), (1, 1, 1)),
        ("spatial", (2, 3, 4), (2, 3, 4)),
        ("full", (2, 5, 3, 4), (2, 5, 3, 4)),
    ],
)
def test_gates_come_in_their_smallest_form(kind: Kind, seen: tuple[int, ...], smallest: tuple[int, ...]) -> None:
    values = torch.arange(torch.Size(seen).numel(), dtype=torch.float32).reshape(seen)
    record = Record()
    record.replace([("a", kind, values)])
    (gate,) = record.gates
    assert gate.values.shape == smallest
    assert torch.equal(gate.values.flatten(), values.flatten())


def test_repeated_blocks_are_numbered_by_kind_and_call() -> None:
    weights, mask = torch.rand(1, 4), torch.rand(1, 1, 2, 2)
    record = Record()
    once: list[tuple[str, Kind, Tensor]] = [("a", "channel", weights), ("a", "spatial", mask)]
    record.replace([*once, *once, ("b", "channel", weights), *once])
    assert [gate.name for gate in record.gates] == [
        *("a.channel", "a.spatial", "a#2.channel", "a#2.spatial", "b.channel", "a#3.channel", "a#3.spatial")
    ]
    assert [gate.block for gate in record.gates] == ["a", "a", "a#2", "a#2", "b", "a#3", "a#3"]


def test_reading_twice_gives_the_same_gates() -> None:
    record = Record()
    record.replace([("a", "channel", torch.rand(1, 4))])
    first, second = record.gates, record.gates
    assert [gate.name for gate in first] == [gate.name for gate in second]
    assert torch.equal(first[0].values, second[0].values)
