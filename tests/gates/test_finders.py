from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from cbam_core.errors import CaptureError
from cbam_core.gates.finders import find_sites
from cbam_core.nn import CBAM, CBAM_CNN, ChannelAttention, SpatialAttention


def names(model: nn.Module) -> list[tuple[str, str]]:
    return sorted((block, kind) for _, block, kind, *_ in find_sites(model))


def test_every_block_of_the_course_network_is_found() -> None:
    blocks = ["cbam1", "cbam2", "cbam3"]
    assert names(CBAM_CNN()) == [(block, kind) for block in blocks for kind in ("channel", "spatial")]


def test_a_site_names_the_gate_and_the_module_that_multiplies() -> None:
    model = CBAM_CNN()
    sites = {(site.block, site.kind): (site.tap, site.gated) for site in find_sites(model)}
    attention = model.cbam2.spatial_attn
    assert sites["cbam2", "spatial"] == (attention.sigmoid, attention)
    assert sites["cbam2", "channel"] == (model.cbam2.channel_attn.sigmoid, model.cbam2.channel_attn)


@pytest.mark.parametrize(
    ("model", "found"),
    [
        (CBAM(16), [("CBAM", "channel"), ("CBAM", "spatial")]),
        (ChannelAttention(16), [("ChannelAttention", "channel")]),
        (SpatialAttention(), [("SpatialAttention", "spatial")]),
        (nn.Sequential(nn.Conv2d(3, 16, 1), SpatialAttention(3)), [("1", "spatial")]),
        (nn.ModuleDict({"deep": nn.ModuleList([nn.Sequential(CBAM(16))])}), [
            ("deep.0.0", "channel"), ("deep.0.0", "spatial")]),
        (nn.Sequential(nn.Conv2d(3, 8, 1), nn.ReLU()), []),
        (nn.Identity(), []),
    ],
    ids=["block", "channel", "spatial", "bare", "deep", "none", "leaf"],
)  # fmt: skip
def test_gates_are_found_wherever_they_sit(model: nn.Module, found: list[tuple[str, str]]) -> None:
    assert names(model) == found


def test_subclasses_are_gates_too() -> None:
    class Bigger(CBAM):
        pass

    class Other(ChannelAttention):
        pass

    model = nn.Sequential(Bigger(16), Other(16))
    assert names(model) == [("0", "channel"), ("0", "spatial"), ("1", "channel")]


def test_two_gates_of_one_kind_in_a_block_have_names_of_their_own() -> None:
    class Twofold(CBAM):
        def __init__(self) -> None:
            super().__init__(16)
            self.second = ChannelAttention(16)

    found = [(site.name, site.block, site.kind) for site in find_sites(nn.Sequential(Twofold()))]
    assert found == [("0.channel", "0", "channel"), ("0.spatial", "0", "spatial"), ("0.second", "0", "channel")]


def test_no_gate_is_lost_where_the_name_of_its_attribute_is_taken() -> None:
    class Twofold(CBAM):
        def __init__(self) -> None:
            super().__init__(16, gates="channel")
            self.channel = ChannelAttention(16)

    model = Twofold()
    found = [(site.name, site.gated) for site in find_sites(model)]
    assert found == [("CBAM.channel", model.channel_attn), ("CBAM.channel", model.channel)]


def test_a_block_with_one_part_removed_keeps_the_other() -> None:
    model = CBAM_CNN()
    model.cbam1.spatial_attn = nn.Identity()  # type: ignore[assignment]
    model.cbam2.channel_attn = None  # type: ignore[assignment]
    del model.cbam3
    assert names(model) == [("cbam1", "channel"), ("cbam2", "spatial")]


def test_a_shared_block_is_found_once_by_its_shortest_path() -> None:
    shared = CBAM(16)
    model = nn.ModuleDict({"inner": nn.Sequential(shared), "outer": shared, "again": nn.Sequential(shared)})
    assert names(model) == [("outer", "channel"), ("outer", "spatial")]


def test_a_model_that_contains_itself_is_searched_once() -> None:
    model = nn.Sequential(CBAM(16))
    model.loop = model
    assert names(model) == [("0", "channel"), ("0", "spatial")]


def test_gates_added_to_a_plain_layer_are_found() -> None:
    model = nn.Sequential(nn.ReLU())
    assert names(model) == []
    model[0].attention = CBAM(16)
    assert names(model) == [("0.attention", "channel"), ("0.attention", "spatial")]


def scripted() -> nn.Module:
    return torch.jit.script(nn.Sequential(nn.Conv2d(16, 16, 1), nn.Sigmoid()))


def traced() -> nn.Module:
    return torch.fx.symbolic_trace(nn.Sequential(nn.Conv2d(16, 16, 1), nn.Sigmoid()))


def exported() -> nn.Module:
    return torch.export.export(CBAM(16).eval(), (torch.rand(1, 16, 4, 4),)).module()


def wrapped() -> nn.Module:
    return torch.compile(CBAM(16))


def compiled_in_place() -> nn.Module:
    model = CBAM(16)
    model.compile()
    return model


def a_part_compiled_in_place() -> nn.Module:
    model = CBAM_CNN()
    model.cbam2.channel_attn.compile()
    return model


@pytest.mark.parametrize(
    "make",
    [scripted, traced, exported, wrapped, compiled_in_place, a_part_compiled_in_place],
    ids=lambda f: f.__name__,
)
@pytest.mark.parametrize("inside", [False, True], ids=["alone", "inside"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_sealed_models_are_refused_in_one_sentence(make: Callable[[], nn.Module], inside: bool) -> None:
    model = nn.Sequential(nn.Conv2d(3, 16, 1), make()) if inside else make()
    with pytest.raises(CaptureError) as error:
        find_sites(model)
    assert error.value.code == "capture.sealed-model"
    assert "plain module" in str(error.value)
