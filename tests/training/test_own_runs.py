"""Whole runs on a folder of one's own: a library's network, and one that code of its owner builds."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from cbam_core import load_classifier
from cbam_core.errors import CheckpointError, TrainingError
from cbam_core.evaluation.evaluation_file import open_evaluation
from cbam_core.network.building import open_network
from cbam_core.nn import build, inserted_blocks
from cbam_core.results.film import open_film
from cbam_core.results.history import read_image_counts
from cbam_core.results.usual import usual_path
from cbam_core.training.building import Sources
from cbam_core.training.recipes import Recipe
from cbam_core.training.run import train_classifier

pytestmark = pytest.mark.usefixtures("_without_figures")

RECIPE = Recipe(
    name="small",
    architecture="torchvision:squeezenet1_1",
    insert="features.3",
    ratio=8,
    gradual=True,
    epochs=2,
    batch_size=4,
    optimiser="adam",
    learning_rate=1e-3,
    stages="1: new=1; 2: **=0.1",
    crop_padding=0,
    size=32,
    bfloat16=False,
)

CODE = """
from torch import nn

def build(num_classes=7, width=4):
    return nn.Sequential(nn.Conv2d(3, width, 3, 4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                         nn.Linear(width, num_classes))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two classes of ten images each."""
    place = tmp_path_factory.mktemp("data") / "photos"
    chance = np.random.default_rng(0)
    for name, level in (("dark", 60), ("light", 200)):
        (place / name).mkdir(parents=True)
        for number in range(10):
            pixels = chance.integers(level - 50, level + 50, (40, 48, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(place / name / f"{number}.png")
    return place


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    torch.manual_seed(5)
    path = tmp_path_factory.mktemp("weights") / "squeeze.pth"
    torch.save(build("torchvision:squeezenet1_1", {"num_classes": 6}).state_dict(), path)
    return path


@pytest.fixture(scope="module")
def complete(folder, weights, tmp_path_factory):
    sources = Sources("", str(folder), str(weights))
    return train_classifier(RECIPE, tmp_path_factory.mktemp("run"), sources=sources), sources


def test_a_library_network_opens_by_its_file_with_its_blocks(complete):
    run, _ = complete
    assert run.checkpoint.name == "squeezenet1_1_cbam_photos.safetensors"
    loaded = load_classifier(run.checkpoint)
    assert (loaded.architecture, loaded.classes) == ("torchvision:squeezenet1_1", ("dark", "light"))
    assert (loaded.input_size, loaded.mean[0]) == ((32, 32), 0.485)
    assert [*inserted_blocks(loaded.model)] == ["features.3.cbam"]
    assert usual_path(run.checkpoint).exists()


def test_its_answers_and_numbers_of_images_are_kept_for_pages(complete):
    run, _ = complete
    kept = open_evaluation(run.checkpoint, run.classifier.digest)
    assert (kept.classes, kept.total, kept.split) == (("dark", "light"), 4, "test")
    assert kept.total_right == run.classifier.card.test_correct
    assert read_image_counts(run.checkpoint.with_suffix(".history.json")) == (12, 4)


def test_its_card_says_how_it_was_made(complete, weights):
    card = load_classifier(complete[0].checkpoint).card
    assert card.what.startswith(
        "torchvision:squeezenet1_1 with CBAM after features.3, trained on photos. "
        "It began with the weights of squeeze.pth (SHA-256 "
    )
    assert card.split == (
        "split class by class with a fixed seed: trained on 12 of the 16 training images; the other 4 were watched: "
        "the last epoch is kept; tested once, on the 4 test images, each looked at once, unchanged"
    )
    assert card.test_count == 4
    assert (card.recipe["data"], card.recipe["weights"]) == ("photos", "squeeze.pth")
    assert str(weights.parent) not in str(card)


def test_its_film_shows_its_own_images(complete):
    film = open_film(complete[0].checkpoint.with_suffix(".film.npz"))
    assert film.classes == ("dark", "light")
    assert film.images.shape == (4, 32, 32, 3)
    assert film.blocks == ("features.3.cbam",)
    assert film.epochs.tolist() == [0, 1, 2]
    gate = film.gate("features.3.cbam", "channel").values
    assert not np.array_equal(gate[0], gate[2])


def test_a_run_continues_without_naming_its_places_again(folder, weights, complete, tmp_path, monkeypatch):
    from cbam_core.training.callbacks import Callback

    class Stopping(Callback):
        def step(self, step):
            if step.epoch == 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_classifier(RECIPE, tmp_path, sources=complete[1], callbacks=[Stopping()])
    monkeypatch.setattr("cbam_core.training.building.load_pretrained", lambda *_: pytest.fail("read again"))
    again = train_classifier(complete[1].named_in(RECIPE), tmp_path, resume=True)
    for name, tensor in complete[0].classifier.model.state_dict().items():
        assert torch.equal(again.classifier.model.state_dict()[name], tensor), name


def test_a_run_that_cannot_begin_leaves_no_file_behind(folder, weights, tmp_path):
    sources = Sources("", str(folder), str(weights))
    with pytest.raises(TrainingError, match="is larger than the training part"):
        train_classifier(replace(RECIPE, batch_size=64), tmp_path, sources=sources)
    assert not list(tmp_path.iterdir())


def test_stages_need_weights_to_begin_with(folder, tmp_path):
    with pytest.raises(TrainingError, match="give --weights FILE"):
        train_classifier(RECIPE, tmp_path, sources=Sources(data=str(folder)))
    assert not list(tmp_path.iterdir())


def test_weights_of_another_network_are_noticed_before_anything_is_written(folder, tmp_path):
    torch.save({"conv.weight": torch.zeros(2)}, tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match=r"other\.pth does not fit SqueezeNet"):
        train_classifier(RECIPE, tmp_path / "run", sources=Sources("", str(folder), str(tmp_path / "other.pth")))
    assert not (tmp_path / "run").exists()


def test_a_network_with_attention_gets_no_second_one(folder, tmp_path):
    with pytest.raises(TrainingError, match="CBAM_CNN has CBAM already"):
        train_classifier(
            replace(RECIPE, architecture="CBAM_CNN", stages=""), tmp_path, sources=Sources("", str(folder))
        )


@pytest.fixture
def code(tmp_path, monkeypatch):
    (tmp_path / "own_nets_of_test.py").write_text(CODE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return "own_nets_of_test:build"


PLAIN = replace(RECIPE, architecture="CBAM_CNN", stages="", insert="0", ratio=2, epochs=1)


def test_a_network_of_ones_own_code_opens_by_a_file_that_names_it(code, folder, tmp_path):
    (tmp_path / "net.toml").write_text(
        f'model = "{code}"\nnormalisation = "half"\n[arguments]\nnum_classes = 2\nwidth = 6\n', encoding="utf-8"
    )
    sources = Sources(str(tmp_path / "net.toml"), str(folder))
    run = train_classifier(PLAIN, tmp_path / "run", sources=sources)
    assert run.checkpoint == tmp_path / "run" / "net_cbam_photos.toml"
    opened = open_network(str(run.checkpoint))
    assert (opened.classes, opened.input_size, opened.mean) == (("dark", "light"), (32, 32), (0.5, 0.5, 0.5))
    assert [*inserted_blocks(opened.model)] == ["0.cbam"]
    assert opened.digest == run.classifier.digest
    for name, tensor in torch.load(tmp_path / "run" / "state.pt", weights_only=True)["parts"]["model"].items():
        assert torch.equal(opened.model.state_dict()[name], tensor)
    again = train_classifier(sources.named_in(PLAIN), tmp_path / "run", resume=True)
    assert (again.checkpoint, again.score) == (run.checkpoint, None)


def test_its_weights_alone_say_that_code_is_needed(code, folder, tmp_path):
    (tmp_path / "net.toml").write_text(f'model = "{code}"\n[arguments]\nnum_classes = 2\n', encoding="utf-8")
    run = train_classifier(PLAIN, tmp_path / "run", sources=Sources(str(tmp_path / "net.toml"), str(folder)))
    with pytest.raises(CheckpointError):
        load_classifier(run.file)


def test_a_network_with_another_number_of_outputs_is_noticed(code, folder, tmp_path):
    with pytest.raises(TrainingError, match="has 7 outputs, but the data have 2 classes"):
        train_classifier(PLAIN, tmp_path / "run", sources=Sources(code, str(folder)))


def test_without_test_images_the_card_says_so(folder, tmp_path):
    for part, numbers in (("train", range(8)), ("val", range(8, 10))):
        for name in ("dark", "light"):
            (tmp_path / "own" / part / name).mkdir(parents=True)
            for number in numbers:
                content = (folder / name / f"{number}.png").read_bytes()
                (tmp_path / "own" / part / name / f"{number}.png").write_bytes(content)
    plain = replace(RECIPE, stages="", epochs=1)
    run = train_classifier(plain, tmp_path / "run", sources=Sources("", str(tmp_path / "own")))
    assert run.score is None
    assert run.classifier.card.test_accuracy is None
    assert run.classifier.card.split == (
        "in folders of their own: trained on 16 of the 20 training images; the other 4 were watched: the last epoch is "
        "kept; there was no test, for there are no test images"
    )
