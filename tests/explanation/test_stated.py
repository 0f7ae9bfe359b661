"""What is stated about a network, under every name, or one sentence that says what is missing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cbam_core import CBAM_CNN, Classifier, explain, load_classifier
from cbam_core.errors import CbamError
from cbam_core.evaluation.usual_gates import UsualSums
from cbam_core.network.modules import know
from cbam_core.network.statement import statement
from cbam_core.results.usual import write_usual
from tests.explanation.own_networks import MEAN, STD, codes, gates, refusal, seeded


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
