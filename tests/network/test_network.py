import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import transforms

from cbam_core.errors import CheckpointError, ImageError
from cbam_core.explanation import explain
from cbam_core.files import sha256_of
from cbam_core.network import Classifier, export_state_dict, load_classifier, save_classifier, state
from cbam_core.nn import CBAM_CNN
from cbam_core.places import CHECKPOINT_VARIABLE, shipped_checkpoints
from cbam_core.weights.card import Card
from tests.corpus import checkpoints
from tests.corpus.hostile_checkpoints import hostile_checkpoints
from tests.interpreter import Interpreter

X = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(3))


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier(
        model=checkpoints.network(),
        architecture="CBAM_CNN",
        arguments={"num_classes": 10, "gates": "both"},
        classes=tuple("abcdefghij"),
        mean=(0.4914, 0.4822, 0.4465),
        std=(0.2023, 0.1994, 0.2010),
        input_size=(32, 32),
        card=Card(what="A test network.", test_correct=3, test_count=4, seed=0),
        name="test",
    )


def test_saved_checkpoint_comes_back_whole(classifier: Classifier, tmp_path: Path) -> None:
    path = tmp_path / "my network.safetensors"
    digest = save_classifier(classifier, path)
    loaded = load_classifier(path)
    assert torch.equal(loaded.model(X), classifier.model(X))
    assert loaded.name == "my network"
    assert loaded.digest == digest == sha256_of(path)
    for field in ("architecture", "arguments", "classes", "mean", "std", "input_size"):
        assert getattr(loaded, field) == getattr(classifier, field)
    assert loaded.card.test_accuracy == 0.75
    assert loaded.card.versions["torch"] == torch.__version__
    assert len(loaded.card.date) == 10


def test_loaded_network_is_ready_and_trainable(classifier: Classifier, tmp_path: Path) -> None:
    save_classifier(classifier, tmp_path / "a.safetensors")
    model = load_classifier(tmp_path / "a.safetensors").model
    assert not any(module.training for module in model.modules())
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_saving_twice_gives_the_same_bytes(classifier: Classifier, tmp_path: Path) -> None:
    assert len({save_classifier(classifier, tmp_path / f"{index}.safetensors") for index in range(3)}) == 1


def test_loading_and_saving_again_changes_nothing(classifier: Classifier, tmp_path: Path) -> None:
    digest = save_classifier(classifier, tmp_path / "a.safetensors")
    assert save_classifier(load_classifier(tmp_path / "a.safetensors"), tmp_path / "b.safetensors") == digest


def test_network_that_could_not_be_loaded_again_is_not_saved(classifier: Classifier, tmp_path: Path) -> None:
    with torch.no_grad():
        broken = checkpoints.network()
        broken.fc1.bias[3] = torch.nan
    cases = {
        "checkpoint.not-finite": {"model": broken},
        "checkpoint.class-count": {"classes": ("a", "b")},
        "checkpoint.std": {"std": (0.0, 1.0, 1.0)},
        "checkpoint.shape": {"model": checkpoints.network(classes=3)},
    }
    for code, changes in cases.items():
        with pytest.raises(CheckpointError) as caught:
            save_classifier(dataclasses.replace(classifier, **changes), tmp_path / "a.safetensors")
        assert caught.value.code == code
    assert not list(tmp_path.iterdir())


def test_export_loads_strictly_and_keeps_the_logits(classifier: Classifier, tmp_path: Path) -> None:
    export_state_dict(classifier, tmp_path / "a.pth")
    state = torch.load(tmp_path / "a.pth", weights_only=True)
    other = checkpoints.network(seed=9)
    other.load_state_dict(state, strict=True)
    assert list(state) == list(classifier.model.state_dict())
    assert torch.equal(other(X), classifier.model(X))
    assert torch.equal(load_classifier(tmp_path / "a.pth").model(X), classifier.model(X))


def test_exported_tensors_share_nothing_with_the_network(classifier: Classifier, tmp_path: Path) -> None:
    channels_last = checkpoints.network().to(memory_format=torch.channels_last)
    export_state_dict(dataclasses.replace(classifier, model=channels_last), tmp_path / "a.pth")
    state = torch.load(tmp_path / "a.pth", weights_only=True)
    assert all(tensor.is_contiguous() and not tensor.requires_grad for tensor in state.values())


def test_plain_state_dict_gets_the_course_values_and_says_so() -> None:
    content = checkpoints.saved(checkpoints.network().state_dict())
    loaded = load_classifier(content)
    assert loaded.classes[-1] == "truck"
    assert loaded.mean == (0.4914, 0.4822, 0.4465)
    assert loaded.std == (0.2023, 0.1994, 0.2010)
    assert len(loaded.card.assumptions) == 2
    assert loaded.name == loaded.digest[:12]
    assert torch.equal(loaded.model(X), checkpoints.network()(X))
    assert load_classifier(content, name="mine").name == "mine"


def test_plain_state_dict_with_other_classes_numbers_them() -> None:
    loaded = load_classifier(checkpoints.saved(checkpoints.network(classes=3).state_dict()))
    assert loaded.classes == ("class 0", "class 1", "class 2")


def test_assumptions_survive_saving(tmp_path: Path) -> None:
    loaded = load_classifier(checkpoints.saved(checkpoints.network().state_dict()))
    save_classifier(loaded, tmp_path / "a.safetensors")
    assert load_classifier(tmp_path / "a.safetensors").card.assumptions == loaded.card.assumptions


def test_shipped_checkpoint_opens_by_name_not_from_the_current_folder(
    classifier: Classifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped, here = tmp_path / "shipped", tmp_path / "here"
    digest = save_classifier(classifier, shipped / "net.safetensors")
    here.mkdir()
    (here / "net").write_bytes(b"trap")
    monkeypatch.chdir(here)
    monkeypatch.setenv(CHECKPOINT_VARIABLE, str(shipped))
    assert load_classifier("net").digest == digest
    with pytest.raises(CheckpointError, match=r"no checkpoint at other; .*shipped network \(net\)"):
        load_classifier("other")


def test_every_shipped_checkpoint_opens() -> None:
    for name, path in shipped_checkpoints().items():
        loaded = load_classifier(name)
        assert loaded.digest == sha256_of(path)
        assert loaded.card.test_accuracy is not None


def test_hostile_files_are_refused_in_one_sentence(subtests: pytest.Subtests) -> None:
    for case in hostile_checkpoints():
        with subtests.test(case.name):
            with pytest.raises(CheckpointError) as caught:
                load_classifier(case.content)
            assert caught.value.code == case.code
            text = str(caught.value)
            assert text.isprintable()
            assert len(text) < 400
            assert not text.endswith(".")


def test_hostile_files_cost_neither_memory_nor_time(interpreter: Interpreter, tmp_path: Path) -> None:
    """All of them in one process whose memory is limited."""
    for index, case in enumerate(hostile_checkpoints()):
        (tmp_path / f"{index:03}.bin").write_bytes(case.content)
    program = """
import os, resource, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from cbam_core.network import load_classifier
from cbam_core.errors import CheckpointError
files = sorted(Path(sys.argv[1]).glob("*.bin"))
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (256 << 20), resource.RLIM_INFINITY))
refused = 0
for file in files:
    try:
        load_classifier(file)
    except CheckpointError:
        refused += 1
print(refused, os.times().user)
"""
    refused, computed = interpreter.succeeds(program, tmp_path).split()
    assert int(refused) == len(hostile_checkpoints())
    assert float(computed) < 60  # seconds of computing: a busy machine takes longer


def test_any_module_is_a_network_to_show_and_none_to_save(tmp_path: Path) -> None:
    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 8 * 8, 2)).eval()
    shown = Classifier(model=module, classes=("a", "b"), mean=(0.5,) * 3, std=(0.5,) * 3, input_size=(8, 8))
    assert (shown.architecture, dict(shown.arguments), shown.card) == ("", {}, Card())
    assert shown.preprocess(np.zeros((20, 30, 3), np.uint8)).shape == (3, 8, 8)
    with pytest.raises(CheckpointError, match="this network cannot be saved") as refused:
        save_classifier(shown, tmp_path / "a.safetensors")
    assert refused.value.code == "checkpoint.no-description"
    assert not (tmp_path / "a.safetensors").exists()
    export_state_dict(shown, tmp_path / "a.pth")
    weights = torch.load(tmp_path / "a.pth", weights_only=True)
    assert all(torch.equal(weights[name], tensor) for name, tensor in module.state_dict().items())


def test_normalise_is_what_torchvision_does(classifier: Classifier) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    steps = [transforms.ToTensor(), transforms.Normalize(classifier.mean, classifier.std)]
    expected = transforms.Compose(steps)(pixels)
    result = classifier.normalise(pixels)
    assert torch.equal(result, expected)
    assert result.is_contiguous()


def test_normalise_leaves_the_pixels_alone(classifier: Classifier) -> None:
    pixels = np.full((32, 32, 3), 100, dtype=np.uint8)
    pixels.setflags(write=False)
    classifier.normalise(pixels)
    assert (pixels == 100).all()


def test_fill_is_the_mean_colour(classifier: Classifier) -> None:
    assert classifier.fill == (125, 123, 114)
    bars = classifier.normalise(np.full((32, 32, 3), classifier.fill, dtype=np.uint8))
    assert bars.abs().max() < 0.02


def test_preprocess_fits_any_image(classifier: Classifier) -> None:
    wide = np.zeros((40, 90, 3), dtype=np.uint8)
    wide[:, 45:] = 255
    for fit in ("crop", "pad", "squash"):
        assert classifier.preprocess(wide, fit).shape == (3, 32, 32)
    padded = classifier.preprocess(wide, "pad")
    assert padded[:, 0].abs().max() < 0.02
    exact = np.random.default_rng(1).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    assert torch.equal(classifier.preprocess(exact), classifier.normalise(exact))


def test_preprocess_refuses_an_unknown_fit(classifier: Classifier) -> None:
    with pytest.raises(ImageError, match="unknown fit"):
        classifier.preprocess(np.zeros((32, 32, 3), dtype=np.uint8), "stretch")


def test_owner_states_what_the_file_does_not_and_the_card_no_longer_assumes_it() -> None:
    content = checkpoints.saved(checkpoints.light_state())
    stated = load_classifier(content, classes=list("abcdefghij"), normalisation="imagenet", input_size=36)
    assert stated.classes == tuple("abcdefghij")
    assert (stated.mean, stated.std) == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    assert stated.input_size == (36, 36)
    assert stated.card.assumptions == ()
    half = load_classifier(content, normalisation=([0.5], [0.5]))
    assert half.mean == half.std == (0.5, 0.5, 0.5)
    assert [message.code for message in half.card.assumptions] == ["card.assumed-cifar10"]


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ({"classes": ["a", "b"]}, "checkpoint.class-count"),
        ({"normalisation": "imagnet"}, "checkpoint.normalisation"),
        ({"normalisation": ([0.5, 0.5], [1.0, 1.0])}, "checkpoint.channels"),
        ({"normalisation": ([123.0, 117.0, 104.0], [1.0, 1.0, 1.0])}, "checkpoint.mean"),
        ({"input_size": 224}, "checkpoint.input-size"),
    ],
)
def test_statement_that_does_not_fit_is_refused(statement: dict[str, Any], code: str) -> None:
    with pytest.raises(CheckpointError) as caught:
        load_classifier(checkpoints.saved(checkpoints.light_state()), **statement)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "statement",
    [{"classes": list("abcdefghij")}, {"normalisation": "half"}, {"input_size": 36}, {"normalisation": "cifar10"}],
)
@pytest.mark.parametrize("weights", [None, "ema"])
def test_statement_about_a_loaded_network_is_the_one_about_its_file(
    statement: dict[str, Any], weights: str | None
) -> None:
    plain = checkpoints.light_state()
    content = checkpoints.saved({"model": plain, "ema": {**plain, "fc2.bias": torch.ones(10)}})
    loaded = load_classifier(content, weights=weights)
    later, at_once = state(loaded, **statement), load_classifier(content, weights=weights, **statement)
    assert (later.description, later.digest, later.source) == (at_once.description, at_once.digest, at_once.source)
    assert later.model is loaded.model


@pytest.mark.parametrize("statement", [{}, {"normalisation": "half"}])
def test_a_registered_network_can_be_stated_to_be_no_classifier(statement: dict[str, Any], tmp_path: Path) -> None:
    content = checkpoints.saved(checkpoints.light_state())
    at_once, plain = load_classifier(content, classes=(), **statement), load_classifier(content, **statement)
    later = state(load_classifier(content), classes=(), **statement)
    for none in (at_once, later, state(at_once)):
        assert none.classes == ()
        assert none.digest == at_once.digest != plain.digest
        assert (none.mean, none.card.assumptions) == (at_once.mean, at_once.card.assumptions)
        explanation = explain(none, np.zeros((32, 32, 3), np.uint8))
        assert explanation.predicted is None
        expected = explain(plain, np.zeros((32, 32, 3), np.uint8))
        assert np.array_equal(explanation.blocks[2].channel_weights, expected.blocks[2].channel_weights)
    assert "card.assumed-cifar10" not in {message.code for message in at_once.card.assumptions}
    assert state(at_once, classes=list("abcdefghij")).classes == tuple("abcdefghij")
    with pytest.raises(CheckpointError, match="0 classes are named, but the network has 10"):
        save_classifier(at_once, tmp_path / "none.safetensors")


def test_file_names_all_weights_of_its_network() -> None:
    plain = checkpoints.light_state()
    content = checkpoints.saved({"model": plain, "ema": {**plain}})
    sources = [load_classifier(content, weights=weights).source for weights in (None, "ema")]
    assert [(source.weights, source.known) for source in sources if source] == [
        ("model", ("model", "ema")),
        ("ema", ("model", "ema")),
    ]


def test_stated_size_leaves_only_the_normalisation_assumed() -> None:
    sized = load_classifier(checkpoints.saved(checkpoints.light_state()), input_size=36)
    assert [message.code for message in sized.card.assumptions] == ["card.assumed-cifar10", "card.assumed-mean"]


def test_grey_network_sees_the_brightness_of_an_image() -> None:
    model = CBAM_CNN(3, in_channels=1, hidden=4).eval()
    grey = load_classifier(checkpoints.saved(model.state_dict()), normalisation=([0.4], [0.2]))
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    steps = [transforms.Grayscale(), transforms.ToTensor(), transforms.Normalize((0.4,), (0.2,))]
    expected = transforms.Compose(steps)(Image.fromarray(pixels))
    assert torch.equal(grey.normalise(pixels), expected)
    assert explain(grey, pixels).probabilities.shape == (3,)


def test_network_with_one_output_shows_its_sigmoid_for_two_classes() -> None:
    model = CBAM_CNN(1, hidden=4).eval()
    single = load_classifier(checkpoints.saved(model.state_dict()), classes=["healthy", "ill"])
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    probability = torch.sigmoid(model(single.normalise(pixels)[None])).item()
    found = explain(single, pixels)
    assert found.probabilities == pytest.approx([1 - probability, probability], abs=1e-6)
    assert found.predicted == ("ill" if probability > 0.5 else "healthy")


def test_one_class_name_becomes_two() -> None:
    model = CBAM_CNN(1, hidden=4).eval()
    named = Classifier(model=model, classes=("tumour",), mean=(0.5,) * 3, std=(0.5,) * 3, input_size=(32, 32))
    assert named.classes == ("not tumour", "tumour")
    assert explain(named, np.zeros((32, 32, 3), np.uint8)).probabilities.sum() == pytest.approx(1)
    assert load_classifier(checkpoints.saved(model.state_dict())).classes == ("class 0", "class 1")


def test_digest_is_that_of_the_file_unless_something_was_chosen_or_stated() -> None:
    plain = checkpoints.light_state()
    content = checkpoints.saved({"model": plain, "ema": {**plain, "fc2.bias": torch.ones(10)}})
    file = load_classifier(content)
    digests = {
        file.digest,
        load_classifier(content, weights="ema").digest,
        load_classifier(content, normalisation="half").digest,
        load_classifier(content, classes=list("abcdefghij")).digest,
    }
    assert len(digests) == 4
    assert file.digest == hashlib.sha256(content).hexdigest()
    assert load_classifier(content, weights="model", normalisation="cifar10").digest == file.digest


def test_state_dict_in_memory_is_loaded_like_its_file() -> None:
    state = checkpoints.light_state()
    for value in (state, {"model": state, "epoch": 3}):
        loaded = load_classifier(value, name="mine")
        assert loaded.name == "mine"
        assert torch.equal(loaded.model.get_parameter("fc2.weight"), state["fc2.weight"])


@pytest.mark.parametrize(("dtype", "close"), [(torch.float64, 1e-4), (torch.bfloat16, 0.05)])
def test_networks_of_other_float_types_can_be_explained(dtype: torch.dtype, close: float) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    plain = load_classifier(checkpoints.saved(checkpoints.network().state_dict()))
    other = dataclasses.replace(plain, model=checkpoints.network().to(dtype))
    expected, found = explain(plain, pixels), explain(other, pixels)
    assert found.probabilities == pytest.approx(expected.probabilities, abs=close)
    assert found.blocks[0].gates[0].values.dtype == np.float32
