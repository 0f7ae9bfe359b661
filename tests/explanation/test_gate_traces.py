"""How a gate of an explained image came about: winners by hand, every bit of the shipped networks, and files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from cbam_core import explain, load_classifier, trace_gate
from cbam_core.data.samples import sample_sheet
from cbam_core.errors import CaptureError, DataError
from cbam_core.nn import CBAM
from cbam_core.results.gate_trace import GateTrace

NETWORKS = ("cbam_cnn_cifar10", "cbam_resnet_cifar10")


@pytest.mark.parametrize("name", NETWORKS)
def test_every_shipped_gate_follows_from_its_branches_to_the_bit(name: str) -> None:
    network = load_classifier(name)
    explanation = explain(network, sample_sheet().images[5])
    for block in explanation.blocks:
        for gate in block.gates:
            trace = trace_gate(network, explanation, gate.name)
            assert trace.why is None
            assert np.array_equal(trace.summed, trace.unsquashed)
            assert np.array_equal(torch.sigmoid(torch.from_numpy(np.array(trace.summed))).numpy(), gate.values)
            assert np.array_equal(trace.values, gate.values)
            assert trace.placement == block.placement


def _traced(image: torch.Tensor, gate: str) -> GateTrace:
    torch.manual_seed(1)
    model = nn.Sequential(CBAM(image.shape[0], ratio=1, kernel_size=3)).eval()
    return trace_gate(model, image, gate)


def test_at_the_border_of_the_shipped_masks_the_kernel_reads_padding() -> None:
    network = load_classifier(NETWORKS[0])
    shares = [
        trace_gate(network, sample_sheet().images[0], f"cbam{block}.spatial").padding_share for block in (1, 2, 3)
    ]
    assert [np.count_nonzero(share > 1e-9) for share in shares if share is not None] == [156, 60, 16]
    assert shares[2] is not None
    assert 0.56 < shares[2].min() < 0.57


IMAGE = torch.tensor([[[0.0, 1.0, 5.0], [2.0, 3.0, 0.0]], [[7.0, 7.0, 0.0], [0.0, 0.0, 0.0]], [[0.0] * 3, [0.0] * 3]])
"""Channel 0 has its maximum at row 0, column 2; channel 1 at two positions; channel 2 is 0 everywhere."""


def test_the_place_of_a_channels_maximum_is_known_where_it_has_it_alone() -> None:
    trace = _traced(IMAGE, "0.channel")
    assert trace.winners is not None
    assert trace.winning_cells is not None
    assert trace.winners.tolist() == [2, -1, -1]
    assert trace.winning_cells.tolist() == [[0, 2], [-1, -1], [-1, -1]]
    assert trace.wins(5) == ((2, 1),)


def test_the_channel_that_wins_at_a_position_is_known_where_it_wins_alone() -> None:
    image = IMAGE.clone()
    image[:, 1, 2] = -1  # all channels alike, before their weights
    image[:, 1, 2] *= torch.tensor([1.0, 2.0, 3.0])
    trace = _traced(image, "0.spatial")
    weighted = image.numpy() * _traced(image, "0.channel").values[:, None, None]
    alone = np.sort(weighted, axis=0)[-1] > np.sort(weighted, axis=0)[-2]
    assert trace.winners is not None
    assert np.array_equal(trace.winners, np.where(alone, weighted.argmax(axis=0), -1))


def test_the_channels_that_moved_most_are_those_whose_share_of_the_energy_changed() -> None:
    trace = _traced(IMAGE, "0.channel")
    assert trace.shares is not None
    before = (IMAGE.numpy().astype(np.float64) ** 2).sum(axis=(1, 2))
    after = before * trace.values.astype(np.float64) ** 2
    np.testing.assert_allclose(trace.shares, [before / before.sum(), after / after.sum()], rtol=1e-5)
    moved = np.abs(trace.shares[1] - trace.shares[0])
    assert [one.channel for one in trace.channels] == np.argsort(-moved, kind="stable")[:4].tolist()
    np.testing.assert_array_equal(trace.channels[0].before, IMAGE[trace.channels[0].channel])
    assert sum(one.moved for one in trace.channels) == pytest.approx(0, abs=1e-9)


def test_a_trace_is_saved_as_arrays_and_as_text_with_every_bit(tmp_path: Path) -> None:
    network = load_classifier(NETWORKS[0])
    trace = trace_gate(network, sample_sheet().images[0], "cbam2.spatial")
    arrays = np.load(trace.save(tmp_path / "trace.npz"))
    text = json.loads(trace.save(tmp_path / "trace.json").read_text(encoding="utf-8"))
    assert np.array_equal(arrays["maximum"], trace.maximum)
    assert np.array_equal(np.array(text["maximum"]), trace.maximum)
    assert np.array_equal(np.float32(text["values"]), trace.values)
    assert text["gate"] == str(arrays["gate"]) == "cbam2.spatial"
    with pytest.raises(DataError, match=r"saved as \.npz or \.json; given trace\.csv"):
        trace.save(tmp_path / "trace.csv")


def test_an_explanation_of_another_network_is_refused() -> None:
    explanation = explain(load_classifier(NETWORKS[0]), sample_sheet().images[0])
    with pytest.raises(CaptureError, match="explain the image with cbam_resnet_cifar10 first"):
        trace_gate(load_classifier(NETWORKS[1]), explanation, "cbam1.spatial")


def test_a_foreign_gate_says_what_is_not_known() -> None:
    class Gated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weigh = nn.Conv2d(3, 1, 3, padding=1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            out: torch.Tensor = x * self.weigh(x).sigmoid()
            return out

    trace = trace_gate(Gated().eval(), torch.randn(3, 8, 8), "Gated.spatial")
    assert trace.average is None
    assert trace.unsquashed is not None
    assert trace.squash == "sigmoid"
    assert str(trace.why) == (
        "the branches of Gated.spatial are not known, because it is not computed as in CBAM, from its mean and "
        "maximum; what its sigmoid was given is known"
    )
    assert len(trace.channels) == 3
