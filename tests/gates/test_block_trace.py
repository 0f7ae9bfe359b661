"""The feature map around each gate of a block: exact, and nothing is left on the model."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from cbam_core.errors import CaptureError
from cbam_core.gates.block_trace import follow_block
from cbam_core.nn import CBAM_CNN
from tests.gates.watched import Twice


def test_each_gate_takes_what_the_one_before_it_gave(model: CBAM_CNN, batch: Tensor) -> None:
    with torch.inference_mode():
        entering = model.pool1(model.relu1(model.bn1(model.conv1(batch))))
        between = model.cbam1.channel_attn(entering)
        leaving = model.cbam1.spatial_attn(between)
    channel, spatial = follow_block(model, batch, "cbam1")
    assert (channel.kind, spatial.kind) == ("channel", "spatial")
    for found, expected in (
        (channel.before, entering),
        (channel.after, between),
        (spatial.before, between),
        (spatial.after, leaving),
    ):
        assert torch.equal(found, expected)


def test_the_kernel_is_that_of_the_spatial_gate(model: CBAM_CNN, batch: Tensor) -> None:
    assert [passage.kernel for passage in follow_block(model, batch, "cbam2")] == [None, 7]


@pytest.mark.parametrize("gates", ["channel", "spatial"])
def test_a_block_with_one_gate_has_one_passage(gates: str) -> None:
    model, batch = CBAM_CNN(gates=gates).eval(), torch.randn(2, 3, 32, 32)
    assert [passage.kind for passage in follow_block(model, batch, "cbam1")] == [gates]


def test_a_block_that_is_called_twice_is_followed_in_the_call_that_is_named() -> None:
    model, batch = Twice().eval(), torch.randn(1, 16, 8, 8)
    first, second = (follow_block(model, batch, name) for name in ("block", "block#2"))
    assert torch.equal(first[0].before, batch)
    assert torch.equal(second[0].before, first[-1].after)


def test_nothing_is_left_on_the_model(model: CBAM_CNN, batch: Tensor) -> None:
    follow_block(model, batch, "cbam1")
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_an_unknown_block_is_named_with_the_known_ones(model: CBAM_CNN, batch: Tensor) -> None:
    with pytest.raises(CaptureError, match="no block 'cbam9' with gates; this network has cbam1, cbam2, cbam3"):
        follow_block(model, batch, "cbam9")


def test_a_call_that_did_not_happen_is_said(model: CBAM_CNN, batch: Tensor) -> None:
    with pytest.raises(CaptureError, match="did not run"):
        follow_block(model, batch, "cbam1#2")
