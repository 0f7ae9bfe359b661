"""One channel followed through a block: exact, on a shared model, leaving nothing behind."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from cbam_core.errors import CaptureError, ModelError
from cbam_core.gates import capture
from cbam_core.gates.channel_trace import follow_channel
from cbam_core.nn import CBAM_CNN, CBAM_ResNet
from cbam_core.nn.cbam import ChannelAttention
from tests.gates.watched import Twice

Look = Callable[[nn.Module], dict[str, Any]]
PATIENCE = 60.0


def gates_of(model: nn.Module, batch: Tensor) -> dict[str, Tensor]:
    with torch.inference_mode(), capture(model) as record:
        model(batch)
    return {gate.name: gate.values for gate in record.gates}


def test_before_is_what_enters_the_block_and_after_is_gated_by_weight_and_mask(model: CBAM_CNN, batch: Tensor) -> None:
    with torch.inference_mode():
        entering = model.pool1(model.relu1(model.bn1(model.conv1(batch))))
        leaving = model.cbam1(entering)
    before, after = follow_channel(model, batch, "cbam1", 5)
    assert torch.equal(before, entering[:, 5])
    assert torch.equal(after, leaving[:, 5])
    gates = gates_of(model, batch)
    gated = entering[:, 5] * gates["cbam1.channel"][:, 5, None, None] * gates["cbam1.spatial"]
    torch.testing.assert_close(after, gated)


def test_every_block_of_the_residual_network_can_be_followed() -> None:
    torch.manual_seed(3)
    model, batch = CBAM_ResNet().eval(), torch.randn(2, 3, 32, 32)
    gates = gates_of(model, batch)
    blocks = [name.removesuffix(".channel") for name in gates if name.endswith(".channel")]
    assert len(blocks) == 6
    for block in blocks:
        before, after = follow_channel(model, batch, block, 7)
        gated = before * gates[f"{block}.channel"][:, 7, None, None] * gates[f"{block}.spatial"]
        torch.testing.assert_close(after, gated)


def test_a_block_without_a_mask_gives_the_map_times_its_weight() -> None:
    torch.manual_seed(4)
    model, batch = CBAM_CNN(gates="channel").eval(), torch.randn(2, 3, 32, 32)
    before, after = follow_channel(model, batch, "cbam2", 0)
    torch.testing.assert_close(after, before * gates_of(model, batch)["cbam2.channel"][:, 0, None, None])


def test_a_gate_that_stands_alone_is_a_block() -> None:
    model = nn.Sequential(nn.Conv2d(3, 16, 1), ChannelAttention(16)).eval()
    batch = torch.randn(2, 3, 8, 8)
    before, after = follow_channel(model, batch, "1", 3)
    torch.testing.assert_close(after, before * gates_of(model, batch)["1.channel"][:, 3, None, None])


def test_a_block_that_runs_twice_is_told_apart() -> None:
    model, batch = Twice().eval(), torch.randn(1, 16, 8, 8)
    first, second = (follow_channel(model, batch, name, 1) for name in ("block", "block#2"))
    assert torch.equal(first[1], second[0])
    with torch.inference_mode():
        assert torch.equal(second[1], model(batch)[:, 1])
    with pytest.raises(CaptureError, match="did not run"):
        follow_channel(model, batch, "block#3", 1)


@pytest.mark.parametrize(
    ("block", "channel", "said"),
    [
        ("cbam9", 0, "no block 'cbam9' with channel weights; this network has cbam1, cbam2, cbam3"),
        ("", 0, "no block ''"),
        ("cbam1#x", 0, "no block 'cbam1#x'"),
        ("cbam1#1", 0, "no block 'cbam1#1'"),
        ("cbam1", 32, "numbered from 0 to 31; given 32"),
        ("cbam1", -1, "numbered from 0 to 31; given -1"),
    ],
)
def test_what_does_not_exist_is_one_sentence(
    model: CBAM_CNN, batch: Tensor, hooks: Look, block: str, channel: int, said: str
) -> None:
    with pytest.raises(CaptureError, match=said):
        follow_channel(model, batch, block, channel)
    assert not any(hooks(model).values())


def test_a_network_without_channel_weights_says_so() -> None:
    with pytest.raises(CaptureError, match="this network has none"):
        follow_channel(CBAM_CNN(gates="spatial").eval(), torch.randn(1, 3, 32, 32), "cbam1", 0)


def test_nothing_is_left_on_the_model(model: CBAM_CNN, batch: Tensor, hooks: Look, state: Look) -> None:
    before = state(model)
    follow_channel(model, batch, "cbam3", 100)
    with pytest.raises(ModelError):
        follow_channel(model, torch.randn(1, 5, 32, 32), "cbam3", 100)
    assert state(model) == before
    assert not any(hooks(model).values())


def test_the_maps_are_copies_of_their_own(model: CBAM_CNN, batch: Tensor) -> None:
    before, after = follow_channel(model, batch, "cbam1", 0)
    assert before.untyped_storage().nbytes() == before.numel() * before.element_size()
    assert not before.requires_grad
    assert before.data_ptr() != after.data_ptr()


def test_four_threads_follow_their_own_images_while_others_capture(model: CBAM_CNN, hooks: Look) -> None:
    threads, forwards = 4, 10
    images = torch.randn(threads, forwards, 1, 3, 32, 32, generator=torch.Generator().manual_seed(6))
    alone = [[follow_channel(model, image, "cbam2", thread) for image in images[thread]] for thread in range(threads)]
    recorded = [[gates_of(model, image)["cbam2.channel"] for image in images[thread]] for thread in range(threads)]
    start = threading.Barrier(threads)

    def visit(thread: int) -> int:
        start.wait(PATIENCE)
        wrong = 0
        for image, maps, weights in zip(images[thread], alone[thread], recorded[thread], strict=True):
            found = follow_channel(model, image, "cbam2", thread)
            wrong += not (torch.equal(found[0], maps[0]) and torch.equal(found[1], maps[1]))
            wrong += not torch.equal(gates_of(model, image)["cbam2.channel"], weights)
        return wrong

    with ThreadPoolExecutor(threads) as pool:
        assert list(pool.map(visit, range(threads))) == [0] * threads
    assert not any(hooks(model).values())


def test_a_forward_of_another_thread_meanwhile_is_passed_over(holdable: nn.Module, gateway: Any) -> None:
    images = torch.randn(2, 1, 3, 9, 9)
    alone = follow_channel(holdable, images[0], "4", 2)

    def visit() -> tuple[Tensor, Tensor]:
        gateway.held = threading.get_ident()
        return follow_channel(holdable, images[0], "4", 2)

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(visit)
        assert gateway.reached.wait(PATIENCE)
        with torch.inference_mode():
            holdable(images[1])  # fires the other thread's hooks
        gateway.open.set()
        found = future.result(PATIENCE)
    assert torch.equal(found[0], alone[0])
    assert torch.equal(found[1], alone[1])
