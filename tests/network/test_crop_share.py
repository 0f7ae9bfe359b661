"""Networks of timm and torchvision see the part of an image that their own evaluation shows them."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image

from cbam_core import explain
from cbam_core.data.fitting import fit_image
from cbam_core.data.sequences import ImageFiles
from cbam_core.network.facts import Facts
from cbam_core.network.modules import know
from cbam_core.network.statement import statement
from cbam_core.observing import fitted

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")
with warnings.catch_warnings(action="ignore", category=FutureWarning):
    timm = pytest.importorskip("timm")


def places(width: int, height: int) -> np.ndarray:
    """Return an image whose red and green say where a pixel is, from 0 to 255."""
    across, down = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    pixels: np.ndarray = np.rint(np.stack([across, down, across], -1)).astype(np.uint8)
    return pixels


def known(model: torch.nn.Module, **stated: object):
    return know(model.eval(), statement(stated)).classifier()


@pytest.mark.parametrize(("name", "size"), [("resnet18", None), ("resnet18", 160), ("mobilenetv3_small_050", None)])
@pytest.mark.parametrize("shape", [(500, 333), (240, 700)])
def test_an_image_is_cut_as_timm_does(name: str, size: int | None, shape: tuple[int, int]) -> None:
    model = timm.create_model(name)
    config = timm.data.resolve_data_config({} if size is None else {"input_size": (3, size, size)}, model=model)
    config.update(mean=(0, 0, 0), std=(1, 1, 1))
    image = places(*shape)
    theirs = timm.data.create_transform(**config)(Image.fromarray(image)).numpy().transpose(1, 2, 0) * 255
    network = known(model) if size is None else known(model, size=size)
    ours, frame, _ = fit_image(image, network.input_size, "crop", share=network.crop_share)
    pixel = 255 / (np.array(shape) * min(ours.shape[0] / (frame.box[2] - frame.box[0]), 1))
    assert np.abs(ours.astype(float) - theirs)[4:-4, 4:-4, :2].max() < 1.5 * pixel.max() + 1
    assert network.crop_share < 1


def test_the_frame_says_which_part_it_is() -> None:
    pixels, frame, (cropped, _) = fit_image(places(400, 200), (50, 50), "crop", share=0.8)
    assert frame.box == (120.0, 20.0, 280.0, 180.0)
    assert (cropped.values["width"], cropped.values["height"]) == (160, 160)
    assert pixels[25, 0, 0] == pytest.approx(255 * 120 / 400, abs=3)
    assert pixels[25, -1, 0] == pytest.approx(255 * 280 / 400, abs=3)
    for fit in ("pad", "squash"):
        assert fit_image(places(400, 200), (50, 50), fit, share=0.8)[1] == fit_image(places(400, 200), (50, 50), fit)[1]


def test_an_image_of_the_input_size_is_cut_too() -> None:
    assert fit_image(places(50, 50), (50, 50), "crop", share=0.8)[1].box == (5.0, 5.0, 45.0, 45.0)


def test_torchvision_says_how_much_is_cut() -> None:
    assert known(torchvision.models.squeezenet1_1()).crop_share == 224 / 256


def test_a_stated_network_and_odd_configurations_take_the_whole_centre() -> None:
    assert known(torch.nn.Conv2d(3, 2, 1), size=32, normalisation="none").crop_share == 1
    model = timm.create_model("resnet18")
    for change in ({"crop_pct": None}, {"crop_mode": "squash"}, {"crop_pct": 2.0}):
        model.pretrained_cfg = {**timm.create_model("resnet18").pretrained_cfg, **change}
        assert known(model).crop_share == 1


@pytest.mark.parametrize(("size", "share"), [((224, 224), 224 / 235), ((100, 50), 0.95)])
def test_square_inputs_are_resized_to_whole_pixels(size: tuple[int, int], share: float) -> None:
    assert Facts(crop_share=0.95).share_at(size) == share


def test_every_way_to_the_network_cuts_alike(tmp_path) -> None:
    image = places(300, 200)
    Image.fromarray(image).save(tmp_path / "image.png")
    model = timm.create_model("resnet18", block_args={"attn_layer": "cbam"}, num_classes=2).eval()
    explanation = explain(model, image, size=64)
    network = known(model, size=64)
    box = explanation.frame.box
    assert (box[2] - box[0]) / 200 == pytest.approx(64 / 67)
    (batch,) = fitted(network, [image], slice(0, 1))
    (of_file,) = fitted(network, ImageFiles([tmp_path / "image.png"]), slice(0, 1))
    for one in (batch, of_file):
        np.testing.assert_array_equal(one, explanation.input_image)
    torch.testing.assert_close(network.preprocess(image), network.normalise(explanation.input_image))
