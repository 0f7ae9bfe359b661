"""How do images go through a network? In one way: normalised, in batches, with gates recorded, as NumPy arrays.

`observe` is a pure function of a network and a batch: it changes neither, and its result is free of torch, so that
threads, processes and machines can share the work.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from torch import Tensor, nn

from cbam_core.data.sequences import FittedImages, ImageSequence, centre_at
from cbam_core.errors import CaptureError, CbamError, ModelError, text_of
from cbam_core.found_once import FoundOnce
from cbam_core.gates import RecordedGate, capture, place
from cbam_core.gates.not_finite import why_not_finite
from cbam_core.network import Classifier
from cbam_core.network.outputs import as_logits, as_probabilities, described, logits_in
from cbam_core.nn.memory_format import memory_format
from cbam_core.nn.training_mode import check_mode
from cbam_core.own_code import failed_forward
from cbam_core.results.kinds import Kind
from cbam_core.results.placement import Placement
from cbam_core.workers import in_order

Images = Sequence[UInt8[np.ndarray, "_ _ 3"]] | UInt8[np.ndarray, "b h w 3"]
"""RGB images, as a sequence or as one array."""

BATCH = 64
"""Batch size for images of 32x32 pixels, smaller for larger images, so that memory does not grow with their number."""


@dataclass(frozen=True, eq=False)
class ObservedGate:
    """Values of one gate for each image of a batch.

    Attributes:
        name: name of the gate, such as ``"cbam1.channel"``.
        block: name of its block, such as ``"cbam1"``; ``"cbam1#2"`` for the second gates of a block.
        kind: axes along which it differs; see `cbam_core.results.kinds`.
        call: number of this call of the gate in the forward, from 1.
        values: float32 (B, ...): channel (B, C), spatial (B, H, W), full (B, C, H, W).
        scale: factor of the values: the map was multiplied by ``scale * values + shift``.
        shift: what was added to them.
        squashed: whether the values are known to lie in [0, 1].
    """

    name: str
    block: str
    kind: Kind
    call: int
    values: Float32[np.ndarray, "b ..."]
    scale: float = 1.0
    shift: float = 0.0
    squashed: bool = True

    def of(self, index: int) -> ObservedGate:
        """Return the gate for one image of the batch, still as a batch."""
        return replace(self, values=self.values[index : index + 1])

    @property
    def is_finite(self) -> bool:
        """Whether what multiplied the maps was finite for each image."""
        return math.isfinite(self.scale) and math.isfinite(self.shift) and bool(np.isfinite(self.values).all())


@dataclass(frozen=True, eq=False)
class Observation:
    """Outputs and gates of a network for a batch of images, as NumPy arrays.

    Attributes:
        logits: float32 (B, K), finite; of a network with one output, 0 and that output; (B, 0) without classes.
        probabilities: their softmax, float32 (B, K); of a network that ends in several sigmoids, these.
        gates: gates in order of execution; empty where none were requested, or the network has none.
        why_none: why no gate was found; None where there are some, or none were requested.
        outputs: numbers that the network gives for each image; 0 where it gives anything else than one row of them.
    """

    logits: Float32[np.ndarray, "b k"]
    probabilities: Float32[np.ndarray, "b k"]
    gates: tuple[ObservedGate, ...]
    why_none: str | None = None
    outputs: int = 0


def observe(classifier: Classifier, pixels: Images, *, gates: bool = True) -> Observation:
    """Run a network on one batch of images, and read its outputs and gates.

    Args:
        classifier: the network; it is not changed, and several threads may use it at once.
        pixels: uint8 RGB images of the network's input size.
        gates: whether to record gates as well as logits and probabilities.

    Raises:
        CaptureError: gates are requested, and the model is compiled, scripted or exported.
        ModelError: the network is in training mode, does not give one logit for each class, or its logits are not
            finite.
    """
    return _observed_batch(classifier, network_input(classifier, pixels), gates=gates)


def observe_prepared(classifier: Classifier, batch: Float[Tensor, "b c ..."]) -> Observation:
    """Run a network on a batch that is its input already, and read its outputs and gates.

    Args:
        classifier: the network; it is not changed, and several threads may use it at once.
        batch: floats, on any device.

    Raises:
        CaptureError, ModelError: as `observe`.
    """
    modules = check_ready(classifier.model)
    parameter = next(classifier.model.parameters(), batch)
    order = memory_format(modules) if batch.ndim == 4 else torch.contiguous_format
    batch = batch.to(parameter.device, memory_format=order)
    return _observed_batch(classifier, batch.to(parameter.dtype) if parameter.is_floating_point() else batch)


def _observed_batch(classifier: Classifier, batch: Float[Tensor, "b c ..."], *, gates: bool = True) -> Observation:
    with torch.inference_mode(), capture(classifier.model) if gates else nullcontext() as record:
        answer = _answer(classifier, batch)
    found = () if record is None else tuple(_observed(gate) for gate in record.gates)
    try:
        logits = checked_logits(classifier, answer, len(batch)).float()
    except ModelError as error:
        if error.code != "model.not-finite":
            raise
        first = next((gate.name for gate in found if not gate.is_finite), "")
        raise why_not_finite(classifier.name or "this network", classifier.model, batch, first) from None
    if len(batch) > 1 and any(len(gate.values) != len(batch) for gate in found):
        found = _gates_of_each(classifier, batch)
    return Observation(
        logits=_plain(logits),
        probabilities=_plain(as_probabilities(classifier, logits)),
        gates=found,
        why_none=None if found or record is None else getattr(record, "why_none", None),
        outputs=_width(answer, len(batch)),
    )


def _gates_of_each(classifier: Classifier, batch: Float[Tensor, "b c ..."]) -> tuple[ObservedGate, ...]:
    """Observe images one by one, for a network whose gates do not have one row for each image of a batch.

    Raises:
        CaptureError: the images do not have the same gates.
    """
    each = []
    for at in range(len(batch)):
        with torch.inference_mode(), capture(classifier.model) as record:
            _answer(classifier, batch[at : at + 1])
        each.append([_observed(gate) for gate in record.gates])
    if any([(gate.name, gate.kind) for gate in one] != [(gate.name, gate.kind) for gate in each[0]] for one in each):
        raise CaptureError(
            "capture.other-gates",
            "this network has other gates for one image of a batch than for another, so they cannot be shown together: "
            "show one image at a time",
        )
    return tuple(
        replace(same[0], values=np.concatenate([gate.values[:1] for gate in same])) for same in zip(*each, strict=True)
    )


def _answer(classifier: Classifier, batch: Float[Tensor, "b c ..."]) -> Any:
    """Run the forward; what goes wrong in it is said in one sentence.

    Raises:
        ModelError: the network does not accept the batch.
    """
    try:
        return classifier.model(batch)
    except (CbamError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # a network of somebody else can raise anything
        if isinstance(error, TypeError) and "required positional argument" in text_of(error):
            raise ModelError(
                "model.several-inputs",
                "{name} takes more than one input ({reason}): record its gates with cbam_core.capture in a forward of "
                "your own, or show the part of it that takes one image",
                name=classifier.name or type(classifier.model).__name__,
                reason=str(error)[:200],
            ) from error
        name = classifier.name or type(classifier.model).__name__
        raise failed_forward(name, "×".join(map(str, batch.shape)), batch.dtype, error) from error


def observe_all(
    classifier: Classifier, images: ImageSequence, *, gates: bool = True, workers: int = 1
) -> Iterator[Observation]:
    """Run a network on any number of images, batch after batch.

    Args:
        classifier: the network; it is not changed.
        images: uint8 RGB; of an image of another size, the centre is fitted to the network's input.
        gates: whether to record gates.
        workers: number of batches that are observed side by side, each in a thread of its own; see
            `cbam_core.workers.workers_side_by_side`.

    Yields:
        Outputs and gates of each batch; together, every image once and in order.

    Raises:
        CaptureError, ModelError: as `observe`.
    """

    def observed(batch: slice) -> Observation:
        return observe(classifier, fitted(classifier, images, batch), gates=gates)

    yield from in_order(observed, batches(len(images), batch_size(classifier)), workers)


def batch_size(classifier: Classifier) -> int:
    """Return the number of images that go through a network at once."""
    width, height = classifier.input_size
    return max(1, min(BATCH, BATCH * 32 * 32 // (width * height)))


def batches(count: int, size: int) -> Iterator[slice]:
    """Yield slices of at most `size` that cover `count` items in order."""
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))


def fitted(classifier: Classifier, images: ImageSequence, part: slice) -> list[UInt8[np.ndarray, "rows columns 3"]]:
    """Return some images at the network's input size; of one of another size, the centre is resized."""
    size, share = classifier.input_size, classifier.crop_share
    if isinstance(images, FittedImages):
        return [images.fitted(index, size, share) for index in range(*part.indices(len(images)))]
    chosen = images[part]
    whole = np.asarray(chosen) if isinstance(chosen, np.ndarray) else chosen  # of a memory map, pieces are slow to make
    return [centre_at(image, size, share) for image in whole]


def network_input(classifier: Classifier, pixels: Images) -> Float[Tensor, "b planes h w"]:
    """Normalise images of the network's input size as a batch, on the device and in the type of its parameters.

    Raises:
        ModelError: the network is in training mode.
    """
    modules = check_ready(classifier.model)
    channels_last = torch.from_numpy(np.array(pixels)).permute(0, 3, 1, 2)  # (B, H, W, 3) -> (B, 3, H, W)
    parameter = next(classifier.model.parameters(), channels_last)
    images = classifier.normalise_batch(channels_last.to(parameter.device))
    images = images.contiguous(memory_format=memory_format(modules))
    return images.to(parameter.dtype) if parameter.is_floating_point() else images


def check_ready(model: nn.Module) -> list[nn.Module]:
    """Check that a network can compute, and return its modules.

    Raises:
        ModelError: it or a part of it is in training mode, or it has no weights.
    """
    modules = list(model.modules())
    if any(module.training for module in modules):
        check_mode(model)
    held = chain.from_iterable(module._parameters.values() for module in modules)
    if any(parameter is not None and parameter.is_meta for parameter in held):
        raise ModelError(
            "model.on-meta",
            "the network is on the device 'meta', where it has shapes and no weights: build it on a device, and load "
            "its weights",
        )
    return modules


_PLACED: FoundOnce[dict[str, Placement]] = FoundOnce()


def placements(model: nn.Module, input_size: tuple[int, int]) -> dict[str, Placement]:
    """Return the placements of a model's blocks, computed once for each model and size; nothing is stored on it.

    They are empty for a model that does not take a black image of its size: then its places are unknown.
    """
    return _PLACED.find(model, input_size, lambda: _placed(model, input_size))


def _placed(model: nn.Module, input_size: tuple[int, int]) -> dict[str, Placement]:
    try:
        return place(model, input_size, every_call=True)
    except Exception as error:  # whatever a model raises, which may need more than an image
        reason = f"{type(error).__name__}: {text_of(error)}"
        logging.getLogger("cbam_lens").warning("the places of maps are not known: %s", reason[:200])
        return {}


def checked_logits(classifier: Classifier, answer: Any, count: int) -> Tensor:
    """Return one logit for each class; beside the only one of a network, 0: their softmax is its sigmoid.

    Without classes, whatever the network answers is no logit. Of a network that gives probabilities, logits are made.

    Args:
        classifier: the network.
        answer: what it answered.
        count: number of images, B.

    Returns:
        Logits (B, K).

    Raises:
        ModelError: the answer does not have one logit for each class, or they are not finite.
    """
    if not classifier.classes:
        return torch.zeros(count, 0)
    logits = logits_in(answer)
    if logits.shape in ((count, 1), (count,)) and len(classifier.classes) == 2:
        logits = nn.functional.pad(as_logits(classifier, logits.reshape(count, 1)), (1, 0))
    elif logits.shape == (count, len(classifier.classes)):
        logits = as_logits(classifier, logits)
    if logits.shape != (count, len(classifier.classes)):
        raise ModelError(
            "model.logits-shape",
            "a classifier of {classes} classes must give logits of shape ({batch}, {classes}); "
            "this network gave {shape}; give it so many outputs, or state that it is no classifier, with classes=() or "
            "--classes none",
            classes=len(classifier.classes),
            batch=count,
            shape=described(answer),
        )
    if not logits.isfinite().all():
        raise ModelError(
            "model.not-finite",
            "the output of {name} is not finite: its numbers are too large to compute with, or its forward divides by "
            "0",
            name=classifier.name or "this network",
        )
    return logits


def finite_answers(classifier: Classifier, pixels: Images) -> list[bool]:
    """Check for which images of a batch what a network answers is finite; all, where it gives nothing for each.

    Args:
        classifier: the network; it is not changed.
        pixels: uint8 RGB images of its input size.
    """
    with torch.inference_mode():
        logits = logits_in(_answer(classifier, network_input(classifier, pixels)))
    if len(logits) != len(pixels):
        return [True] * len(pixels)
    found: list[bool] = logits.reshape(len(pixels), -1).isfinite().all(dim=1).tolist()
    return found


def _width(answer: Any, count: int) -> int:
    """Count the numbers in the one row that a network gives for each image; 0 where it gives something else."""
    if not isinstance(answer, Tensor) or answer.ndim not in (1, 2) or len(answer) != count:
        return 0
    return 1 if answer.ndim == 1 else answer.shape[1]


def _observed(gate: RecordedGate) -> ObservedGate:
    use = (gate.scale, gate.shift, gate.squashed)
    return ObservedGate(gate.name, gate.shown_in, gate.kind, gate.call, _plain(gate.values), *use)


def _plain(values: Tensor) -> Float32[np.ndarray, ...]:
    array: np.ndarray = values.float().cpu().numpy()
    return array
