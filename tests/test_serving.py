import gc
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from cbam_core.errors import CheckpointError
from cbam_core.serving import prepare_to_serve


@pytest.fixture(autouse=True)
def _process_as_before():
    threads = torch.get_num_threads()
    gc.unfreeze()
    yield
    torch.set_num_threads(threads)
    gc.unfreeze()


def test_every_thread_of_the_process_runs_forwards_on_one_thread():
    torch.set_num_threads(2)
    prepare_to_serve()
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(torch.get_num_threads).result() == 1
    assert torch.get_num_threads() == 1


def test_rehearsals_run_once_in_order_with_the_threads_already_set():
    torch.set_num_threads(2)
    seen = []
    prepare_to_serve(
        lambda: seen.append(("first", torch.get_num_threads())),
        lambda: seen.append(("second", torch.get_num_threads())),
    )
    assert seen == [("first", 1), ("second", 1)]


def test_what_is_alive_is_frozen_and_rubbish_is_not():
    class Knot:
        def __init__(self):
            self.own = self
            alive.append(self)

        def __del__(self):
            alive.remove("here")

    alive = ["here"]
    kept = [[] for _ in range(1000)]
    before = gc.get_freeze_count()

    def make_rubbish():
        Knot()
        alive.pop()

    prepare_to_serve(make_rubbish)
    assert gc.get_freeze_count() >= before + len(kept)
    assert alive == []
    assert gc.collect() == 0 or gc.get_freeze_count() > before


def test_what_is_loaded_already_is_frozen_before_the_rehearsals():
    counts = []
    before = gc.get_freeze_count()
    prepare_to_serve(lambda: counts.append(gc.get_freeze_count()))
    assert counts[0] > before


def test_a_failed_rehearsal_comes_out_and_freezes_nothing():
    before = gc.get_freeze_count()

    def fail():
        raise CheckpointError("checkpoint.missing", "there is none")

    with pytest.raises(CheckpointError, match="there is none"):
        prepare_to_serve(fail)
    assert gc.get_freeze_count() == before
