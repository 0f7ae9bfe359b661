"""What `log_gates` writes from a training loop, and what it leaves as it was."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from cbam_core import CBAM, log_gates
from cbam_core.errors import CaptureError
from cbam_core.network import Classifier
from cbam_core.render.colours import colourise
from cbam_core.training.filming import Camera
from cbam_core.training.logging_gates import masks_in_a_row


class Written:
    """A writer of two methods, as people write for services of their own."""

    def __init__(self) -> None:
        self.numbers: dict[str, tuple[float, int]] = {}
        self.pictures: dict[str, np.ndarray] = {}

    def add_scalar(self, tag: str, value: float, step: int) -> None:
        self.numbers[tag] = value, step

    def add_image(self, tag: str, picture: np.ndarray, step: int, *, dataformats: str) -> None:
        assert dataformats == "HWC"
        assert picture.dtype == np.uint8
        self.pictures[tag] = picture


class Inline(nn.Module):
    """A gate without a class, of which this library knows nothing: the mean over the channels, squashed."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, padding=1)
        self.look = nn.Conv2d(4, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x)
        return (x * torch.sigmoid(self.look(x))).mean((2, 3))


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 32, 3), nn.BatchNorm2d(32), CBAM(32), nn.Flatten())


def batch(count: int = 10) -> torch.Tensor:
    return torch.randn(count, 3, 10, 10, generator=torch.Generator().manual_seed(1))


def test_three_numbers_for_each_gate_and_a_picture_of_each() -> None:
    writer = Written()
    numbers = log_gates(network(), batch(), writer, 7)
    assert writer.numbers == {tag: (value, 7) for tag, value in numbers.items()}
    assert set(numbers) == {
        f"Gate {what}/2.{kind}" for what in ("mean", "pattern", "image") for kind in ("channel", "spatial")
    }
    assert set(writer.pictures) == {"Channel weights/2.channel", "Spatial mask/2.spatial"}
    assert writer.pictures["Channel weights/2.channel"].shape == (8, 32, 3)
    assert writer.pictures["Spatial mask/2.spatial"].shape == (2 * 64, 8 * 64, 3)


def test_the_numbers_are_those_of_the_values() -> None:
    class Fixed(nn.Module):
        """Its gate is the image's own first channel, so the values are known."""

        def __init__(self) -> None:
            super().__init__()
            self.pick = nn.Conv2d(3, 1, 1, bias=False)
            self.pick.weight.data[:] = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * torch.sigmoid(self.pick(x))

    images = batch(4)
    gate = torch.sigmoid(images[:, 0].double()).flatten(1)
    numbers = {tag.split("/")[0]: value for tag, value in log_gates(Fixed(), images, Written(), 0).items()}
    assert numbers == {
        "Gate mean": pytest.approx(float(gate.mean()), abs=1e-6),
        "Gate pattern": pytest.approx(float(gate.std(1, correction=0).mean()), abs=1e-6),
        "Gate image": pytest.approx(float(gate.std(0, correction=0).mean()), abs=1e-6),
    }


def test_one_forward_and_nothing_of_the_training_changes() -> None:
    model = network().train()
    model[1].eval()  # a frozen normalisation, as in fine tuning
    before, forwards = copy.deepcopy(model.state_dict()), []
    model[0].register_forward_hook(lambda *_: forwards.append(torch.is_grad_enabled()))
    random = torch.get_rng_state()
    log_gates(model, batch(), Written(), 0)
    assert forwards == [False]
    assert [module.training for module in model] == [True, False, True, True]
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random)


def test_modes_come_back_after_an_error() -> None:
    model = network().train()
    with pytest.raises(RuntimeError):
        log_gates(model, torch.zeros(1, 5, 10, 10), Written(), 0)
    assert model.training
    assert model[1].training


def test_a_gate_of_any_network_is_logged_while_it_trains() -> None:
    model, writer = Inline().train(), Written()
    for step in range(2):
        log_gates(model, batch(), writer, step)
    assert list(writer.pictures) == ["Spatial mask/Inline.spatial"]
    assert model.training


def test_an_empty_batch_is_refused(tiny_classifier: Classifier) -> None:
    with pytest.raises(CaptureError, match="nothing to log: the batch has no images"):
        log_gates(tiny_classifier.model, torch.zeros(0, 3, 32, 32), Written(), 0)


def test_a_network_without_gates_says_so() -> None:
    with pytest.raises(CaptureError, match=r"nothing to log: No gate was found"):
        log_gates(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), batch(), Written(), 0)


def test_tensorboards_writer_takes_it(tmp_path: Path) -> None:
    board: Any = pytest.importorskip("torch.utils.tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with board.SummaryWriter(str(tmp_path)) as writer:
        log_gates(network(), batch(), writer, 3)
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    assert [event.step for event in events.Images("Spatial mask/2.spatial")] == [3]
    assert [event.step for event in events.Scalars("Gate image/2.channel")] == [3]


def test_masks_stand_below_their_images_on_the_fixed_scale(tiny_classifier: Classifier) -> None:
    scene = Camera(tiny_classifier).take(tiny_classifier.model, 1)
    row = masks_in_a_row(scene.images, scene.gate("cbam3", "spatial").values[0])  # 4x4 cells, sixteen pixels a cell
    assert row.shape == (128, 8 * 64, 3)
    mask = scene.gate("cbam3", "spatial").values[0, 3]
    assert np.array_equal(row[64 + 8 :: 16, 3 * 64 + 8 : 4 * 64 : 16], colourise(mask))
    assert np.array_equal(row[0:64:2, 3 * 64 : 4 * 64 : 2], scene.images[3])
