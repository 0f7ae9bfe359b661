"""Logging what the gates of a network do, from a training loop of anybody's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor, nn

from cbam_core.arguments import WHOLE, instance_of, takes
from cbam_core.errors import CaptureError
from cbam_core.gates import capture
from cbam_core.gates.record import RecordedGate
from cbam_core.nn.cbam import MODULE
from cbam_core.render.colours import colourise

TILE = 64
"""Size in pixels to which a mask's longer side is enlarged, by an integer factor."""

MOST_IMAGES = 8
"""Number of images of a batch whose masks are drawn."""


@runtime_checkable
class Writer(Protocol):
    """The two methods of TensorBoard's ``SummaryWriter`` that are called; any object that has them will do."""

    def add_scalar(self, tag: str, value: float, step: int, /) -> Any:
        """Log a number."""

    def add_image(self, tag: str, picture: UInt8[np.ndarray, "h w 3"], step: int, /, *, dataformats: str) -> Any:
        """Log a picture, uint8 RGB (H, W, 3), where ``dataformats`` is ``"HWC"``."""


BATCH = instance_of("a tensor of prepared images (B, C, H, W)", Tensor)
WRITER = instance_of("an object with add_scalar and add_image, such as a SummaryWriter", Writer)
"""Kinds of arguments."""


@takes(CaptureError, model=MODULE, batch=BATCH, writer=WRITER, step=WHOLE)
def log_gates(model: nn.Module, batch: Tensor, writer: Writer, step: int) -> dict[str, float]:
    """Log what each gate of a network does with a batch: three numbers for each gate, and a picture of most.

    Give the same few images each time, so that steps can be compared. ``Gate mean/NAME`` is the mean of all values,
    ``Gate pattern/NAME`` the standard deviation over the places (channels, cells) of an image, as a mean over images,
    and ``Gate image/NAME`` the standard deviation over the images of a place, as a mean over places: a gate whose
    ``image`` stays at 0 is the same for every image. ``Spatial mask/NAME`` has the first eight images with their masks
    below, ``Channel weights/NAME`` a row for each image, both in colours from 0 to 1.

    It costs one forward, in evaluation mode and without gradients, and at its first call on a network whose gates are
    not modules of this library a few more. Afterwards each module is in the mode in which it was; parameters and
    buffers are untouched.

    Args:
        model: any network whose gates `cbam_core.capture` finds.
        batch: prepared images (B, C, H, W), on the model's device.
        writer: TensorBoard's ``SummaryWriter``, or any object with its ``add_scalar`` and ``add_image``.
        step: number of the step or epoch.

    Returns:
        The numbers by their tag.

    Raises:
        CaptureError: no gate was found (``log.no-gates``), the batch is empty (``log.no-images``), or the network
            cannot be captured.
    """
    if not len(batch):
        raise CaptureError("log.no-images", "nothing to log: the batch has no images")
    with evaluating(model), torch.no_grad(), capture(model) as record:
        model(batch)
    if not record.gates:
        raise CaptureError(
            "log.no-gates", "nothing to log: {reason}", reason=record.why_none or "the network has no gates"
        )
    numbers = {tag: value for gate in record.gates for tag, value in _numbers(gate).items()}
    for tag, value in numbers.items():
        writer.add_scalar(tag, value, step)
    images = _as_images(batch[:MOST_IMAGES])
    for gate in record.gates:
        if gate.kind in ("channel", "spatial"):
            draw_gate(writer, gate.name, gate.kind, _unit(gate)[:MOST_IMAGES], images, step)
    return numbers


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Switch a network to evaluation mode, and each of its modules back afterwards."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training


def draw_gate(
    writer: Writer,
    tag: str,
    kind: str,
    values: Float32[np.ndarray, "n ..."],
    images: UInt8[np.ndarray, "n h w 3"],
    step: int,
) -> None:
    """Log the masks below their images, or the channel weights as a row for each image, in colours from 0 to 1."""
    if kind == "spatial" and values.ndim == 3:
        _picture(writer, f"Spatial mask/{tag}", masks_in_a_row(images, values), step)
    if kind == "channel":
        _picture(writer, f"Channel weights/{tag}", colourise(values), step)


def masks_in_a_row(
    images: UInt8[np.ndarray, "n h w 3"], masks: Float32[np.ndarray, "n rows columns"]
) -> UInt8[np.ndarray, "drawn_h drawn_w 3"]:
    """Draw images side by side, and below each its spatial mask, on the scale from 0 to 1."""
    zoom = max(1, TILE // max(masks.shape[1:]))
    coloured = colourise(masks).repeat(zoom, 1).repeat(zoom, 2)
    height, width = coloured.shape[1:3]
    rows = np.arange(height) * images.shape[1] // height
    columns = np.arange(width) * images.shape[2] // width
    pictures = images[:, rows][:, :, columns]
    pairs = np.concatenate([pictures, coloured], axis=1)  # (N, 2H, W, 3)
    row: np.ndarray = np.concatenate(list(pairs), axis=1)
    return row


def _picture(writer: Writer, tag: str, picture: UInt8[np.ndarray, "h w 3"], step: int) -> None:
    writer.add_image(tag, picture, step, dataformats="HWC")


def _numbers(gate: RecordedGate) -> dict[str, float]:
    values = gate.values.double().flatten(1)
    return {
        f"Gate mean/{gate.name}": float(values.mean()),
        f"Gate pattern/{gate.name}": float(values.std(dim=1, correction=0).mean()),
        f"Gate image/{gate.name}": float(values.std(dim=0, correction=0).mean()),
    }


def _unit(gate: RecordedGate) -> Float32[np.ndarray, "n ..."]:
    """Values in [0, 1]; those of a gate without a squash are stretched from their lowest to their highest."""
    values = gate.values.float().cpu().numpy()
    if gate.squashed:
        return values
    low, high = float(values.min()), float(values.max())
    stretched: np.ndarray = (values - low) / (high - low) if high > low else np.zeros_like(values)
    return stretched


def _as_images(batch: Tensor) -> UInt8[np.ndarray, "n h w 3"]:
    """Draw prepared images: each from its own lowest value to its highest, for their normalisation is not known."""
    values = batch.detach().float().cpu()
    if values.ndim != 4:
        return np.zeros((len(values), 1, 1, 3), np.uint8)
    values = values if values.shape[1] == 3 else values.mean(dim=1, keepdim=True).expand(-1, 3, -1, -1)
    low, high = values.amin(dim=(1, 2, 3), keepdim=True), values.amax(dim=(1, 2, 3), keepdim=True)
    unit = (values - low) / (high - low).clamp_min(1e-12)
    drawn: np.ndarray = (unit * 255).round().byte().permute(0, 2, 3, 1).numpy()
    return drawn
