"""Films: keeping, joining, refusing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from cbam_core.data.samples import film_images
from cbam_core.errors import TrainingError
from cbam_core.explanation import explain
from cbam_core.network import Classifier
from cbam_core.nn import CBAM, SpatialAttention
from cbam_core.places import checkpoint_folder
from cbam_core.results.arrays import read_arrays, write_arrays
from cbam_core.results.film import FILM, LARGEST, Film, is_scene, open_film
from cbam_core.results.history import Epoch, History
from cbam_core.results.placement import Placement
from cbam_core.training.filming import Camera, Filming
from tests.made_runs import filmed, make_film


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
    assert film.gate("cbam2", "channel").values.shape == (5, 8, 64)
    assert film.gate("cbam2", "spatial").values.shape == (5, 8, 8, 8)
    taken = camera.take(tiny_classifier.model, 5)
    assert [gate.name for gate in film.gates] == [gate.name for gate in taken.gates]
    for gate, scene in zip(film.gates, taken.gates, strict=True):
        assert (gate.block, gate.kind, gate.call) == (scene.block, scene.kind, scene.call)
        assert np.array_equal(gate.values[-1:], scene.values)
    assert film.placements == taken.placements
    assert (tmp_path / FILM).stat().st_size < 600_000


def test_a_scene_agrees_with_an_explanation(camera: Camera, tiny_classifier: Classifier) -> None:
    scene = camera.take(tiny_classifier.model, 3)
    explanation = explain(tiny_classifier, scene.images[2])
    assert np.allclose(scene.probabilities[0, 2], explanation.probabilities, atol=1e-6)
    for block in explanation.blocks:
        assert np.allclose(scene.gate(block.name, "spatial").values[0, 2], block.spatial_mask, atol=1e-5)
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
    assert "the film starts again" in caplog.text


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


def test_a_damaged_film_is_refused_or_read_as_it_was(
    camera: Camera, tiny_classifier: Classifier, tmp_path: Path
) -> None:
    path = tmp_path / "film.npz"
    whole = camera.take(tiny_classifier.model, 0)
    whole.save(path)
    content, draws = path.read_bytes(), np.random.default_rng(0)
    refused = 0
    for _ in range(60):
        broken = bytearray(content)
        broken[draws.integers(len(broken))] ^= 255
        path.write_bytes(broken)
        try:
            found = open_film(path)
        except TrainingError:
            refused += 1
            continue
        assert np.array_equal(found.probabilities, whole.probabilities)
        for gate, given in zip(found.gates, whole.gates, strict=True):
            assert np.array_equal(gate.values, given.values)
    assert refused > 30


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


class Doubled(CBAM):
    """A block with two spatial gates, one after another."""

    def __init__(self) -> None:
        super().__init__(4, ratio=2)
        self.second = SpatialAttention(3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(super().forward(x))


@pytest.fixture
def doubled(tiny_classifier: Classifier) -> Classifier:
    """A network whose only block has two gates of one kind."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        layers = [nn.Conv2d(3, 4, 3, stride=4, padding=1), Doubled(), nn.Flatten(), nn.Linear(4 * 8 * 8, 10)]
        model = nn.Sequential(*layers).eval()
    return replace(tiny_classifier, model=model)


def test_two_gates_of_one_kind_in_a_block_are_filmed_kept_and_joined(doubled: Classifier, tmp_path: Path) -> None:
    camera = Camera(doubled)
    film = camera.take(doubled.model, 0)
    assert [(gate.name, gate.kind) for gate in film.gates] == [
        ("1.channel", "channel"),
        ("1.spatial", "spatial"),
        ("1.second", "spatial"),
    ]
    first, second = film.gates[1:]
    assert not np.array_equal(first.values, second.values)
    assert film.gate("1", "spatial") is first
    film.save(tmp_path / FILM)
    with torch.no_grad():
        doubled.model[1].second.conv.weight.neg_()
    both = open_film(tmp_path / FILM).with_scene(camera.take(doubled.model, 1))
    assert [gate.name for gate in both.gates] == [gate.name for gate in film.gates]
    assert np.array_equal(both.gates[1].values[0], both.gates[1].values[1])
    assert np.array_equal(both.gates[2].values[0], second.values[0])
    np.testing.assert_allclose(both.gates[2].values[1], 1 - second.values[0], atol=1e-6)  # sigmoid(-x) = 1 - sigmoid(x)


def test_a_scene_has_the_blocks_of_an_explanation(doubled: Classifier) -> None:
    film = Camera(doubled).take(doubled.model, 0)
    (shown,), (block,) = film.shown(0, 2), explain(doubled, film.images[2]).blocks
    assert (shown.name, shown.placement) == (block.name, block.placement)
    for gate, other in zip(shown.gates, block.gates, strict=True):
        assert (gate.name, gate.kind, gate.call) == (other.name, other.kind, other.call)
        assert np.allclose(gate.values, other.values, atol=1e-6)


def test_names_of_any_kind_come_back_from_a_file(tmp_path: Path) -> None:
    names = [("a:b", "a:b.spatial"), ("a:b", "a:b.50% more"), ("cbam1#2", "cbam1#2.spatial"), ("块", "块.spatial")]
    values = np.full((4, 8, 2, 2), 0.5, np.float32)
    film = replace(make_film(), gates=tuple(filmed(block, "spatial", values, name) for block, name in names))
    film.save(tmp_path / FILM)
    found = open_film(tmp_path / FILM)
    assert [(gate.block, gate.name) for gate in found.gates] == names
    assert [gate.call for gate in found.gates] == [1, 1, 2, 1]


def test_the_films_of_before_are_read_and_written_as_they_were(tmp_path: Path) -> None:
    paths = sorted(checkpoint_folder().glob("*.film.npz"))
    assert paths
    for path in paths:
        film = open_film(path)
        assert {f"{gate.block}.{gate.kind}" for gate in film.gates} == {gate.name for gate in film.gates}
        film.save(tmp_path / FILM)
        with np.load(path) as before, np.load(tmp_path / FILM) as after:
            assert before.files == after.files
            assert all(before[name].tobytes() == after[name].tobytes() for name in before.files)


@pytest.mark.parametrize("key", ["gate:cbam1", "gate:cbam1:odd", "gate:cbam1:spatial:a:b"])
def test_a_gate_that_is_none_is_refused(key: str, tmp_path: Path) -> None:
    make_film().save(tmp_path / FILM)
    with np.load(tmp_path / FILM) as stored:
        arrays = dict(stored)
    np.savez(tmp_path / FILM, **arrays, **{key: arrays["gate:cbam1:spatial"]})
    with pytest.raises(TrainingError, match="is not the film"):
        open_film(tmp_path / FILM)


def test_gates_that_one_of_two_films_lacks_are_left_out() -> None:
    film = make_film((0, 1))
    fewer = replace(make_film((2,)), gates=make_film((2,)).gates[:-1])
    assert [gate.name for gate in film.with_scene(fewer).gates] == [gate.name for gate in film.gates[:-1]]


def test_places_of_every_status_come_back_from_a_file(tmp_path: Path) -> None:
    film = make_film()
    one, other, *_ = film.placements
    placements = {
        **film.placements,
        one: Placement((0.5, 0.5), (2.0, 2.0), "approximate", 1.5),
        other: Placement.stretched((4, 4), (32, 32)),
    }
    replace(film, placements=placements).save(tmp_path / FILM)
    assert open_film(tmp_path / FILM).placements == placements


SPOILED = {
    "classes": np.array("a"),
    "images": np.zeros((8, 32, 32, 3)),
    "labels": np.array(["a"] * 8),
    "epochs": np.array([0.5] * 4),
    "accuracy": np.array(["a"] * 4),
    "probabilities": np.array(7.0),
    "gate:cbam1:spatial": np.full((4, 8, 16, 16), "x"),
    "gate:cbam1:wide": np.zeros((4, 8, 32), np.float32),
    "place:cbam1": np.zeros((2, 2)),
    "place:cbam2": np.array([0.0, 1.0]),
    "place:cbam3": np.array([[0.0, np.nan], [1.0, 1.0]]),
}


@pytest.mark.parametrize("name", SPOILED)
def test_an_array_of_another_kind_is_refused_when_the_film_is_opened(name: str, tmp_path: Path) -> None:
    path = tmp_path / FILM
    make_film().save(path)
    write_arrays(path, {**read_arrays(path, largest=LARGEST), name: SPOILED[name]})
    with pytest.raises(TrainingError, match="is not the film of a training run"):
        open_film(path)
