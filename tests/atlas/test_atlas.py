import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from cbam_core.errors import AtlasError
from tests.atlas.made_atlas import atlas


def test_values_of_a_gate_have_its_shape_and_share_the_memory_of_the_atlas():
    made = atlas()
    for gate in made.gates:
        values = made.values(gate.name)
        assert values.shape == (60, *gate.shape)
        assert np.shares_memory(values, made.contents.values)
        assert np.array_equal(values.reshape(60, -1), made.contents.values[:, gate.columns], equal_nan=True)


def test_images_with_values_that_are_not_finite_were_not_read():
    assert np.flatnonzero(~atlas().ok).tolist() == [7]
    assert atlas(ok=np.arange(60) < 3).select().tolist() == [0, 1, 2]


def test_thumbnails_come_in_the_order_of_the_request():
    made = atlas()
    assert np.array_equal(made.thumbnails([4, 2]), made.contents.thumbnails.pixels[[4, 2]])
    with pytest.raises(AtlasError, match="no thumbnails"):
        atlas(thumbnails=None).thumbnails([0])


def test_what_is_remembered_is_made_once_whichever_thread_asks():
    made, calls = atlas(), []
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: made.remembered("x", lambda: calls.append(1) or object()), range(64)))
    assert len(calls) == 1
    assert len(set(map(id, found))) == 1


def test_querying_imports_no_torch():
    program = (
        "import sys; from tests.atlas.made_atlas import atlas; made = atlas(); "
        "made.top('one.channel', 0), made.profile('one.channel'), made.mask('one'), made.neighbours(0), made.map(), "
        "made.suspects(), made.compare(atlas()); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]
