"""How are the cores shared? Workers with one thread of torch each, side by side, whose results come in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from typing import TypeVar

import torch

Part = TypeVar("Part")
Result = TypeVar("Result")


def in_order(
    work: Callable[[Part], Result], parts: Iterator[Part], workers: int, *, waiting: int = 1
) -> Iterator[Result]:
    """Do some work for each part, for several side by side, and yield the results in the order of the parts.

    Args:
        work: called in one of several threads, or in this one for one worker.
        parts: what to do it for.
        workers: number of parts side by side; see `workers_side_by_side`.
        waiting: most results that wait while this thread does something else; beyond them, the others wait for it.
    """
    if workers == 1:
        yield from map(work, parts)
        return
    with ThreadPoolExecutor(workers) as pool:
        ahead = deque(pool.submit(work, part) for part in islice(parts, workers + waiting))
        try:
            while ahead:
                done = ahead.popleft().result()
                ahead.extend(pool.submit(work, part) for part in islice(parts, 1))
                yield done
        finally:
            pool.shutdown(cancel_futures=True)


@contextmanager
def one_after_another(*, beside: bool) -> Iterator[Callable[[Callable[[], object]], object]]:
    """Give a function that does one job after the other; at the end of the block, all are done.

    Args:
        beside: whether jobs are done in another thread: then only the next job, or the end of the block, waits for
            the one before, and raises its error. Else each is done at once.
    """
    if not beside:
        yield lambda job: job()
        return
    begun: list[Future[object]] = []

    def wait() -> None:
        while begun:
            begun.pop().result()

    with ThreadPoolExecutor(1) as pool:

        def begin(job: Callable[[], object]) -> None:
            wait()
            begun.append(pool.submit(job))

        yield begin
        wait()


@contextmanager
def workers_side_by_side() -> Iterator[int]:
    """Have torch compute with one thread in each of several workers, and give their number.

    Threads that share the work of one small layer wait for each other in a loop; beside a busy process they wait for
    one that does not run. Workers with batches of their own do not. The setting is of the process, and is restored.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield threads
    finally:
        torch.set_num_threads(threads)
