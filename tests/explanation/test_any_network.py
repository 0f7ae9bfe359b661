"""One line in a notebook: any network, whatever its outputs are."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from cbam_core import Classifier, explain, load_classifier
from cbam_core.data.dataset import samples
from cbam_core.errors import CbamError
from cbam_core.evaluation.scoring import score
from cbam_core.explanation.comparison import Comparison
from tests.explanation.own_networks import MEAN, STD, Own, codes, fresh, gates, normalised, refusal, seeded


class Boxes(Own):
    def forward(self, x: Tensor) -> Any:
        return [{"boxes": one, "scores": one.mean()} for one in self.features(x)]


class Maps(Own):
    def forward(self, x: Tensor) -> Any:
        return {"out": self.features(x)}


class Named(Own):
    def forward(self, x: Tensor) -> Any:
        return {"logits": super().forward(x)}


def test_a_module_is_explained_with_what_is_stated_about_it(picture: np.ndarray) -> None:
    model = seeded()
    seen = explain(model, picture, size=24, mean=MEAN, std=STD, classes=["a", "b", "c", "d"])
    with torch.inference_mode():
        logits = model(normalised(picture)[None])
    assert np.allclose(seen.probabilities, logits.softmax(1)[0], atol=1e-5)
    assert [block.name for block in seen.blocks] == ["first", "second"]
    assert seen.predicted == "abcd"[int(logits.argmax())]
    assert (seen.checkpoint, seen.checkpoint_digest) == ("Own", "")


def test_a_module_without_classes_has_gates_and_no_prediction(picture: np.ndarray) -> None:
    seen = explain(seeded(), picture, size=24, normalisation="half")
    assert (seen.classes, seen.probabilities.shape, seen.predicted, seen.probability) == ((), (0,), None, 0.0)
    assert len(gates(seen)) == 4
    assert "network.no-classes" in codes(seen)
    assert "network.no-classes" not in codes(explain(seeded(), picture, size=24, normalisation="half", classes=()))


@pytest.mark.parametrize("kind", [Boxes, Maps])
def test_a_network_that_is_no_classifier_has_gates_and_no_prediction(kind: type[Own], picture: np.ndarray) -> None:
    seen = explain(seeded(kind), picture, size=24, normalisation="none")
    plain = explain(seeded(), picture, size=24, normalisation="none")
    assert seen.predicted is None
    assert "network.no-classes" not in codes(seen)
    assert all(np.array_equal(one, other) for one, other in zip(gates(seen), gates(plain), strict=True))
    assert "list" in refusal("model.logits-shape", seeded(Boxes), picture, size=24, normalisation="none", classes=4)


def test_logits_under_their_name_are_found(picture: np.ndarray) -> None:
    stated: Any = {"size": 24, "normalisation": "half", "classes": 4}
    expected = explain(seeded(), picture, **stated).probabilities
    assert np.array_equal(explain(seeded(Named), picture, **stated).probabilities, expected)


def test_classes_of_a_library_that_do_not_fit_are_left_out(picture: np.ndarray) -> None:
    model = fresh()
    model.pretrained_cfg = {"mean": MEAN, "std": STD, "input_size": (3, 24, 24), "num_classes": 4}  # type: ignore[assignment]
    seen = explain(model, picture)
    assert (seen.classes, seen.input_image.shape) == (("class 0", "class 1", "class 2", "class 3"), (24, 24, 3))
    assert "network.assumed-numbers" in codes(seen)
    model.head = nn.Linear(16, 7)
    assert explain(model, picture).predicted is None
    assert "network.no-classes" in codes(explain(model, picture))


def test_what_goes_wrong_in_a_forward_is_one_sentence(picture: np.ndarray) -> None:
    class Picky(Own):
        def forward(self, x: Tensor) -> Any:
            raise AssertionError("height 24 is not 32")

    assert "height 24 is not 32" in refusal("model.forward", seeded(Picky), picture, size=24, normalisation="half")
    wrapped = nn.DataParallel(seeded()).eval()
    assert explain(wrapped, picture, size=24, normalisation="half").checkpoint == "Own"


def test_one_logit_is_a_sigmoid_with_two_names(picture: np.ndarray) -> None:
    seen = explain(seeded(outputs=1), picture, size=24, mean=MEAN, std=STD, classes=["dog"])
    with torch.inference_mode():
        logit = seeded(outputs=1)(normalised(picture)[None])
    assert seen.classes == ("not dog", "dog")
    assert seen.probabilities[1] == pytest.approx(float(logit.sigmoid()), abs=1e-5)


def test_a_networks_name_path_and_weights_are_networks(
    tiny_classifier: Classifier, tiny_checkpoint: Path, picture: np.ndarray
) -> None:
    expected = explain(tiny_classifier, picture).probabilities
    for given in (tiny_checkpoint, str(tiny_checkpoint), tiny_checkpoint.read_bytes()):
        assert np.array_equal(explain(given, picture).probabilities, expected)
    shipped = explain("cbam_cnn_cifar10", picture)
    weights = load_classifier("cbam_cnn_cifar10").model.state_dict()
    assert np.array_equal(explain(weights, picture).probabilities, shipped.probabilities)


def test_home_is_the_home_folder(tiny_checkpoint: Path, picture_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tiny_checkpoint.parent))
    name = f"~/{tiny_checkpoint.name}"
    assert load_classifier(name).name == tiny_checkpoint.stem
    expected = explain(name, picture_file).image_digest
    monkeypatch.setenv("HOME", str(picture_file.parent))
    assert explain(tiny_checkpoint, f"~/{picture_file.name}").image_digest == expected


def test_everything_can_be_saved_and_drawn_without_a_prediction(picture: np.ndarray, tmp_path: Path) -> None:
    seen = explain(seeded(), picture, size=24, normalisation="half")
    files = seen.save(tmp_path)
    assert '"predicted": null' in files["manifest.json"].read_text(encoding="utf-8")
    with np.load(files["values.npz"]) as arrays:
        assert arrays["probabilities"].shape == (0,)
    assert "no prediction" in seen.figure().caption.lower()
    other = replace(seen, checkpoint="other")
    assert "no prediction" in Comparison(seen, other).figure().caption.lower()


def test_evaluation_says_that_it_needs_classes() -> None:
    classifier = Classifier(model=seeded(), classes=(), mean=MEAN, std=STD, input_size=(24, 24))
    with pytest.raises(CbamError, match="no prediction"):
        score(classifier, samples())


def test_every_result_is_one_line(tiny_classifier: Classifier, picture: np.ndarray) -> None:
    seen = explain(tiny_classifier, picture)
    for shown in (tiny_classifier, seen, seen.blocks[0], seen.blocks[0].gates[0]):
        assert len(repr(shown)) < 120
        assert "\n" not in repr(shown)
    assert str(seen.predicted) in repr(seen)
    assert "no prediction" in repr(explain(seeded(), picture, size=24, normalisation="half"))


class Raised(Own):
    """A mask without a sigmoid to which one is added, and outputs that are probabilities."""

    def features(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        return x * (1 + 2 * x.mean(dim=1, keepdim=True).sigmoid())

    def forward(self, x: Tensor) -> Any:
        return super().forward(x).softmax(dim=1)


def test_how_a_gate_multiplies_its_map_is_kept(picture: np.ndarray, tmp_path: Path) -> None:
    seen = explain(seeded(Raised), picture, **STATED_BY_OWNER)
    gate = seen.blocks[0].gates[0]
    assert (gate.scale, gate.shift, gate.squashed) == (2.0, 1.0, True)
    assert repr(gate).endswith(", map x (1 + 2 x gate))")
    entry = json.loads(seen.save(tmp_path)["manifest.json"].read_text())["blocks"][0]["gates"]["spatial"]
    assert (entry["scale"], entry["shift"]) == (2.0, 1.0)
    assert "squashed" not in entry


def test_outputs_that_are_probabilities_are_noted(picture: np.ndarray) -> None:
    assert "network.probabilities" in codes(explain(seeded(Raised), picture, **STATED_BY_OWNER))
    assert "network.probabilities" not in codes(explain(seeded(), picture, **STATED_BY_OWNER))


def test_no_edits_may_be_none(picture: np.ndarray) -> None:
    assert "edit.made" not in codes(explain(seeded(), picture, edits=None, **STATED_BY_OWNER))


STATED_BY_OWNER: Any = {"size": 24, "normalisation": "half", "classes": 4}
