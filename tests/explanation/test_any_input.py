"""Any form of an image, and tensors that are a network's input already, or one sentence that says what is missing."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from cbam_core import explain
from tests.explanation.own_networks import MEAN, STD, codes, fresh, gates, normalised, refusal, seeded
from tests.interpreter import Interpreter


def test_a_prepared_tensor_is_the_networks_input(picture: np.ndarray) -> None:
    model, tensor = seeded(), normalised(picture)
    expected = explain(model, picture, size=24, mean=MEAN, std=STD, classes=4)
    seen = explain(model, tensor, mean=MEAN, std=STD, classes=4)
    assert np.allclose(seen.probabilities, expected.probabilities, atol=1e-6)
    assert np.array_equal(seen.input_image, picture)
    assert seen.frame.original_size == seen.frame.input_size == (24, 24)
    assert "input.prepared" in codes(seen)
    bare = explain(model, tensor)  # neither size nor normalisation is needed
    assert np.array_equal(gates(bare)[3], gates(seen)[3])
    assert "input.scaled" in codes(bare)
    assert (bare.input_image.min(), bare.input_image.max()) == (0, 255)
    assert bare.image_digest == seen.image_digest != explain(model, 2 * tensor).image_digest


def test_a_batch_gives_a_list_and_labels_are_left_out(picture: np.ndarray) -> None:
    model, tensor = seeded(), normalised(picture)
    batch = torch.stack([tensor, tensor.flip(2), -tensor])
    expected = [gates(explain(model, one))[3] for one in batch]
    for given in (batch, [batch, torch.tensor([0, 1, 2])], (batch, [2, 1, 0]), [*batch], [batch[:2], batch[2]]):
        seen = explain(model, given)
        assert len(seen) == 3
        for one, values in zip(seen, expected, strict=True):
            assert np.allclose(gates(one)[3], values, atol=1e-6)
    assert len(explain(model, batch[:1])) == 1
    assert explain(model, []) == []


def test_tensors_of_bytes_and_floats_between_0_and_1_are_images(picture: np.ndarray) -> None:
    model, stated = seeded(), {"size": 24, "normalisation": "half"}
    expected = gates(explain(model, picture, **stated))[3]
    as_bytes = torch.from_numpy(picture.transpose(2, 0, 1).copy())
    assert np.array_equal(gates(explain(model, as_bytes, **stated))[3], expected)
    floats = explain(model, picture / 255, **stated)
    assert np.array_equal(gates(floats)[3], expected)
    assert "input.float-colours" in codes(floats)
    assert "0 to 255" in refusal("input.float-array", model, picture * 1.0, **stated)
    refusal("input.float-array", model, picture.transpose(2, 0, 1) / 255, **stated)


def test_a_generator_is_a_list_and_a_whole_data_set_is_refused_with_what_to_give(picture: np.ndarray) -> None:
    model, stated = seeded(), {"size": 24, "normalisation": "half"}
    seen = explain(model, (image for image in (picture, picture[::-1])), **stated)
    expected = explain(model, [picture, picture[::-1]], **stated)
    assert [one.image_digest for one in seen] == [one.image_digest for one in expected]
    dataset = TensorDataset(torch.rand(4, 3, 24, 24), torch.arange(4))
    assert "given a whole TensorDataset: give a batch" in refusal("input.data-loader", model, dataset)
    assert "given a whole DataLoader: give a batch" in refusal("input.data-loader", model, DataLoader(dataset))


OTHER_KINDS = """
import os
from torch import nn
from cbam_core import CbamError, explain

def fresh():
    return nn.Flatten()

for network, image in ((fresh, "x.png"), (nn.Flatten, "x.png"), (3, "x.png"), ("cbam_cnn_cifar10", open(os.devnull))):
    try:
        explain(network, image)
    except CbamError as error:
        print(error)
"""


def test_other_kinds_of_networks_and_images_are_refused_with_what_to_do(interpreter: Interpreter) -> None:
    made, called, number, text = interpreter.succeeds(OTHER_KINDS).splitlines()
    assert made.endswith("given fresh, which is not one but may make one: call it, and give what it returns")
    assert "given Flatten, which is not one" in called
    assert number.endswith("given int")
    assert text.endswith("given TextIOWrapper")


def test_what_is_no_input_is_refused_in_a_sentence(picture: np.ndarray) -> None:
    model, tensor = seeded(), normalised(picture)
    refusal("input.axes", model, tensor[0])
    refusal("input.tensor", model, tensor.long())
    refusal("input.tensor", model, torch.full_like(tensor, torch.nan))
    assert "1×5×24×24" in refusal("model.forward", model, torch.rand(5, 24, 24))
    refusal("model.in-training", fresh().train(), tensor)
    assert "meta" in refusal("model.on-meta", fresh().to("meta"), tensor)


def test_a_tensor_that_seems_not_normalised_is_noted(picture: np.ndarray) -> None:
    assert "input.not-normalised" in codes(explain(seeded(), torch.rand(3, 24, 24), mean=MEAN, std=STD))
    assert "input.not-normalised" not in codes(explain(seeded(), normalised(picture), mean=MEAN, std=STD))


@pytest.mark.parametrize(("dtype", "close"), [(torch.float64, 1e-5), (torch.bfloat16, 0.05), (torch.float16, 0.05)])
def test_image_and_tensor_meet_the_network_in_its_type(picture: np.ndarray, dtype: torch.dtype, close: float) -> None:
    model, tensor = seeded(), normalised(picture)
    expected = explain(model, tensor)
    other = copy.deepcopy(model).to(dtype)
    for given in (picture, tensor, tensor.double()):
        seen = explain(other, given, size=24, mean=MEAN, std=STD)
        assert np.allclose(gates(seen)[3], gates(expected)[3], atol=close)


def test_a_grey_network_sees_brightness_or_a_tensor_of_one_plane(picture: np.ndarray) -> None:
    model = seeded(channels=1)
    assert "input.grey" in codes(explain(model, picture, size=24, normalisation="half"))
    seen = explain(model, torch.rand(1, 24, 24))
    assert seen.input_image.shape == (24, 24, 3)
    assert seen.blocks[0].placement is not None


class Pair(nn.Module):
    """Takes two images."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        return (self.conv(left) - self.conv(right)).mean((2, 3))


def test_a_network_of_several_inputs_is_named_with_another_way(picture: np.ndarray) -> None:
    said = refusal("model.several-inputs", Pair().eval(), picture, size=24, normalisation="half")
    assert "'right'" in said
    assert "cbam_core.capture" in said
