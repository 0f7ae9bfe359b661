"""What a long-lived server needs of torch, in one place, so that the web app itself never imports torch."""

from __future__ import annotations

import gc
from collections.abc import Callable

import torch


def prepare_to_serve(*rehearsals: Callable[[], object], threads: int = 1) -> None:
    """Makes the process ready to answer many visitors; to be called once, before the first of them.

    Torch is held to ``threads`` threads a forward, in every thread of the process: visitors already run side
    by side, and for one small image splitting the work costs more than it saves. Then each rehearsal runs
    once, so that loading, first-call set-up and lazy imports are paid for before anybody waits. Last,
    everything alive is taken out of the garbage collector's sight: walking through torch's objects at every
    collection costs more than a rerun of the page.

    Args:
        *rehearsals: what to do once in advance, such as explaining one image; results are dropped. What they
            leave behind (a loaded classifier in a cache) must be meant to stay.
        threads: torch's threads for one forward, at least 1.

    Raises:
        CbamError: whatever a rehearsal finds wrong; nothing is frozen then.
    """
    torch.set_num_threads(threads)
    for rehearse in rehearsals:
        rehearse()
    gc.collect()
    gc.freeze()
