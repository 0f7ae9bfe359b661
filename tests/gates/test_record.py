import gc
import weakref
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from cbam_core import CBAM, capture, gates
from cbam_core.errors import CaptureError
from cbam_core.gates.record import Record, RecordedGate, smallest
from cbam_core.gates.sites import Site
from cbam_core.results.kinds import Kind


class Squeezed(nn.Module):
    """A channel gate in a class of nobody's."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(self.fc(x.mean((2, 3))))[:, :, None, None]


def site(block: str, kind: Kind) -> Site:
    return Site(f"{block}.{kind}", block, kind, nn.Sigmoid(), nn.Identity())


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
    record.replace([(site("a", kind), values)])
    (gate,) = record.gates
    assert gate.values.shape == smallest
    assert torch.equal(gate.values.flatten(), values.flatten())


@pytest.mark.parametrize(
    ("axes", "shape", "form"),
    [
        ("C", (2, 5, 1, 1), (2, 5)),
        ("CH", (2, 5, 3, 1), (2, 5, 3)),
        ("CW", (2, 5, 1, 4), (2, 5, 4)),
        ("CW", (2, 5, 4), (2, 5, 4)),
        ("W", (2, 1, 1, 4), (2, 4)),
    ],
)
def test_the_smallest_form_follows_from_the_axes(axes: str, shape: tuple[int, ...], form: tuple[int, ...]) -> None:
    values = torch.arange(torch.Size(shape).numel(), dtype=torch.float32).reshape(shape)
    assert smallest(values, axes).shape == form
    assert torch.equal(smallest(values, axes).flatten(), values.flatten())


def test_repeated_blocks_are_numbered_by_kind_and_call() -> None:
    weights, mask = torch.rand(1, 4), torch.rand(1, 1, 2, 2)
    record = Record()
    once = [(site("a", "channel"), weights), (site("a", "spatial"), mask)]
    record.replace([*once, *once, (site("b", "channel"), weights), *once])
    assert [gate.name for gate in record.gates] == [
        *("a.channel", "a.spatial", "a#2.channel", "a#2.spatial", "b.channel", "a#3.channel", "a#3.spatial")
    ]
    assert [gate.block for gate in record.gates] == ["a", "a", "a#2", "a#2", "b", "a#3", "a#3"]
    assert [gate.call for gate in record.gates] == [1, 1, 2, 2, 1, 3, 3]


def test_two_gates_of_one_kind_in_a_block_are_both_at_their_first_call() -> None:
    weights = torch.rand(1, 4)
    record = Record()
    record.replace([(site("a", "channel"), weights), (site("a", "channel")._replace(name="a.second"), weights)])
    found = [(gate.name, gate.block, gate.call) for gate in record.gates]
    assert found == [("a.channel", "a", 1), ("a.second", "a", 1)]


def test_reading_twice_gives_the_same_gates() -> None:
    record = Record()
    record.replace([(site("a", "channel"), torch.rand(1, 4))])
    first, second = record.gates, record.gates
    assert [gate.name for gate in first] == [gate.name for gate in second]
    assert torch.equal(first[0].values, second[0].values)


def test_the_earlier_name_of_a_recorded_gate_still_works():
    assert gates.Gate is gates.RecordedGate is RecordedGate


@pytest.mark.parametrize("made", [lambda: nn.Sequential(nn.Conv2d(3, 8, 1), CBAM(8, ratio=4)), Squeezed])
def test_a_record_does_not_keep_the_model_alive(made: Callable[[], nn.Module]) -> None:
    model = made().eval()
    with torch.inference_mode(), capture(model) as record:
        model(torch.rand(1, 3, 6, 6))
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None
    assert record.gates[0].kind == "channel"
