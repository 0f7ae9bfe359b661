import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from cbam_core.errors import AtlasError
from tests.atlas.made_atlas import CLASSES, atlas


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


def without_classes(**changed):
    """The atlas of a network that is no classifier."""
    nothing = {"answers": np.full(60, -1, np.int32), "confidence": np.full(60, np.nan, np.float32)}
    return atlas(classes=(), logits=np.zeros((60, 0), np.float32), label_classes=CLASSES, **{**nothing, **changed})


def test_of_a_network_without_classes_gates_are_told_and_answers_are_not():
    made, plain = without_classes(), atlas()
    assert (made.has_answers, made.can_be_right, made.has_labels) == (False, False, True)
    assert (made.right == -1).all()
    assert np.array_equal(made.profile("one.channel").mean, plain.profile("one.channel").mean)
    assert np.array_equal(made.mask("one", {"class": "cat"}).mean, plain.mask("one", {"class": "cat"}).mean)
    assert made.neighbours(3).images.tolist() == plain.neighbours(3).images.tolist()
    assert made.class_agreement().share == plain.class_agreement().share
    assert made.suspects().doubtful is None
    assert made.suspects().outliers.images.tolist() == plain.suspects().outliers.images.tolist()
    assert made.compare(plain).answers is None
    with pytest.raises(AtlasError, match="cannot be grouped by 'answer'; they can be by class, camera, hour"):
        made.profile("one.channel", "answer")


def test_of_a_set_without_labels_answers_are_told_and_rights_are_not():
    made, plain = atlas(labels=np.full(60, -1, np.int32), label_classes=()), atlas()
    assert (made.has_labels, made.can_be_right) == (False, False)
    assert np.array_equal(made.profile("one.channel", "answer").mean, plain.profile("one.channel", "answer").mean)
    assert made.neighbours(3).images.tolist() == plain.neighbours(3).images.tolist()
    assert (made.neighbours(3).same_class, made.class_agreement()) == (None, None)


def test_gates_of_a_second_call_are_gates_of_their_own():
    made = atlas()
    assert [gate.call for gate in made.gates] == [1, 1, 1, 2, 2]
    assert made.blocks == ("one", "two", "two#2")
    assert [gate.name for gate in made.gates_of("two#2")] == ["two#2.row", "two#2.column"]
    assert made.gate("two#2.column").label((1, 3)) == "two#2.column[1,3]"
