"""Every form in which an image can be given to `explain`: files, pixels, prepared tensors and batches of these."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from cbam_core.data.fitting import decode_to_fit, fit_image
from cbam_core.data.images import DecodedImage, OpenFile, decode
from cbam_core.errors import ImageError, Message
from cbam_core.network import Classifier
from cbam_core.nn.registry import input_axes
from cbam_core.results.frame import Fit, Frame, Square

AnyImage = bytes | bytearray | memoryview | OpenFile | str | Path | Image.Image | np.ndarray | Tensor | DecodedImage
"""One image: a path, bytes, open file, PIL image, array (H, W, 3), decoded image, or prepared tensor (C, H, W).

Of a network for signals or volumes: a prepared tensor (C, L) or (C, D, H, W)."""

OUTSIDE = 0.05
"""How far undone normalisation may lead out of [0, 1] without a note."""


@dataclass(frozen=True, eq=False)
class Input:
    """One image, ready for a network.

    Attributes:
        pixels: what is shown as the network's input, uint8 RGB (H, W, 3).
        frame: its position in the original.
        fit: how the original was fitted.
        notes: conversions, in order.
        digest: SHA-256 of the image.
        prepared: input of the network (C, H, W), if it was given as a tensor; (C, L) for a signal, (C, D, H, W) for a
            volume.
    """

    pixels: UInt8[np.ndarray, "h w 3"]
    frame: Frame
    fit: Fit
    notes: tuple[Message, ...]
    digest: str
    prepared: Float[Tensor, "c ..."] | None = None


def listed(given: Any, axes: int = 2) -> tuple[list[AnyImage], bool]:
    """Return the images of an argument of `explain`, and whether there is a list of them.

    A batch (B, C, H, W) is a list of its images; of a batch of a data loader, (images, labels), the labels are left
    out. A generator, such as ``Path("photos").glob("*.jpg")``, is a list too.

    Args:
        given: the argument.
        axes: axes of the network's input beside batch and channels, see `cbam_core.nn.registry.input_axes`.

    Raises:
        ImageError: a tensor has another number of axes, or a whole data set or data loader is given.
    """
    if isinstance(given, DataLoader | Dataset):
        raise ImageError(
            "input.data-loader",
            "expected one image, a list or a batch; given a whole {given}: give a batch, next(iter(loader)), or some "
            "of its images, [dataset[i][0] for i in range(8)]",
            given=type(given).__name__,
        )
    if isinstance(given, Iterator) and not isinstance(given, OpenFile):
        given = [*given]
    if isinstance(given, list | tuple):
        if len(given) == 2 and _is_batch(given[0], axes) and _are_labels(given[1], len(given[0])):
            return listed(given[0], axes)
        return [one for each in given for one in _rows(each, axes)], True
    return _rows(given, axes), _is_batch(given, axes)


def labels_of(given: Any, axes: int = 2) -> tuple[str | int | None, ...]:
    """Return the labels beside the images of a batch of a data loader: one word or whole number each; () for none."""
    pair = isinstance(given, list | tuple) and len(given) == 2 and _is_batch(given[0], axes)
    if not pair or not _are_labels(given[1], len(given[0])):
        return ()
    labels = given[1].tolist() if isinstance(given[1], Tensor) else list(given[1])
    return tuple(labels) if all(isinstance(label, int | str) for label in labels) else ()


def _is_batch(given: Any, axes: int) -> bool:
    return isinstance(given, Tensor) and given.ndim == axes + 2


def _are_labels(given: Any, count: int) -> bool:
    """Check for what stands beside the images of a batch: labels, or one row of numbers for each image."""
    if isinstance(given, Tensor):
        return given.ndim in (1, 2) and len(given) == count
    return isinstance(given, list | tuple) and len(given) == count and not isinstance(given[0], Tensor)


def _rows(given: Any, axes: int) -> list[AnyImage]:
    """Return one image, or those of a batch of tensors; tensors of bytes are pixels."""
    if not isinstance(given, Tensor):
        return [given]
    if given.ndim not in (axes + 1, axes + 2):
        raise _wrong_axes(given, axes)
    return [_bytes_as_pixels(one) for one in (given if given.ndim == axes + 2 else given[None])]


def _wrong_axes(given: Tensor, axes: int) -> ImageError:
    shape = str(tuple(given.shape))
    if axes == 2:
        return ImageError(
            "input.axes",
            "a tensor has the axes (C, H, W) of one image or (B, C, H, W) of a batch; given the shape {shape}",
            shape=shape,
        )
    if axes == 1:
        return ImageError(
            "input.axes-of-signal",
            "a network for signals takes a tensor (C, L), or (B, C, L) of a batch; given the shape {shape}",
            shape=shape,
        )
    return ImageError(
        "input.axes-of-volume",
        "a network for volumes takes a tensor (C, D, H, W), or (B, C, D, H, W) of a batch; given the shape {shape}",
        shape=shape,
    )


def _bytes_as_pixels(image: Tensor) -> AnyImage:
    """Return a tensor of bytes as pixels (H, W, 3), and any other as it is."""
    if image.dtype != torch.uint8 or image.ndim != 3:
        return image
    planes = image.expand(3, -1, -1) if image.shape[0] == 1 else image
    pixels: np.ndarray = planes.permute(1, 2, 0).cpu().numpy()
    return pixels


def prepare(classifier: Classifier, image: AnyImage, fit: Fit, square: Square | None) -> Input:
    """Decode and fit an image, or take a tensor as the network's input.

    Raises:
        ImageError: the image cannot be read, or fitted, or is no input of a network.
    """
    if isinstance(image, Tensor):
        return _taken(classifier, image)
    if input_axes(classifier.model) != 2:
        raise _no_image(classifier)
    size = classifier.input_size
    share = classifier.crop_share
    picture = image if isinstance(image, DecodedImage) else _decoded(image, size, fit, square, share)
    pixels, frame, fitted = fit_image(
        picture.pixels, size, fit, square=square, fill=classifier.fill, grid=picture.grid, share=share
    )
    notes = (*picture.notes, *fitted, *_notes_on_input(classifier, pixels))
    return Input(pixels, frame, fit, notes, picture.digest)


def _no_image(classifier: Classifier) -> ImageError:
    name = classifier.name or "this network"
    if input_axes(classifier.model) == 1:
        return ImageError(
            "input.takes-signals", "{name} takes signals, not images: give a prepared tensor (C, L)", name=name
        )
    return ImageError(
        "input.takes-volumes", "{name} takes volumes, not images: give a prepared tensor (C, D, H, W)", name=name
    )


def _decoded(image: Any, size: tuple[int, int], fit: Fit, square: Square | None, share: float) -> DecodedImage:
    if isinstance(image, np.ndarray) and image.dtype.kind == "f":
        return _from_floats(image)
    if isinstance(image, str | Path) and str(image).startswith("~") and not Path(image).exists():
        image = Path(image).expanduser()
    return decode_to_fit(image, size, fit, square=square, share=share)


def _from_floats(array: np.ndarray) -> DecodedImage:
    """Read colours in [0, 1] as bytes.

    Raises:
        ImageError: it is no image of such colours.
    """
    if array.ndim != 3 or array.shape[2] != 3 or not array.size or not (array.min() >= 0 and array.max() <= 1):
        span = f"{array.min():.3g} to {array.max():.3g}" if array.size else "no values"
        raise ImageError(
            "input.float-array",
            "an array of floats must have the shape (height, width, 3) and colours from 0 to 1; given {shape} with "
            "{span}: scale it, or give a prepared input as a tensor (C, H, W)",
            shape=str(array.shape),
            span=span,
        )
    picture = decode(np.rint(array * 255).astype(np.uint8))
    note = Message("input.float-colours", "colours from 0 to 1 were taken as bytes from 0 to 255")
    return replace(picture, notes=(note, *picture.notes))


def _notes_on_input(classifier: Classifier, pixels: UInt8[np.ndarray, "h w 3"]) -> Iterator[Message]:
    """Note what the network cannot see in its input."""
    if (pixels == pixels[0, 0]).all():
        yield Message(
            "input.one-colour",
            "the whole input has one colour: what the gates show comes from the network and its borders, not from an "
            "image",
        )
    if classifier.in_channels == 1 and (pixels.min(axis=2) != pixels.max(axis=2)).any():
        yield Message("input.grey", "the network takes grey images: it saw the brightness of the colours")


def _taken(classifier: Classifier, image: Tensor) -> Input:
    """Take a tensor as the network's input.

    Raises:
        ImageError: it has no floats, or some that are not finite.
    """
    image = image.detach()
    if not image.is_floating_point() or not image.numel() or not image.isfinite().all():
        raise ImageError(
            "input.tensor",
            "a prepared input is a tensor of finite floats, and an image a tensor of uint8; given {dtype} of shape "
            "{shape}",
            dtype=str(image.dtype).removeprefix("torch."),
            shape=str(tuple(image.shape)),
        )
    values: np.ndarray = image.cpu().to(torch.float32).numpy()
    shown, notes = _shown(classifier, values) if values.ndim == 3 else _shown_flat(values)
    height, width = shown.shape[:2]
    frame = Frame((width, height), (width, height), (0.0, 0.0, float(width), float(height)))
    digest = hashlib.sha256(str(values.shape).encode() + np.ascontiguousarray(values).tobytes()).hexdigest()
    return Input(shown, frame, "crop", (*notes, *_notes_on_prepared(values, classifier)), digest, image)


def _shown(
    classifier: Classifier, values: Float32[np.ndarray, "c h w"]
) -> tuple[UInt8[np.ndarray, "h w 3"], tuple[Message, ...]]:
    """Return a prepared input as it looks, and what was done to show it."""
    planes = len(values) if len(values) in (1, 3) else 0
    if planes:
        mean, std = (np.array(numbers[:planes], np.float32) for numbers in (classifier.mean, classifier.std))
        colours = values * std[:, None, None] + mean[:, None, None]
        if colours.min() >= -OUTSIDE and colours.max() <= 1 + OUTSIDE:
            return _as_bytes(colours), (Message("input.prepared", "the tensor was taken as the network's input"),)
    return _scaled(values if planes else values.mean(axis=0, keepdims=True))


def _scaled(visible: Float32[np.ndarray, "c h w"]) -> tuple[UInt8[np.ndarray, "h w 3"], tuple[Message, ...]]:
    """Return planes with their values scaled to black and white, and a note that says so."""
    low, high = float(visible.min()), float(visible.max())
    note = Message(
        "input.scaled",
        "the tensor was taken as the network's input, and is shown with its values from {low:.3g} to {high:.3g} "
        "scaled to black and white",
        {"low": low, "high": high},
    )
    return _as_bytes((visible - low) / ((high - low) or 1.0)), (note,)


def _shown_flat(values: Float32[np.ndarray, "c ..."]) -> tuple[UInt8[np.ndarray, "h w 3"], tuple[Message, ...]]:
    """Return a signal or a volume as a picture, and what was done to show it."""
    sizes = " x ".join(map(str, values.shape))
    if values.ndim == 2:
        note = Message(
            "input.signal",
            "the input is a signal of {sizes} values, shown with a row for each channel",
            {"sizes": sizes},
        )
        channels, length = values.shape
        plane = values.repeat(max(1, length // (WIDEST * channels)), axis=0)
    else:
        note = Message(
            "input.volume",
            "the input is a volume of {sizes} values, of which the middle slice is shown",
            {"sizes": sizes},
        )
        plane = values.mean(axis=0)[values.shape[1] // 2]
    pixels, notes = _scaled(plane[None])
    return pixels, (note, *notes)


WIDEST = 4
"""About how many times as wide as high the picture of a signal is at most, where its rows allow it."""


def _notes_on_prepared(values: Float32[np.ndarray, "c ..."], classifier: Classifier) -> Iterator[Message]:
    """Note that a tensor looks as if it had not been normalised."""
    if any(classifier.mean) and values.min() >= 0 and values.max() <= 1 and values.max() > values.min():
        yield Message(
            "input.not-normalised",
            "all values of the tensor lie between 0 and 1: if it was not normalised, give the image itself, or a "
            "tensor of uint8",
        )


def _as_bytes(colours: Float32[np.ndarray, "c h w"]) -> UInt8[np.ndarray, "h w 3"]:
    planes = np.rint(colours.clip(0, 1) * 255).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(planes, (3, *planes.shape[1:])).transpose(1, 2, 0))


def together(inputs: Sequence[Input]) -> Iterator[list[Input]]:
    """Group neighbours that can share a batch: images, or tensors of one shape."""
    group: list[Input] = []
    for one in inputs:
        if group and _shape(one) != _shape(group[0]):
            yield group
            group = []
        group.append(one)
    if group:
        yield group


def _shape(one: Input) -> tuple[object, ...] | None:
    return None if one.prepared is None else (*one.prepared.shape, one.prepared.dtype, one.prepared.device)
