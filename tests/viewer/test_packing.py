import base64
import io

import numpy as np
from PIL import Image

from cbam_core.viewer import Settings, ViewedBlock, lay_out
from cbam_core.viewer.packing import as_packed, jpeg
from tests.plain_blocks import block_of
from tests.viewer.test_payload import INPUT, POOLED, WHOLE, numbers


def unpacked(sent):
    steps = np.frombuffer(base64.b64decode(sent["steps"]), "<u2")
    return sent["low"] + sent["step"] * steps


def test_packed_numbers_are_off_by_half_a_step_at_most():
    values = np.random.default_rng(0).uniform(0.2, 0.9, 4000).astype(np.float32)
    sent = as_packed(values)
    assert len(sent["steps"]) <= 4 * (2 * 4000 / 3 + 1)
    limit = (float(values.max()) - float(values.min())) / 131_070
    assert np.abs(unpacked(sent) - values.astype(float)).max() <= limit * (1 + 1e-9)
    assert unpacked(sent).min() == values.min()


def test_equal_numbers_are_packed_without_loss():
    assert unpacked(as_packed(np.full(3, 0.3, np.float32))).tolist() == [float(np.float32(0.3))] * 3


def test_numbers_that_are_not_finite_are_never_packed():
    values = np.array([0.5, np.nan, np.inf], np.float32)
    assert np.array_equal(numbers(as_packed(values)), values, equal_nan=True)


def test_a_photo_is_near_its_pixels():
    ramp = np.broadcast_to(np.linspace(0, 255, 64).astype(np.uint8)[:, None, None], (64, 64, 3))
    assert np.abs(np.asarray(Image.open(io.BytesIO(jpeg(ramp)))).astype(int) - ramp).max() <= 4


def test_a_packed_payload_keeps_small_pictures_exact_and_packs_every_gate():
    mask = np.linspace(0, 1, 256, dtype=np.float32).reshape(16, 16)
    block = ViewedBlock(block_of("b", {"spatial": mask, "channel": mask[0]}))
    sent = block.as_dict(packed=True)
    assert np.allclose(unpacked(sent["mask"]["values"]), mask.ravel(), atol=1e-5)
    assert set(sent["weights"]["values"]) == {"low", "step", "steps"}
    photo = np.zeros((200, 300, 3), np.uint8)
    payload = lay_out(INPUT, WHOLE, [block_of("b", {"spatial": mask}, POOLED)], original=photo, settings=Settings())
    small, large = payload.as_dict(packed=True)["images"]
    assert "png" in small
    assert "jpeg" in large
    assert "png" in payload.as_dict()["images"][1]


def test_noise_is_encoded_too():
    noise = np.random.default_rng(0).integers(0, 256, (224, 224, 3), np.uint8)
    assert Image.open(io.BytesIO(jpeg(noise))).size == (224, 224)
