"""Which arithmetic is chosen; what is asked is the processor, so the tests say what it would answer."""

import pytest
import torch

from cbam_core.training import loop, muon
from cbam_core.training.muon import orthogonalise
from cbam_core.training.precision import arithmetic


@pytest.fixture(autouse=True)
def _asked_anew():
    arithmetic.cache_clear()
    yield
    arithmetic.cache_clear()


@pytest.mark.parametrize(
    ("has", "expected"),
    [
        ({"avx2": True, "avx512_bf16": False, "cpu_name": "bf16"}, torch.float32),
        ({"avx512_f": True, "amx_bf16": False, "avx512_bf16": True}, torch.bfloat16),
        ({"amx_bf16": True}, torch.bfloat16),
        ({"neon": True, "bf16": True, "sve": False}, torch.bfloat16),
        ({}, torch.float32),
    ],
)
def test_bfloat16_is_for_processors_that_have_it(monkeypatch, has, expected) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: has)
    assert arithmetic("cpu") == expected


def test_this_processor_is_asked_and_answers() -> None:
    assert arithmetic("cpu") in (torch.bfloat16, torch.float32)
    assert arithmetic("mps") == torch.bfloat16


@pytest.mark.parametrize(("has", "expected"), [(True, torch.bfloat16), (False, torch.float32)])
def test_a_gpu_that_only_imitates_bfloat16_computes_in_float32(monkeypatch, has, expected) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: including_emulation or has)
    assert arithmetic("cuda") == expected


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_orthogonal_steps_come_out_in_either(monkeypatch, dtype) -> None:
    monkeypatch.setattr(muon, "arithmetic", lambda device: dtype)
    made = orthogonalise(torch.randn(32, 100, generator=torch.Generator().manual_seed(0)))
    assert made.dtype == torch.float32
    assert 0.6 < float(torch.linalg.svdvals(made).min()) <= float(torch.linalg.svdvals(made).max()) < 1.3


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_the_loop_learns_in_what_the_processor_has(monkeypatch, dtype, images, recipe, tmp_path) -> None:
    from tests.training.conftest import network, prepare

    seen = set()
    model = network()
    model.conv1.register_forward_hook(lambda module, inputs, output: seen.add((module.training, output.dtype)))
    monkeypatch.setattr(loop, "arithmetic", lambda device: dtype)
    loop.fit(loop.Learner(model, prepare), images, recipe(epochs=1, bfloat16=True), folder=tmp_path)
    assert seen == {(True, dtype), (False, torch.float32)}
