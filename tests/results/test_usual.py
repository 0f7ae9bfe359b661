"""Usual gates: the sentence about each, and the file that keeps them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cbam_core.errors import DataError, RenderError
from cbam_core.results.explanation import Gate
from cbam_core.results.usual import Shares, Usual, UsualGate, read_usual, usual_path, write_usual


def usual_gate(mean, *, variance=0.04, shares=(0.2, 0.3, 0.5), kind="spatial", name="cbam1.spatial"):
    mean = np.asarray(mean, np.float32)
    return UsualGate(name, kind, 1, mean, np.full_like(mean, 0.1), variance, Shares(*shares), 123, "set")


@pytest.mark.parametrize(
    ("shares", "kind", "sentence"),
    [
        ((0.97, 0.01, 0.02), "spatial", "the same for every image (97 % fixed)"),
        ((0.90, 0.05, 0.05), "channel", "the same for every image (90 % fixed)"),
        ((0.89, 0.05, 0.06), "channel", "mostly the same for every image (89 % fixed)"),
        ((0.60, 0.20, 0.20), "channel", "mostly the same for every image (60 % fixed)"),
        ((0.05, 0.91, 0.04), "spatial", "one number an image: how strong"),
        ((0.06, 0.29, 0.65), "spatial", "follows the image: where"),
        ((0.10, 0.10, 0.80), "channel", "follows the image: which channels"),
        ((0.10, 0.10, 0.80), "full", "follows the image: where and which channels"),
        ((0.59, 0.00, 0.41), "channel", "mixed"),
        ((0.25, 0.30, 0.45), "spatial", "mixed"),
    ],
)
def test_the_part_that_makes_up_most_of_the_variance_gives_the_sentence(shares, kind, sentence):
    assert str(usual_gate([[0.2, 0.4], [0.6, 0.8]], shares=shares, kind=kind).sentence) == sentence


@pytest.mark.parametrize(
    ("level", "deviation", "off"), [(0.5, 0.0, True), (0.505, 0.008, True), (0.5, 0.02, False), (0.52, 0.0, False)]
)
def test_a_gate_is_off_where_all_its_values_are_close_to_a_half(level, deviation, off):
    gate = usual_gate([[level] * 2], variance=deviation**2, shares=(0.0, 0.1, 0.9))
    assert (str(gate.sentence) == "off: 0.50 everywhere, as an untrained gate") is off


def test_a_gate_that_hardly_varies_is_the_same_for_every_image_whatever_its_shares():
    gate = usual_gate([[0.98, 0.98]], variance=0.004**2, shares=(0.0, 0.1, 0.9))
    assert str(gate.sentence) == "the same for every image (within 1 %)"


def test_no_sentence_speaks_of_importance():
    every = [usual_gate([[0.2]], shares=shares) for shares in np.eye(3)] + [usual_gate([[0.2]])]
    assert len({str(gate.sentence) for gate in every}) == 4
    assert not any(word in str(gate.sentence) for gate in every for word in ("important", "matter", "relevan"))


def test_readings_follow_their_formulas():
    usual = usual_gate([[0.1, 0.3], [0.1, 0.3]])
    gate = Gate("cbam1.spatial", "spatial", 1, np.array([[0.3, 0.3], [0.6, 0.6]], np.float32), usual)
    assert gate.relative == pytest.approx(np.array([[2 / 3, 2 / 3], [4 / 3, 4 / 3]]))
    assert gate.against_usual == pytest.approx(np.array([[2 / 3 - 0.5, 2 / 3 - 1.5], [4 / 3 - 0.5, 4 / 3 - 1.5]]))
    assert gate.gain == pytest.approx(0.45 / 0.2)


def test_without_usual_values_a_gate_knows_only_its_own_shape():
    gate = Gate("cbam1.channel", "channel", 1, np.array([0.2, 0.6], np.float32))
    assert gate.relative == pytest.approx([0.5, 1.5])
    assert (gate.against_usual, gate.gain) == (None, None)


def test_usual_values_of_another_size_are_not_compared_with():
    usual = usual_gate([[0.1, 0.3], [0.1, 0.3]])
    gate = Gate("cbam1.spatial", "spatial", 1, np.full((3, 3), 0.4, np.float32), usual)
    assert gate.against_usual is None
    assert gate.gain == pytest.approx(2)


def test_a_gate_of_zeros_has_no_shape():
    gate = Gate("cbam1.spatial", "spatial", 1, np.zeros((2, 2), np.float32), usual_gate(np.zeros((2, 2))))
    assert (gate.relative, gate.against_usual, gate.gain) == (None, None, None)


@pytest.mark.parametrize("value", [-0.5, np.inf, np.nan])
def test_a_gate_whose_mean_is_negative_or_not_finite_has_no_shape_and_no_strength(value):
    values = np.full((2, 2), value, np.float32)
    gate = Gate("cbam1.spatial", "spatial", 1, values, usual_gate([[0.1, 0.3], [0.1, 0.3]]))
    assert (gate.relative, gate.against_usual, gate.gain) == (None, None, None)
    why = "not_positive" if value < 0 else "not_finite"
    assert [gate.why_unread(reading) for reading in ("values", "relative", "usual")] == [None, why, why]
    other = Gate("cbam1.spatial", "spatial", 1, np.full((2, 2), 0.5, np.float32), usual_gate(values))
    assert (other.against_usual, other.gain) == (None, None)
    assert [other.why_unread(reading) for reading in ("values", "relative", "usual")] == [None, None, "no_usual"]


def test_an_unknown_reading_of_a_gate_is_refused():
    with pytest.raises(RenderError, match="unknown reading 'absolute'; choose one of values, relative, usual"):
        Gate("cbam1.channel", "channel", 1, np.array([0.2], np.float32)).read("absolute")


def test_usual_values_do_not_lengthen_what_a_gate_prints():
    gate = Gate("cbam1.channel", "channel", 1, np.array([0.2, 0.6], np.float32))
    assert repr(replace(gate, usual=usual_gate([0.1, 0.3]))) == repr(gate)


def test_a_file_gives_back_what_was_written(tmp_path):
    first, second = usual_gate([[0.2, 0.4]]), usual_gate([0.3, 0.5, 0.7], kind="channel", name="cbam1.channel")
    write_usual(Usual((first, second), 123, "cifar10:train", "abc"), tmp_path / "net.usual.npz")
    read = read_usual(tmp_path / "net.usual.npz")
    assert (read.count, read.images, read.digest) == (123, "cifar10:train", "abc")
    for one, other in zip(read.gates, (first, second), strict=True):
        assert (one.name, one.kind, one.call, one.variance, one.shares) == (
            (other.name, other.kind, other.call, other.variance, other.shares)
        )
        assert np.array_equal(one.mean, other.mean)
        assert np.array_equal(one.deviation, other.deviation)
    assert read.gate("cbam1.channel") is read.gates[1]
    assert read.gate("cbam9.channel") is None


def test_a_file_knows_the_gates_that_were_not_finite(tmp_path):
    write_usual(Usual((), 5, "samples", "abc", ("cbam1.channel", "cbam2.spatial")), tmp_path / "net.usual.npz")
    assert read_usual(tmp_path / "net.usual.npz").not_finite == ("cbam1.channel", "cbam2.spatial")
    write_usual(Usual((), 5, "samples"), tmp_path / "net.usual.npz")
    assert read_usual(tmp_path / "net.usual.npz").not_finite == ()  # as in files of before they were kept


def test_a_network_without_gates_has_a_file_too(tmp_path):
    write_usual(Usual((), 5, "samples"), tmp_path / "net.usual.npz")
    assert read_usual(tmp_path / "net.usual.npz").gates == ()


@pytest.mark.parametrize(
    "change",
    [
        {"mean:0": np.zeros((2, 2), np.float32)},
        {"mean:0": np.full((1, 2), np.nan, np.float32)},
        {"shares": np.full((1, 3), np.nan)},
        {"kinds": np.array(["sideways"])},
        {"calls": np.array([1, 1])},
        {"count": np.zeros(3)},
        {"count": np.array(np.inf)},
        {"calls": np.array([np.inf])},
        {"shares": np.full((1, 3), 1e308)},
        {"shares": np.full((1, 3, 2), 0.1)},
        {"variance": np.array([-1.0])},
        {"mean:0": np.full((1, 2), 1e200)},
        {"mean:0": np.ones((1, 2), bool)},
        {"mean:0": np.full(2, 0.5, np.float32), "deviation:0": np.full(2, 0.5, np.float32)},
        {"mean:0": np.zeros((0, 2), np.float32), "deviation:0": np.zeros((0, 2), np.float32)},
    ],
)
def test_a_file_whose_arrays_do_not_fit_is_refused(tmp_path, change):
    path = tmp_path / "net.usual.npz"
    write_usual(Usual((usual_gate([[0.2, 0.4]]),), 5, "samples"), path)
    with np.load(path) as kept:
        arrays = {**kept, **change}
    np.savez(path, **arrays)
    with pytest.raises(DataError, match=r"net\.usual\.npz does not hold the usual gates of a network"):
        read_usual(path)


def test_a_file_stands_beside_its_checkpoint_by_name(tmp_path):
    assert usual_path(tmp_path / "net.safetensors") == tmp_path / "net.usual.npz"
    assert usual_path(tmp_path / "net.pth") == tmp_path / "net.pth.usual.npz"
