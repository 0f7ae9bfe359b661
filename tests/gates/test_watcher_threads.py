"""One shared model under many threads at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from cbam_core.errors import CaptureError
from cbam_core.gates import capture
from cbam_core.gates.record import Record, RecordedGate
from cbam_core.nn import CBAM_CNN

Look = Callable[[nn.Module], dict[str, Any]]
PATIENCE = 60.0
"""Seconds after which a thread that waits is held to be locked out."""


def run(model: nn.Module, batch: Tensor) -> tuple[Tensor, tuple[RecordedGate, ...]]:
    with torch.inference_mode(), capture(model) as record:
        output = model(batch)
    return output, record.gates


def equal(first: tuple[Tensor, tuple[RecordedGate, ...]], second: tuple[Tensor, tuple[RecordedGate, ...]]) -> bool:
    """Bit equality of outputs, names and maps."""
    return (
        torch.equal(first[0], second[0])
        and [gate.name for gate in first[1]] == [gate.name for gate in second[1]]
        and all(torch.equal(a.values, b.values) for a, b in zip(first[1], second[1], strict=True))
    )


def test_four_threads_get_the_maps_of_their_own_images(model: CBAM_CNN, hooks: Look, state: Look) -> None:
    threads, forwards = 4, 25
    images = torch.randn(threads, forwards, 1, 3, 32, 32, generator=torch.Generator().manual_seed(5))
    alone = [[run(model, image) for image in images[thread]] for thread in range(threads)]
    before = state(model)
    start = threading.Barrier(threads)

    def visit(thread: int) -> list[int]:
        start.wait(PATIENCE)
        return [
            index for index, image in enumerate(images[thread]) if not equal(run(model, image), alone[thread][index])
        ]

    with ThreadPoolExecutor(threads) as pool:
        wrong = list(pool.map(visit, range(threads)))
    assert wrong == [[]] * threads
    assert not any(hooks(model).values())
    assert state(model) == before


def test_threads_that_only_open_and_close_lose_no_hook(model: CBAM_CNN, hooks: Look) -> None:
    def open_and_close(_: int) -> int:
        opened = 0
        for _ in range(300):
            with capture(model):
                opened += 1
        return opened

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(open_and_close, range(8))) == 2400
    assert not any(hooks(model).values())


@pytest.fixture
def held(gateway: Any, holdable: nn.Module) -> Any:
    """A function that runs `holdable` captured on an image in another thread, held in mid-forward."""
    pool = ThreadPoolExecutor(1)

    def visit(image: Tensor) -> tuple[Tensor, tuple[RecordedGate, ...]]:
        gateway.held = threading.get_ident()
        return run(holdable, image)

    def hold(image: Tensor) -> Any:
        future = pool.submit(visit, image)
        assert gateway.reached.wait(PATIENCE)
        return future

    yield hold
    gateway.open.set()
    pool.shutdown()


def test_a_thread_in_mid_forward_keeps_nobody_from_capturing(holdable: nn.Module, gateway: Any, held: Any) -> None:
    images = torch.randn(3, 1, 3, 9, 9)
    alone = [run(holdable, image) for image in images]
    future = held(images[0])
    with ThreadPoolExecutor(1) as pool:
        others = [pool.submit(run, holdable, image).result(PATIENCE) for image in images[1:]]
    assert not future.done()
    gateway.open.set()
    assert equal(future.result(PATIENCE), alone[0])
    assert equal(others[0], alone[1])
    assert equal(others[1], alone[2])


def test_in_mid_forward_the_model_looks_untouched_to_others(
    holdable: nn.Module, gateway: Any, held: Any, state: Look
) -> None:
    holdable[1].train()
    holdable[4].requires_grad_(False)
    holdable[1].eval()
    before = state(holdable)
    future = held(torch.randn(1, 3, 9, 9))
    during = state(holdable)
    assert not future.done()
    gateway.open.set()
    future.result(PATIENCE)
    assert during == before
    assert state(holdable) == before


def test_a_plain_forward_elsewhere_is_not_recorded(holdable: nn.Module, gateway: Any, held: Any) -> None:
    images = torch.randn(2, 1, 3, 9, 9)
    alone = run(holdable, images[0])
    plain = holdable(images[1])
    future = held(images[0])
    assert torch.equal(holdable(images[1]), plain)  # fires the other thread's hooks
    gateway.open.set()
    assert equal(future.result(PATIENCE), alone)


def test_the_record_of_one_thread_ignores_forwards_of_another(model: CBAM_CNN, batch: Tensor) -> None:
    with capture(model) as record:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(model, batch).result(PATIENCE)
        with pytest.raises(CaptureError, match="in this thread"):
            _ = record.gates
        model(batch[:1])
        with ThreadPoolExecutor(1) as pool:
            pool.submit(model, batch).result(PATIENCE)
    assert len(record.gates[0].values) == 1


def test_leaving_while_another_is_in_mid_forward_takes_only_ones_own_hooks(
    holdable: nn.Module, held: Any, gateway: Any, hooks: Look
) -> None:
    future = held(torch.randn(1, 3, 9, 9))
    during = hooks(holdable)
    assert any(during.values())
    run(holdable, torch.randn(1, 3, 9, 9))
    assert hooks(holdable) == during
    gateway.open.set()
    future.result(PATIENCE)
    assert not any(hooks(holdable).values())


def test_an_error_in_one_thread_leaves_the_others_alone(holdable: nn.Module, held: Any, gateway: Any) -> None:
    image = torch.randn(1, 3, 9, 9)
    alone = run(holdable, image)
    future = held(image)
    with pytest.raises(RuntimeError), capture(holdable):
        holdable(torch.randn(1, 5, 9, 9))
    gateway.open.set()
    assert equal(future.result(PATIENCE), alone)


def test_a_record_can_be_read_in_another_thread(model: CBAM_CNN, batch: Tensor) -> None:
    with capture(model) as record:
        model(batch)

    def read(record: Record) -> tuple[RecordedGate, ...]:
        return record.gates

    with ThreadPoolExecutor(1) as pool:
        assert [gate.name for gate in pool.submit(read, record).result(PATIENCE)] == [g.name for g in record.gates]
