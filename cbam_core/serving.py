"""Settings of torch for a long-running server, so that the web app itself never imports torch."""

from __future__ import annotations

import gc
from collections.abc import Callable

import torch


def prepare_to_serve(*rehearsals: Callable[[], object], threads: int = 1) -> None:
    """Prepare the process for many visitors; to be called once, before the first of them.

    Torch uses at most ``threads`` threads for each forward: visitors already run in parallel, and for one small image
    splitting the work costs more than it saves. Then each rehearsal runs once, so that loading, set-up and lazy imports
    are done before a visitor waits. Last, all live objects are excluded from garbage collection: visiting torch's
    objects at every collection costs more than a rerun of the page.

    Args:
        *rehearsals: functions to run once in advance, such as explaining one image; their results are dropped. All
            that they leave in caches (a loaded classifier) stays.
        threads: number of torch's threads for one forward, at least 1.

    Raises:
        CbamError: a rehearsal failed; then nothing is excluded.
    """
    torch.set_num_threads(threads)
    for rehearse in rehearsals:
        rehearse()
    gc.collect()
    gc.freeze()
