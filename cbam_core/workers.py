"""How are the cores shared? Workers with one thread of torch each, side by side, whose results come in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from itertools import islice
from numbers import Integral
from typing import TypeVar

import torch

from cbam_core.errors import CbamError

Part = TypeVar("Part")
Result = TypeVar("Result")


def check_workers(workers: object) -> None:
    """Check that a number of workers can share work.

    Raises:
        CbamError: it is not a whole number, or is less than 1.
    """
    if not isinstance(workers, Integral) or isinstance(workers, bool) or workers < 1:
        raise CbamError(
            "workers.number",
            "workers has to be a whole number of at least 1, the number of batches side by side; given {given}",
            given=repr(workers)[:60],
        )


class Pool:
    """Workers that take jobs in the order in which they are given; at the end of the block, none is at work.

    Args:
        workers: number of jobs side by side, each in a thread of its own; one worker is the calling thread, which does
            each job at once. See `workers_side_by_side`.

    Raises:
        CbamError: `workers` is not a number of at least 1.
    """

    def __init__(self, workers: int) -> None:
        check_workers(workers)
        self.workers = workers
        self._threads = ThreadPoolExecutor(workers) if workers > 1 else None

    def __enter__(self) -> Pool:
        """Return the pool."""
        return self

    def __exit__(self, *error: object) -> None:
        """Wait for the jobs that were begun."""
        if self._threads is not None:
            self._threads.shutdown()

    def in_order(
        self, work: Callable[[Part], Result], parts: Iterator[Part], *, waiting: int = 1
    ) -> Generator[Result, None, None]:
        """Do some work for each part, for several side by side, and yield the results in the order of the parts.

        Args:
            work: called by one of the workers.
            parts: what to do it for.
            waiting: most results that wait while the calling thread does something else; beyond them, workers wait for
                it.
        """
        if self._threads is None:
            yield from map(work, parts)
            return
        ahead = deque(self._threads.submit(work, part) for part in islice(parts, self.workers + waiting))
        try:
            while ahead:
                done = ahead.popleft().result()
                ahead.extend(self._threads.submit(work, part) for part in islice(parts, 1))
                yield done
        finally:
            for later in ahead:
                later.cancel()
            wait(ahead)

    @contextmanager
    def one_after_another(self) -> Iterator[Callable[[Callable[[], object]], object]]:
        """Give a function that has one job done after the other; at the end of the block, all are done.

        They have a thread of their own, beside the workers: a job that waits for the disk keeps none of them. Only the
        next job, or the end of the block, waits for the one before, and raises its error. With one worker, the calling
        thread does each job at once.
        """
        if self._threads is None:
            yield lambda job: job()
            return
        begun: list[Future[object]] = []

        def finish() -> None:
            for job in begun:
                job.result()
            begun.clear()

        def begin(job: Callable[[], object]) -> None:
            finish()
            begun.append(thread.submit(job))

        with ThreadPoolExecutor(1) as thread:
            yield begin
            finish()


def in_order(work: Callable[[Part], Result], parts: Iterator[Part], workers: int) -> Iterator[Result]:
    """Do some work for each part, as `Pool.in_order` of a pool that has nothing else to do."""
    with Pool(workers) as pool, closing(pool.in_order(work, parts)) as results:
        yield from results


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
