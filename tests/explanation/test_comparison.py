"""Differences, likeness and means of gates, against closed forms."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest

from cbam_core import Classifier, explain
from cbam_core.data.samples import sample_sheet
from cbam_core.explanation.comparison import BlockComparison, compare, similarity
from cbam_core.results.explanation import Block, Explanation
from cbam_core.results.placement import Placement
from tests.plain_blocks import block_of


def block(name: str, weights: list[float] | None = None, mask: list[list[float]] | None = None) -> Block:
    gates = {}
    if weights is not None:
        gates["channel"] = np.array(weights, np.float32)
    if mask is not None:
        gates["spatial"] = np.array(mask, np.float32)
    return block_of(name, gates)


def codes(notes: tuple[object, ...]) -> list[str]:
    return [note.code for note in notes]  # type: ignore[attr-defined]


def test_cosine_and_pearson_have_their_closed_forms() -> None:
    alike = similarity(np.array([1.0, 0.0]), np.array([1.0, 1.0]))
    assert alike.cosine == pytest.approx(np.sqrt(0.5))
    assert alike.pearson is None  # the second does not vary
    assert codes(alike.notes) == ["similarity.constant"]
    opposite = similarity(np.array([0.2, 0.4, 0.6]), np.array([0.6, 0.4, 0.2]))
    assert opposite.pearson == pytest.approx(-1)
    assert opposite.cosine == pytest.approx(0.4 / 0.56)
    assert opposite.notes == ()


def test_a_gate_is_like_itself_and_like_its_multiple() -> None:
    values = np.random.default_rng(0).random((7, 7), dtype=np.float32)
    for other in (values, 0.5 * values):
        alike = similarity(values, other)
        assert alike.cosine == pytest.approx(1, abs=1e-6)
        assert alike.pearson == pytest.approx(1, abs=1e-6)


def test_pearson_is_numpys() -> None:
    left, right = np.random.default_rng(1).random((2, 50))
    assert similarity(left, right).pearson == pytest.approx(np.corrcoef(left, right)[0, 1])


@pytest.mark.parametrize("level", [0.5, 0.1, 1.0])
def test_a_constant_has_a_cosine_but_no_correlation(level: float) -> None:
    alike = similarity(np.full(9, level, np.float32), np.full(9, level, np.float32))
    assert alike.cosine == pytest.approx(1)
    assert alike.pearson is None
    assert codes(alike.notes) == ["similarity.constant"]


def test_what_only_rounding_varies_is_constant() -> None:
    values = np.full(9, 0.5, np.float32)
    values[3] = np.nextafter(np.float32(0.5), np.float32(1))
    assert similarity(values, np.arange(9.0)).pearson is None


def test_zeros_and_what_is_no_number_give_none_with_a_reason() -> None:
    zeros = similarity(np.zeros(3), np.array([0.1, 0.2, 0.3]))
    assert (zeros.cosine, zeros.pearson) == (None, None)
    assert codes(zeros.notes) == ["similarity.zero", "similarity.constant"]
    for odd in (np.array([np.nan, 1.0]), np.array([np.inf, 1.0]), np.array([])):
        alike = similarity(odd, odd)
        assert (alike.cosine, alike.pearson, codes(alike.notes)) == (None, None, ["similarity.not-finite"])


def test_differences_are_second_minus_first_and_frozen() -> None:
    (pair,) = compare([block("a", [0.25, 0.5], [[0.0, 1.0]])], [block("a", [0.5, 0.25], [[1.0, 1.0]])])
    assert pair.weights is not None
    assert pair.mask is not None
    assert pair.weights.values.tolist() == [0.25, -0.25]
    assert pair.weights.range == (-0.25, 0.25)
    assert pair.mask.values.tolist() == [[1.0, 0.0]]
    assert pair.notes == ()
    with pytest.raises(ValueError, match="read-only"):
        pair.mask.values[...] = 0


def test_blocks_are_paired_by_name_and_the_rest_is_said() -> None:
    pairs = compare([block("a", [1.0]), block("b", [1.0])], [block("c", [1.0]), block("b", [0.5])])
    assert [(pair.name, pair.left is None, pair.right is None) for pair in pairs] == [
        ("a", False, True),
        ("b", False, False),
        ("c", True, False),
    ]
    assert codes(pairs[0].notes) == ["comparison.unpaired"]
    assert pairs[0].weights is None


def names(pairs: tuple[BlockComparison, ...]) -> list[tuple[str | None, str | None]]:
    return [(pair.left and pair.left.name, pair.right and pair.right.name) for pair in pairs]


def test_blocks_of_other_names_are_paired_by_grid_in_order_of_execution() -> None:
    large, small = [[0.5, 0.25], [0.25, 0.75]], [[0.5]]
    left = [block("cbam1", [1.0], large), block("cbam2", [1.0, 1.0], small)]
    right = [block("1.0", [1.0, 0.5], large), block("1.1", [1.0, 0.5], large), block("2.0", [0.5, 0.5], small)]
    pairs = compare(left, right)
    assert names(pairs) == [("cbam1", "1.0"), ("cbam2", "2.0"), (None, "1.1")]
    assert [pair.name for pair in pairs] == ["cbam1", "cbam2", "1.1"]
    assert pairs[0].mask is not None
    assert pairs[0].mask.similarity.cosine == pytest.approx(1)
    assert pairs[0].weights is None  # one channel and two
    assert codes(pairs[0].notes) == ["comparison.counts-differ"]
    assert names(compare(right, left)) == [("1.0", "cbam1"), ("1.1", None), ("2.0", "cbam2")]


def test_one_name_goes_before_one_grid() -> None:
    one, other = [[0.5]], [[0.5, 0.5]]
    left = [block("a", mask=one), block("b", mask=one), block("c", mask=other)]
    right = [block("x", mask=other), block("b", mask=other), block("a", mask=one), block("d", mask=one)]
    assert names(compare(left, right)) == [("a", "a"), ("b", "b"), ("c", "x"), (None, "d")]


def test_blocks_without_masks_are_paired_by_their_places_if_they_have_one() -> None:
    place = Placement((0.5, 0.5), (2.0, 2.0))
    left = [block_of("a", {"channel": np.ones(2, np.float32)}, place), block("b", [1.0])]
    right = [block("c", [1.0]), block_of("d", {"channel": np.ones(2, np.float32)}, place)]
    assert names(compare(left, right)) == [("a", "d"), ("b", None), (None, "c")]


def test_shapes_that_differ_are_said_with_both_sizes() -> None:
    (pair,) = compare([block("a", [1.0, 0.5], [[0.5]])], [block("a", [1.0], [[0.5, 0.5]])])
    assert (pair.mask, pair.weights) == (None, None)
    assert [str(note) for note in pair.notes] == [
        "no difference: one mask has 1×1 cells and one 1×2",
        "no difference: one has 2 channel weights and one 1",
    ]


def test_a_gate_that_is_missing_is_said() -> None:
    (one,) = compare([block("a", [1.0], [[0.5]])], [block("a", [1.0])])
    assert codes(one.notes) == ["comparison.one-gate"]
    (none,) = compare([block("a", [1.0])], [block("a", [1.0])])
    assert codes(none.notes) == ["comparison.no-gate"]


@pytest.fixture(scope="module")
def ten(tiny_classifier: Classifier) -> list[Explanation]:
    return explain(tiny_classifier, [*sample_sheet().images[:10]])


def test_comparing_imports_no_torch_and_results_can_be_pickled(ten: list[Explanation]) -> None:
    pairs = compare(ten[0].blocks, ten[1].blocks)
    twins = pickle.loads(pickle.dumps(pairs))
    assert [twin.weights.values.tobytes() for twin in twins] == [
        pair.weights.values.tobytes() for pair in pairs if pair.weights
    ]
    program = "import sys, cbam_core.explanation.comparison; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
