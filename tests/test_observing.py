"""The one way of showing images to a network."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from cbam_core import CBAM, Classifier, capture, explain, insert_cbam
from cbam_core.data.dataset import samples
from cbam_core.data.samples import sample_sheet
from cbam_core.errors import CaptureError, ImageError, ModelError
from cbam_core.evaluation.class_means import GateSums
from cbam_core.evaluation.scoring import score
from cbam_core.observing import Observation, batch_size, batches, observe, observe_all, placements
from cbam_core.results.evaluation import levels_of
from cbam_core.results.placement import Placement
from cbam_core.workers import workers_side_by_side
from tests.interpreter import Interpreter


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return sample_sheet().images


class Endless(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1)[:, :10] * torch.inf


def gate_values(seen: Observation) -> dict[str, np.ndarray]:
    return {gate.name: gate.values for gate in seen.gates}


def test_it_is_the_models_own_forward(tiny_classifier: Classifier, images: np.ndarray) -> None:
    seen = observe(tiny_classifier, images[:5])
    batch = torch.stack([tiny_classifier.normalise(one) for one in images[:5]])
    batch = batch.contiguous(memory_format=torch.channels_last)
    with torch.inference_mode(), capture(tiny_classifier.model) as record:
        logits = tiny_classifier.model(batch)
    assert np.array_equal(seen.logits, logits.numpy())
    assert np.array_equal(seen.probabilities, logits.softmax(1).numpy())
    assert [gate.name for gate in seen.gates] == [gate.name for gate in record.gates]
    for ours, theirs in zip(seen.gates, record.gates, strict=True):
        assert (ours.block, ours.kind) == (theirs.block, theirs.kind)
        assert np.array_equal(ours.values, theirs.values.numpy())


def test_explain_shows_its_very_numbers(tiny_classifier: Classifier, images: np.ndarray) -> None:
    for image in images[:3]:
        seen, explanation = observe(tiny_classifier, [image]), explain(tiny_classifier, image)
        assert np.array_equal(explanation.probabilities, seen.probabilities[0])
        values = gate_values(seen)
        for block in explanation.blocks:
            assert np.array_equal(block.channel_weights, values[f"{block.name}.channel"][0])
            assert np.array_equal(block.spatial_mask, values[f"{block.name}.spatial"][0])


def test_a_list_an_evaluation_and_means_show_its_very_numbers(tiny_classifier: Classifier, images: np.ndarray) -> None:
    labels = sample_sheet().labels
    seen = list(observe_all(tiny_classifier, images))
    probabilities = np.concatenate([one.probabilities for one in seen])
    explained = explain(tiny_classifier, [*images])
    assert np.array_equal(np.stack([one.probabilities for one in explained]), probabilities)
    scored = score(tiny_classifier, samples())
    assert np.array_equal(scored.levels, levels_of(probabilities))
    sums = GateSums(tiny_classifier, tiny_classifier.classes)
    sums.add(images, labels)
    assert sums.means()["cat"].predicted == tuple(one.predicted for one in explained[30:40])


@pytest.mark.parametrize("size", [1, 7, 64, 100])
def test_numbers_hardly_depend_on_how_images_are_split(
    tiny_classifier: Classifier, images: np.ndarray, size: int
) -> None:
    whole = observe(tiny_classifier, images)
    parts = [observe(tiny_classifier, images[part]) for part in batches(len(images), size)]
    assert np.allclose(np.concatenate([one.probabilities for one in parts]), whole.probabilities, atol=1e-6)
    for name, values in gate_values(whole).items():
        assert np.allclose(np.concatenate([gate_values(one)[name] for one in parts]), values, atol=1e-6)


def test_the_result_is_free_of_torch_and_travels(tiny_classifier: Classifier, images: np.ndarray) -> None:
    seen = observe(tiny_classifier, images[:2])
    for array in (seen.logits, seen.probabilities, *gate_values(seen).values()):
        assert (type(array), array.dtype) == (np.ndarray, np.float32)
    arrived = pickle.loads(pickle.dumps(seen))
    assert np.array_equal(arrived.logits, seen.logits)
    assert [(gate.name, gate.kind) for gate in arrived.gates] == [(gate.name, gate.kind) for gate in seen.gates]


def test_another_process_sees_the_same(
    tiny_classifier: Classifier, tiny_checkpoint: object, interpreter: Interpreter
) -> None:
    """A worker that is given a file and an array answers with what this process sees."""
    program = """
import pickle, sys
import numpy as np, torch
torch.set_num_threads(1)
from cbam_core import load_classifier
from cbam_core.data.samples import sample_sheet
from cbam_core.observing import observe
sys.stdout.buffer.write(pickle.dumps(observe(load_classifier(sys.argv[1]), sample_sheet().images[:3])))
"""
    done = interpreter.run(program, tiny_checkpoint)
    assert done.returncode == 0, done.stderr.decode()
    theirs, ours = pickle.loads(done.stdout), observe(tiny_classifier, sample_sheet().images[:3])
    assert np.allclose(theirs.logits, ours.logits, atol=1e-5)
    assert theirs.gates[0].values.shape == (3, 32)


def test_it_changes_neither_the_network_nor_the_images(tiny_classifier: Classifier, images: np.ndarray) -> None:
    before = {name: tensor.clone() for name, tensor in tiny_classifier.model.state_dict().items()}
    strides = [parameter.stride() for parameter in tiny_classifier.model.parameters()]
    given = images[:4].copy()
    given.setflags(write=False)
    first, again = observe(tiny_classifier, given), observe(tiny_classifier, given)
    assert np.array_equal(given, images[:4])
    assert np.array_equal(first.logits, again.logits)
    assert all(torch.equal(before[name], tensor) for name, tensor in tiny_classifier.model.state_dict().items())
    assert strides == [parameter.stride() for parameter in tiny_classifier.model.parameters()]
    assert not any(module._forward_hooks for module in tiny_classifier.model.modules())


def test_without_gates_the_answers_are_the_same(tiny_classifier: Classifier, images: np.ndarray) -> None:
    bare = observe(tiny_classifier, images[:3], gates=False)
    assert bare.gates == ()
    assert np.array_equal(bare.logits, observe(tiny_classifier, images[:3]).logits)


def test_every_image_is_seen_once_and_in_order_whatever_its_size(tiny_classifier: Classifier) -> None:
    draws = np.random.default_rng(0)
    sizes = [(32, 32), (48, 64), (20, 33)] * 30
    mixed = [draws.integers(0, 256, (*size, 3), dtype=np.uint8) for size in sizes]
    seen = [one for part in observe_all(tiny_classifier, mixed, gates=False) for one in part.probabilities]
    assert len(seen) == 90
    for index in (0, 1, 63, 64, 89):
        assert np.allclose(seen[index], explain(tiny_classifier, mixed[index]).probabilities, atol=1e-6)


@pytest.mark.parametrize(
    ("count", "size", "expected"), [(0, 3, []), (3, 3, [(0, 3)]), (5, 2, [(0, 2), (2, 4), (4, 5)])]
)
def test_batches_cover_everything_once(count: int, size: int, expected: list[tuple[int, int]]) -> None:
    assert [(part.start, part.stop) for part in batches(count, size)] == expected


def test_larger_images_come_in_smaller_batches(tiny_classifier: Classifier) -> None:
    sizes = {side: batch_size(replace(tiny_classifier, input_size=(side, side))) for side in (16, 32, 64, 224, 1024)}
    assert sizes == {16: 64, 32: 64, 64: 16, 224: 1, 1024: 1}


def test_a_network_in_training_mode_is_refused(images: np.ndarray, tiny_classifier: Classifier) -> None:
    training = nn.Sequential(nn.Flatten(), nn.LazyLinear(10)).train()
    with pytest.raises(ModelError, match="training mode") as refused:
        observe(replace(tiny_classifier, model=training), images[:1])
    assert refused.value.code == "model.in-training"
    assert training.training


def test_answers_that_are_not_finite_are_refused(images: np.ndarray, tiny_classifier: Classifier) -> None:
    with pytest.raises(ModelError, match="the output of tiny is not finite") as refused:
        observe(replace(tiny_classifier, model=Endless().eval()), images[:1])
    assert refused.value.code == "model.not-finite"


def test_answers_for_other_classes_are_refused(images: np.ndarray, tiny_classifier: Classifier) -> None:
    with pytest.raises(ModelError, match=r"shape \(2, 3\)") as refused:
        observe(replace(tiny_classifier, classes=("a", "b", "c")), images[:2])
    assert refused.value.code == "model.logits-shape"


def test_any_module_is_shown_images(images: np.ndarray) -> None:
    """Classes, sizes and normalisation are all that it takes: neither an architecture nor a card."""
    means = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
    shown = Classifier(
        model=means, classes=("red", "green", "blue"), mean=(0.0,) * 3, std=(1.0,) * 3, input_size=(32, 32)
    )
    seen = observe(shown, images[:3])
    assert seen.gates == ()
    assert np.allclose(seen.logits, images[:3].mean(axis=(1, 2)) / 255, atol=1e-5)
    assert seen.probabilities[0].argmax() == images[0].mean(axis=(0, 1)).argmax()
    with pytest.raises(CaptureError, match="No gate was found"):
        explain(shown, images[0])


class Shy(nn.Module):
    """A network with a mask, which takes no black image."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.mask = nn.Conv2d(3, 4, 3, 2, 1), nn.Conv2d(4, 1, 3, 1, 1)
        self.runs = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.runs += 1
        if not x.any():
            raise ValueError("nothing to see")
        x = self.stem(x)
        features: torch.Tensor = x * torch.sigmoid(self.mask(x))
        return features.mean((2, 3))


def test_places_are_unknown_where_a_network_takes_no_black_image(caplog: pytest.LogCaptureFixture) -> None:
    network = Shy().eval()
    (block,) = explain(network, torch.rand(3, 16, 16)).blocks
    assert block.placement == Placement.stretched((8, 8), (16, 16))
    assert "the places of maps are not known: ValueError: nothing to see" in caplog.text


def test_places_are_looked_for_once_for_each_size() -> None:
    network = Shy().eval()
    assert placements(network, (16, 16)) == {}
    runs = network.runs
    assert placements(network, (16, 16)) == {}
    assert network.runs == runs
    placements(network, (16, 8))
    assert network.runs > runs


def test_places_of_blocks_that_come_later_are_known() -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), CBAM(8, ratio=4), nn.Conv2d(8, 16, 3, 2, 1)).eval()
    assert set(placements(model, (16, 16))) == {"1"}
    insert_cbam(model, "2", ratio=4)
    placed = placements(model, (16, 16))
    assert set(placed) == {"1", "2.cbam"}
    assert placed["2.cbam"].cells == (4, 4)


def test_workers_side_by_side_give_the_same_batches_in_order(tiny_classifier: Classifier) -> None:
    images = np.random.default_rng(0).integers(0, 256, (300, 32, 32, 3), np.uint8)
    alone = [*observe_all(tiny_classifier, images)]
    with workers_side_by_side():
        together = [*observe_all(tiny_classifier, images, workers=3)]
    assert len(alone) == len(together) == 5
    for one, other in zip(alone, together, strict=True):
        assert np.allclose(one.logits, other.logits, atol=1e-6)
        assert [gate.name for gate in one.gates] == [gate.name for gate in other.gates]
        assert all(np.allclose(a.values, b.values, atol=1e-6) for a, b in zip(one.gates, other.gates, strict=True))


class CutOff(list[np.ndarray]):
    """Images of which those from number 128 on cannot be read."""

    def __getitem__(self, part):
        if part.start >= 128:
            raise ImageError("image.damaged", "image {number} is damaged", number=part.start)
        return super().__getitem__(part)


def test_an_error_of_a_worker_is_that_of_its_batch(tiny_classifier: Classifier) -> None:
    found = observe_all(tiny_classifier, CutOff([np.zeros((32, 32, 3), np.uint8)] * 400), workers=2)
    assert len(next(found).logits) == len(next(found).logits) == 64
    with pytest.raises(ImageError, match="image 128 is damaged"):
        next(found)


def test_gates_of_a_network_of_timm_are_observed_and_explained(images: np.ndarray) -> None:
    resnet = pytest.importorskip("timm.models.resnet")
    torch.manual_seed(0)
    model = resnet.ResNet(
        resnet.BasicBlock, [1, 1, 1, 1], num_classes=3, channels=(16, 16, 16, 16), block_args={"attn_layer": "cbam"}
    ).eval()
    explanation = explain(
        model, images[0], classes=("a", "b", "c"), input_size=(32, 32), mean=(0.5,) * 3, std=(1.0,) * 3
    )
    assert [block.name for block in explanation.blocks] == [f"layer{stage}.0.se" for stage in (1, 2, 3, 4)]
    assert [block.spatial_mask.shape for block in explanation.blocks] == [(8, 8), (4, 4), (2, 2), (1, 1)]
    assert all(len(block.channel_weights) == 16 and block.placement is not None for block in explanation.blocks)


def test_a_part_in_training_mode_is_named(tiny_classifier, images):
    part = nn.Sequential(copy.deepcopy(tiny_classifier.model), nn.Dropout()).eval()
    part[1].train()
    with pytest.raises(ModelError, match="module 1 of the network is in training mode"):
        observe(replace(tiny_classifier, model=part), images[:1])
    part.eval().append(nn.Identity())  # new modules are in training mode; this one computes the same
    assert len(observe(replace(tiny_classifier, model=part), images[:1]).logits) == 1


class ImageByImage(nn.Module):
    """Multiplies each image by its gate in a loop, so that a gate has one row whatever the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        gates = self.fc(x.mean((2, 3))).sigmoid()[:, :, None, None]
        return torch.stack([image * gate for image, gate in zip(x, gates, strict=True)]).mean((2, 3))


class OtherGateForTheSecond(ImageByImage):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x) if len(x) > 1 or x.mean() > 0 else x.mean((2, 3))


def _by_image(kind: type[nn.Module]) -> Classifier:
    torch.manual_seed(0)
    model = kind().eval()
    return Classifier(model=model, classes=("a", "b", "c"), mean=(0.5,) * 3, std=(0.5,) * 3, input_size=(32, 32))


def test_gates_of_a_loop_over_images_are_those_of_each_image(images: np.ndarray) -> None:
    network = _by_image(ImageByImage)
    (together,) = observe(network, images[:2]).gates
    alone = [observe(network, images[at : at + 1]).gates[0].values for at in range(2)]
    assert np.array_equal(together.values, np.concatenate(alone))
    assert [one.blocks[0].gates[0].values.shape for one in explain(network, list(images[:2]))] == [(3,)] * 2


def test_images_with_other_gates_than_the_first_are_refused() -> None:
    pixels = np.stack([np.full((32, 32, 3), 255, np.uint8), np.zeros((32, 32, 3), np.uint8)])
    with pytest.raises(CaptureError, match="other gates for one image"):
        observe(_by_image(OtherGateForTheSecond), pixels)
