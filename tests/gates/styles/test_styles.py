"""Every style of the corpus gives its gates, with their values, and no trap gives one."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from cbam_core import capture
from cbam_core.gates.record import Record, RecordedGate
from tests.gates.styles import (  # noqa: F401 - each registers its cases
    activation_traps,
    attention_traps,
    both_styles,
    cbam_styles,
    dimension_styles,
    full_styles,
    library_styles,
    mask_traps,
    normalisation_traps,
    passing_styles,
    relative_styles,
    setting_styles,
    spelling_styles,
    structure_styles,
)
from tests.gates.styles.cases import STYLES, TRAPS, Case, Expected

NOT_YET: tuple[str, ...] = ()
"""Styles whose gates are not found yet; one that is found must be taken out."""


NOT_YET_IN_INFERENCE: tuple[str, ...] = ()
"""Those whose gates are not found in inference mode."""


def _named(cases: list[Case], late: tuple[str, ...] = NOT_YET) -> list[Any]:
    mark = pytest.mark.xfail(strict=True, reason="not found yet")
    return [pytest.param(case, id=case.name, marks=mark if case.name in late else ()) for case in cases]


def _model(case: Case) -> nn.Module:
    torch.manual_seed(sum(map(ord, case.name)))
    return case.make()


def _forward(case: Case, model: nn.Module, seed: int) -> tuple[Any, tuple[Any, ...]]:
    inputs = case.inputs(torch.Generator().manual_seed(seed))
    torch.manual_seed(seed)
    with case.context():
        return model(*inputs), case.inputs(torch.Generator().manual_seed(seed))


def _captured(case: Case, model: nn.Module, seed: int) -> tuple[Any, Record]:
    with capture(model) as record:
        output, _ = _forward(case, model, seed)
    return output, record


def _tensors(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    parts = value.values() if isinstance(value, dict) else value
    return [tensor for part in parts for tensor in _tensors(part)]


def _identical(one: Any, other: Any) -> bool:
    return all(torch.equal(a, b) and a.dtype == b.dtype for a, b in zip(_tensors(one), _tensors(other), strict=True))


def _buffers(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def _plain(case: Case, model: nn.Module, seed: int) -> tuple[Any, Tensor, dict[str, Tensor]]:
    """Output, random state and buffers after a forward of a model of its own, which nobody watches."""
    output, _ = _forward(case, model, seed)
    return output, torch.get_rng_state(), _buffers(model)


def _mismatch(gate: RecordedGate, expected: Expected, tolerance: float) -> list[str]:
    said = []
    if gate.kind not in (expected.kind, *expected.kinds):
        said.append(f"kind {gate.kind}, not {expected.kind}")
    elif not any(_close(gate.values, values, tolerance) for values in expected.values):
        said.append(f"other values of shape {tuple(gate.values.shape)}, not {tuple(expected.values[0].shape)}")
    if gate.block not in expected.blocks:
        said.append(f"block {gate.block!r}, not one of {expected.blocks}")
    for name in ("scale", "shift", "squashed", "call") if expected.multiplier is None else ("squashed", "call"):
        right, given = getattr(expected, name), getattr(gate, name)
        if right is not None and given != pytest.approx(right):
            said.append(f"{name} {given}, not {right}")
    if expected.multiplier is not None:
        multiplier = gate.scale * gate.values + gate.shift
        said += [] if _close(multiplier, expected.multiplier, tolerance) else ["scale and shift do not fit the values"]
    return said


def _close(values: Tensor, expected: Tensor, tolerance: float) -> bool:
    same = values.shape == expected.shape
    return same and torch.allclose(values.double(), expected.double(), rtol=0, atol=tolerance)


def _check(case: Case, record: Record, expected: list[Expected]) -> None:
    assert [gate.kind for gate in record.gates] == [one.kind for one in expected]
    for gate, one in zip(record.gates, expected, strict=True):
        assert _mismatch(gate, one, case.tolerance) == [], gate.name
        assert gate.name.startswith(gate.block)
        assert not gate.values.requires_grad


def _expected(case: Case, model: nn.Module, seed: int) -> list[Expected]:
    inputs = case.inputs(torch.Generator().manual_seed(seed))
    with torch.no_grad():
        return model.gates(*inputs)


@pytest.mark.parametrize("case", _named(STYLES))
def test_a_style_gives_its_gates_in_the_first_forward_and_in_a_later_one(case):
    model, other = _model(case), _model(case)
    for seed in (1, 2):
        plain, state, buffers = _plain(case, other, seed)
        expected = _expected(case, _model(case), seed)
        output, record = _captured(case, model, seed)
        assert _identical(output, plain)
        assert torch.equal(torch.get_rng_state(), state)
        assert all(torch.equal(tensor, buffers[name]) for name, tensor in model.state_dict().items())
        _check(case, record, expected)


@pytest.mark.parametrize("case", _named(STYLES, NOT_YET_IN_INFERENCE))
def test_a_style_gives_its_gates_in_inference_mode(case):
    """Its tensors have no versions, so what was changed in place is not told by them."""
    with torch.inference_mode():
        output, record = _captured(case, model := _model(case), 1)
        _check(case, record, _expected(case, _model(case), 1))
        torch.manual_seed(1)
        assert model.training or _identical(output, _forward(case, model, 1)[0])


@pytest.mark.parametrize("case", _named(TRAPS))
def test_a_trap_gives_no_gate_and_a_reason(case):
    model, other = _model(case), _model(case)
    for seed in (1, 2):
        plain, state, _ = _plain(case, other, seed)
        output, record = _captured(case, model, seed)
        assert _identical(output, plain)
        assert torch.equal(torch.get_rng_state(), state)
        assert record.gates == ()
        assert record.why_none


def test_the_corpus_is_large_and_its_names_differ():
    assert len(STYLES) >= 70
    assert len(TRAPS) >= 35
    names = [case.name for case in STYLES + TRAPS]
    assert len(set(names)) == len(names)
