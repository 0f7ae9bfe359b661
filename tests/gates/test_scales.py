"""What multiplied the map is scale * values + shift, whatever the code did to the gate before."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from cbam_core import Off, Scaled, Values, capture, edit
from cbam_core.errors import CaptureError
from cbam_core.gates.record import RecordedGate


class Written(nn.Module):
    """A network whose code around two gates is given."""

    def __init__(self, code: Callable[[Written, Tensor], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stem = nn.Conv2d(3, 8, 3)
        self.layers = nn.ModuleList([nn.Conv2d(8, 8, 1), nn.Conv2d(8, 8, 1)])
        self.level = nn.Parameter(torch.ones(1))
        self.settings = {"level": 1.0}
        self.code = code

    def gate(self, x: Tensor, number: int = 0) -> Tensor:
        found: Tensor = torch.sigmoid(self.layers[number](x.mean((2, 3), keepdim=True)))
        return found

    def forward(self, x: Tensor) -> Tensor:
        return self.code(self, self.stem(x)).mean((2, 3))


BATCH = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def gates_of(model: Written) -> tuple[RecordedGate, ...]:
    with torch.no_grad(), capture(model) as record:
        model(BATCH)
    return record.gates


def test_each_call_of_a_gate_has_its_own_scale() -> None:
    def code(model: Written, x: Tensor) -> Tensor:
        for level in (1.0, 2.0, 0.5):
            x = x * (1 + level * model.gate(x))
        return x

    found = gates_of(Written(code).eval())
    assert [(gate.name, gate.scale, gate.shift) for gate in found] == [
        ("Written.channel", 1.0, 1.0), ("Written#2.channel", 2.0, 1.0), ("Written#3.channel", 0.5, 1.0)
    ]  # fmt: skip


def test_a_weighted_difference_has_its_weight_as_scale() -> None:
    (gate,) = gates_of(Written(lambda model, x: x * torch.rsub(model.gate(x), 3, alpha=2)).eval())
    assert (gate.scale, gate.shift, gate.squashed) == (-2.0, 3.0, True)


def test_a_rounded_quotient_is_recorded_as_it_is() -> None:
    model = Written(lambda model, x: x * torch.div(model.gate(x), 0.3, rounding_mode="floor")).eval()
    (gate,) = gates_of(model)
    with torch.no_grad():
        expected = torch.div(model.gate(model.stem(BATCH)), 0.3, rounding_mode="floor")[..., 0, 0]
    torch.testing.assert_close(gate.scale * gate.values + gate.shift, expected)


def test_the_sum_of_two_gates_is_one_gate() -> None:
    model = Written(lambda model, x: x * (model.gate(x, 0) + model.gate(x, 1))).eval()
    (gate,) = gates_of(model)
    with torch.no_grad():
        x = model.stem(BATCH)
        expected = (model.gate(x, 0) + model.gate(x, 1))[..., 0, 0]
        torch.testing.assert_close(gate.values, expected)
        assert (gate.kind, gate.scale, gate.shift, gate.squashed) == ("channel", 1.0, 0.0, False)
        with edit(model, {"*": Off()}):
            torch.testing.assert_close(model(BATCH), x.mean((2, 3)))


@pytest.mark.parametrize("level", [0.5, 2.0])
def test_a_number_on_a_sum_of_gates_is_its_scale(level: float) -> None:
    model = Written(lambda model, x: x * (1 + level * (model.gate(x, 0) + model.gate(x, 1)))).eval()
    (gate,) = gates_of(model)
    with torch.no_grad():
        x = model.stem(BATCH)
        expected = 1 + level * (model.gate(x, 0) + model.gate(x, 1))[..., 0, 0]
    torch.testing.assert_close(gate.scale * gate.values + gate.shift, expected)


CODES: dict[str, Callable[[Written, Tensor], Tensor]] = {
    "parameter": lambda model, x: x * (1 + model.level * model.gate(x)),
    "number of a parameter": lambda model, x: x * (1 + model.level.item() * model.gate(x)),
    "number in a dictionary": lambda model, x: x * (1 + model.settings["level"] * model.gate(x)),
    "beside another gate": lambda model, x: x * ((1 + model.settings["level"] * model.gate(x)) * model.gate(x, 1)),
    "behind a squash": lambda model, x: x * (1 + model.settings["level"] * model.gate(x).sub(0.5).clamp(0, 1)),
}


@pytest.mark.parametrize("code", CODES.values(), ids=CODES)
def test_a_scale_that_changes_between_forwards_is_the_new_one(code: Callable[[Written, Tensor], Tensor]) -> None:
    model = Written(code).eval()
    assert gates_of(model)[0].scale == 1.0
    model.level.data.fill_(3.0)
    model.settings["level"] = 3.0
    first = gates_of(model)[0]
    assert (first.scale, first.shift, first.squashed) == (3.0, 1.0, True)
    assert 0 <= float(first.values.min()) <= float(first.values.max()) <= 1
    assert gates_of(model)[0].scale == 3.0


def test_a_gate_is_in_the_unit_range_only_while_its_number_lets_it() -> None:
    model = Written(lambda model, x: x * (model.settings["level"] * model.gate(x))).eval()
    plain = gates_of(model)[0]
    model.settings["level"] = 3.0
    (gate,) = gates_of(model)
    torch.testing.assert_close(gate.scale * gate.values, 3 * plain.values)
    assert gate.squashed
    assert float(gate.values.max()) <= 1


def test_an_edit_with_a_number_of_an_earlier_forward_is_refused_and_right_the_next_time() -> None:
    model = Written(CODES["number in a dictionary"]).eval()
    gates_of(model)
    model.settings["level"] = 3.0
    with torch.no_grad():
        with pytest.raises(CaptureError, match="run it again"), edit(model, {"*": Off()}):
            model(BATCH)
        with edit(model, {"*": Values(0.5)}):
            torch.testing.assert_close(model(BATCH), 2.5 * model.stem(BATCH).mean((2, 3)))


def test_a_number_that_training_changes_is_followed_without_a_word() -> None:
    model = Written(lambda model, x: x * (model.level * model.gate(x))).train()
    scales = []
    for _ in range(3):
        with capture(model) as record:
            model(BATCH)
        scales.append(record.gates[0].scale)
        with torch.no_grad():
            model.level.add_(1.0)
    assert scales == [1.0, 2.0, 3.0]


class Swinging(nn.Module):
    """Multiplies by 1 + tanh: two times a gate."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.fc = nn.Conv2d(3, 4, 1), nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        return x * (1 + torch.tanh(self.fc(x.mean((2, 3)))))[:, :, None, None]


def test_one_and_a_tanh_is_replaced_and_kept_with_its_graph() -> None:
    torch.manual_seed(0)
    model, batch = nn.Sequential(Swinging()).eval(), torch.rand(2, 3, 6, 5)
    plain = model(batch)
    with capture(model, grad=True) as record:
        assert torch.equal(model(batch), plain)
    (gate,) = record.gates
    assert (gate.scale, gate.shift, gate.squashed) == (2.0, 0.0, True)
    assert gate.values.requires_grad
    with edit(model, {"0.channel": Scaled(0.5)}):
        torch.testing.assert_close(model(batch), plain / 2)
    with edit(model, {"0.channel": Off()}):
        torch.testing.assert_close(model(batch), model[0].stem(batch))
