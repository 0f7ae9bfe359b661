"""Workers side by side: results come in order, and none waits longer than it must."""

from __future__ import annotations

import threading

import pytest
import torch

from cbam_core.workers import in_order, workers_side_by_side


def test_the_number_of_threads_is_restored() -> None:
    before = torch.get_num_threads()
    with workers_side_by_side() as workers:
        assert (workers, torch.get_num_threads()) == (before, 1)
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("workers", [1, 3])
def test_results_come_in_the_order_of_the_parts(workers: int) -> None:
    assert list(in_order(lambda part: part * part, iter(range(20)), workers)) == [part * part for part in range(20)]


def test_workers_go_on_while_results_wait() -> None:
    begun = threading.Semaphore(0)

    def work(part: int) -> int:
        begun.release()
        return part

    results = in_order(work, iter(range(100)), 2, waiting=8)
    assert next(results) == 0
    assert all(begun.acquire(timeout=20) for _ in range(11)), "one was taken, two are at work, and eight may wait"
    assert not begun.acquire(timeout=0.05)
    results.close()
