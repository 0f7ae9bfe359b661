"""How a gate came about, as the viewer is given it, and the setting that asks for it."""

import numpy as np
import pytest

from cbam_core import load_classifier, trace_gate
from cbam_core.data.samples import sample_sheet
from cbam_core.errors import RenderError
from cbam_core.viewer import Settings
from cbam_core.viewer.origin import origin_as_dict
from cbam_core.viewer.packing import as_base64

BLOCKS = [{"name": "cbam1", "weights": {"values": as_base64(np.zeros(4, np.float32))}, "mask": None}]


@pytest.mark.parametrize(("gate", "part"), [("cbam1.channel", (32,)), ("cbam1.spatial", (16, 16))])
def test_numbers_are_those_of_the_trace(gate, part):
    trace = trace_gate(load_classifier("cbam_cnn_cifar10"), sample_sheet().images[3], gate)
    given = origin_as_dict(trace)
    assert trace.values.shape == part
    assert (given["channels"], given["height"], given["width"]) == trace.map_shape
    assert given["unsquashed"] == as_base64(trace.unsquashed)
    assert given["winners"] == as_base64(trace.winners.astype(np.float32))
    assert (given["padding"] is None) == (given["kind"] == "channel")
    assert [one["channel"] for one in given["moved"]] == [one.channel for one in trace.channels]
    assert all((one["after"] is None) == (given["kind"] == "channel") for one in given["moved"])


def test_a_gate_that_a_network_does_not_have_is_left_out():
    for gate, kept in ((("cbam1", "channel"), True), (("cbam1", "spatial"), False), (("cbam9", "channel"), False)):
        assert Settings(origin=gate).known_to(BLOCKS).origin == (gate if kept else None)


def test_only_kinds_that_are_drawn_can_be_asked_for():
    assert Settings().changed_by({"origin": ["cbam1", "spatial"]}).origin == ("cbam1", "spatial")
    assert Settings().changed_by({"origin": ["cbam1", "full"]}).origin is None
    with pytest.raises(RenderError, match="'origin' cannot be"):
        Settings(origin=("cbam1", "full"))
