"""A record of a network of any class is complete and in order, or the capture is refused."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from cbam_core.errors import CaptureError
from cbam_core.gates import capture
from cbam_core.nn import CBAM, CBAM_CNN, ChannelAttention
from tests.gates.foreign import NAMES, Foreign, Mask, Squeeze, captured, images, same, seeded


def test_a_gate_that_a_hook_multiplies_is_found() -> None:
    model = seeded(lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU()))
    model.mask = mask = nn.Conv2d(8, 1, 1)
    model.forward = lambda x: model[1](model[0](x))  # type: ignore[method-assign]
    model[0].register_forward_hook(lambda _m, _x, output: output * mask(output).sigmoid())
    assert [gate.kind for gate in captured(model, images())[1]] == ["spatial"]


def test_a_subclass_with_a_sigmoid_of_its_own_is_captured_by_what_it_does() -> None:
    class Written(ChannelAttention):
        def forward(self, x: Tensor) -> Tensor:
            return x * torch.sigmoid(self.fc(x.mean((2, 3))))[:, :, None, None]

    model = seeded(lambda: nn.Sequential(nn.Conv2d(3, 16, 1), Written(16, 4)))
    assert [gate.name for gate in captured(model, images())[1]] == ["1.channel"]


def test_a_subclass_that_uses_no_gate_is_named() -> None:
    class Idle(ChannelAttention):
        def forward(self, x: Tensor) -> Tensor:
            return x * 2

    model = seeded(lambda: nn.Sequential(nn.Conv2d(3, 16, 1), CBAM(16, 4), Idle(16, 4)))
    with pytest.raises(CaptureError, match=r"2\.channel"), capture(model):
        model(images())


def test_gates_that_did_not_run_are_named(model: CBAM_CNN, batch: Tensor) -> None:
    block = model.cbam2
    model.cbam2 = nn.Identity()  # type: ignore[assignment]
    model.spare = block
    with capture(model) as record:
        model(batch)
    assert [gate.block for gate in record.gates][::2] == ["cbam1", "cbam3"]
    assert record.not_run == ("spare.channel", "spare.spatial")


def own_and_foreign() -> nn.Module:
    class Mixed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem, self.first, self.squeeze = nn.Conv2d(3, 8, 1), Mask(), Squeeze()
            self.cbam, self.last = CBAM(8, 4), Squeeze()

        def forward(self, x: Tensor) -> Tensor:
            return self.last(self.cbam(self.squeeze(self.first(self.stem(x)))))

    return Mixed()


def test_own_and_foreign_gates_are_recorded_once_each_in_order() -> None:
    for _ in range(2):
        _, gates = captured(seeded(own_and_foreign), images())
        assert [gate.name for gate in gates] == [
            "first.spatial", "squeeze.channel", "cbam.channel", "cbam.spatial", "last.channel"
        ]  # fmt: skip


@pytest.mark.parametrize("make", [CBAM_CNN, own_and_foreign, lambda: CBAM(3, 1), lambda: CBAM(3, 1, gates="channel")])
def test_without_the_finder_of_own_modules_the_record_is_the_same(
    make: Callable[[], nn.Module], monkeypatch: pytest.MonkeyPatch
) -> None:
    from cbam_core.gates import watcher

    model = seeded(make)
    batch = images(2, 32)
    with_hooks = captured(model, batch)
    monkeypatch.setattr(watcher, "walk", lambda _model: ([], True))
    for _ in range(2):
        by_operation = captured(model, batch)
        assert same(with_hooks, by_operation)
        assert [g.block for g in with_hooks[1]] == [g.block for g in by_operation[1]]
        assert [g.kind for g in with_hooks[1]] == [g.kind for g in by_operation[1]]


class Elsewhere(nn.Module):
    """Runs its network in another thread."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(self.inner, x).result()


def test_gates_that_run_in_another_thread_are_an_error() -> None:
    model = seeded(lambda: Elsewhere(Foreign()))
    with pytest.raises(CaptureError) as error, capture(model):
        model(images())
    assert error.value.code == "capture.elsewhere"


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_a_scripted_part_without_gates_is_no_reason_to_refuse() -> None:
    model = seeded(Foreign)
    model.stem = torch.jit.script(nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU()))
    assert [gate.name for gate in captured(model, images())[1]] == NAMES
    model.norm = torch.jit.script(nn.Hardswish())
    assert [gate.name for gate in captured(model, images())[1]] == NAMES


def test_a_network_with_a_compiled_part_is_refused_before_it_runs() -> None:
    model = seeded(Foreign)
    model.mask.compile()
    with pytest.raises(CaptureError) as error, capture(model):
        pass
    assert error.value.code == "capture.sealed-model"


def test_named_arguments_and_nested_results_are_allowed() -> None:
    class Named(Foreign):
        def forward(self, *, inputs: dict[str, Tensor]) -> dict[str, Tensor]:  # type: ignore[override]
            return {"out": super().forward(inputs["image"])}

    model = seeded(Named)
    for _ in range(2):
        with capture(model) as record:
            output = model(inputs={"image": images()})
        assert torch.equal(output["out"], Foreign.forward(model, images()))
        assert [gate.name for gate in record.gates] == NAMES


def test_nested_captures_of_a_network_and_of_a_part_of_it_all_record() -> None:
    model = seeded(Foreign)
    plain = captured(model, images())
    for _ in range(2):
        with torch.inference_mode(), capture(model) as outer, capture(model.squeeze) as part, capture(model) as inner:
            output = model(images())
        assert same((output, outer.gates), plain)
        assert same((output, inner.gates), plain)
        assert torch.equal(part.gates[0].values, plain[1][0].values)
        assert [gate.name for gate in part.gates] == ["Squeeze.channel"]
    assert torch.overrides._get_current_function_mode_stack() == []


def test_a_gate_that_a_hook_multiplies_into_layers_of_torch_alone_is_found() -> None:
    model = seeded(lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU()))
    mask = nn.Conv2d(8, 1, 1)
    model[0].register_forward_hook(lambda _m, _x, output: output * mask(output).sigmoid())
    assert [gate.kind for gate in captured(model, images())[1]] == ["spatial"]


def test_an_iterator_as_input_is_refused() -> None:
    class Taking(Foreign):
        def forward(self, batches: Any) -> Tensor:
            return super().forward(next(batches))

    model = seeded(Taking)
    with pytest.raises(CaptureError) as error, capture(model):
        model(iter([images()]))
    assert error.value.code == "capture.iterator"


def test_a_batch_put_together_by_writing_into_parts_of_it_is_followed() -> None:
    class Padding(Foreign):
        def forward(self, x: Tensor) -> Tensor:
            batch = x.new_full((2, 3, 12, 12), 0)
            batch[0, :, :9, :9].copy_(x[0])
            batch[1, :, :9, :9] = x[1]
            return super().forward(batch)

    for context in (torch.inference_mode, torch.no_grad):
        model = seeded(Padding)
        with context(), capture(model) as record:
            model(images())
        assert [gate.name for gate in record.gates] == NAMES
