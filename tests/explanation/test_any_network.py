"""One line in a notebook: any network and any form of an image, or one sentence that says what is missing."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from cbam_core import CBAM, CBAM_CNN, Classifier, Explanation, explain, load_classifier
from cbam_core.data.dataset import samples
from cbam_core.errors import CbamError
from cbam_core.evaluation.scoring import score
from cbam_core.evaluation.usual_gates import UsualSums
from cbam_core.explanation.comparison import Comparison
from cbam_core.network.modules import know
from cbam_core.network.statement import statement
from cbam_core.results.usual import write_usual

MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)


class Own(nn.Module):
    """A network of somebody else, with two blocks and an answer of any kind."""

    def __init__(self, outputs: int = 4, channels: int = 3) -> None:
        super().__init__()
        self.in_channels = 16  # as many networks call what they have reached while they are built
        self.stem = nn.Conv2d(channels, 16, 3, stride=2, padding=1)
        self.first, self.second = CBAM(16, ratio=4), CBAM(16, ratio=4)
        self.head = nn.Linear(16, outputs)

    def features(self, x: Tensor) -> Tensor:
        return self.second(self.first(self.stem(x)))

    def forward(self, x: Tensor) -> Any:
        return self.head(self.features(x).mean(dim=(2, 3)))


class Boxes(Own):
    def forward(self, x: Tensor) -> Any:
        return [{"boxes": one, "scores": one.mean()} for one in self.features(x)]


class Maps(Own):
    def forward(self, x: Tensor) -> Any:
        return {"out": self.features(x)}


class Named(Own):
    def forward(self, x: Tensor) -> Any:
        return {"logits": super().forward(x)}


@cache
def seeded(kind: type[Own] = Own, **arguments: int) -> Own:
    """A network with seeded weights; shared, so that its gates are found once, and never changed by a test."""
    return fresh(kind, **arguments)


def fresh(kind: type[Own] = Own, **arguments: int) -> Own:
    torch.manual_seed(0)
    model = kind(**arguments)
    model.eval()
    return model


@pytest.fixture
def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (24, 24, 3), dtype=np.uint8)


def normalised(picture: np.ndarray) -> Tensor:
    planes = torch.from_numpy(picture.transpose(2, 0, 1).copy()).float() / 255
    return (planes - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]


def gates(explanation: Explanation) -> list[np.ndarray]:
    return [gate.values for block in explanation.blocks for gate in block.gates]


def codes(explanation: Explanation) -> set[str]:
    return {note.code for note in explanation.notes}


def refusal(code: str, *arguments: Any, **stated: Any) -> str:
    with pytest.raises(CbamError) as caught:
        explain(*arguments, **stated)
    assert caught.value.code == code
    return str(caught.value)


def test_a_module_is_explained_with_what_is_stated_about_it(picture: np.ndarray) -> None:
    model = seeded()
    seen = explain(model, picture, size=24, mean=MEAN, std=STD, classes=["a", "b", "c", "d"])
    with torch.inference_mode():
        logits = model(normalised(picture)[None])
    assert np.allclose(seen.probabilities, logits.softmax(1)[0], atol=1e-5)
    assert [block.name for block in seen.blocks] == ["first", "second"]
    assert seen.predicted == "abcd"[int(logits.argmax())]
    assert (seen.checkpoint, seen.checkpoint_digest) == ("Own", "")


@pytest.mark.parametrize(
    "stated",
    [
        {"size": (24, 24), "mean": MEAN, "std": STD},
        {"input_size": 24, "normalisation": (MEAN, STD)},
        {"input_size": [24, 24], "normalization": (MEAN, STD)},
    ],
)
def test_every_name_of_a_statement_gives_the_same(picture: np.ndarray, stated: dict[str, Any]) -> None:
    expected = explain(seeded(), picture, size=24, mean=MEAN, std=STD)
    assert np.array_equal(gates(explain(seeded(), picture, **stated))[1], gates(expected)[1])


def test_what_is_missing_is_said_with_the_way_to_give_it(picture: np.ndarray) -> None:
    model = seeded()
    assert "size=" in refusal("network.no-input", model, picture)
    assert "size=224" in refusal("network.no-size", model, picture, normalisation="imagenet")
    assert "mean= and std=" in refusal("network.no-normalisation", model, picture, size=24)
    unnamed = "nor what its classes are called"
    assert unnamed in refusal("network.no-input", model, picture)
    assert unnamed in refusal("network.no-size", model, picture, normalisation="imagenet")
    assert unnamed in refusal("network.no-normalisation", model, picture, size=24)
    assert unnamed not in refusal("network.no-input", model, picture, classes=["cat", "dog"])
    assert "give both" in refusal("network.half-normalisation", model, picture, size=24, mean=0.5)
    refusal("network.stated-twice", model, picture, size=24, input_size=24)
    refusal("network.stated-twice", model, picture, size=24, mean=0.5, std=0.5, normalisation="half")
    refusal("checkpoint.mean", model, picture, size=24, mean=123.7, std=58.4)
    refusal("network.size", model, picture, size=0, normalisation="half")
    with pytest.raises(TypeError, match="sizes"):
        explain(model, picture, sizes=24)  # type: ignore[call-overload]


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


def test_a_prepared_tensor_is_the_networks_input(picture: np.ndarray) -> None:
    model, tensor = seeded(), normalised(picture)
    expected = explain(model, picture, size=24, mean=MEAN, std=STD, classes=4)
    seen = explain(model, tensor, mean=MEAN, std=STD, classes=4)
    assert np.allclose(seen.probabilities, expected.probabilities, atol=1e-6)
    assert np.array_equal(seen.input_image, picture)
    assert seen.frame.original_size == seen.frame.input_size == (24, 24)
    assert "input.prepared" in codes(seen)
    bare = explain(model, tensor)  # neither size nor normalisation is needed
    assert np.array_equal(gates(bare)[3], gates(seen)[3])
    assert "input.scaled" in codes(bare)
    assert (bare.input_image.min(), bare.input_image.max()) == (0, 255)
    assert bare.image_digest == seen.image_digest != explain(model, 2 * tensor).image_digest


def test_a_batch_gives_a_list_and_labels_are_left_out(picture: np.ndarray) -> None:
    model, tensor = seeded(), normalised(picture)
    batch = torch.stack([tensor, tensor.flip(2), -tensor])
    expected = [gates(explain(model, one))[3] for one in batch]
    for given in (batch, [batch, torch.tensor([0, 1, 2])], (batch, [2, 1, 0]), [*batch], [batch[:2], batch[2]]):
        seen = explain(model, given)
        assert len(seen) == 3
        for one, values in zip(seen, expected, strict=True):
            assert np.allclose(gates(one)[3], values, atol=1e-6)
    assert len(explain(model, batch[:1])) == 1
    assert explain(model, []) == []


def test_tensors_of_bytes_and_floats_between_0_and_1_are_images(picture: np.ndarray) -> None:
    model, stated = seeded(), {"size": 24, "normalisation": "half"}
    expected = gates(explain(model, picture, **stated))[3]
    as_bytes = torch.from_numpy(picture.transpose(2, 0, 1).copy())
    assert np.array_equal(gates(explain(model, as_bytes, **stated))[3], expected)
    floats = explain(model, picture / 255, **stated)
    assert np.array_equal(gates(floats)[3], expected)
    assert "input.float-colours" in codes(floats)
    assert "0 to 255" in refusal("input.float-array", model, picture * 1.0, **stated)
    refusal("input.float-array", model, picture.transpose(2, 0, 1) / 255, **stated)


def test_what_is_no_input_is_refused_in_a_sentence(picture: np.ndarray) -> None:
    model, tensor = seeded(), normalised(picture)
    refusal("input.axes", model, tensor[0])
    refusal("input.tensor", model, tensor.long())
    refusal("input.tensor", model, torch.full_like(tensor, torch.nan))
    assert "1×5×24×24" in refusal("model.forward", model, torch.rand(5, 24, 24))
    refusal("model.in-training", fresh().train(), tensor)
    assert "meta" in refusal("model.on-meta", fresh().to("meta"), tensor)


def test_a_tensor_that_seems_not_normalised_is_noted(picture: np.ndarray) -> None:
    assert "input.not-normalised" in codes(explain(seeded(), torch.rand(3, 24, 24), mean=MEAN, std=STD))
    assert "input.not-normalised" not in codes(explain(seeded(), normalised(picture), mean=MEAN, std=STD))


@pytest.mark.parametrize(("dtype", "close"), [(torch.float64, 1e-5), (torch.bfloat16, 0.05), (torch.float16, 0.05)])
def test_image_and_tensor_meet_the_network_in_its_type(picture: np.ndarray, dtype: torch.dtype, close: float) -> None:
    model, tensor = seeded(), normalised(picture)
    expected = explain(model, tensor)
    other = copy.deepcopy(model).to(dtype)
    for given in (picture, tensor, tensor.double()):
        seen = explain(other, given, size=24, mean=MEAN, std=STD)
        assert np.allclose(gates(seen)[3], gates(expected)[3], atol=close)


def test_a_grey_network_sees_brightness_or_a_tensor_of_one_plane(picture: np.ndarray) -> None:
    model = seeded(channels=1)
    assert "input.grey" in codes(explain(model, picture, size=24, normalisation="half"))
    seen = explain(model, torch.rand(1, 24, 24))
    assert seen.input_image.shape == (24, 24, 3)
    assert seen.blocks[0].placement is not None


def test_a_networks_name_path_and_weights_are_networks(
    tiny_classifier: Classifier, tiny_checkpoint: Path, picture: np.ndarray
) -> None:
    expected = explain(tiny_classifier, picture).probabilities
    for given in (tiny_checkpoint, str(tiny_checkpoint), tiny_checkpoint.read_bytes()):
        assert np.array_equal(explain(given, picture).probabilities, expected)
    shipped = explain("cbam_cnn_cifar10", picture)
    weights = load_classifier("cbam_cnn_cifar10").model.state_dict()
    assert np.array_equal(explain(weights, picture).probabilities, shipped.probabilities)


def test_a_module_of_this_program_says_what_is_assumed_of_it(picture: np.ndarray) -> None:
    model = load_classifier("cbam_cnn_cifar10").model
    seen = explain(model, picture)
    assert np.array_equal(seen.probabilities, explain("cbam_cnn_cifar10", picture).probabilities)
    assert {"network.assumed-cifar10", "network.assumed-mean"} <= codes(seen)
    stated = explain(model, picture, classes=[f"{n}" for n in range(10)], normalisation="cifar10")
    assert not {"network.assumed-cifar10", "network.assumed-mean"} & codes(stated)


def test_a_subclass_states_nothing(picture: np.ndarray) -> None:
    class Mine(CBAM_CNN):
        pass

    refusal("network.no-input", Mine().eval(), picture)


def test_home_is_the_home_folder(tiny_checkpoint: Path, picture_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tiny_checkpoint.parent))
    name = f"~/{tiny_checkpoint.name}"
    assert load_classifier(name).name == tiny_checkpoint.stem
    expected = explain(name, picture_file).image_digest
    monkeypatch.setenv("HOME", str(picture_file.parent))
    assert explain(tiny_checkpoint, f"~/{picture_file.name}").image_digest == expected


def test_a_statement_about_a_loaded_network_is_taken(tiny_classifier: Classifier, picture: np.ndarray) -> None:
    names = tuple("klmnopqrst")
    assert explain(tiny_classifier, picture, classes=names).classes == names
    foreign = Classifier(model=seeded(), classes=("a",) * 4, mean=MEAN, std=STD, input_size=(24, 24))
    assert explain(foreign, picture, size=32, name="mine").input_image.shape == (32, 32, 3)
    refusal("network.weights-chosen", foreign, picture, weights="ema")


def test_classes_come_from_a_list_a_file_or_a_number(tmp_path: Path, picture: np.ndarray) -> None:
    file = tmp_path / "names.txt"
    file.write_text("cat\ndog\n\nowl\nfox\n", encoding="utf-8")
    stated: Any = {"size": 24, "normalisation": "half"}
    assert explain(seeded(), picture, classes=file, **stated).classes == ("cat", "dog", "owl", "fox")
    assert explain(seeded(), picture, classes=str(file), **stated).classes == ("cat", "dog", "owl", "fox")
    assert explain(seeded(), picture, classes="cat, dog, owl, fox", **stated).classes[1] == "dog"
    assert explain(seeded(), picture, classes=4, **stated).classes[3] == "class 3"
    refusal("network.classes-unreadable", seeded(), picture, classes="missing.txt", **stated)


def test_american_spellings_are_understood(tiny_checkpoint: Path, picture: np.ndarray, tmp_path: Path) -> None:
    american = load_classifier(tiny_checkpoint, normalization="imagenet")
    assert american.mean == load_classifier(tiny_checkpoint, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)).mean
    seen = explain(american, picture)
    figure = seen.figure(colors="magma", width=84)
    assert "magma" in figure.caption
    names = seen.save(tmp_path, colors="magma")
    assert '"magma"' in names["manifest.json"].read_text(encoding="utf-8")


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


class Pair(nn.Module):
    """Takes two images."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        return (self.conv(left) - self.conv(right)).mean((2, 3))


def test_a_network_of_several_inputs_is_named_with_another_way(picture: np.ndarray) -> None:
    said = refusal("model.several-inputs", Pair().eval(), picture, size=24, normalisation="half")
    assert "'right'" in said
    assert "cbam_core.capture" in said


@pytest.mark.parametrize("given", ["values", "file", "weights"])
def test_usual_values_are_told_of_any_module(given: str, tmp_path: Path) -> None:
    model, stated = seeded(), {"size": 32, "mean": MEAN, "std": STD}
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)
    each = explain(model, list(images), **stated)
    sums = UsualSums(know(model, statement(stated)).classifier())
    sums.add(images)
    usual = sums.usual("mine")
    write_usual(usual, tmp_path / "best.pth.usual.npz")
    forms = {"values": usual, "file": tmp_path / "best.pth.usual.npz", "weights": str(tmp_path / "best.pth")}

    gate = explain(model, images[0], **stated, usual=forms[given]).blocks[0].gates[0]

    mean = np.mean([one.blocks[0].gates[0].values for one in each], axis=0)
    assert np.allclose(gate.usual.mean, mean, atol=1e-6)
    assert np.allclose(gate.against_usual, gate.relative - mean / mean.mean(), atol=1e-5)
    assert each[0].blocks[0].gates[0].usual is None


def test_a_missing_file_of_usual_values_is_named(tmp_path: Path, picture: np.ndarray) -> None:
    with pytest.raises(CbamError, match=r"best\.pth\.usual\.npz does not hold the usual gates"):
        explain(seeded(), picture, size=32, mean=MEAN, std=STD, usual=tmp_path / "best.pth")


def test_stated_usual_values_take_the_place_of_those_that_are_kept(picture: np.ndarray) -> None:
    shipped = load_classifier("cbam_cnn_cifar10")
    other = replace(shipped.usual, images="others")
    assert load_classifier("cbam_cnn_cifar10", usual=other).usual is other
    assert explain(shipped, picture, usual=other).blocks[0].gates[0].usual is other.gates[0]
