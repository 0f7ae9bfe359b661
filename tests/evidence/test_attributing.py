"""Maps of one image: closed forms, captum against sums made by hand, and what is said where a map cannot be made."""

from __future__ import annotations

import builtins
import json
import pickle
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from cbam_core import CBAM_CNN, Classifier, explain
from cbam_core.errors import CaptureError, ModelError
from cbam_core.evidence import attribute, attributing, by_captum
from cbam_core.evidence.attributing import on_input
from cbam_core.evidence.subject import subject_of
from cbam_core.gates import place
from cbam_core.nn.cbam import SpatialAttention
from cbam_core.results.attribution import GateAttribution
from cbam_core.results.methods import METHODS
from cbam_core.results.placement import Placement

SIDE = 8
IMAGE = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)


class OneMask(nn.Module):
    """A convolution, a mask, and the weighted mean of what passes it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 2, stride=2)
        self.attention = SpatialAttention(3)
        self.head = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (B, 3)."""
        return self.head(self.attention(self.conv(x)).mean(dim=(2, 3)))


class Linear(nn.Module):
    """One weight for each colour of each pixel."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(3 * SIDE * SIDE, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (B, 3)."""
        return self.head(x.flatten(1))


def network(module: type[nn.Module], classes: tuple[str, ...] = ("a", "b", "c")) -> Classifier:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = module().eval()
    name = module.__name__
    known = "CBAM_CNN" if module is CBAM_CNN else name  # a network without gates is shown only if it is registered
    size = (32, 32) if module is CBAM_CNN else (SIDE, SIDE)
    return Classifier(model=model, classes=classes, mean=MEAN, std=STD, input_size=size, name=name, architecture=known)


@pytest.fixture(scope="module")
def masked() -> Classifier:
    return network(OneMask)


def normalised(image: np.ndarray = IMAGE) -> Tensor:
    return torch.from_numpy((image / 255 - MEAN) / STD).permute(2, 0, 1).float()[None]


def test_mask_times_gradient_is_the_masked_map_times_its_gradient(masked: Classifier) -> None:
    found = attribute(masked, IMAGE, methods=["mask_gradient"], target="b").maps[0]
    features = masked.model.attention(masked.model.conv(normalised())).detach().requires_grad_()
    masked.model.head(features.mean(dim=(2, 3)))[0, 1].backward()
    np.testing.assert_allclose(found.values, (features * features.grad).sum(dim=1)[0].detach().numpy(), atol=1e-6)
    masked.model.zero_grad(set_to_none=True)
    assert found.source == "attention.spatial"


def test_the_mask_is_that_of_the_explanation_and_lies_where_its_block_does(masked: Classifier) -> None:
    found = attribute(masked, IMAGE, methods=["mask"])
    block = found.explanation.blocks[-1]
    np.testing.assert_array_equal(found.map("mask").values, block.spatial_mask)
    assert found.map("mask").placement == block.placement == place(masked.model, (SIDE, SIDE))["attention"]
    assert found.map("mask").limits == (0.0, 1.0)
    assert found.target == found.explanation.predicted


def test_grad_cam_is_the_positive_part_of_the_map_weighted_by_mean_gradients(masked: Classifier) -> None:
    found = attribute(masked, IMAGE, methods=["grad_cam"], target=1).maps[0]
    features = masked.model.attention(masked.model.conv(normalised())).detach()
    weights = masked.model.head.weight[1].detach() / features[0, 0].numel()  # the head sees the mean of each channel
    expected = (weights[:, None, None] * features[0]).sum(dim=0).clamp(min=0)
    np.testing.assert_allclose(found.values, expected.numpy(), atol=1e-6)
    assert found.source == "attention"
    assert found.placement == place(masked.model, (SIDE, SIDE))["attention"]


def test_on_a_linear_network_integrated_gradients_are_exact() -> None:
    linear = network(Linear)
    found = attribute(linear, IMAGE, methods=["integrated_gradients"], target=2)
    weights = linear.model.head.weight[2].detach().reshape(3, SIDE, SIDE)
    np.testing.assert_allclose(found.maps[0].values, (weights * normalised()[0]).sum(dim=0).numpy(), atol=1e-5)
    assert found.maps[0].placement == Placement((0.0, 0.0), (1.0, 1.0))
    assert found.maps[0].error == pytest.approx(0, abs=1e-4)
    bias = float(linear.model.head.bias[2].detach())
    assert found.maps[0].values.sum() == pytest.approx(found.logit - bias, abs=1e-4)


def test_on_a_linear_network_occlusion_is_what_each_square_adds(monkeypatch: pytest.MonkeyPatch) -> None:
    linear = network(Linear)
    monkeypatch.setattr(by_captum, "WINDOW", 4)
    monkeypatch.setattr(by_captum, "FINE", 1)  # squares of 2x2 pixels that do not overlap
    found = attribute(linear, IMAGE, methods=["occlusion"], target=2).maps[0]
    weights = linear.model.head.weight[2].detach().reshape(3, SIDE, SIDE)
    each = (weights * normalised()[0]).sum(dim=0).reshape(4, 2, 4, 2).sum(dim=(1, 3))
    np.testing.assert_allclose(found.values, each.repeat_interleave(2, 0).repeat_interleave(2, 1).numpy(), atol=1e-5)


def test_overlapping_squares_give_their_mean() -> None:
    linear = network(Linear)
    found = attribute(linear, IMAGE, methods=["occlusion"], target=0).maps[0]
    weights = linear.model.head.weight[0].detach().reshape(3, SIDE, SIDE)
    each = (weights * normalised()[0]).sum(dim=0).numpy()  # at 8x8 pixels a square is one pixel
    np.testing.assert_allclose(found.values, each, atol=1e-5)


def test_all_maps_agree_over_the_pixels_of_the_input_and_with_both_controls(masked: Classifier) -> None:
    found = attribute(masked, IMAGE)
    assert [one.method for one in found.maps] == list(METHODS)
    assert len(found.agreements) == 7 * 6 / 2
    assert set(found.controls) == {"centre", "edges"}
    spread = on_input(found.map("mask_gradient"), (SIDE, SIDE))
    np.testing.assert_array_equal(spread[::2, ::2], found.map("mask_gradient").values)
    edges = found.controls["edges"]
    pearson = found.agreement("edges", "mask_gradient").pearson
    assert pearson == pytest.approx(np.corrcoef(spread.ravel(), edges.ravel())[0, 1], abs=1e-5)


def test_a_result_is_plain_and_written_as_json(masked: Classifier) -> None:
    found = attribute(masked, IMAGE)
    again = pickle.loads(pickle.dumps(found))
    written = json.loads(json.dumps(again.as_dict()))
    assert [one["method"] for one in written["maps"]] == list(METHODS)
    assert written["target"] == found.target
    assert "cbam usual" in written["left_out"]["gates"]


def test_nothing_of_captum_is_left_on_the_model(masked: Classifier) -> None:
    attribute(masked, IMAGE)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in masked.model.modules())
    assert all(parameter.grad is None for parameter in masked.model.parameters())


def test_callers_without_gradients_get_the_same_maps(masked: Classifier) -> None:
    before = attribute(masked, IMAGE)
    with torch.inference_mode():
        again = attribute(masked, IMAGE)
    for one, other in zip(before.maps, again.maps, strict=True):
        np.testing.assert_array_equal(one.values, other.values)


def test_an_explanation_can_be_asked_about_and_must_be_of_this_network(masked: Classifier) -> None:
    explanation = explain(masked, IMAGE)
    found = attribute(masked, explanation, methods=["mask"])
    assert found.explanation is explanation
    other = replace(masked, name="other", digest="1")
    with pytest.raises(CaptureError):
        attribute(other, explanation)


def test_without_a_mask_or_gates_each_thing_says_so_and_the_rest_is_there(tiny_classifier: Classifier) -> None:
    plain = replace(
        tiny_classifier, model=CBAM_CNN(gates="none").eval(), arguments={"num_classes": 10, "gates": "none"}
    )
    found = attribute(plain, np.zeros((32, 32, 3), np.uint8), methods=["mask", "mask_gradient", "grad_cam"])
    assert [one.method for one in found.maps] == ["grad_cam"]
    assert str(found.left_out["mask"]) == str(found.left_out["mask_gradient"]) == "this network has no spatial mask"
    assert "no gates" in str(found.left_out["gates"])


def test_without_captum_one_sentence_says_how_to_install_it(
    masked: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "captum", None)
    found = attribute(masked, IMAGE)
    assert [one.method for one in found.maps] == ["mask", "mask_gradient"]
    assert "pip install 'cbam-lens[evidence]'" in str(found.left_out["occlusion"])


def test_captum_is_imported_for_its_own_maps_alone(masked: Classifier, monkeypatch: pytest.MonkeyPatch) -> None:
    imported, real = [], builtins.__import__

    def seen(name: str, *rest: Any, **more: Any) -> Any:
        imported.append(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", seen)
    monkeypatch.setattr(by_captum, "_captum", lambda: pytest.fail("captum was asked for"))
    attribute(masked, IMAGE, methods=["mask", "mask_gradient"])
    assert not any(name.startswith("captum") for name in imported)


def test_a_network_without_classes_has_no_logit_to_ask_about(masked: Classifier) -> None:
    with pytest.raises(ModelError, match="no classes, so there is no logit"):
        attribute(replace(masked, classes=()), IMAGE)


@pytest.mark.parametrize("given", ["dog", 3, -1])
def test_an_unknown_class_is_said_with_those_that_there_are(masked: Classifier, given: str | int) -> None:
    with pytest.raises(ModelError, match="it has a, b, c"):
        attribute(masked, IMAGE, target=given)


def test_an_unknown_method_is_said_with_those_that_there_are(masked: Classifier) -> None:
    with pytest.raises(ModelError, match="there is no method 'lime'; there are mask, mask_gradient"):
        attribute(masked, IMAGE, methods=["lime"])


class OneOutput(OneMask):
    """One logit, whose sigmoid is the probability of the second class."""

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (B, 1)."""
        return super().forward(x)[:, :1]


def test_one_output_speaks_for_the_second_class_and_against_the_first() -> None:
    two = network(OneOutput, ("no", "yes"))
    yes, no = (attribute(two, IMAGE, methods=["mask_gradient"], target=target) for target in ("yes", "no"))
    assert yes.logit == pytest.approx(-no.logit)
    np.testing.assert_allclose(yes.maps[0].values, -no.maps[0].values, atol=1e-7)


def test_a_prepared_tensor_is_taken_as_it_is(masked: Classifier) -> None:
    found = attribute(masked, normalised()[0], methods=["mask_gradient"], target=1)
    plain = attribute(masked, IMAGE, methods=["mask_gradient"], target=1)
    np.testing.assert_allclose(found.maps[0].values, plain.maps[0].values, atol=1e-5)


def test_many_rows_at_once_and_one_give_the_same(masked: Classifier, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = subject_of(masked, IMAGE, stated={})
    before = by_captum.occlusion(asked).values, by_captum.integrated_gradients(asked).values
    monkeypatch.setattr(by_captum, "ROWS", 0)
    again = by_captum.occlusion(asked).values, by_captum.integrated_gradients(asked).values
    for one, other in zip(before, again, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


class NanMask(OneMask):
    """A network whose mask is NaN, and which hides that from its answer."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        mask = torch.sigmoid(self.attention.conv(x[:, :2]))
        return self.head(torch.nan_to_num(x * mask.masked_fill(mask > 0, torch.nan)).mean(dim=(2, 3)))


def test_maps_that_are_not_finite_are_left_out_with_a_reason() -> None:
    found = attribute(network(NanMask), IMAGE)
    assert found.left_out["mask"].code == found.left_out["mask_gradient"].code == "attribution.not-finite"
    assert all(np.isfinite(one.values).all() for one in found.maps)
    json.dumps(found.as_dict(), allow_nan=False)


def test_a_gate_that_is_not_finite_gets_no_attribution() -> None:
    classifier = network(NanMask)
    gates = [one for one in attribute(network(OneMask), IMAGE).gates if one.left_out is None]
    seen = explain(classifier, IMAGE)
    (gate,) = [gate for block in seen.blocks for gate in block.gates]
    one = attributing._finite_gate(GateAttribution(gate, None, np.zeros(gate.values.shape, np.float32)))
    assert one.left_out is not None
    assert one.left_out.code == "attribution.not-finite"
    assert one.gradient.size == 0
    assert [attributing._finite_gate(one) for one in gates] == gates
