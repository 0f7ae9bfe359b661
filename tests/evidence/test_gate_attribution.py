"""Attribution of gates: on networks where it is known, and against exact ablation on one that ships."""

from __future__ import annotations

from dataclasses import replace

import jaxtyping
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from cbam_core import CBAM_CNN, Classifier, Usual, Values, edit, explain, load_classifier
from cbam_core.data.samples import sample_sheet
from cbam_core.evidence import gate_attribution
from cbam_core.evidence.gate_attribution import attribute_gates, gate_gradients, is_affordable, rows_at_once
from cbam_core.evidence.subject import Subject, subject_of
from cbam_core.results import usual as known
from cbam_core.results.attribution import GateAttribution
from tests.evidence.planted import coloured, planted
from tests.one_thread import one_thread

IMAGE = coloured(3).images[1]
USUAL = np.linspace(0.1, 0.6, 6, dtype=np.float32)
WEIGHTS = torch.tensor([[1.0, -2.0, 3.0, 0.5, 0.0, 4.0]] * 3)


def known_to(classifier: Classifier, means: dict[str, np.ndarray]) -> Classifier:
    """A network with these usual values."""
    gates = [gate for block in explain(classifier, IMAGE).blocks for gate in block.gates]
    usual = [
        known.UsualGate(
            one.name, one.kind, 1, means[one.name], means[one.name], 0.1, known.Shares(1.0, 0.0, 0.0), 9, "x"
        )
        for one in gates
    ]
    return replace(classifier, usual=known.Usual(tuple(usual), 9, "x"))


def subject(classifier: Classifier, image: np.ndarray = IMAGE, target: int = 0) -> Subject:
    return subject_of(classifier, image, target=target, stated={})


def linear() -> Classifier:
    """Logits are sums of the weighted channels, so a channel adds its weight times what passes, whatever others do."""
    network = planted(lambda means: torch.full_like(means, 0.5), lambda means: means @ WEIGHTS.T)
    return known_to(network, {"attention.channel": USUAL})


def test_on_a_linear_network_all_forms_are_exact() -> None:
    [found] = attribute_gates(subject(linear()), exact=True)
    means = np.append(IMAGE[0, 0] / 255, [1, 1, 1])
    expected = WEIGHTS[0].numpy() * means * (0.5 - USUAL)
    for values in (found.gradient, found.integrated, found.exact):
        np.testing.assert_allclose(values, expected, atol=1e-5)
    assert found.whole == pytest.approx(expected.sum(), abs=1e-5)
    assert found.error == pytest.approx(0, abs=1e-5)
    assert found.correlation == pytest.approx(1)
    assert found.how == "exact"


def test_integrated_forms_add_up_where_gradients_do_not() -> None:
    square = planted(lambda means: torch.full_like(means, 0.5), lambda means: (means @ WEIGHTS.T) ** 2)
    [found] = attribute_gates(subject(known_to(square, {"attention.channel": USUAL})), exact=False)
    assert found.exact is None
    assert found.how == "integrated"
    assert found.integrated.sum() == pytest.approx(found.whole, rel=1e-4)  # the midpoint rule is exact for squares
    assert abs(found.gradient.sum() - found.whole) > 0.03 * abs(found.whole)
    assert found.error == pytest.approx(0, abs=1e-4 * abs(found.whole))


class TwoMasks(nn.Module):
    """A foreign network: a mask from the input, and channel weights from what passes it."""

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (B, 3)."""
        x = x * torch.sigmoid(self.conv(x))
        x = x * torch.sigmoid(self.scale(x.mean(dim=(2, 3))))[:, :, None, None]
        return x.mean(dim=(2, 3))

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.scale = nn.Conv2d(3, 1, 3, padding=1), nn.Linear(3, 3)


@pytest.fixture(scope="module")
def foreign() -> Classifier:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = TwoMasks().eval()
    network = Classifier(
        model=model, classes=("a", "b", "c"), mean=(0.4,) * 3, std=(0.3,) * 3, input_size=(4, 4), name="foreign"
    )
    gates = [gate for block in explain(network, IMAGE).blocks for gate in block.gates]
    return known_to(network, {gate.name: np.full_like(gate.values, 0.4) for gate in gates})


def test_gates_of_any_network_are_attributed_as_single_edits_say(foreign: Classifier) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    asked = subject(foreign, noise, 2)
    found = list(attribute_gates(asked, exact=True))
    assert [one.gate.kind for one in found] == ["spatial", "channel"]
    for one in found:
        assert one.gradient.shape == one.exact.shape == one.gate.values.shape
        assert one.error == pytest.approx(0, abs=1e-4)
        with torch.inference_mode():
            here = float(asked.scores(asked.batch))
        values = one.gate.values.copy()
        values.flat[2] = 0.4
        with torch.inference_mode(), edit(foreign.model, {one.gate.name: Values(values)}):
            alone = float(asked.scores(asked.batch))
        assert one.exact.flat[2] == pytest.approx(here - alone, abs=1e-5)
        with torch.inference_mode(), edit(foreign, {one.gate.name: Usual()}):
            assert one.whole == pytest.approx(here - float(asked.scores(asked.batch)), abs=1e-5)


def test_gradients_are_those_of_the_whole_rest_of_the_network(foreign: Classifier) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    asked = subject(foreign, noise)
    name = asked.explanation.blocks[0].gates[0].name
    mask, step = asked.explanation.blocks[0].gates[0].values, 1e-2
    found = gate_gradients(asked)[name]
    scores = []
    for sign in (1, -1):
        moved = mask.copy()
        moved[1, 2] += sign * step
        with torch.inference_mode(), edit(foreign.model, {name: Values(moved, unbounded=True)}):
            scores.append(float(asked.scores(asked.batch)))
    assert found[1, 2] == pytest.approx((scores[0] - scores[1]) / (2 * step), abs=1e-4)


def test_nothing_is_left_on_the_model_and_no_parameter_has_a_gradient(foreign: Classifier) -> None:
    list(attribute_gates(subject(foreign), exact=True))
    assert all(parameter.grad is None for parameter in foreign.model.parameters())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in foreign.model.modules())


def test_callers_without_gradients_get_the_same(foreign: Classifier) -> None:
    before = [one.integrated for one in attribute_gates(subject(foreign))]
    with torch.inference_mode():
        again = [one.integrated for one in attribute_gates(subject(foreign))]
    np.testing.assert_array_equal(np.concatenate([one.ravel() for one in before]),
                                  np.concatenate([one.ravel() for one in again]))  # fmt: skip


def test_a_gate_without_usual_values_says_so(foreign: Classifier) -> None:
    first, *_ = foreign.usual.gates
    half = replace(foreign, usual=known.Usual((first,), 9, "x"))
    one, other = attribute_gates(subject(half))
    assert one.left_out is None
    assert "usual values of gate" in str(other.left_out)
    assert other.gradient.size == 0


class RowsMixed(nn.Module):
    """A network whose rows see each other, as one that normalises by its batch."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = TwoMasks()

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (B, 3)."""
        return self.inner(x - x.mean(dim=0, keepdim=True) / 2)


def test_rows_that_see_each_other_run_one_at_a_time() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        mixed = RowsMixed().eval()
    network = Classifier(model=mixed, classes=("a", "b", "c"), mean=(0.4,) * 3, std=(0.3,) * 3, input_size=(4, 4))
    gates = [gate for block in explain(network, IMAGE).blocks for gate in block.gates]
    network = known_to(network, {gate.name: np.full_like(gate.values, 0.4) for gate in gates})
    asked = subject(network)
    assert rows_at_once(asked) == 1
    for one in attribute_gates(asked, exact=True):
        assert one.error == pytest.approx(0, abs=1e-4)


def test_large_networks_are_not_ablated_unless_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = subject(linear())
    assert is_affordable(asked)
    monkeypatch.setattr(gate_attribution, "EXACT_ENTRIES", 0)
    assert not is_affordable(asked)
    [found] = attribute_gates(asked)
    assert found.exact is None
    [found] = attribute_gates(asked, exact=True)
    assert found.exact is not None


@pytest.fixture(scope="module")
def shipped() -> list[tuple[GateAttribution, ...]]:
    with one_thread(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # a batch grows inside modules that keep it
        classifier = load_classifier("cbam_cnn_cifar10")
        images = sample_sheet().images[::25]
        return [tuple(attribute_gates(subject_of(classifier, image, stated={}))) for image in images]


def test_forms_of_the_shipped_network_agree_with_the_truth(shipped: list[tuple[GateAttribution, ...]]) -> None:
    by_gate = list(zip(*shipped, strict=True))
    assert sum(gates[0].gate.values.size for gates in by_gate) == 560
    for gates in by_gate:
        assert all(one.how == "exact" for one in gates)
        assert np.median([one.correlation for one in gates]) > 0.7, gates[0].gate.name
        sizes = [max(abs(one.whole), 0.1) for one in gates]
        assert np.median([abs(one.error) / size for one, size in zip(gates, sizes, strict=True)]) < 0.1


def test_untrained_networks_have_attributions_too(tiny_classifier: Classifier) -> None:
    image = sample_sheet().images[0]
    gates = [gate for block in explain(tiny_classifier, image).blocks for gate in block.gates]
    usual = known_to(tiny_classifier, {gate.name: gate.values * np.float32(0.9) for gate in gates})
    found = list(attribute_gates(subject_of(usual, image, stated={}), exact=False))
    assert [one.gate.name for one in found] == [gate.name for gate in gates]
    assert isinstance(usual.model, CBAM_CNN)
    for one in found:
        assert one.error == pytest.approx(0, abs=1e-3)
