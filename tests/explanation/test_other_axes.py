"""Networks for signals and volumes are explained from prepared tensors: gates without pictures of masks."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from cbam_core import OwnMean, consequences, explain, trace_gate
from cbam_core.errors import ImageError

CONVOLUTIONS = {1: nn.Conv1d, 3: nn.Conv3d}
SIZES = {1: (40,), 3: (4, 6, 5)}


class Attentive(nn.Module):
    """A convolution, a channel gate and a spatial gate over any number of axes, and two classes."""

    def __init__(self, axes: int) -> None:
        super().__init__()
        kind = CONVOLUTIONS[axes]
        self.stem, self.mask = kind(2, 4, 3, padding=1), kind(1, 1, 3, padding=1)
        self.fc, self.head = nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = x * torch.sigmoid(self.fc(x.flatten(2).mean(2))).view(*x.shape[:2], *[1] * (x.ndim - 2))
        x = x * torch.sigmoid(self.mask(x.mean(1, keepdim=True)))
        return self.head(x.flatten(2).mean(2))


@pytest.fixture(params=[1, 3])
def axes(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def network(axes: int) -> nn.Module:
    torch.manual_seed(0)
    return Attentive(axes).eval()


@pytest.fixture
def tensor(axes: int) -> Tensor:
    return torch.randn(2, *SIZES[axes], generator=torch.Generator().manual_seed(1))


def test_a_prepared_tensor_gives_gates_and_a_prediction(network: nn.Module, tensor: Tensor, axes: int) -> None:
    explanation = explain(network, tensor, classes=["no", "yes"])
    with torch.inference_mode():
        probabilities = network(tensor[None]).softmax(1)[0].numpy()
    assert explanation.probabilities == pytest.approx(probabilities, abs=1e-6)
    (block,) = explanation.blocks
    assert [(gate.kind, gate.values.shape) for gate in block.gates] == [("channel", (4,)), ("spatial", SIZES[axes])]
    assert (block.spatial_mask, block.mask, block.placement) == (None, None, None)
    assert {1: "input.signal", 3: "input.volume"}[axes] in [note.code for note in explanation.notes]


def test_a_batch_and_a_batch_with_labels_give_one_explanation_each(network: nn.Module, tensor: Tensor) -> None:
    batch = torch.stack([tensor, tensor + 1, tensor - 1])
    alone = explain(network, tensor + 1)
    for given in (batch, (batch, torch.tensor([0, 1, 1])), [tensor, tensor + 1, tensor - 1]):
        several = explain(network, given)
        assert len(several) == 3
        np.testing.assert_allclose(several[1].blocks[0].gates[1].values, alone.blocks[0].gates[1].values, atol=1e-6)


def test_everything_is_saved_and_the_viewer_names_what_it_does_not_draw(network, tensor, axes, tmp_path) -> None:
    explanation = explain(network, tensor)
    files = explanation.save(tmp_path, html=True)
    mask = explanation.blocks[0].gates[1]
    with np.load(files["values.npz"]) as saved:
        assert any(saved[name].shape == mask.values.shape and (saved[name] == mask.values).all() for name in saved)
    (block,) = json.loads(files["manifest.json"].read_text())["blocks"]
    assert block["name"] == "Attentive"
    assert f'"undrawn": [[{", ".join(map(str, SIZES[axes]))}]]'.replace(" ", "") in (
        files["explanation.html"].read_text().replace(" ", "")
    )


def test_gates_are_replaced_one_at_a_time(network: nn.Module, tensor: Tensor) -> None:
    found = consequences(network, tensor, classes=["no", "yes"], other=tensor + 1)
    assert [row.name for row in found.rows] == ["Attentive.channel", "Attentive.spatial"]
    edited = explain(network, tensor, classes=["no", "yes"], edits={"*.spatial": OwnMean()})
    mask = edited.blocks[0].gates[1].values
    plain = explain(network, tensor).blocks[0].gates[1].values
    assert mask == pytest.approx(np.full_like(plain, plain.mean()))


def test_the_middle_slice_of_a_volume_is_shown_and_every_row_of_a_signal(network, tensor, axes) -> None:
    pixels = explain(network, tensor).input_image
    plane = tensor.numpy() if axes == 1 else tensor.numpy().mean(0)[2]
    shades = (plane - plane.min()) / np.ptp(plane) * 255
    repeated = np.repeat(shades, len(pixels) // len(shades), axis=0)
    assert np.abs(pixels[..., 0] - repeated).max() <= 1


def test_an_image_and_a_tensor_of_other_axes_are_refused_in_one_sentence(network, axes, tmp_path) -> None:
    word, shape = {1: ("signals", "(C, L)"), 3: ("volumes", "(C, D, H, W)")}[axes]
    with pytest.raises(ImageError, match=f"takes {word}, not images"):
        explain(network, np.zeros((8, 8, 3), np.uint8))
    for given in (torch.randn(3), torch.randn(1, 1, 1, 2, 2, 2)):
        with pytest.raises(ImageError, match=f"a network for {word} takes a tensor ") as error:
            explain(network, given)
        assert shape in str(error.value)


def test_labels_beside_a_batch_are_kept_and_rows_of_numbers_are_not(network: nn.Module, tensor: Tensor) -> None:
    batch = torch.stack([tensor, tensor + 1])
    assert explain(network, (batch, torch.tensor([1, 0]))).labels == (1, 0)
    assert explain(network, (batch, ["a", "b"])).labels == ("a", "b")
    assert explain(network, (batch, torch.tensor([[0.5, 0.5], [1.0, 0.0]]))).labels == ()
    assert explain(network, [tensor, tensor]).labels == ()


def test_how_their_gates_came_about_is_known_up_to_the_squash(network: nn.Module, tensor: Tensor) -> None:
    explanation = explain(network, tensor)
    for block in explanation.blocks:
        for gate in block.gates:
            trace = trace_gate(network, tensor, gate.name)
            assert np.array_equal(trace.values, gate.values)
            assert trace.unsquashed is not None
            np.testing.assert_allclose(1 / (1 + np.exp(-trace.unsquashed)), trace.values, rtol=1e-5)
            assert trace.channels == ()
