"""What are the numbers that a network gives for its classes: logits, probabilities, or sigmoids?

It is decided once for each network, anew where a module of it is exchanged, and never by an image that is shown: a copy
answers inputs of random numbers. Outputs that lie in [0, 1] and add up to 1 for all of them are probabilities. Outputs
that a sigmoid was seen to give are probabilities of classes that do not exclude each other. All others count as logits,
also log-probabilities, whose softmax is what they are the logarithm of.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from cbam_core.errors import Message
from cbam_core.found_once import FoundOnce
from cbam_core.gates.operations.isolation import random_state_kept
from cbam_core.gates.operations.switching import others_hidden
from cbam_core.gates.operations.twin import structural_copy
from cbam_core.network.classifier import Classifier
from cbam_core.nn.registry import input_axes, input_channels

log = logging.getLogger("cbam_lens")

Outputs = Literal["logits", "probabilities", "sigmoids", "sigmoid"]
"""What a network gives: ``"sigmoids"`` are probabilities that need not add up to 1, ``"sigmoid"`` is only one."""

SPREADS = (1.0, 0.0, 0.5, 1.0, 2.0, 4.0)
"""Deviations of the inputs of random numbers by which it is decided."""

CLOSE = 1e-3
"""How far from 1 the sum of probabilities may be; of bfloat16, which has fewer digits, one step at 1."""

SMALLEST = torch.finfo(torch.float32).tiny
EPSILON = 1e-7
"""How near to 0 and 1 a probability is told apart from them."""

_SIGMOIDS = {"sigmoid", "sigmoid_", "expit", "special_expit", "hardsigmoid"}


_KNOWN: FoundOnce[Outputs] = FoundOnce()


def outputs_of(classifier: Classifier) -> Outputs:
    """Return what a network gives for its classes; ``"logits"`` where that is not known."""
    return _KNOWN.find(classifier.model, classifier.input_size, lambda: _found(classifier))


def as_logits(classifier: Classifier, outputs: Float[Tensor, "*rows k"]) -> Float[Tensor, "*rows k"]:
    """Return logits whose softmax are the probabilities that a network gives; of sigmoids, whose sigmoids they are.

    Args:
        classifier: the network.
        outputs: its outputs for any images; logits are returned as they are.
    """
    kind = outputs_of(classifier) if _in_unit(outputs) else "logits"
    if kind == "logits":
        return outputs
    outputs = outputs.float()
    return outputs.clamp(min=SMALLEST).log() if kind == "probabilities" else outputs.logit(eps=EPSILON)


def as_probabilities(classifier: Classifier, logits: Float[Tensor, "b k"]) -> Float[Tensor, "b k"]:
    """Return the probability of each class: a softmax, or sigmoids where a network gives several.

    Args:
        classifier: the network.
        logits: what `cbam_core.observing.checked_logits` returned.
    """
    return logits.sigmoid() if _kind(classifier) == "sigmoids" else logits.softmax(dim=1)


def notes_on_outputs(classifier: Classifier) -> tuple[Message, ...]:
    """Say what a network gives for its classes where that is not logits, and has been found out."""
    kind = _kind(classifier) if classifier.classes else "logits"
    if kind == "sigmoids":
        return (
            Message(
                "network.sigmoids",
                "the network ends in sigmoids: each class has a probability of its own, so classes do not exclude each "
                "other, and probabilities need not add up to 1",
            ),
        )
    if kind == "logits":
        return ()
    return (
        Message(
            "network.probabilities",
            "the outputs of the network are probabilities already, and are shown as they are, without a softmax",
        ),
    )


def logits_in(answer: Any) -> Tensor:
    """Return the tensor that an answer is, or holds; an empty one where there is none.

    Of a dict, it is that under the name ``logits``, else the only one with a row of numbers for each image; of a tuple,
    the first. Maps of one cell, as (B, K, 1, 1), are rows.
    """
    if isinstance(answer, Mapping):
        rows = [one for one in answer.values() if isinstance(one, Tensor) and one.ndim == 2 and one.is_floating_point()]
        answer = answer.get("logits", rows[0] if len(rows) == 1 else None)
    elif isinstance(answer, tuple | list) and answer:
        answer = answer[0]
    elif not isinstance(answer, Tensor):
        answer = getattr(answer, "logits", None)
    if not isinstance(answer, Tensor):
        return torch.zeros(0)
    return answer.flatten(1) if answer.ndim > 2 and set(answer.shape[2:]) == {1} else answer


def described(answer: Any) -> str:
    """Say what an answer is: its shape, or what it holds."""
    if isinstance(answer, Tensor):
        return str(tuple(answer.shape))
    held = answer.items() if isinstance(answer, Mapping) else []
    if isinstance(answer, tuple | list):
        held = [("", one) for one in answer]
    shapes = [f"{name} {tuple(one.shape)}".strip() for name, one in held if isinstance(one, Tensor)]
    return type(answer).__name__ + (f" ({', '.join(shapes[:4])})" if shapes else "")


def _kind(classifier: Classifier) -> Outputs:
    """Return what a network gives, as far as it was found out."""
    return _KNOWN.known(classifier.model, classifier.input_size) or "logits"


def _found(classifier: Classifier) -> Outputs:
    """Find what a copy of a network gives for inputs of random numbers; the network is not touched."""
    try:
        twin, _ = structural_copy(classifier.model)
        with others_hidden(), random_state_kept(classifier.model), _scripted_kept(classifier.model):
            return _tried(twin, classifier)
    except Exception:  # a network of somebody else can raise anything
        log.debug("what the network gives is not known", exc_info=True)
        return "logits"


@contextmanager
def _scripted_kept(model: nn.Module) -> Iterator[None]:
    """Restore the buffers of scripted modules, which a copy of a network shares with it; without gradients."""
    scripted = [module for module in model.modules() if isinstance(module, torch.jit.ScriptModule)]
    kept = [(buffer, buffer.clone()) for module in scripted for buffer in module.buffers(recurse=False)]
    try:
        with torch.inference_mode():
            yield
    finally:
        for buffer, before in kept:
            if not torch.equal(buffer, before):
                buffer.detach().copy_(before)


def _tried(model: nn.Module, classifier: Classifier) -> Outputs:
    if input_axes(model) != 2:
        return "logits"
    width, height = classifier.input_size
    like = next((one for one in model.parameters() if one.is_floating_point()), torch.zeros(()))
    numbers = torch.Generator().manual_seed(0)
    are_shares = by_sigmoid = True
    outputs = torch.zeros(1, 0)
    for spread in SPREADS:
        image = spread * torch.randn(1, input_channels(model), height, width, generator=numbers)
        with _Sigmoids(max(1, len(classifier.classes))) as seen:
            answer = logits_in(model(image.to(like.device, like.dtype)))
        if answer.shape[:1] != (1,) or answer.ndim > 2 or not _in_unit(answer):
            return "logits"
        outputs = answer.float().reshape(1, -1)
        close = max(CLOSE, torch.finfo(answer.dtype).eps)
        are_shares &= bool(abs(float(outputs.sum()) - 1) <= close)
        by_sigmoid &= seen.gave(answer)
    several = outputs.shape[1] > 1
    if several and are_shares:
        return "probabilities"
    return "logits" if not by_sigmoid else "sigmoids" if several else "sigmoid"


def _in_unit(outputs: Tensor) -> bool:
    """Check that outputs lie in [0, 1], apart from those that are not numbers."""
    return bool(outputs.numel()) and not bool(((outputs < 0) | (outputs > 1)).any())


class _Sigmoids(TorchFunctionMode):
    """Keeps what sigmoids gave in a forward.

    Args:
        most: largest number of values that is kept of one: those of the output of a network.
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most, self._given = most, list[Tensor]()

    def __torch_function__(
        self, func: Callable[..., Any], _types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if getattr(func, "__name__", "") in _SIGMOIDS and isinstance(result, Tensor) and result.numel() <= self._most:
            self._given.append(result)
        return result

    def gave(self, answer: Tensor) -> bool:
        """Check that an answer, or what it is a view of, is what a sigmoid gave."""
        return any(one.numel() == answer.numel() and one.data_ptr() == answer.data_ptr() for one in self._given)
