"""What `capture` records, in one thread."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from cbam_core.errors import CaptureError
from cbam_core.gates import capture
from cbam_core.nn import CBAM, CBAM_CNN
from tests.gates.watched import ORDER, Look, same


@pytest.mark.parametrize("grad", [torch.enable_grad, torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
@pytest.mark.parametrize("size", [1, 7])
@pytest.mark.parametrize("autocast", [False, True], ids=["float32", "bfloat16"])
def test_the_output_is_bit_identical_with_capture(
    model: CBAM_CNN,
    batch: Tensor,
    grad: Callable[[], AbstractContextManager[None]],
    training: bool,
    size: int,
    autocast: bool,
) -> None:
    model.train(training)
    plain, captured = copy.deepcopy(model), copy.deepcopy(model)
    with grad(), torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        torch.manual_seed(3)  # of dropout
        expected = plain(batch[:size])
        torch.manual_seed(3)
        with capture(captured) as record:
            output = captured(batch[:size])
    assert output.dtype == expected.dtype
    assert output.requires_grad == expected.requires_grad
    assert torch.equal(output, expected)
    assert all(torch.equal(a, b) for a, b in zip(plain.buffers(), captured.buffers(), strict=True))
    assert [gate.name for gate in record.gates] == ORDER
    assert {len(gate.values) for gate in record.gates} == {size}


def test_gradients_are_bit_identical_with_capture_and_gates_carry_none(model: CBAM_CNN, batch: Tensor) -> None:
    model(batch).square().sum().backward()
    expected = [parameter.grad for parameter in model.parameters()]
    model.zero_grad()
    with capture(model) as record:
        model(batch).square().sum().backward()
    assert all(torch.equal(p.grad, g) for p, g in zip(model.parameters(), expected, strict=True))
    assert not any(gate.values.requires_grad or gate.values.grad_fn for gate in record.gates)


def by_hand(block: CBAM, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Channel weights (B, C) and spatial mask (B, H, W) of a block, in float64 by NumPy alone."""
    down, up, kernel = (p.detach().double().numpy() for p in block.parameters())
    logit = sum(np.maximum(v @ down.T, 0) @ up.T for v in (x.mean((2, 3)), x.max((2, 3))))
    weights = 1 / (1 + np.exp(-logit))
    x = x * weights[:, :, None, None]
    edge = kernel.shape[-1] // 2
    planes = np.pad(np.stack([x.mean(1), x.max(1)], 1), ((0, 0), (0, 0), (edge, edge), (edge, edge)))
    windows = np.lib.stride_tricks.sliding_window_view(planes, kernel.shape[2:], axis=(2, 3))
    return weights, 1 / (1 + np.exp(-np.einsum("bphwij,pij->bhw", windows, kernel[0])))


def test_values_equal_an_independent_computation_of_both_gates(model: CBAM_CNN, batch: Tensor) -> None:
    inputs: dict[str, np.ndarray] = {}
    for name in ("cbam1", "cbam2", "cbam3"):
        model.get_submodule(name).register_forward_pre_hook(
            lambda _, x, name=name: inputs.update({name: x[0].double().numpy()})
        )
    with torch.no_grad(), capture(model) as record:
        model(batch)
    gates = {gate.name: gate.values.numpy() for gate in record.gates}
    for name, x in inputs.items():
        weights, mask = by_hand(model.get_submodule(name), x)
        np.testing.assert_allclose(gates[f"{name}.channel"], weights, atol=2e-6)
        np.testing.assert_allclose(gates[f"{name}.spatial"], mask, atol=2e-6)
        assert np.ptp(mask) > 1e-3  # so that a constant would not do


def test_gates_say_what_they_are(model: CBAM_CNN, batch: Tensor) -> None:
    with capture(model) as record:
        model(batch)
    seen = [(gate.name, gate.block, gate.kind, tuple(gate.values.shape)) for gate in record.gates]
    assert seen == [
        ("cbam1.channel", "cbam1", "channel", (7, 32)),
        ("cbam1.spatial", "cbam1", "spatial", (7, 16, 16)),
        ("cbam2.channel", "cbam2", "channel", (7, 64)),
        ("cbam2.spatial", "cbam2", "spatial", (7, 8, 8)),
        ("cbam3.channel", "cbam3", "channel", (7, 128)),
        ("cbam3.spatial", "cbam3", "spatial", (7, 4, 4)),
    ]


def test_order_is_that_of_execution_not_of_registration() -> None:
    class Backwards(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = CBAM(16), CBAM(16)

        def forward(self, x: Tensor) -> Tensor:
            return self.first(self.second(x))

    model = Backwards()
    with capture(model) as record:
        model(torch.rand(1, 16, 4, 4))
    assert [gate.block for gate in record.gates] == ["second", "second", "first", "first"]


def test_a_second_forward_replaces_the_first(model: CBAM_CNN, batch: Tensor) -> None:
    with capture(model) as alone:
        model(batch[1:3])
    with capture(model) as record:
        model(batch[:1])
        first = record.gates
        model(batch[1:3])
    assert same(record.gates, alone.gates)
    assert len(first[0].values) == 1  # what was read stays


def test_a_shared_block_is_recorded_at_every_call() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cbam, self.conv = CBAM(16), nn.Conv2d(16, 16, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.cbam(self.conv(self.cbam(x)))

    torch.manual_seed(0)
    model, x = Twice(), torch.rand(2, 16, 5, 5)
    with capture(model) as record, capture(model.cbam) as second:
        model(x)
    with capture(model.cbam) as first:
        model.cbam(x)
    assert [g.name for g in record.gates] == [
        "cbam.channel",
        "cbam.spatial",
        "cbam#2.channel",
        "cbam#2.spatial",
    ]
    for index, alone in ((0, first), (2, second)):
        assert torch.equal(record.gates[index].values, alone.gates[0].values)
        assert torch.equal(record.gates[index + 1].values, alone.gates[1].values)


def test_a_model_without_gates_has_none() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Sigmoid())
    with capture(model) as record:
        model(torch.rand(1, 3, 4, 4))
    assert record.gates == ()


def test_a_model_that_is_one_block_is_captured(hooks: Look) -> None:
    model = CBAM(16)
    before = hooks(model)
    with capture(model) as record, capture(model.spatial_attn.sigmoid) as nothing:
        model(torch.rand(1, 16, 4, 4))
    assert [gate.name for gate in record.gates] == ["CBAM.channel", "CBAM.spatial"]
    assert nothing.gates == ()
    assert hooks(model) == before


def test_gates_before_a_forward_are_an_error(model: CBAM_CNN) -> None:
    with capture(model) as record, pytest.raises(CaptureError, match="no forward was recorded"):
        _ = record.gates


def test_parts_called_on_their_own_are_no_forward_of_the_model(model: CBAM_CNN, batch: Tensor) -> None:
    x = torch.rand(1, 32, 16, 16)
    with capture(model) as record:
        model.cbam1(x)
        with pytest.raises(CaptureError):
            _ = record.gates
        model(batch)
        model.cbam1(x)
    assert [gate.name for gate in record.gates] == ORDER


def test_forwards_after_the_block_are_not_recorded(model: CBAM_CNN, batch: Tensor) -> None:
    with capture(model) as record:
        model(batch[:1])
    before = record.gates
    model(batch[1:2])
    assert same(record.gates, before)


def test_a_gate_that_the_users_hook_replaces_is_recorded_as_it_multiplies(model: CBAM_CNN, batch: Tensor) -> None:
    model.cbam1.spatial_attn.sigmoid.register_forward_hook(lambda _m, _x, gate: torch.ones_like(gate))
    with capture(model) as record:
        model(batch)
    assert torch.equal(record.gates[1].values, torch.ones(7, 16, 16))


def test_a_model_that_changes_between_captures_is_seen_as_it_is(model: CBAM_CNN, batch: Tensor) -> None:
    with capture(model):
        model(batch)
    model._modules["cbam2"] = nn.Identity()  # past every check that torch could make
    model.relu3 = nn.Sequential(nn.ReLU(), CBAM(128))  # type: ignore[assignment]
    with capture(model) as record:
        model(batch)
    assert [gate.block for gate in record.gates][::2] == ["cbam1", "relu3.1", "cbam3"]


def test_values_are_copies_of_their_own(model: CBAM_CNN, batch: Tensor) -> None:
    live: list[Tensor] = []
    model.cbam1.spatial_attn.sigmoid.register_forward_hook(lambda _m, _x, gate: live.append(gate))
    with torch.no_grad(), capture(model) as record:
        model(batch)
    expected = live[0].clone()[:, 0]
    live[0].zero_()
    assert torch.equal(record.gates[1].values, expected)


class Elsewhere(nn.Module):
    """Runs its network in another thread, as `nn.DataParallel` does."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        outputs: list[Tensor] = []
        thread = threading.Thread(target=lambda: outputs.append(self.inner(x)))
        thread.start()
        thread.join()
        return outputs[0]


def test_gates_that_run_in_another_thread_are_an_error_not_an_empty_record(
    model: CBAM_CNN, batch: Tensor, hooks: Look
) -> None:
    spread = Elsewhere(model)
    with pytest.raises(CaptureError) as error, capture(spread):
        spread(batch)
    assert error.value.code == "capture.ran-elsewhere"
    assert not any(hooks(spread).values())


def test_a_sealed_model_is_refused_before_any_hook(hooks: Look) -> None:
    model = nn.Sequential(CBAM(16), CBAM(16))
    model[1].compile()
    with pytest.raises(CaptureError), capture(model):
        pass
    assert not any(hooks(model).values())
