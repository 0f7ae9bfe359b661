"""What a network gives for its classes is found out by its answers to random numbers, and shown rightly."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from cbam_core import explain
from cbam_core.atlas.building import build_atlas
from cbam_core.atlas.opening import open_atlas
from cbam_core.atlas.verifying import check_atlas
from cbam_core.data.dataset import Dataset
from cbam_core.errors import ModelError
from cbam_core.evidence.one_image import consequences
from cbam_core.evidence.running import run_each, run_together
from cbam_core.network import Classifier
from cbam_core.network.building import open_network
from cbam_core.network.outputs import as_logits, as_probabilities, notes_on_outputs, outputs_of
from cbam_core.network.statement import statement
from cbam_core.nn import CBAM
from cbam_core.observing import observe

PICTURES = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)


class Net(nn.Module):
    """A network that gives what its last function makes of logits."""

    def __init__(self, last: Any, outputs: int = 4) -> None:
        super().__init__()
        self.stem, self.cbam, self.head = nn.Conv2d(3, 16, 3, padding=1), CBAM(16), nn.Linear(16, outputs)
        self.last = last

    def logits(self, x: Tensor) -> Tensor:
        return 20 * self.head(self.cbam(self.stem(x)).mean((2, 3)))

    def forward(self, x: Tensor) -> Any:
        return self.last(self.logits(x))


def made(last: Any, outputs: int = 4, kind: type[Net] = Net) -> Classifier:
    torch.manual_seed(0)
    model = kind(last, outputs).eval()
    names = tuple("abcdefgh"[: max(2, outputs)])
    return Classifier(model=model, classes=names, mean=(0.5,) * 3, std=(0.5,) * 3, input_size=(16, 16))


def logits_of(classifier: Classifier) -> Tensor:
    pixels = torch.stack([classifier.normalise(one) for one in PICTURES])
    with torch.inference_mode():
        found: Tensor = classifier.model.logits(pixels)
    return found


def softmax(x: Tensor) -> Tensor:
    return x.softmax(1)


@pytest.mark.parametrize(
    ("last", "kind"),
    [
        (softmax, "probabilities"),
        (nn.Softmax(dim=1), "probabilities"),
        (lambda x: softmax(x).half().float(), "probabilities"),
        (lambda x: {"logits": softmax(x)}, "probabilities"),
        (torch.sigmoid, "sigmoids"),
        (nn.Sigmoid(), "sigmoids"),
        (nn.Hardsigmoid(), "sigmoids"),
        (lambda x: (x.sigmoid().view(-1, 2, 2).flatten(1), x), "sigmoids"),
        (nn.Identity(), "logits"),
        (nn.LogSoftmax(dim=1), "logits"),
        (lambda x: x.sigmoid() * 2, "logits"),
        (lambda x: x.sigmoid() * 0.9, "logits"),
        (lambda x: x.clamp(0, 1), "logits"),
    ],
)
def test_what_a_network_gives_is_found(last: Any, kind: str) -> None:
    assert outputs_of(made(last)) == kind


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_probabilities_are_found_in_other_number_types(kind: torch.dtype) -> None:
    for seed in range(20):
        classifier = made(softmax)
        torch.manual_seed(seed)
        classifier.model.head = nn.Linear(16, 10)
        classifier.model.to(kind)
        assert outputs_of(classifier) == "probabilities"


def test_a_traced_network_is_tried_too() -> None:
    classifier = made(nn.Identity())
    plain = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Softmax(1)).eval()
    traced = [torch.fx.symbolic_trace(plain), torch.export.export(plain, (torch.zeros(1, 3, 16, 16),)).module()]
    for model in traced:
        assert outputs_of(replace(classifier, model=model)) == "probabilities"


class Counted(nn.Module):
    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(3, 4)
        self.register_buffer("count", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.count.add_(1)
        return self.head(x.mean((2, 3))).softmax(1)


@pytest.mark.filterwarnings("ignore:.*torch.jit")
def test_a_scripted_network_counts_no_further() -> None:
    classifier = made(nn.Identity())
    for wrapped in (False, True):
        traced = torch.jit.trace(Counted().eval(), torch.zeros(1, 3, 16, 16))
        (buffer,) = traced.buffers()
        before = buffer.clone()
        model = nn.Sequential(traced) if wrapped else traced
        assert outputs_of(replace(classifier, model=model)) == "probabilities"
        assert torch.equal(buffer, before)


def test_the_network_is_not_touched_and_may_refuse() -> None:
    class Counting(Net):
        calls = 0

        def forward(self, x: Tensor) -> Any:
            self.calls += 1
            if self.calls > 2:
                raise ValueError("no more")
            return super().forward(x)

    classifier = made(softmax, kind=Counting)
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    assert outputs_of(classifier) == "logits"
    assert classifier.model.calls == 0
    assert torch.equal(torch.rand(1), expected)


@pytest.mark.parametrize("last", [softmax, nn.LogSoftmax(dim=1), nn.Identity()], ids=["softmax", "log", "logits"])
def test_probabilities_are_shown_as_they_are(last: Any) -> None:
    classifier = made(last)
    seen = observe(classifier, PICTURES)
    assert np.allclose(seen.probabilities, logits_of(classifier).softmax(1), atol=1e-6)
    assert seen.probabilities.max() > 0.5  # a second softmax would bring them closer together


def test_a_part_that_is_exchanged_is_noticed() -> None:
    classifier = made(nn.Softmax(dim=1))
    logits = logits_of(classifier)
    for last, expected in (
        (classifier.model.last, logits.softmax(1)),
        (nn.Identity(), logits.softmax(1)),
        (nn.Sigmoid(), logits.sigmoid()),
        (nn.Sequential(nn.Softmax(dim=1)), logits.softmax(1)),
    ):
        classifier.model.last = last
        assert np.allclose(observe(classifier, PICTURES).probabilities, expected, atol=1e-6)


@pytest.mark.filterwarnings("ignore:.*torch.jit")
def test_what_was_found_of_a_scripted_network_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    model = nn.Sequential(torch.jit.trace(Counted().eval(), torch.zeros(1, 3, 16, 16))).eval()
    classifier = replace(made(nn.Identity()), model=model)
    assert outputs_of(classifier) == "probabilities"
    monkeypatch.setattr("cbam_core.network.outputs._found", lambda _: "logits")
    assert outputs_of(classifier) == "probabilities"


def test_sigmoids_are_shown_as_they_are() -> None:
    classifier = made(torch.sigmoid)
    expected = logits_of(classifier).sigmoid()
    seen = observe(classifier, PICTURES)
    assert np.allclose(seen.probabilities, expected, atol=1e-6)
    assert abs(seen.probabilities.sum(axis=1) - 1).max() > 0.1
    assert np.allclose(seen.logits, logits_of(classifier), atol=1e-2)
    found = explain(classifier, PICTURES[0])
    assert found.predicted == classifier.classes[int(expected[0].argmax())]
    assert [note.code for note in found.notes] == ["network.sigmoids"]
    assert np.allclose(consequences(classifier, PICTURES[0]).as_is.probabilities, expected[0], atol=1e-6)


def test_an_atlas_of_sigmoids_has_their_probabilities(tmp_path: Path) -> None:
    for last, sigmoids in ((torch.sigmoid, True), (softmax, False)):
        classifier = made(last)
        pictures = np.random.default_rng(1).integers(0, 256, (40, 16, 16, 3), dtype=np.uint8)
        labels = np.arange(40) % 4
        dataset = Dataset(images=pictures, labels=labels, classes=classifier.classes, name="made", split="up")
        folder = build_atlas(classifier, dataset, tmp_path / str(sigmoids), workers=1)
        atlas, seen = open_atlas(folder), observe(classifier, pictures)
        assert np.allclose(atlas.confidence, seen.probabilities.max(axis=1), atol=1e-5)
        doubtful = atlas.suspects(n=40).doubtful
        assert doubtful is not None
        assert len(doubtful.images)
        mine = seen.probabilities[doubtful.images, labels[doubtful.images]]
        assert np.allclose(doubtful.probability, mine, atol=1e-5)
        assert check_atlas(folder) == ()
        assert ("sigmoids" in atlas.facts["network"]) == sigmoids
        build_atlas(classifier, dataset, folder, workers=1)  # of the same plan


def test_one_sigmoid_is_the_probability_of_the_second_class() -> None:
    classifier = made(lambda x: torch.sigmoid(x)[:, 0], outputs=1)
    expected = logits_of(classifier)[:, 0].sigmoid()
    seen = observe(classifier, PICTURES)
    assert np.allclose(seen.probabilities, torch.stack([1 - expected, expected], dim=1), atol=1e-6)
    assert [note.code for note in explain(classifier, PICTURES[0]).notes] == ["network.probabilities"]


def test_sure_probabilities_stay_finite() -> None:
    classifier = made(lambda x: softmax(1e4 * x))
    seen = observe(classifier, PICTURES)
    assert np.isfinite(seen.logits).all()
    assert np.allclose(seen.probabilities.max(axis=1), 1)
    sigmoids = made(lambda x: torch.sigmoid(1e4 * x))
    assert np.isfinite(observe(sigmoids, PICTURES).logits).all()


def test_logits_that_happen_to_lie_in_0_to_1_stay_logits() -> None:
    classifier = made(nn.Identity())
    outputs = torch.tensor([[0.1, 0.2, 0.3, 0.4]])
    assert torch.equal(as_logits(classifier, outputs), outputs)
    assert torch.equal(as_probabilities(classifier, outputs), outputs.softmax(1))
    assert notes_on_outputs(classifier) == ()
    assert math.isclose(float(as_logits(made(softmax), outputs)[0, 0]), math.log(0.1), rel_tol=1e-6)


def test_one_answer_that_is_not_a_number_changes_nothing_for_the_others() -> None:
    outputs = torch.tensor([[0.1, 0.2, 0.3, 0.4], [0.4, 0.3, 0.2, 0.1]])
    expected = as_logits(made(softmax), outputs)
    outputs[1] = torch.nan
    found = as_logits(made(softmax), outputs)
    assert torch.equal(found[0], expected[0])
    assert found[1].isnan().all()


def test_a_network_that_is_opened_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nets_with_sigmoids.py").write_text(
        "import torch\nfrom tests.network.test_outputs import made\ndef net():\n    return made(torch.sigmoid).model\n"
    )
    monkeypatch.chdir(tmp_path)
    stated = {"classes": "a,b,c,d", "size": 16, "normalisation": "half"}
    found = open_network("nets_with_sigmoids:net", statement(stated))
    assert "network.sigmoids" in [remark.code for remark in found.remarks]


@pytest.mark.parametrize(
    "last",
    [
        lambda x: {"out": x, "features": x[:, :, None, None].expand(-1, -1, 2, 2)},
        lambda x: {"logits": x, "embedding": x * 2},
        lambda x: (x, x),
        lambda x: x[:, :, None, None],
        lambda x: [x[:, :, None]],
    ],
    ids=["dict", "logits", "tuple", "map", "list"],
)
def test_logits_are_found_in_answers_of_any_form(last: Any) -> None:
    classifier = made(last)
    expected = logits_of(classifier)
    assert np.allclose(observe(classifier, PICTURES).logits, expected, atol=1e-6)
    found = consequences(classifier, PICTURES[0])
    assert np.allclose(found.as_is.logits, expected[0], atol=1e-5)
    batch = classifier.normalise(PICTURES[0])[None]
    (row,) = run_each(classifier.model, batch, [])
    assert np.allclose(row, expected[:1], atol=1e-6)
    together = run_together(classifier.model, batch, [])
    assert together is None or np.allclose(together[0], expected[:1], atol=1e-6)


@pytest.mark.parametrize(
    ("last", "said"),
    [
        (lambda x: {"cat": x, "dog": x}, "gave dict (cat (1, 4), dog (1, 4));"),
        (lambda x: (x[:, :2], x), "gave tuple ((1, 2), (1, 4));"),
        (lambda x: x.argmax(1), "gave (1,);"),
        (lambda _x: "cat", "gave str;"),
    ],
    ids=["dict", "tuple", "numbers", "text"],
)
def test_an_answer_without_logits_is_described(last: Any, said: str) -> None:
    with pytest.raises(ModelError) as caught:
        explain(made(last), PICTURES[0])
    assert caught.value.code == "model.logits-shape"
    assert said in str(caught.value)
