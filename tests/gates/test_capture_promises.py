"""What `capture` promises for networks of any class: the same output, nothing changed, never a short record."""

from __future__ import annotations

import copy
import gc
import random
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from cbam_core.errors import CaptureError
from cbam_core.gates import capture
from cbam_core.gates.operations import plan as plans
from cbam_core.gates.operations.isolation import random_state_kept
from cbam_core.nn import CBAM, CBAM_CNN, ChannelAttention

Look = Callable[[nn.Module], dict[str, Any]]


class Squeeze(nn.Module):
    """Channel weights by convolutions, without a module for the sigmoid."""

    def __init__(self, channels: int = 8) -> None:
        super().__init__()
        self.down, self.up = nn.Conv2d(channels, 2, 1), nn.Conv2d(2, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(self.up(nn.functional.relu(self.down(x.mean((2, 3), keepdim=True)))))


class Mask(nn.Module):
    """A spatial mask, and the convolution that makes it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        planes = torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], 1)
        return x * self.conv(planes).sigmoid().expand_as(x)


class Foreign(nn.Module):
    """A network with batch normalisation and dropout around two gates."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.squeeze, self.mask, self.drop = Squeeze(), Mask(), nn.Dropout(0.3)
        self.head = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.mask(self.squeeze(nn.functional.relu(self.norm(self.stem(x)))))
        return self.head(self.drop(x).mean((2, 3)))


NAMES = ["squeeze.channel", "mask.spatial"]


def seeded(make: Callable[[], nn.Module]) -> nn.Module:
    torch.manual_seed(0)
    return make().eval()


def images(count: int = 3, side: int = 9, seed: int = 1) -> Tensor:
    return torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(seed))


def captured(model: nn.Module, batch: Tensor) -> tuple[Tensor, tuple[Any, ...]]:
    with torch.inference_mode(), capture(model) as record:
        output = model(batch)
    return output, record.gates


def same(first: Any, second: Any) -> bool:
    return (
        torch.equal(first[0], second[0])
        and [gate.name for gate in first[1]] == [gate.name for gate in second[1]]
        and all(torch.equal(a.values, b.values) for a, b in zip(first[1], second[1], strict=True))
    )


@pytest.mark.parametrize("grad", [torch.enable_grad, torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
@pytest.mark.parametrize("autocast", [False, True], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("last", [False, True], ids=["channels first", "channels last"])
def test_output_buffers_and_random_numbers_are_those_without_capture(
    grad: Callable[[], AbstractContextManager[None]], training: bool, autocast: bool, last: bool
) -> None:
    plain = seeded(Foreign).train(training)
    model = copy.deepcopy(plain)
    batch = images().to(memory_format=torch.channels_last) if last else images()
    for _ in range(2):  # the first forward is learnt from, the second is not
        with grad(), torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            torch.manual_seed(3)
            expected, state = plain(batch), torch.get_rng_state()
            torch.manual_seed(3)
            with capture(model) as record:
                output = model(batch)
        assert torch.equal(output, expected)
        assert output.requires_grad == expected.requires_grad
        assert torch.equal(torch.get_rng_state(), state)
        assert all(torch.equal(a, b) for a, b in zip(plain.buffers(), model.buffers(), strict=True))
        assert [gate.name for gate in record.gates] == NAMES


def test_random_numbers_of_numpy_are_untouched() -> None:
    class Drawing(Foreign):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x * (1 + np.random.rand()))  # noqa: NPY002 - the numbers that everybody shares

    model, drawn = seeded(Drawing), []
    for context in (nullcontext(), capture(model), capture(model)):
        np.random.seed(4)  # noqa: NPY002
        with context:
            model(images())
        drawn.append(np.random.rand())  # noqa: NPY002
    assert drawn[0] == drawn[1] == drawn[2]


def test_random_numbers_of_python_are_put_back() -> None:
    random.seed(4)  # checks of types draw from them too, so that only what learning puts around its forward is seen
    state = random.getstate()
    with random_state_kept(nn.Identity()):
        random.random()
    assert random.getstate() == state


def test_flags_parameters_and_hooks_are_untouched(state: Look, hooks: Look) -> None:
    model = seeded(Foreign)
    model.norm.train()
    model.stem.weight.requires_grad_(False)
    model.norm.eval()
    before = state(model), hooks(model)
    for _ in range(2):
        with capture(model):
            model(images())
            assert state(model) == before[0]
    assert (state(model), hooks(model)) == before


class Attending(nn.Module):
    """A gate before an attention layer of torch, and a head whose weights are not zero."""

    def __init__(self, attention: nn.Module) -> None:
        super().__init__()
        self.stem, self.squeeze, self.attention = nn.Conv2d(3, 8, 3, padding=1), Squeeze(), attention
        self.gate, self.head = nn.Linear(8, 8), nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.squeeze(self.stem(x))
        tokens = x.flatten(2).transpose(1, 2)
        if isinstance(self.attention, nn.MultiheadAttention):
            tokens = self.attention(tokens, tokens, tokens, need_weights=False)[0]
        else:
            tokens = self.attention(tokens)
        x = tokens.transpose(1, 2).reshape(x.shape)
        x = x * torch.sigmoid(self.gate(x.mean((2, 3))))[..., None, None]
        return self.head(x.mean((2, 3)))


ATTENTIONS = {
    "MultiheadAttention": lambda: nn.MultiheadAttention(8, 2, batch_first=True),
    "TransformerEncoderLayer": lambda: nn.TransformerEncoderLayer(8, 2, 16, batch_first=True),
    "TransformerEncoder": lambda: nn.TransformerEncoder(
        nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2, enable_nested_tensor=False
    ),
}


@pytest.mark.parametrize("make", ATTENTIONS.values(), ids=ATTENTIONS)
def test_attention_layers_of_torch_give_the_same_bits(make: Callable[[], nn.Module]) -> None:
    model = seeded(lambda: Attending(make()))
    with torch.inference_mode():
        expected = model(images())
    for _ in range(2):
        output, gates = captured(model, images())
        assert torch.equal(output, expected)
        assert [(gate.name, gate.kind) for gate in gates] == [
            ("squeeze.channel", "channel"),
            ("Attending.channel", "channel"),
        ]


class Stepping(Foreign):
    """Recomputes its middle in the backward pass."""

    reentrant = False

    def forward(self, x: Tensor) -> Tensor:
        x = checkpoint(self.squeeze, nn.functional.relu(self.norm(self.stem(x))), use_reentrant=self.reentrant)
        return self.head(self.mask(x).mean((2, 3)))


@pytest.mark.parametrize("reentrant", [False, True])
def test_checkpointing_gives_the_same_gradients_and_one_record(reentrant: bool) -> None:
    model = seeded(Stepping).train()
    model.reentrant = reentrant
    model.norm.eval()
    model(images()).square().sum().backward()
    expected = [parameter.grad for parameter in model.parameters()]
    model.zero_grad()
    with capture(model) as record:
        model(images()).square().sum().backward()
    assert all(torch.equal(p.grad, g) for p, g in zip(model.parameters(), expected, strict=True))
    assert [gate.name for gate in record.gates] == NAMES


def test_gradients_flow_through_the_values_where_they_are_wanted() -> None:
    model = seeded(Foreign)
    for _ in range(2):
        with capture(model, grad=True) as record:
            output = model(images())
        (gradient,) = torch.autograd.grad(record.gates[1].values.sum(), model.mask.conv.weight, retain_graph=True)
        assert gradient.abs().sum() > 0
        through = torch.autograd.grad(output.square().sum(), [gate.values for gate in record.gates])
        assert all(gradient.abs().sum() > 0 for gradient in through)
        assert torch.equal(output, model(images()))
    with capture(model) as record:
        model(images())
    assert not any(gate.values.requires_grad for gate in record.gates)


def test_gradients_flow_through_the_values_of_this_librarys_modules_too(model: CBAM_CNN, batch: Tensor) -> None:
    with capture(model, grad=True) as record:
        output = model(batch)
    weight = model.cbam1.channel_attn.fc[0].weight
    (gradient,) = torch.autograd.grad(record.gates[0].values.sum(), weight, retain_graph=True)
    assert gradient.abs().sum() > 0
    through = torch.autograd.grad(output.square().sum(), [gate.values for gate in record.gates])
    assert all(gradient.abs().sum() > 0 for gradient in through)
    assert torch.equal(output, model(batch))


def test_a_network_in_data_parallel_is_captured() -> None:
    model = seeded(lambda: nn.DataParallel(Foreign()))
    output, gates = captured(model, images())
    assert torch.equal(output, model(images()))
    assert [gate.block for gate in gates] == ["module.squeeze", "module.mask"]


def test_copies_made_inside_have_no_hooks(hooks: Look) -> None:
    model = seeded(Foreign)
    captured(model, images())
    with capture(model):
        model(images())
        twin = copy.deepcopy(model)
    assert not any(hooks(twin).values())
    assert same(captured(twin, images()), captured(model, images()))


def test_an_error_inside_a_gate_leaves_no_hook_and_no_mode(hooks: Look) -> None:
    class Fragile(Foreign):
        fails = False

        def forward(self, x: Tensor) -> Tensor:
            x = self.squeeze(self.stem(x))
            if self.fails:
                raise RuntimeError("bad luck")
            return x * torch.sigmoid(self.mask.conv(x[:, :2]))

    model = seeded(Fragile)
    captured(model, images())
    before = hooks(model)
    with pytest.raises(RuntimeError, match="bad luck"), capture(model) as record:  # noqa: PT012 - all of it
        model(images())
        model.fails = True
        model(images())
    assert hooks(model) == before
    assert torch.overrides._get_current_function_mode_stack() == []
    with pytest.raises(CaptureError):
        _ = record.gates


def test_four_threads_get_the_maps_of_their_own_images(hooks: Look) -> None:
    model = seeded(Foreign)
    threads, forwards = 4, 50
    batches = torch.randn(threads, forwards, 1, 3, 9, 9, generator=torch.Generator().manual_seed(5))
    alone = [[captured(model, batch) for batch in batches[thread]] for thread in range(threads)]
    plans.forget(model)  # so that all of them learn at once
    start = threading.Barrier(threads)

    def visit(thread: int) -> list[int]:
        start.wait(60)
        return [i for i, batch in enumerate(batches[thread]) if not same(captured(model, batch), alone[thread][i])]

    with ThreadPoolExecutor(threads) as pool:
        assert list(pool.map(visit, range(threads))) == [[]] * threads
    assert not any(hooks(model).values())


def test_a_network_in_training_mode_can_be_learnt_from_while_others_use_it() -> None:
    model = seeded(Foreign).train()
    model.drop.p = 0.0
    plain = copy.deepcopy(model)
    plain(images())
    with capture(model):
        model(images())
    assert torch.equal(plain.norm.running_mean, model.norm.running_mean)
    assert int(model.norm.num_batches_tracked) == 1


def test_what_was_learnt_does_not_keep_a_network_alive() -> None:
    model = seeded(Foreign)
    captured(model, images())
    known = weakref.ref(model)
    del model
    gc.collect()
    assert known() is None


def test_a_swapped_module_is_seen() -> None:
    model = seeded(Foreign)
    captured(model, images())
    model.squeeze = Mask()
    assert [gate.name for gate in captured(model, images())[1]] == ["squeeze.spatial", "mask.spatial"]
    model._modules["mask"] = nn.Identity()
    assert [gate.name for gate in captured(model, images())[1]] == ["squeeze.spatial"]


class Choosing(Foreign):
    """Takes one way or the other, by its input or by an attribute."""

    both = False

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = self.squeeze(x) if x.mean() > 0 else self.mask(x)
        return self.mask(x) if self.both else x


def test_a_branch_that_depends_on_the_input_gives_the_gates_of_its_way() -> None:
    model = seeded(Choosing)
    bright, dark = torch.ones(1, 3, 9, 9), -torch.ones(1, 3, 9, 9)
    ways = {float(batch.mean()): [gate.name for gate in captured(model, batch)[1]] for batch in (bright, dark)}
    assert sorted(ways.values()) == [["mask.spatial"], ["squeeze.channel"]]
    with capture(model) as record:
        for batch in (bright, dark, dark, bright):
            model(batch)
            assert [gate.name for gate in record.gates] == ways[float(batch.mean())]


def test_an_attribute_that_switches_a_gate_is_seen() -> None:
    model = seeded(Choosing)
    batch = torch.ones(1, 3, 9, 9)
    first = len(captured(model, batch)[1])
    model.both = True
    assert len(captured(model, batch)[1]) == first + 1


def test_a_module_that_did_not_run_before_is_not_overlooked() -> None:
    switch = [False]

    class Hidden(Foreign):
        def forward(self, x: Tensor) -> Tensor:
            x = self.squeeze(self.stem(x))
            return self.mask(x) if switch[0] else x

    model = seeded(Hidden)
    assert len(captured(model, images())[1]) == 1
    switch[0] = True
    assert [gate.name for gate in captured(model, images())[1]] == NAMES


def test_hooks_of_users_fire_as_often_as_without_capture() -> None:
    model, fired = seeded(Foreign), []
    model.register_forward_hook(lambda *_: fired.append("whole"))
    model.squeeze.register_forward_pre_hook(lambda *_: fired.append("part"))
    captured(model, images())
    assert fired == ["part", "whole"]


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
    from cbam_core.gates.finders import Search

    model = seeded(make)
    batch = images(2, 32)
    with_hooks = captured(model, batch)
    monkeypatch.setattr(watcher, "search", lambda _model: Search([], others=True))
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


def test_an_input_that_the_network_changes_is_the_users_alone() -> None:
    class Changing(Foreign):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x.mul_(2))

    model, batch = seeded(Changing), images()
    with capture(model):
        model(batch)
    assert torch.equal(batch, images() * 2)


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


@pytest.mark.filterwarnings("ignore:Lazy modules:UserWarning")
def test_layers_that_get_their_size_in_the_first_forward_are_initialised_as_without_capture() -> None:
    class Lazy(Foreign):
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.LazyConv2d(8, 3, padding=1)

    plain, model = seeded(Lazy), seeded(Lazy)
    torch.manual_seed(2)
    expected = plain(images())
    torch.manual_seed(2)
    with capture(model) as record:
        assert torch.equal(model(images()), expected)
    assert [gate.name for gate in record.gates] == NAMES


def test_an_iterator_as_input_is_refused() -> None:
    class Taking(Foreign):
        def forward(self, batches: Any) -> Tensor:
            return super().forward(next(batches))

    model = seeded(Taking)
    with pytest.raises(CaptureError) as error, capture(model):
        model(iter([images()]))
    assert error.value.code == "capture.iterator"


def test_a_scale_that_is_a_parameter_is_that_of_the_forward() -> None:
    class Scaled(Foreign):
        def __init__(self) -> None:
            super().__init__()
            self.strength = nn.Parameter(torch.tensor(0.5))

        def forward(self, x: Tensor) -> Tensor:
            x = self.stem(x)
            return x * (1 + self.strength * torch.sigmoid(self.mask.conv(x[:, :2])))

    model = seeded(Scaled)
    for value in (0.5, 2.0):
        with torch.no_grad():
            model.strength.fill_(value)
            with capture(model) as record:
                output = model(images())
        (gate,) = record.gates
        assert (gate.scale, gate.shift) == (value, 1.0)
        x = model.stem(images())
        torch.testing.assert_close(output, x * (value * gate.values[:, None] + 1))


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
