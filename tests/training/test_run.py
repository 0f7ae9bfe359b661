"""A whole run, on a few made-up images."""

import os
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from cbam_core import load_classifier
from cbam_core.data import cifar10
from cbam_core.data.cifar10 import CLASSES, LabelledImages
from cbam_core.errors import CheckpointError, DataError, TrainingError
from cbam_core.evaluation.evaluation_file import open_evaluation
from cbam_core.results.film import open_film
from cbam_core.results.history import read_history, read_progress
from cbam_core.training import run
from cbam_core.training.callbacks import Callback
from cbam_core.training.figures import EPOCHS, ITERATIONS
from cbam_core.training.recipes import FAST
from cbam_core.training.run import open_teacher, train_classifier

pytestmark = pytest.mark.usefixtures("_without_figures")  # but `complete`, which is made before, has its own

RECIPE = replace(FAST, epochs=2, batch_size=16, validation=8, bfloat16=False, learning_rate=0.01)


class Counting(Callback):
    """Keeps the epochs that it is told of; may stop the run after the first."""

    def __init__(self, stop=False):
        self.epochs, self.stop = [], stop

    def epoch(self, model, history):
        self.epochs.append(history.epochs[-1])

    def begin(self, model, history):
        self.stop = self.stop and not history.epochs

    def step(self, step):
        if self.stop and step.epoch == 2:
            raise KeyboardInterrupt


def made_up(patch):
    """Put made-up splits in the place of CIFAR-10's; gives the list of those that are opened."""
    draws = np.random.default_rng(0)
    opened = []

    def open_split(split, folder):
        opened.append(split)
        count = {"train": 40, "test": 30}[split]
        images = draws.integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)
        return LabelledImages(images, draws.integers(0, 10, count, dtype=np.uint8))

    patch.setattr(cifar10, "open_split", open_split)
    return opened


@pytest.fixture
def splits(monkeypatch):
    """Made-up splits; records which were opened."""
    return made_up(monkeypatch)


@pytest.fixture(scope="module")
def complete(tmp_path_factory):
    """A whole run, and who was told of it; its folder is copied before anything is done with it."""
    counting = Counting()
    with pytest.MonkeyPatch.context() as patch:
        made_up(patch)
        done = train_classifier(RECIPE, tmp_path_factory.mktemp("complete"), callbacks=[counting])
    return done, counting


@pytest.fixture
def finished(complete, splits, tmp_path):
    """The whole run in the test's own folder."""
    done = complete[0]
    shutil.copytree(done.checkpoint.parent, tmp_path, dirs_exist_ok=True)
    return replace(done, checkpoint=tmp_path / done.checkpoint.name)


def test_a_run_leaves_a_checkpoint_with_a_full_card(complete):
    done, counting = complete
    assert done.checkpoint == done.checkpoint.parent / "cbam_cnn_cifar10.safetensors"
    loaded = load_classifier(done.checkpoint)
    assert loaded.digest == done.classifier.digest
    assert loaded.classes == CLASSES
    card = loaded.card
    assert dict(card.recipe) == RECIPE.as_dict()
    assert (card.epochs, card.seed) == (2, RECIPE.seed)
    assert (card.test_correct, card.test_count) == (done.score.total_right, 30)
    assert "32 of the 40 training images" in card.split
    assert "30 test images" in card.split
    assert [epoch["number"] for epoch in card.history] == [1, 2] == [epoch.number for epoch in counting.epochs]
    assert card.limits
    assert card.what
    assert card.date
    assert card.versions["torch"] == torch.__version__


def test_the_checkpoint_holds_the_trained_weights(finished, tmp_path):
    state = torch.load(tmp_path / "state.pt", weights_only=True)["parts"]["model"]
    loaded = load_classifier(finished.checkpoint).model.state_dict()
    assert all(torch.equal(state[name], tensor) for name, tensor in loaded.items())


def test_a_complete_run_without_a_checkpoint_is_only_finished(finished, tmp_path):
    finished.checkpoint.unlink()
    counting = Counting()
    again = train_classifier(RECIPE, tmp_path, resume=True, callbacks=[counting])
    assert counting.epochs == []
    assert load_classifier(again.checkpoint).card.history == finished.classifier.card.history
    for name, tensor in load_classifier(again.checkpoint).model.state_dict().items():
        assert torch.equal(finished.classifier.model.state_dict()[name], tensor)


def test_a_stopped_run_goes_on_to_the_same_weights(splits, tmp_path, monkeypatch):
    def splits_again():
        draws = np.random.default_rng(1)
        arrays = {}
        for split, count in (("train", 40), ("test", 30)):
            images = draws.integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)
            arrays[split] = LabelledImages(images, draws.integers(0, 10, count, dtype=np.uint8))
        return lambda split, folder: arrays[split]

    monkeypatch.setattr(cifar10, "open_split", splits_again())

    class Second(Callback):
        def begin(self, model, history):
            with pytest.raises(TrainingError, match=r"another training runs in .*stopped; wait for its end"):
                train_classifier(replace(RECIPE, seed=5), tmp_path / "stopped", resume=False)

    second = [] if os.name == "nt" else [Second()]
    with pytest.raises(KeyboardInterrupt):
        train_classifier(RECIPE, tmp_path / "stopped", callbacks=[*second, Counting(stop=True)])
    assert not list((tmp_path / "stopped").glob("*.safetensors"))
    resumed = train_classifier(RECIPE, tmp_path / "stopped", resume=True)
    whole = train_classifier(RECIPE, tmp_path / "whole")
    for name, tensor in whole.classifier.model.state_dict().items():
        assert torch.equal(resumed.classifier.model.state_dict()[name], tensor)


def test_a_finished_run_leaves_the_test_set_alone(finished, splits, tmp_path):
    again = train_classifier(RECIPE, tmp_path, resume=True)
    assert splits == []
    assert again.score is None
    assert again.classifier.card.test_correct == finished.score.total_right


def test_a_folder_with_a_run_is_not_written_over(finished, tmp_path):
    with pytest.raises(TrainingError, match="--resume") as refused:
        train_classifier(RECIPE, tmp_path)
    assert refused.value.code == "training.folder-in-use"


def test_another_recipe_is_not_taken_for_the_same_run(finished, tmp_path):
    with pytest.raises(TrainingError, match="another recipe"):
        train_classifier(replace(RECIPE, seed=1), tmp_path, resume=True)


def test_missing_data_are_noticed_before_anything_is_written(tmp_path):
    with pytest.raises(DataError, match="cbam data fetch"):
        train_classifier(RECIPE, tmp_path / "run", data_folder=tmp_path)
    assert not (tmp_path / "run").exists()


def test_a_folder_that_cannot_be_made_is_noticed_before_training(splits, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(run, "fit", lambda *_, **__: pytest.fail("trained for nothing"))
    with pytest.raises(OSError, match="file"):
        train_classifier(RECIPE, tmp_path / "file" / "run")


def test_a_checkpoint_that_it_did_not_make_is_not_written_over(splits, tmp_path, tiny_checkpoint):
    (tmp_path / "run").mkdir()
    there = tmp_path / "run" / "cbam_cnn_cifar10.safetensors"
    shutil.copy(tiny_checkpoint, there)
    for resume in (False, True):
        with pytest.raises(TrainingError, match="which this run did not create") as refused:
            train_classifier(RECIPE, tmp_path / "run", resume=resume)
        assert refused.value.code == "training.checkpoint-there"
    assert there.read_bytes() == tiny_checkpoint.read_bytes()
    assert train_classifier(RECIPE, tmp_path / "run", name="mine").checkpoint.name == "mine.safetensors"
    assert train_classifier(RECIPE, tmp_path / "run", resume=True).checkpoint.name == "mine.safetensors"


@pytest.mark.parametrize("name", ["", "sub/net", "../net", ".net", "n" * 101, "a\nb"])
def test_a_name_that_is_none_is_refused_before_anything_is_learnt(splits, tmp_path, name):
    with pytest.raises(TrainingError, match="a checkpoint's name has 1 to 100 letters"):
        train_classifier(RECIPE, tmp_path / "run", name=name)
    assert not (tmp_path / "run").exists()


def test_a_run_that_lost_its_film_is_finished_with_another(finished, tmp_path):
    finished.checkpoint.unlink()
    (tmp_path / "film.npz").unlink()
    again = train_classifier(RECIPE, tmp_path, resume=True)
    assert open_film(again.checkpoint.with_suffix(".film.npz")).epochs.tolist() == [RECIPE.epochs]


def test_a_run_that_was_stopped_after_its_last_epoch_is_complete_once_it_is_finished(finished, tmp_path):
    finished.checkpoint.unlink()
    (tmp_path / "progress.json").unlink()
    train_classifier(RECIPE, tmp_path, resume=True)
    progress = read_progress(tmp_path)
    assert (progress.complete, progress.epoch, progress.epochs) == (True, 2, 2)


def test_the_seed_decides_the_first_weights(splits, tmp_path, monkeypatch):
    first = []

    def fit(learner, *_, **__):
        first.append(learner.model.conv1.weight.detach().clone())
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "fit", fit)
    for number, seed in enumerate((3, 3, 4)):
        with pytest.raises(KeyboardInterrupt):
            train_classifier(replace(RECIPE, seed=seed), tmp_path / str(number))
    assert torch.equal(first[0], first[1])
    assert not torch.equal(first[0], first[2])


def test_history_and_film_lie_beside_the_checkpoint_which_can_be_named(splits, tmp_path):
    done = train_classifier(RECIPE, tmp_path, name="mine")
    assert done.checkpoint.name == "mine.safetensors"
    recipe, history = read_history(tmp_path / "mine.history.json")
    assert recipe == RECIPE.as_dict()
    assert [epoch.number for epoch in history.epochs] == [1, 2]
    film = open_film(tmp_path / "mine.film.npz")
    assert film.epochs.tolist() == [0, 1, 2]
    assert film.classes == done.classifier.classes


def test_the_answers_and_the_courses_figures_are_kept(finished, tmp_path):
    kept = open_evaluation(finished.checkpoint, finished.classifier.digest)
    assert (kept.split, kept.total_right, kept.total) == ("test", finished.score.total_right, 30)
    assert {ITERATIONS, EPOCHS} <= {path.name for path in tmp_path.glob("*.png")}


def test_usual_gates_over_the_test_images_are_kept_beside_the_checkpoint(finished):
    usual = load_classifier(finished.checkpoint).usual
    assert (usual.count, usual.images, usual.digest) == (30, "cifar10:test", finished.classifier.digest)
    assert {gate.name: gate.mean.size for gate in usual.gates if gate.kind == "channel"} == {
        "cbam1.channel": 32,
        "cbam2.channel": 64,
        "cbam3.channel": 128,
    }


def test_a_twin_lacks_its_gates(splits, tmp_path):
    done = train_classifier(replace(RECIPE, gates="spatial"), tmp_path)
    assert done.classifier.arguments["gates"] == "spatial"
    assert "cbam1.channel_attn.fc.0.weight" not in done.classifier.model.state_dict()
    assert load_classifier(done.checkpoint).arguments["gates"] == "spatial"


def test_the_card_names_the_teacher(splits, tmp_path, tiny_classifier, monkeypatch):
    taught = replace(tiny_classifier, name="master", digest="ab" * 32)
    monkeypatch.setattr(
        run, "load_checkpoint", lambda source: taught if source == "master" else load_classifier(source)
    )
    done = train_classifier(replace(RECIPE, teacher="master", teacher_share=0.5), tmp_path)
    assert f"probabilities of master (SHA-256 {'ab' * 32})" in done.classifier.card.what


def test_a_teacher_that_is_missing_is_noticed_before_anything_is_written(splits, tmp_path):
    with pytest.raises(CheckpointError, match="nobody"):
        train_classifier(replace(RECIPE, teacher="nobody", teacher_share=0.5), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_teacher_of_other_classes_is_refused(tiny_classifier, monkeypatch):
    other = replace(tiny_classifier, classes=("cat", "dog"))
    monkeypatch.setattr(run, "load_checkpoint", lambda _: other)
    with pytest.raises(TrainingError, match="differ from those of CIFAR-10"):
        open_teacher(replace(RECIPE, teacher="other", teacher_share=0.5), CLASSES)


@pytest.mark.parametrize(("dtype", "said"), [(torch.float32, True), (torch.bfloat16, False)])
def test_the_card_says_where_the_processor_lacked_what_the_recipe_asks_for(splits, tmp_path, monkeypatch, dtype, said):
    monkeypatch.setattr(run, "arithmetic", lambda device: dtype)
    made = train_classifier(replace(RECIPE, epochs=1, bfloat16=True), tmp_path)
    assert ("finished in float32, on a processor without arithmetic for bfloat16" in made.classifier.card.what) == said
