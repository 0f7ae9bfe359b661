"""Blocks of timm, pytorchcv and segmentation-models-pytorch are named for what they are."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterator

import pytest
import torch
from torch import nn

from cbam_core.gates.audit import audit_network
from cbam_core.results.audit import BlockAudit
from tests.gates.audit.spellings import C, Network


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Warnings of the libraries are theirs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def block_of(library: str, path: str, *args: object, **named: object) -> BlockAudit:
    pytest.importorskip(library.partition(".")[0], reason="it is among the development requirements")
    torch.manual_seed(0)
    made = getattr(importlib.import_module(library), path)(*args, **named)
    (block,) = audit_network(Network(made).eval(), (12, 12), repeats=0).blocks
    assert not block.unknown
    return block


def codes(block: BlockAudit) -> set[str]:
    return {one.code.removeprefix("audit.") for one in block.deviations}


def test_timm_cbam_has_a_norm_on_the_logit() -> None:
    block = block_of("timm.layers.cbam", "CbamModule", C)
    assert (block.style, codes(block)) == ("CBAM", {"norm-logit"})


def test_timm_light_variant_joins_the_pools_first() -> None:
    block = block_of("timm.layers.cbam", "LightCbamModule", C)
    assert (block.style, codes(block)) == ("CBAM, light", {"channel-joined", "mask-joined", "norm-logit"})


def test_timm_gates_in_a_network() -> None:
    resnet = pytest.importorskip("timm.models.resnet")
    model = resnet.ResNet(resnet.BasicBlock, [1, 1, 1, 1], num_classes=3, block_args={"attn_layer": "cbam"}).eval()
    found = audit_network(model, (64, 64), repeats=0)
    assert [block.name for block in found.blocks] == [f"layer{number}.0.se" for number in (1, 2, 3, 4)]
    assert {block.style for block in found.blocks} == {"CBAM"}
    assert [block.gates[1].kernel for block in found.blocks] == [(7, 7)] * 4
    assert all("norm-logit" in codes(block) for block in found.blocks)


def test_timm_squeeze_and_excitation() -> None:
    block = block_of("timm.layers.squeeze_excite", "SEModule", C)
    assert (block.style, block.gates[0].hidden) == ("SE", 8)
    assert codes(block) == {"no-mask", "channel-mean", "ratio", "channel-bias"}


def test_timm_efficient_channel_attention() -> None:
    block = block_of("timm.layers.eca", "EcaModule", C)
    assert (block.style, block.gates[0].kernel) == ("ECA", (3,))
    assert codes(block) == {"no-mask", "channel-mean", "neighbours"}


def test_concurrent_squeeze_and_excitation() -> None:
    block = block_of("segmentation_models_pytorch.base.modules", "SCSEModule", C)
    assert (block.style, block.order) == ("scSE", "side by side")
    assert {"side-by-side", "channel-mean", "mask-learned"} <= codes(block)


def test_bottleneck_attention() -> None:
    block = block_of("pytorchcv.models.bamresnet", "BamBlock", C)
    assert (block.style, block.order) == ("BAM", "one gate")
    assert {"one-gate", "one-plus"} <= codes(block)


def test_pytorchcv_cbam_has_biases_and_the_maximum_first() -> None:
    block = block_of("pytorchcv.models.cbamresnet", "CbamBlock", C)
    assert (block.style, codes(block)) == ("CBAM", {"channel-bias", "planes", "norm-logit"})


class Bare(nn.Module):
    """Nothing but the three layers of a network without gates."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.relu()


def test_a_network_without_gates_says_so() -> None:
    found = audit_network(Network(Bare()).eval(), (12, 12), repeats=0)
    assert (found.blocks, found.why_none) == ((), "No gate was found in Network.")
