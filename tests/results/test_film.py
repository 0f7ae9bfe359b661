"""Films: keeping, joining, refusing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from cbam_core.data.samples import film_images
from cbam_core.errors import TrainingError
from cbam_core.explanation import explain
from cbam_core.network import Classifier
from cbam_core.results.film import FILM, Film, is_scene, open_film
from cbam_core.results.history import Epoch, History
from cbam_core.training.filming import Camera, Filming


def history(epochs: int) -> History:
    return History(tuple(Epoch(n, 1.0, 0.1, 1.0, 0.5, 1.0, n / 100) for n in range(1, epochs + 1)), (1.0,) * epochs)


@pytest.fixture
def camera(tiny_classifier: Classifier) -> Camera:
    return Camera(tiny_classifier)


def test_scenes_are_at_powers_of_two_and_at_the_last_epoch() -> None:
    assert [epoch for epoch in range(51) if is_scene(epoch, 50)] == [0, 1, 2, 4, 8, 16, 32, 50]


def test_a_film_grows_with_the_run_and_comes_back_bit_for_bit(
    camera: Camera, tiny_classifier: Classifier, tmp_path: Path
) -> None:
    filming = Filming(tmp_path, camera, epochs=5)
    filming.begin(tiny_classifier.model, History())
    for number in range(1, 6):
        filming.epoch(tiny_classifier.model, history(number))
    film = open_film(tmp_path / FILM)
    assert film.epochs.tolist() == [0, 1, 2, 4, 5]
    assert np.isnan(film.accuracy[0])
    assert film.accuracy[1:].tolist() == [0.01, 0.02, 0.04, 0.05]
    assert film.blocks == ("cbam1", "cbam2", "cbam3")
    assert film.gates["cbam2", "channel"].shape == (5, 8, 64)
    assert film.gates["cbam2", "spatial"].shape == (5, 8, 8, 8)
    taken = camera.take(tiny_classifier.model, 5)
    for key, values in taken.gates.items():
        assert np.array_equal(film.gates[key][-1:], values)
    assert film.placements == taken.placements
    assert (tmp_path / FILM).stat().st_size < 600_000


def test_a_scene_agrees_with_an_explanation(camera: Camera, tiny_classifier: Classifier) -> None:
    scene = camera.take(tiny_classifier.model, 3)
    explanation = explain(tiny_classifier, scene.images[2])
    assert np.allclose(scene.probabilities[0, 2], explanation.probabilities, atol=1e-6)
    for block in explanation.blocks:
        assert np.allclose(scene.gates[block.name, "spatial"][0, 2], block.spatial_mask, atol=1e-5)
        assert scene.placements[block.name] == block.placement


def test_a_resumed_run_films_no_scene_twice(camera: Camera, tiny_classifier: Classifier, tmp_path: Path) -> None:
    filming = Filming(tmp_path, camera, epochs=4)
    filming.begin(tiny_classifier.model, History())
    for number in (1, 2):
        filming.epoch(tiny_classifier.model, history(number))
    again = Filming(tmp_path, camera, epochs=4)  # stopped after epoch 1 was stored and epoch 2 was filmed
    again.begin(tiny_classifier.model, history(1))
    for number in (2, 3, 4):
        again.epoch(tiny_classifier.model, history(number))
    assert open_film(tmp_path / FILM).epochs.tolist() == [0, 1, 2, 4]


def test_a_run_that_goes_on_without_its_film_begins_another(
    camera: Camera, tiny_classifier: Classifier, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    filming = Filming(tmp_path, camera, epochs=4)  # its state was brought here, and nothing else
    filming.begin(tiny_classifier.model, history(1))
    for number in (2, 3, 4):
        filming.epoch(tiny_classifier.model, history(number))
    assert open_film(tmp_path / FILM).epochs.tolist() == [1, 2, 4]
    assert "the film begins anew" in caplog.text


def test_the_fixed_images_are_eight_of_eight_classes(camera: Camera, tiny_classifier: Classifier) -> None:
    scene = camera.take(tiny_classifier.model, 0)
    assert len(film_images()[0]) == len(scene.images) == len(set(scene.labels.tolist())) == 8


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 nothing", None])
def test_what_is_no_film_is_refused(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "film.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(TrainingError, match="is not the film of a training run"):
        open_film(path)


def test_a_damaged_film_is_refused(camera: Camera, tiny_classifier: Classifier, tmp_path: Path) -> None:
    path = tmp_path / "film.npz"
    camera.take(tiny_classifier.model, 0).save(path)
    content, draws = path.read_bytes(), np.random.default_rng(0)
    for _ in range(60):
        broken = bytearray(content)
        broken[draws.integers(len(broken))] ^= 255
        path.write_bytes(broken)
        try:
            open_film(path)
        except TrainingError:
            continue


def test_a_film_that_claims_too_much_is_refused_before_it_is_read(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "film.npz", images=np.zeros((3000, 100, 100), np.uint8))
    assert (tmp_path / "film.npz").stat().st_size < 100_000
    with pytest.raises(TrainingError, match="is not the film"):
        open_film(tmp_path / "film.npz")


def test_a_film_with_objects_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "film.npz", images=np.array([object()]), allow_pickle=True)
    with pytest.raises(TrainingError, match="is not the film"):
        open_film(tmp_path / "film.npz")


def test_a_network_on_several_threads_is_filmed_without_a_trace(camera: Camera, tiny_classifier: Classifier) -> None:
    before = {name: tensor.clone() for name, tensor in tiny_classifier.model.state_dict().items()}
    scene = camera.take(tiny_classifier.model, 1)
    assert isinstance(scene, Film)
    assert all(torch.equal(before[name], tensor) for name, tensor in tiny_classifier.model.state_dict().items())
    assert not any(module._forward_hooks for module in tiny_classifier.model.modules())
