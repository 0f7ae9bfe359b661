"""`edit` replaces gates by name, for one thread, and leaves everything else as it was to the bit."""

from __future__ import annotations

import copy
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from cbam_core import CBAM_CNN, capture, edit
from cbam_core.errors import EditError
from cbam_core.gates.replacements import AsIs, Inverted, Off, Scaled, Target, Usual, Values
from cbam_core.nn import CBAM
from cbam_core.results import usual as known

Look = Callable[[nn.Module], dict[str, Any]]
NAMES = [f"cbam{number}.{kind}" for number in (1, 2, 3) for kind in ("channel", "spatial")]


def usual_of(model: nn.Module, batch: Tensor) -> known.Usual:
    with torch.inference_mode(), capture(model) as record:
        model(batch)
    gates = []
    for gate in record.gates:
        mean = gate.values.mean(dim=0).numpy()
        shares = known.Shares(1.0, 0.0, 0.0)
        gates.append(known.UsualGate(gate.name, gate.kind, gate.call, mean, mean, 0.1, shares, len(batch), "noise"))
    return known.Usual(tuple(gates), len(batch), "noise")


def test_all_gates_off_is_the_network_without_gates(model: CBAM_CNN, batch: Tensor) -> None:
    twin = CBAM_CNN(gates="none").eval()
    twin.load_state_dict(model.state_dict(), strict=False)
    with torch.inference_mode(), edit(model, {"*": Off()}):
        edited = model(batch)
    with torch.inference_mode():
        assert torch.equal(edited, twin(batch))


@pytest.mark.parametrize("edits", [{}, {"*": AsIs()}, {name: AsIs() for name in NAMES}])
def test_nothing_edited_changes_no_bit(model: CBAM_CNN, batch: Tensor, edits: dict[str, AsIs]) -> None:
    with torch.inference_mode():
        plain = model(batch)
        with edit(model, edits):
            assert torch.equal(model(batch), plain)
        with edit(model, {"cbam3.channel": Off()}):
            assert not torch.equal(model(batch), plain)
        assert torch.equal(model(batch), plain)


@pytest.mark.parametrize("outside", ["capture", "edit"])
def test_a_record_holds_what_multiplied_the_map(
    model: CBAM_CNN, batch: Tensor, hooks: Look, state: Look, outside: str
) -> None:
    before = state(model)
    usual = usual_of(model, batch)
    watching, editing = capture(model), edit(model, {"cbam2.spatial": Usual()}, usual=usual)
    with torch.inference_mode():
        if outside == "capture":
            with watching as record, editing:
                model(batch)
        else:
            with editing, watching as record:
                model(batch)
    values = {gate.name: gate.values for gate in record.gates}
    expected = torch.from_numpy(usual.gate("cbam2.spatial").mean)
    assert torch.equal(values["cbam2.spatial"], expected.expand(len(batch), 8, 8))
    assert list(values) == NAMES
    assert not any(hooks(model).values())
    assert state(model) == before


def test_gates_before_the_edited_one_keep_every_bit_and_later_ones_follow(model: CBAM_CNN, batch: Tensor) -> None:
    with torch.inference_mode(), capture(model) as plain:
        model(batch)
    with torch.inference_mode(), edit(model, {"cbam2.channel": Off()}), capture(model) as edited:
        model(batch)
    same = [torch.equal(one.values, other.values) for one, other in zip(plain.gates, edited.gates, strict=True)]
    assert same == [True, True, False, False, False, False]


def test_a_name_goes_before_patterns_and_an_earlier_pattern_before_a_later_one(model: CBAM_CNN, batch: Tensor) -> None:
    edits = {"*.spatial": Values(0.25), "cbam?.*": Values(0.5), "cbam3.spatial": Values(0.75)}
    with torch.inference_mode(), edit(model, edits), capture(model) as record:
        model(batch)
    assert [float(gate.values.mean()) for gate in record.gates] == [0.5, 0.25, 0.5, 0.25, 0.5, 0.75]


def test_the_inner_of_two_edits_replaces_what_the_outer_one_gives(model: CBAM_CNN, batch: Tensor) -> None:
    outer = edit(model, {"cbam1.channel": Values(0.5), "cbam2.channel": Values(0.5)})
    inner = edit(model, {"cbam1.channel": lambda gate: gate.values / 2})
    with torch.inference_mode(), capture(model) as record, outer, inner:
        model(batch)
    assert [float(gate.values.max()) for gate in record.gates if gate.name in NAMES[:3:2]] == [0.25, 0.5]


def test_calls_of_a_block_are_edited_by_their_own_names() -> None:
    block = CBAM(16, ratio=4)
    model = nn.Sequential(block, nn.Sequential(block)).eval()
    x = torch.rand(2, 16, 4, 4)
    with torch.inference_mode(), edit(model, {"0#2.channel": Off()}), capture(model) as record:
        model(x)
    assert [gate.name for gate in record.gates if bool((gate.values == 1).all())] == ["0#2.channel"]
    with torch.inference_mode(), edit(model, {"0*.channel": Off()}), capture(model) as record:
        model(x)
    assert [gate.name for gate in record.gates if bool((gate.values == 1).all())] == ["0.channel", "0#2.channel"]


def test_threads_edit_one_model_each_for_itself(model: CBAM_CNN, batch: Tensor) -> None:
    levels = [0.0, 0.25, 0.5, 0.75, 1.0, None]

    def run(level: float | None) -> Tensor:
        edits = {} if level is None else {"cbam1.*": Values(level)}
        with torch.inference_mode(), edit(model, edits):
            return model(batch)

    expected = [run(level) for level in levels]
    with ThreadPoolExecutor(len(levels)) as pool:
        found = [outputs for _ in range(5) for outputs in pool.map(run, levels)]
    assert all(torch.equal(one, other) for one, other in zip(found, expected * 5, strict=True))


def test_a_classifier_brings_its_usual_values(model: CBAM_CNN, batch: Tensor) -> None:
    class Network:
        def __init__(self, usual: known.Usual | None) -> None:
            self.model, self.usual = model, usual

    usual = usual_of(model, batch)
    with torch.inference_mode():
        with edit(Network(usual), {"cbam1.channel": Usual()}):
            found = model(batch)
        with edit(model, {"cbam1.channel": Usual(usual.gate("cbam1.channel").mean)}):
            assert torch.equal(model(batch), found)


def test_gradients_flow_through_what_is_not_replaced(model: CBAM_CNN, batch: Tensor) -> None:
    with edit(model, {"cbam3.channel": Values(0.5)}):
        model(batch).sum().backward()
    assert model.cbam3.channel_attn.fc[0].weight.grad is None
    assert model.cbam3.spatial_attn.conv.weight.grad.abs().sum() > 0


def frozen_by_hand(model: nn.Module, batch: Tensor, edits: dict[str, Any], first: str) -> Tensor:
    """The direct effect: every later gate is given the values that it has without the edits."""
    with torch.inference_mode(), capture(model) as record:
        model(batch)
    plain = {gate.name: gate.values for gate in record.gates}
    later = NAMES[NAMES.index(first) + 1 :]
    with torch.inference_mode(), edit(model, {**{name: Values(plain[name]) for name in later}, **edits}):
        return model(batch)


@pytest.mark.parametrize("outer", [{}, {"cbam2.channel": Values(0.5)}, {"cbam1.channel": Inverted()}])
def test_later_gates_can_be_frozen_as_they_were(
    model: CBAM_CNN, batch: Tensor, hooks: Look, state: Look, outer: dict[str, Any]
) -> None:
    before, random = state(model), torch.get_rng_state()
    edits = {"cbam1.spatial": Off()}
    with edit(model, outer):
        expected = frozen_by_hand(model, batch, edits, "cbam1.spatial")
        with torch.inference_mode(), edit(model, edits):
            total = model(batch)
        with torch.inference_mode(), edit(model, edits, freeze_later=True), capture(model) as record:
            found = model(x=batch)
    assert torch.equal(found, expected)
    assert not torch.equal(found, total)
    assert [gate.name for gate in record.gates] == NAMES
    assert not any(hooks(model).values())
    assert state(model) == before
    assert torch.equal(torch.get_rng_state(), random)


def test_an_edit_inside_a_freezing_one_is_part_of_what_is_frozen(model: CBAM_CNN, batch: Tensor) -> None:
    inner = {"cbam3.spatial": Values(0.5)}
    with edit(model, inner):
        expected = frozen_by_hand(model, batch, {"cbam1.spatial": Off()}, "cbam1.spatial")
    with torch.inference_mode(), edit(model, {"cbam1.spatial": Off()}, freeze_later=True), edit(model, inner):
        assert torch.equal(model(batch), expected)


def test_a_later_edit_gets_the_values_without_the_earlier_one(model: CBAM_CNN, batch: Tensor) -> None:
    with torch.inference_mode(), capture(model) as plain:
        model(batch)
    edits = {"cbam1.channel": Off(), "cbam2.channel": Scaled(0.5)}
    with torch.inference_mode(), edit(model, edits, freeze_later=True), capture(model) as record:
        model(batch)
    halves = [gate.values for gate in record.gates if gate.name == "cbam2.channel"]
    assert torch.equal(halves[0], plain.gates[2].values / 2)
    assert torch.equal(record.gates[5].values, plain.gates[5].values)


def test_freezing_without_edits_changes_no_bit(model: CBAM_CNN, batch: Tensor) -> None:
    with torch.inference_mode(), edit(model, {"*": AsIs()}, freeze_later=True):
        found = model(batch)
    with torch.inference_mode():
        assert torch.equal(found, model(batch))


def test_freezing_needs_eval_mode_and_one_edit(model: CBAM_CNN, batch: Tensor, hooks: Look) -> None:
    freezing = edit(model, {"cbam1.channel": Off()}, freeze_later=True)
    again = edit(model, {"cbam2.channel": Off()}, freeze_later=True)
    with freezing, pytest.raises(EditError, match="give all of them to one edit"), again:
        pass
    with pytest.raises(EditError, match=r"call model.eval\(\) first"), freezing:
        model.train()(batch)
    assert not any(hooks(model).values())


def test_copies_of_a_model_that_is_edited_are_plain(model: CBAM_CNN, batch: Tensor, hooks: Look) -> None:
    with edit(model, {"cbam1.channel": Off()}, freeze_later=True):
        twin = copy.deepcopy(model)
    assert not any(hooks(twin).values())
    with torch.inference_mode():
        assert torch.equal(twin(batch), model(batch))


@pytest.mark.parametrize(
    ("edits", "said"),
    [
        ({"cbam4.channel": Off()}, "there is no gate 'cbam4.channel'; this network has cbam1.channel, cbam1.spatial,"),
        ({"*.row": Off()}, r"there is no gate '\*.row'"),
        ({"cbam9#2.channel": Off()}, "there is no gate 'cbam9#2.channel'"),
        ({"cbam1#2.channel": Off()}, "gate cbam1#2.channel did not run in this forward"),
        ({"cbam1.channel": Off}, r"such as Usual\(\) or Off\(\); given Off without \(\)"),
        ({"cbam1.channel": Usual()}, "the usual values of gate cbam1.channel are not known"),
        ({"cbam1.spatial": Values(np.ones((4, 4)))}, r"of shape \(16, 16\) for one image; given \(4, 4\)"),
        ({"cbam1.spatial": lambda gate: gate.values[:1]}, r"shape \(7, 16, 16\); it returned \(1, 16, 16\)"),
        ({"cbam1.spatial": lambda gate: 1}, "it returned int"),
    ],
)
def test_what_cannot_be_edited_is_said_in_one_sentence(
    model: CBAM_CNN, batch: Tensor, hooks: Look, edits: dict[str, Any], said: str
) -> None:
    plain = model(batch)
    with pytest.raises(EditError, match=said), edit(model, edits):
        model(batch)
    assert not any(hooks(model).values())
    assert torch.equal(model(batch), plain)


def test_a_network_without_gates_has_none_to_edit() -> None:
    with pytest.raises(EditError, match="this network has none"), edit(nn.ReLU(), {"cbam1.channel": Off()}):
        pass


def test_a_replacement_is_any_function_of_a_target(model: CBAM_CNN, batch: Tensor) -> None:
    seen: list[Target] = []
    with torch.inference_mode(), edit(model, {"cbam2.spatial": lambda gate: seen.append(gate) or gate.values}):
        model(batch)
    (target,) = seen
    assert (target.name, target.kind, target.axes, target.usual) == ("cbam2.spatial", "spatial", "HW", None)
    assert target.values.shape == (7, 8, 8)
