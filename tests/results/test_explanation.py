"""An explanation is plain, frozen and small, and needs no torch to be opened."""

from __future__ import annotations

import dataclasses
import gc
import pickle
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from cbam_core import Classifier, Explanation, explain
from cbam_core.results.explanation import Gate, blocks_of
from cbam_core.results.placement import Placement
from tests.plain_blocks import block_of, by_kind


@pytest.fixture(scope="module")
def explanation(tiny_classifier: Classifier) -> Explanation:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    return explain(tiny_classifier, pixels)


def reachable(thing: object) -> list[object]:
    """Every object that a value holds, however deep; classes, modules and functions are not followed."""
    seen: dict[int, object] = {}
    waiting = [thing]
    while waiting:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, type | types.ModuleType | types.FunctionType):
            continue
        seen[id(one)] = one
        waiting += gc.get_referents(one)
        if isinstance(one, np.ndarray) and one.base is not None:
            waiting.append(one.base)
    return list(seen.values())


def test_nothing_of_torch_is_inside(explanation: Explanation) -> None:
    things = reachable(explanation)
    assert sum(isinstance(thing, np.ndarray) for thing in things) == 8  # or the walk would have seen nothing
    assert [t for t in things if type(t).__module__.split(".")[0] in ("torch", "torchvision")] == []


def test_fields_cannot_be_changed(explanation: Explanation) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        explanation.classes = ()  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        explanation.blocks[0].name = "other"  # type: ignore[misc]


def test_arrays_cannot_be_changed_and_share_no_memory(explanation: Explanation) -> None:
    arrays = [explanation.probabilities, explanation.input_image]
    arrays += [gate.values for block in explanation.blocks for gate in block.gates]
    for array in arrays:
        assert array.base is None
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


def test_pickling_keeps_every_number_and_stays_under_20_kilobytes(explanation: Explanation) -> None:
    content = pickle.dumps(explanation)
    assert len(content) < 20_000
    twin = pickle.loads(content)
    for field in dataclasses.fields(Explanation):
        if field.name not in ("probabilities", "input_image", "blocks"):
            assert getattr(twin, field.name) == getattr(explanation, field.name)
    assert twin.probabilities.tobytes() == explanation.probabilities.tobytes()
    assert twin.input_image.tobytes() == explanation.input_image.tobytes()
    for block, other in zip(explanation.blocks, twin.blocks, strict=True):
        assert (other.name, other.placement, [*by_kind(other)]) == (block.name, block.placement, [*by_kind(block)])
        assert all(by_kind(other)[kind].tobytes() == values.tobytes() for kind, values in by_kind(block).items())


def test_opening_a_pickle_imports_no_torch(explanation: Explanation, tmp_path: Path) -> None:
    path = tmp_path / "explanation.pickle"
    path.write_bytes(pickle.dumps(explanation))
    program = (
        "import pickle, sys\n"
        "explanation = pickle.load(open(sys.argv[1], 'rb'))\n"
        "print(explanation.predicted, explanation.blocks[0].placement, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"{explanation.predicted} {explanation.blocks[0].placement} False"


def test_the_predicted_class_is_the_most_probable(explanation: Explanation) -> None:
    assert explanation.predicted == explanation.classes[np.argsort(explanation.probabilities)[-1]]


def test_a_block_without_a_gate_says_none() -> None:
    weights = np.array([0.5], np.float32)
    assert block_of("a", {"channel": weights}, None).spatial_mask is None
    assert block_of("a", {"channel": weights}, None).channel_weights is weights
    full = block_of("a", {"full": np.zeros((1, 2, 2), np.float32)}, None)
    assert (full.channel_weights, full.spatial_mask) == (None, None)


def test_a_mask_without_a_place_is_stretched_over_the_input() -> None:
    mask = Gate("a.spatial", "spatial", 1, np.zeros((2, 4), np.float32))
    weights = Gate("b.channel", "channel", 1, np.zeros(3, np.float32))
    blocks = blocks_of([("a", mask), ("b", weights)], {}, (32, 16))
    assert [block.placement for block in blocks] == [Placement.stretched((2, 4), (16, 32)), None]
    assert [block.placement for block in blocks_of([("a", mask)], {})] == [None]


def test_a_mask_of_fewer_cells_than_its_map_lies_on_the_same_area() -> None:
    mask = Gate("a.spatial", "spatial", 1, np.zeros((4, 4), np.float32))
    grid = Placement((0.5, 0.5), (2.0, 2.0), cells=(16, 16))
    (block,) = blocks_of([("a", mask)], {"a": grid}, (32, 32))
    assert block.placement == Placement((3.5, 3.5), (8.0, 8.0))
