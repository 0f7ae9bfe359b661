"""Workers side by side: results come in order, and none waits longer than it must."""

from __future__ import annotations

import threading

import pytest
import torch

from cbam_core.errors import CbamError
from cbam_core.workers import Pool, check_workers, in_order, workers_side_by_side


def test_the_number_of_threads_is_restored() -> None:
    before = torch.get_num_threads()
    with workers_side_by_side() as workers:
        assert (workers, torch.get_num_threads()) == (before, 1)
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("workers", [1, 3])
def test_results_come_in_the_order_of_the_parts(workers: int) -> None:
    assert list(in_order(lambda part: part * part, iter(range(20)), workers)) == [part * part for part in range(20)]


@pytest.mark.parametrize("workers", [0, -1, True, 1.5, "2"])
def test_a_number_of_workers_that_cannot_work_is_refused_before_any_work(workers: object) -> None:
    with pytest.raises(CbamError, match=f"workers has to be a whole number of at least 1, .* given {workers!r}"):
        check_workers(workers)
    begun: list[int] = []
    if isinstance(workers, int):
        with pytest.raises(CbamError, match=f"given {workers!r}"):
            list(in_order(begun.append, iter(range(3)), workers))
    assert not begun


def test_workers_go_on_while_results_wait() -> None:
    begun = threading.Semaphore(0)

    def work(part: int) -> int:
        begun.release()
        return part

    with Pool(2) as pool:
        results = pool.in_order(work, iter(range(100)), waiting=8)
        assert next(results) == 0
        assert all(begun.acquire(timeout=20) for _ in range(11)), "one was taken, two are at work, and eight may wait"
        assert not begun.acquire(timeout=0.05)
        results.close()


def test_jobs_are_done_one_after_the_other_beside_the_caller() -> None:
    free, done = threading.Event(), list[int]()
    with Pool(2) as pool, pool.one_after_another() as do:
        do(lambda: done.append(1) if free.wait(20) else None)
        assert done == []
        free.set()
        do(lambda: done.append(2))
        assert done[0] == 1
    assert done == [1, 2]


def test_jobs_of_one_thread_are_done_at_once() -> None:
    done: list[int] = []
    with Pool(1) as pool, pool.one_after_another() as do:
        do(lambda: done.append(1))
        assert done == [1]


def fail() -> None:
    raise OSError("the disk is full")


def test_a_job_that_fails_is_told_at_the_end() -> None:
    with pytest.raises(OSError, match="the disk is full"), Pool(2) as pool, pool.one_after_another() as do:
        do(fail)


def test_after_a_job_that_fails_no_other_is_begun() -> None:
    begun: list[int] = []

    def jobs() -> None:
        with Pool(2) as pool, pool.one_after_another() as do:
            do(fail)
            do(lambda: begun.append(1))
            begun.append(2)

    with pytest.raises(OSError, match="the disk is full"):
        jobs()
    assert begun == []


def test_a_job_that_was_begun_is_done_though_the_results_are_not_wanted_any_more() -> None:
    free, done, shown = threading.Event(), list[str](), list[int]()

    def work(part: int) -> int:
        shown.append(part)
        if part >= 2:
            free.wait(20)
        return part

    def stopped() -> None:
        with Pool(2) as pool, pool.one_after_another() as do:
            results = pool.in_order(work, iter(range(100)), waiting=4)
            assert [next(results), next(results)] == [0, 1]
            do(lambda: done.append("written"))
            threading.Timer(0.05, free.set).start()
            results.close()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert done == ["written"]
    assert len(shown) < 10
