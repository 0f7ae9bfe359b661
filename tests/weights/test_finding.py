"""A network is found wherever it lies in a file, and what was left out is said."""

import argparse
import collections
import io
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from cbam_core.errors import CheckpointError
from cbam_core.network import Classifier, load_classifier
from tests.corpus import checkpoints
from tests.corpus.checkpoints import light_state, saved

STATE = light_state()


def opened(value: Any, **options: Any) -> Classifier:
    return load_classifier(saved(value), **options)


def left_out(classifier: Classifier) -> list[str]:
    said = [remark for remark in classifier.remarks if remark.code == "checkpoint.left-out"]
    return str(said[0].values["names"]).split(", ") if said else []


def is_light(classifier: Classifier) -> bool:
    return torch.equal(classifier.model.get_parameter("fc2.weight"), STATE["fc2.weight"])


def under(prefix: str, state: Mapping[str, Tensor] = STATE) -> dict[str, Tensor]:
    return {prefix + name: tensor for name, tensor in state.items()}


PREFIXES = [
    "",
    "model.",
    "net.",
    "backbone.",
    "module.",
    "_orig_mod.",
    "module.model.",
    "_orig_mod.module.net.",
    "a.b.0.",
]


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize(
    "write", [saved, lambda state: safetensors.torch.save({k: v.contiguous() for k, v in state.items()})]
)
def test_any_prefix_is_found_in_both_formats(prefix: str, write: Callable[[dict[str, Tensor]], bytes]) -> None:
    extra = {"n_averaged": torch.tensor(3), "loss.weight": torch.ones(10)}
    found = load_classifier(write({**under(prefix), **extra}))
    assert is_light(found)
    assert sorted(left_out(found)) == ["loss", "n_averaged"]


@pytest.mark.parametrize(
    "wrapped",
    [
        {"network": STATE},
        {"a": {"b": {"c": {"d": STATE}}}},
        {"epoch": 3, "models": [None, {"best": STATE}]},
        ("first", STATE),
        {7: STATE},
        {(1, "fold"): STATE},
        collections.defaultdict(dict, {"x": STATE}),
        argparse.Namespace(weights=STATE),
        [*STATE.items()],
        {"conv1": {"weight": STATE["conv1.weight"]}, **{k: v for k, v in STATE.items() if k != "conv1.weight"}},
    ],
    ids=lambda value: type(value).__name__,
)
def test_any_wrapper_is_opened(wrapped: object) -> None:
    assert is_light(opened(wrapped))


def test_wrappers_inside_names_are_taken_off() -> None:
    state = {name.replace("fc1.", "fc1._orig_mod."): tensor for name, tensor in STATE.items()}
    assert is_light(opened({f"module.{name}": tensor for name, tensor in state.items()}))


@pytest.mark.parametrize("counter", [None, torch.tensor(3.5), torch.tensor(True), torch.zeros(1), torch.zeros(3)])
def test_counters_that_no_forward_reads_may_be_missing_or_of_any_type(counter: Tensor | None) -> None:
    state = {name: counter if name.endswith("tracked") else tensor for name, tensor in STATE.items()}
    found = opened({name: tensor for name, tensor in state.items() if tensor is not None})
    assert found.model.get_buffer("bn1.num_batches_tracked").dtype == torch.int64
    assert left_out(found) == []


def test_what_is_not_part_of_the_network_is_named() -> None:
    profiled = {
        **STATE,
        "total_ops": torch.zeros(1),
        "conv1.total_ops": torch.zeros(1),
        "bn1.total_params": torch.ones(1),
    }
    assert left_out(opened(profiled)) == ["total_ops", "total_params"]
    beside = {"state_dict": under("model."), "epoch": 3, "args": argparse.Namespace(lr=1), "rng": np.arange(3)}
    assert left_out(opened(beside)) == ["epoch", "args", "rng"]


def test_a_layer_more_is_another_network() -> None:
    with pytest.raises(CheckpointError, match=r"fc3\.weight") as caught:
        opened({**STATE, "fc3.weight": torch.zeros(3, 10)})
    assert caught.value.code == "checkpoint.unexpected-tensors"


def averaged() -> dict[str, Tensor]:
    return {**STATE, "fc2.bias": torch.full((10,), 0.5)}


AVERAGES: dict[str, tuple[object, str]] = {
    "beside": ({"state_dict": STATE, "state_dict_ema": averaged()}, "state_dict_ema"),
    "before": ({"ema": averaged(), "model": STATE}, "ema"),
    "in one dict": ({**under("ema_model.module.", averaged()), **under("model.")}, "ema_model"),
    "swa": (
        {"swa_state_dict": {"n_averaged": torch.tensor(2), **under("module.", averaged())}, "net": STATE},
        "swa_state_dict",
    ),
}


@pytest.mark.parametrize("case", AVERAGES)
def test_plain_weights_come_before_averages_which_are_named_and_can_be_chosen(case: str) -> None:
    value, name = AVERAGES[case]
    plain = opened(value)
    assert plain.model.get_parameter("fc2.bias").tolist() != [0.5] * 10
    said = {remark.code: str(remark) for remark in plain.remarks}
    assert name in said["checkpoint.other-weights"]
    assert opened(value, weights=name).model.get_parameter("fc2.bias").tolist() == [0.5] * 10


def test_averages_that_are_a_bare_list_are_named_and_can_be_chosen() -> None:
    model = checkpoints.network()
    model.load_state_dict(STATE)
    shadow = [torch.full_like(one, 0.5) for one in model.parameters()]
    value = {"model": STATE, "ema": {"decay": 0.999, "shadow_params": shadow, "collected_params": None}}
    plain = opened(value)
    assert plain.model.get_parameter("fc2.bias").tolist() == STATE["fc2.bias"].tolist()
    said = {remark.code: str(remark) for remark in plain.remarks}
    assert "(ema.shadow_params)" in said["checkpoint.other-weights"]
    chosen = opened(value, weights="shadow_params").model
    assert all((one == 0.5).all() for one in chosen.parameters())
    assert all(torch.equal(one, STATE[name]) for name, one in chosen.named_buffers())
    assert chosen.state_dict().keys() == STATE.keys()


def test_a_list_of_other_tensors_is_no_average() -> None:
    shadow = [torch.zeros(3)] * len([*checkpoints.network().parameters()])
    remarks = opened({"model": STATE, "ema": {"shadow_params": shadow}}).remarks
    assert "checkpoint.other-weights" not in {remark.code for remark in remarks}


def test_weights_of_an_unknown_name_are_refused_with_those_that_there_are() -> None:
    with pytest.raises(CheckpointError, match="no weights named 'best'; it holds model, ema") as caught:
        opened({"model": STATE, "ema": averaged()}, weights="best")
    assert caught.value.code == "checkpoint.no-such-weights"


def test_weights_are_chosen_by_a_word_of_their_name() -> None:
    chosen = opened({"model": STATE, "ema_state_dict": averaged()}, weights="ema").model
    assert chosen.get_parameter("fc2.bias").tolist() == averaged()["fc2.bias"].tolist()
    with pytest.raises(CheckpointError, match=r"no weights named 'ema'; it holds model, model_ema, ema_state$"):
        opened({"model": STATE, "model_ema": averaged(), "ema_state": averaged()}, weights="ema")


class Course(nn.Module):
    """A network of somebody's own whose module has the course's names; pickled whole."""

    def __init__(self) -> None:
        super().__init__()
        inner = checkpoints.network()
        for name, child in inner.named_children():
            self.add_module(name, child)
        self.register_buffer("scratch", torch.zeros(3), persistent=False)
        self.classes = list("abcdefghij")

    def forward(self, x: Tensor) -> Tensor:
        raise AssertionError("the file's own code ran")


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("wrap", [lambda net: net, lambda net: {"model": net, "epoch": 1}, nn.DataParallel])
@pytest.mark.filterwarnings("ignore")
def test_whole_pickled_modules_are_read_as_their_weights(wrap: Callable[[nn.Module], object], old: bool) -> None:
    network = Course()
    found = load_classifier(saved(wrap(network), _use_new_zipfile_serialization=not old))
    for name, tensor in checkpoints.network().state_dict().items():
        assert torch.equal(found.model.state_dict()[name], tensor)
    assert found.classes == tuple("abcdefghij")
    said = {remark.code: str(remark) for remark in found.remarks}
    assert "whole pickled network" in said["checkpoint.whole-module"]
    assert "scratch" not in str(said)


SIZES = {
    "ratio 8 instead of 16": {"ratio": 8},
    "ratio 12 instead of 16": {"ratio": 12},
    "kernel size 3 instead of 7": {"kernel_size": 3},
    "input channels: 1 instead of 3": {"in_channels": 1},
    "hidden width 20 instead of 512": {"hidden": 20},
    "images of 48 pixels instead of 32": {"image_size": 48},
}


@pytest.mark.parametrize("said", SIZES)
def test_sizes_that_differ_are_taken_and_named(said: str) -> None:
    from cbam_core.nn import CBAM_CNN

    arguments = {"hidden": 8} | SIZES[said]
    model = CBAM_CNN(4, **arguments).eval()
    found = opened(model.state_dict())
    assert {**found.arguments} == {"num_classes": 4, "gates": "both", **arguments}
    assert said in " ".join(map(str, found.remarks))
    side = arguments.get("image_size", 32)
    assert found.input_size == (side, side)
    image = np.zeros((side, side, 3), np.uint8)
    assert torch.equal(found.model(found.normalise(image)[None]), model(found.normalise(image)[None]))


def test_sizes_that_no_argument_gives_are_named_in_the_refusal() -> None:
    for name, shape, said in (
        ("conv1.weight", (32, 4, 3, 3), "input channels: 4 instead of 3"),
        ("conv2.weight", (48, 32, 3, 3), "channels: 48 instead of 64"),
        ("conv2.weight", (64, 32, 5, 5), "kernel size 5 instead of 3"),
        ("cbam2.channel_attn.fc.0.weight", (8, 64), "ratio 8 instead of 16"),
    ):
        with pytest.raises(CheckpointError, match=said):
            opened({**STATE, name: torch.zeros(shape)})


@pytest.mark.parametrize(
    "dtype", [torch.float64, torch.float16, torch.bfloat16, torch.float8_e5m2, torch.int64, torch.int8, torch.bool]
)
def test_weights_of_any_type_become_what_torch_makes_of_them(dtype: torch.dtype) -> None:
    bias = torch.tensor([0.0, 1.0] * 5).to(dtype)
    for content in (saved({**STATE, "fc2.bias": bias}), safetensors.torch.save({**dense(), "fc2.bias": bias})):
        found = load_classifier(content)
        assert found.model.get_parameter("fc2.bias").tolist() == [0.0, 1.0] * 5
        said = [remark.code for remark in found.remarks]
        assert said == ([] if dtype.is_floating_point else ["checkpoint.whole-numbers"])


def dense() -> dict[str, Tensor]:
    return {name: tensor.contiguous() for name, tensor in STATE.items()}


def test_an_archive_that_was_packed_again_is_opened() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(saved(STATE))) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    assert is_light(load_classifier(buffer.getvalue()))


def test_attributes_of_tensors_and_parameters_are_no_hindrance() -> None:
    noted = STATE["fc2.weight"].clone()
    noted.note = "a tensor with an attribute"
    learned = nn.Parameter(STATE["fc2.bias"].clone())
    learned.group = 3
    assert is_light(opened({**STATE, "fc2.weight": noted, "fc2.bias": learned}))


def test_tensors_of_odd_kinds_beside_the_weights_are_left_out() -> None:
    beside = {
        "sparse": torch.eye(2).to_sparse(),
        "complex": torch.zeros(2, dtype=torch.complex64),
        "half": torch.arange(3).to(torch.uint16),
        "meta": torch.empty(2, device="meta"),
        "seed": torch.get_rng_state(),
    }
    found = opened({"net": STATE, **beside})
    assert is_light(found)
    assert len(left_out(found)) == 4
