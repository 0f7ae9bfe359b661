"""Settings of torch for a long-running server, so that the web app itself never imports torch."""

from __future__ import annotations

import gc
from collections.abc import Callable

import torch


def prepare_to_serve(*rehearsals: Callable[[], object], threads: int = 1) -> None:
    """Prepare the process for many visitors; to be called once, before the first of them.

    Torch uses at most ``threads`` threads for each forward: visitors already run in parallel, and for one small image
    splitting the work costs more than it saves. Then each rehearsal runs once, so that loading, set-up and lazy imports
    are done before a visitor waits. All live objects are excluded from garbage collection, those of the modules that
    are loaded already at once and the others last: visiting torch's objects at every collection costs more than a rerun
    of the page.

    Args:
        *rehearsals: functions to run once in advance, such as explaining one image; their results are dropped. All
            that they leave in caches (a loaded classifier) stays.
        threads: number of torch's threads for one forward, at least 1.

    Raises:
        CbamError: a rehearsal failed; then nothing is excluded.
    """
    torch.set_num_threads(threads)
    gc.freeze()
    try:
        for rehearse in rehearsals:
            rehearse()
    except BaseException:
        gc.unfreeze()
        raise
    pass_over_what_is_loaded()


def pass_over_what_is_loaded() -> None:
    """Exclude all live objects from garbage collection; those that are garbage are freed first."""
    gc.collect()
    gc.freeze()
