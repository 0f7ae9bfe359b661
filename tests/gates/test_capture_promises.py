"""What `capture` promises for networks of any class: the same output, and nothing changed."""

from __future__ import annotations

import copy
import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from cbam_core.errors import CaptureError
from cbam_core.gates import capture
from cbam_core.gates.operations import known as plans
from cbam_core.gates.operations.isolation import random_state_kept
from cbam_core.nn import CBAM_CNN
from tests.gates.foreign import NAMES, Foreign, Look, Squeeze, captured, images, same, seeded


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
    assert [gate.name for gate in gates] == ["module.squeeze.channel", "module.mask.spatial"]
    assert {gate.block for gate in gates} == {"module.squeeze + module.mask"}


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


def test_hooks_of_users_fire_as_often_as_without_capture() -> None:
    model, fired = seeded(Foreign), []
    model.register_forward_hook(lambda *_: fired.append("whole"))
    model.squeeze.register_forward_pre_hook(lambda *_: fired.append("part"))
    captured(model, images())
    assert fired == ["part", "whole"]


def test_an_input_that_the_network_changes_is_the_users_alone() -> None:
    class Changing(Foreign):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x.mul_(2))

    model, batch = seeded(Changing), images()
    with capture(model):
        model(batch)
    assert torch.equal(batch, images() * 2)
