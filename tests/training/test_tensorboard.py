"""What TensorBoard is given, read back from the event files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from cbam_core.network import Classifier
from cbam_core.results.film import Film
from cbam_core.results.history import History
from cbam_core.training.callbacks import Step
from cbam_core.training.filming import Camera, filmed_images
from cbam_core.training.images import Images
from cbam_core.training.loop import Learner, fit
from cbam_core.training.recipes import Recipe
from cbam_core.training.tensorboard import FOLDER, TensorBoard
from tests.made_runs import filmed, make_film, make_history
from tests.training.conftest import SIDE, network, prepare

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def camera(tiny_classifier: Classifier) -> Camera:
    return Camera(replace(tiny_classifier, input_size=(SIDE, SIDE)), *filmed_images(SIDE))


def read(folder: Path) -> EventAccumulator:
    events = EventAccumulator(str(folder / FOLDER), size_guidance={"images": 0, "scalars": 0})
    events.Reload()
    return events


def test_the_references_tags_the_rate_and_every_blocks_gates(
    images: Images, recipe: Callable[..., Recipe], camera: Camera, tmp_path: Path
) -> None:
    log = TensorBoard(tmp_path, camera)
    history = fit(Learner(network(), prepare), images, recipe(), folder=tmp_path, callback=log)
    events = read(tmp_path)

    def values(tag: str) -> list[tuple[int, float]]:
        return [(event.step, event.value) for event in events.Scalars(tag)]

    assert [step for step, _ in values("Train/Iteration Loss")] == list(range(1, 11))
    assert [value for _, value in values("Train/Iteration Loss")] == pytest.approx(history.losses)
    assert [step for step, _ in values("Learning Rate")] == list(range(1, 11))
    for tag, name in {
        "Train/Epoch Loss": "train_loss",
        "Train/Epoch Accuracy": "train_accuracy",
        "Test/Epoch Loss": "validation_loss",
        "Test/Epoch Accuracy": "validation_accuracy",
    }.items():
        assert values(tag) == [(e.number, pytest.approx(getattr(e, name))) for e in history.epochs]
    tags = {f"{kind}/cbam{block}" for kind in ("Spatial mask", "Channel weights") for block in (1, 2, 3)}
    assert set(events.Tags()["images"]) == tags
    assert [event.step for event in events.Images("Spatial mask/cbam1")] == [1, 2]


def test_what_an_interrupted_epoch_logged_is_hidden(
    images: Images, recipe: Callable[..., Recipe], camera: Camera, tmp_path: Path
) -> None:
    class Stopping(TensorBoard):
        def step(self, step: Step) -> None:
            super().step(step)
            if step.number == 8:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(Learner(network(), prepare), images, recipe(), folder=tmp_path, callback=Stopping(tmp_path, camera))
    log = TensorBoard(tmp_path, camera)
    history = fit(Learner(network(), prepare), images, recipe(), folder=tmp_path, callback=log, resume=True)
    steps = [(event.step, event.value) for event in read(tmp_path).Scalars("Train/Iteration Loss")]
    assert steps == [(n, pytest.approx(loss)) for n, loss in enumerate(history.losses, start=1)]


def test_a_further_gate_of_one_kind_is_logged_under_its_own_name(tmp_path: Path) -> None:
    film = make_film((1,))
    second = filmed("cbam1", "spatial", 1 - film.gate("cbam1", "spatial").values, "cbam1.second")

    class Still(Camera):
        def __init__(self) -> None:
            pass

        def take(self, *_: object) -> Film:
            return replace(film, gates=(*film.gates, second))

    log = TensorBoard(tmp_path, Still())
    log.begin(network(), History())
    log.epoch(network(), make_history(1))
    log.end(make_history(1))
    tags = read(tmp_path).Tags()["images"]
    assert {"Spatial mask/cbam1", "Spatial mask/cbam1.second"} < set(tags)
    assert len(tags) == 7
