"""From an image to its explanation: the numbers, the batches, the threads, and the way back to the original."""

from __future__ import annotations

import copy
import hashlib
import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from cbam_core import Classifier, Explanation, capture, explain
from cbam_core.data.fitting import fit_image
from cbam_core.data.images import decode
from cbam_core.errors import ImageError, ModelError
from cbam_core.evaluation.class_means import GateSums
from cbam_core.nn import CBAM_CNN, SpatialAttention
from cbam_core.observing import BATCH, batch_size
from cbam_core.results.frame import FITS, Fit
from cbam_core.results.placement import Placement
from tests.plain_blocks import by_kind

pytestmark = pytest.mark.usefixtures("one_thread")

RNG = np.random.default_rng(0)


@pytest.fixture
def images() -> list[np.ndarray]:
    return [*RNG.integers(0, 256, (3, 40, 60, 3), dtype=np.uint8)]


def bits(explanation: Explanation) -> tuple[Any, ...]:
    """Every number of an explanation, as bytes."""
    gates = [(b.name, kind, v.tobytes()) for b in explanation.blocks for kind, v in by_kind(b).items()]
    return (explanation.probabilities.tobytes(), explanation.input_image.tobytes(), *gates)


def watch(model: nn.Module, note: Callable[[Tensor], object]) -> Any:
    return model.register_forward_pre_hook(lambda _, inputs: note(inputs[0].clone()) and None)


def test_numbers_are_those_of_the_forward(tiny_classifier: Classifier, images: list[np.ndarray]) -> None:
    model = tiny_classifier.model
    explanation = explain(tiny_classifier, images[0])
    batch = tiny_classifier.preprocess(images[0])[None]
    with torch.inference_mode():
        plain = model(batch)  # the same numbers in another order in memory may differ in their last bits
    assert np.allclose(explanation.probabilities, plain.softmax(1)[0].numpy(), atol=1e-6)
    with torch.inference_mode(), capture(model) as record:
        logits = model(batch.contiguous(memory_format=torch.channels_last))
    assert np.array_equal(explanation.probabilities, logits.softmax(1)[0].numpy())
    assert explanation.probabilities.sum() == pytest.approx(1, abs=1e-6)
    values = {f"{b.name}.{kind}": v for b in explanation.blocks for kind, v in by_kind(b).items()}
    assert list(values) == [gate.name for gate in record.gates]
    for gate in record.gates:
        assert values[gate.name].dtype == np.float32
        assert np.array_equal(values[gate.name], gate.values[0].numpy())


def test_blocks_have_their_shapes_and_places(tiny_classifier: Classifier, images: list[np.ndarray]) -> None:
    blocks = explain(tiny_classifier, images[0]).blocks
    assert [
        (b.name, b.channel_weights.shape, b.spatial_mask.shape, b.placement)
        for b in blocks
        if b.channel_weights is not None and b.spatial_mask is not None
    ] == [
        ("cbam1", (32,), (16, 16), Placement((0.5, 0.5), (2.0, 2.0))),
        ("cbam2", (64,), (8, 8), Placement((1.5, 1.5), (4.0, 4.0))),
        ("cbam3", (128,), (4, 4), Placement((3.5, 3.5), (8.0, 8.0))),
    ]


@pytest.mark.parametrize("fit", FITS)
def test_the_input_image_is_exactly_what_the_network_saw(
    tiny_classifier: Classifier, images: list[np.ndarray], fit: Fit
) -> None:
    square = (3.0, 2.0, 30.0) if fit == "square" else None
    seen: list[Tensor] = []
    handle = watch(tiny_classifier.model, seen.append)
    try:
        explanation = explain(tiny_classifier, images[0], fit, square=square)
    finally:
        handle.remove()
    expected, frame, _ = fit_image(images[0], (32, 32), fit, square=square, fill=tiny_classifier.fill)
    assert np.array_equal(explanation.input_image, expected)
    assert (explanation.frame, explanation.fit) == (frame, fit)
    assert torch.equal(seen[0][0], tiny_classifier.normalise(explanation.input_image))


def test_an_explanation_says_where_it_comes_from(tiny_classifier: Classifier, picture_file: Path) -> None:
    classifier = replace(tiny_classifier, name="mine", digest="ab" * 32)
    explanation = explain(classifier, picture_file)
    assert explanation.classes == classifier.classes
    assert explanation.image_digest == hashlib.sha256(picture_file.read_bytes()).hexdigest()
    assert (explanation.checkpoint, explanation.checkpoint_digest) == ("mine", "ab" * 32)


def test_notes_of_decoding_come_before_notes_of_fitting(tiny_classifier: Classifier, tmp_path: Path) -> None:
    path = tmp_path / "clear.png"
    picture = Image.new("RGBA", (60, 40), (255, 0, 0, 100))
    picture.paste((0, 0, 255, 100), (0, 0, 30, 40))
    picture.save(path)
    explanation = explain(tiny_classifier, path)
    decoded = decode(path).notes
    assert len(decoded) > 0
    assert explanation.notes[: len(decoded)] == decoded
    assert [note.code for note in explanation.notes[len(decoded) :]] == ["fit.cropped", "fit.reduced"]


def test_one_image_twice_gives_the_same_bits(tiny_classifier: Classifier, images: list[np.ndarray]) -> None:
    first = bits(explain(tiny_classifier, images[0]))
    explain(tiny_classifier, images[1])
    assert bits(explain(tiny_classifier, images[0])) == first
    assert bits(explain(tiny_classifier, images[1])) != first


def test_every_kind_of_source_gives_the_same_numbers(tiny_classifier: Classifier, picture_file: Path) -> None:
    with Image.open(picture_file) as opened:
        picture = opened.convert("RGB")
    sources: list[Any] = [
        picture_file,
        str(picture_file),
        picture_file.read_bytes(),
        picture,
        np.asarray(picture),
        decode(picture_file),
    ]
    assert len({bits(explain(tiny_classifier, source)) for source in sources}) == 1


@pytest.mark.parametrize("kind", [list, tuple])
def test_several_images_give_a_list_in_order(
    tiny_classifier: Classifier, images: list[np.ndarray], kind: type[list[Any]] | type[tuple[Any, ...]]
) -> None:
    together = explain(tiny_classifier, kind(images))
    assert isinstance(together, list)
    assert len(together) == 3
    for image, one in zip(images, together, strict=True):
        alone = explain(tiny_classifier, image)
        assert one.image_digest == alone.image_digest
        assert np.array_equal(one.input_image, alone.input_image)
        np.testing.assert_allclose(one.probabilities, alone.probabilities, atol=1e-6)
        for block, other in zip(one.blocks, alone.blocks, strict=True):
            for gate, twin in zip(block.gates, other.gates, strict=True):
                np.testing.assert_allclose(gate.values, twin.values, atol=1e-6)


def test_a_list_of_one_gives_a_list_and_an_empty_one_nothing(
    tiny_classifier: Classifier, images: list[np.ndarray]
) -> None:
    (one,) = explain(tiny_classifier, images[:1])
    assert bits(one) == bits(explain(tiny_classifier, images[0]))
    assert explain(tiny_classifier, []) == []


def test_long_lists_go_through_in_bounded_batches(tiny_classifier: Classifier) -> None:
    count = 2 * BATCH + 3
    images = [*RNG.integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)]
    sizes: list[int] = []
    handle = watch(tiny_classifier.model, lambda x: sizes.append(len(x)))
    try:
        explanations = explain(tiny_classifier, images)
    finally:
        handle.remove()
    assert sizes == [BATCH, BATCH, 3]
    assert all(np.array_equal(e.input_image, i) for e, i in zip(explanations, images, strict=True))


def test_a_bad_image_in_a_list_is_its_own_error(tiny_classifier: Classifier, images: list[np.ndarray]) -> None:
    with pytest.raises(ImageError):
        explain(tiny_classifier, [images[0], b"no picture"])


def test_a_network_in_training_mode_is_refused_untouched(tiny_classifier: Classifier, images: list[np.ndarray]) -> None:
    model = CBAM_CNN()
    mean = model.bn1.running_mean
    assert mean is not None
    before = mean.clone()
    with pytest.raises(ModelError) as error:
        explain(replace(tiny_classifier, model=model), images[0])
    assert error.value.code == "model.in-training"
    assert model.training
    assert torch.equal(mean, before)


@pytest.mark.parametrize("outputs", [nn.Linear(3, 9), nn.Unflatten(1, (3, 1)), nn.Flatten(0)])
def test_logits_of_a_wrong_shape_are_refused(
    tiny_classifier: Classifier, images: list[np.ndarray], outputs: nn.Module
) -> None:
    model = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), outputs).eval()
    with pytest.raises(ModelError) as error:
        explain(replace(tiny_classifier, model=model), images[0])
    assert error.value.code == "model.logits-shape"
    assert "(1, 10)" in str(error.value)


def test_a_network_without_gates_has_no_blocks(tiny_classifier: Classifier, images: list[np.ndarray]) -> None:
    model = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 10)).eval()
    explanation = explain(replace(tiny_classifier, model=model), images[0])
    assert explanation.blocks == ()
    assert explanation.predicted in explanation.classes


def test_explaining_leaves_the_network_as_it_was(tiny_classifier: Classifier, images: list[np.ndarray]) -> None:
    model = tiny_classifier.model

    def look() -> list[Any]:
        hooks = [len(v) for m in model.modules() for k, v in vars(m).items() if "hook" in k and isinstance(v, dict)]
        tensors = [(t.data_ptr(), t.requires_grad, t.numpy(force=True).tobytes()) for t in model.state_dict().values()]
        return [hooks, tensors, [m.training for m in model.modules()], [sorted(vars(m)) for m in model.modules()]]

    before = look()
    explain(tiny_classifier, images)
    assert look() == before


def test_four_threads_get_explanations_of_their_own_images(tiny_classifier: Classifier) -> None:
    model = CBAM_CNN().eval()  # fresh, so that all threads also meet its places for the first time
    classifier = replace(tiny_classifier, model=model)
    images = [*RNG.integers(0, 256, (100, 32, 32, 3), dtype=np.uint8)]
    with ThreadPoolExecutor(4) as pool:
        together = [bits(one) for one in pool.map(lambda image: explain(classifier, image), images)]
    assert together == [bits(explain(classifier, image)) for image in images]


class Brightness(nn.Module):
    """A network whose spatial mask is the brightness of the place that each cell looks at."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, stride=2, padding=1, bias=False)
        self.pool = nn.MaxPool2d(2)
        self.gate = SpatialAttention(1)
        nn.init.constant_(self.stem.weight, 1 / 27)
        nn.init.constant_(self.gate.conv.weight, 1.0)

    def forward(self, x: Tensor) -> Tensor:
        return self.gate(self.pool(self.stem(x))).flatten(1)[:, :2]


def test_a_marker_on_a_large_photo_lies_under_the_brightest_cell(tiny_classifier: Classifier) -> None:
    classifier = replace(tiny_classifier, model=Brightness().eval(), classes=("a", "b"), input_size=(96, 64))
    original = Image.new("RGB", (1500, 900), (20, 25, 30))
    checked = 0
    for centre in ((420.0, 300.0), (801.0, 449.0), (1033.0, 610.0), (700.0, 520.0)):
        picture = original.copy()
        left, top = centre[0] - 20, centre[1] - 20
        picture.paste((255, 255, 255), (int(left), int(top), int(left) + 40, int(top) + 40))
        choices: list[tuple[Fit, Any]] = [
            ("crop", None),
            ("square", (333.0, 77.0, 780.0)),
            ("pad", None),
            ("squash", None),
        ]
        for fit, square in choices:
            explanation = explain(classifier, np.asarray(picture), fit, square=square)
            (block,) = explanation.blocks
            mask, placement = block.spatial_mask, block.placement
            assert mask is not None
            assert placement is not None
            row, column = np.unravel_index(mask.argmax(), mask.shape)
            # Centres of pixels are whole numbers in a placement and halves in a frame.
            y = placement.start[0] + float(row) * placement.step[0] + 0.5
            x = placement.start[1] + float(column) * placement.step[1] + 0.5
            found = explanation.frame.to_original(x, y)
            across, down = explanation.frame.scale
            half = placement.step[1] / across / 2, placement.step[0] / down / 2
            assert abs(found[0] - centre[0]) <= half[0], (fit, centre, found)
            assert abs(found[1] - centre[1]) <= half[1], (fit, centre, found)
            checked += 1
    assert checked == 16


def test_images_as_png_files_in_memory_are_explained(tiny_classifier: Classifier, images: list[np.ndarray]) -> None:
    buffer = io.BytesIO()
    Image.fromarray(images[0]).save(buffer, "PNG")
    assert bits(explain(tiny_classifier, buffer.getvalue())) == bits(explain(tiny_classifier, images[0]))


def test_a_network_whose_answers_are_no_numbers_is_one_sentence(tiny_classifier: Classifier) -> None:
    model = copy.deepcopy(tiny_classifier.model)
    with torch.no_grad():
        model.get_parameter("fc2.weight").mul_(float("inf"))
    broken = replace(tiny_classifier, model=model)
    picture = np.zeros((32, 32, 3), np.uint8)
    with pytest.raises(ModelError, match="the output of tiny is not finite") as refused:
        explain(broken, picture)
    assert refused.value.code == "model.not-finite"
    with pytest.raises(ModelError, match="is not finite"):
        GateSums(broken, broken.classes).add(picture[None], np.zeros(1, np.uint8))


@pytest.mark.parametrize(("side", "images"), [(32, 64), (64, 16), (100, 6), (512, 1)])
def test_of_larger_pictures_fewer_go_through_at_once(tiny_classifier: Classifier, side: int, images: int) -> None:
    assert batch_size(replace(tiny_classifier, input_size=(side, side))) == images


def test_an_input_of_one_colour_gets_a_word(tiny_classifier: Classifier) -> None:
    noted = [note.code for note in explain(tiny_classifier, np.full((32, 32, 3), 7, np.uint8)).notes]
    assert noted == ["input.one-colour"]
    one_pixel = np.full((32, 32, 3), 7, np.uint8)
    one_pixel[3, 4, 0] = 8
    assert explain(tiny_classifier, one_pixel).notes == ()


def test_a_grey_network_says_that_it_saw_no_colours(images: list[np.ndarray]) -> None:
    grey = Classifier(
        model=CBAM_CNN(2, in_channels=1, hidden=4).eval(),
        classes=("a", "b"),
        mean=(0.5,) * 3,
        std=(0.5,) * 3,
        input_size=(32, 32),
        architecture="CBAM_CNN",
        arguments={"num_classes": 2, "hidden": 4, "in_channels": 1},
    )
    colourful = images[0][:32, :32].copy()
    assert [note.code for note in explain(grey, colourful).notes] == ["input.grey"]
    colourful[:] = colourful[..., :1]
    assert explain(grey, colourful).notes == ()
