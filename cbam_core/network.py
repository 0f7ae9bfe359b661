"""What is a trained network? Its model, its classes, how images are prepared for it, and how it was made."""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import logging
import platform
import re
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor, nn

from cbam_core.data.fitting import fit_image
from cbam_core.data.images import ImageSource, decode
from cbam_core.data.normalisation import as_grey, normalise
from cbam_core.errors import CheckpointError, DataError, Message
from cbam_core.files import write_atomically
from cbam_core.nn.registry import assemble, expected_tensors
from cbam_core.places import shipped_checkpoints
from cbam_core.results.usual import Usual, read_usual, usual_path
from cbam_core.weights import open_weights
from cbam_core.weights.card import Card
from cbam_core.weights.description import METADATA_KEY, Description, Triple, two_names
from cbam_core.weights.opening import find_network
from cbam_core.weights.stating import stated

log = logging.getLogger("cbam_lens")


@dataclass(frozen=True)
class Source:
    """The file that a network was loaded from.

    Attributes:
        digest: SHA-256 of the file in hexadecimal.
        weights: name in the file of the weights that were taken; "" where they have none.
        known: names of all weights of this network in the file, those that are taken by default first.
    """

    digest: str
    weights: str
    known: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Classifier:
    """A trained network with everything that is needed to use it.

    Attributes:
        model: network in eval mode, for normalised images (B, 3, H, W); shared, never changed.
        classes: names of the K classes, in the order of the outputs; of a network with one output, two names, and its
            sigmoid is the probability of the second.
        mean: mean of each channel for normalisation, RGB, in [0, 1].
        std: standard deviation of each channel for normalisation, RGB, in [0.001, 1000].
        input_size: (width, height) in pixels that images are fitted to.
        architecture: registered name; "" for any other module, which can be shown but not saved.
        arguments: arguments of its constructor.
        card: model card: how it was made.
        name: name on pages and in files.
        digest: SHA-256 of its file in hexadecimal, or of the file and what was chosen or stated when it was opened; ""
            for a network without a file.
        usual: what its gates usually do; None if that is not known.
        remarks: what was left out or chosen when its file was opened.
        source: file that it was loaded from; None for a network without a file.
    """

    model: nn.Module = field(repr=False)
    classes: tuple[str, ...]
    mean: Triple
    std: Triple
    input_size: tuple[int, int]
    architecture: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    card: Card = field(default=Card(), repr=False)
    name: str = ""
    digest: str = ""
    usual: Usual | None = field(default=None, repr=False)
    remarks: tuple[Message, ...] = field(default=(), repr=False)
    source: Source | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if len(self.classes) == 1:  # one output: a softmax over it would always be 100 %
            object.__setattr__(self, "classes", two_names(self.classes[0]))

    @property
    def fill(self) -> tuple[int, int, int]:
        """Colour of padding, uint8 RGB: the mean, which is about 0 after normalisation."""
        red, green, blue = (round(255 * value) for value in self.mean)
        return red, green, blue

    @property
    def description(self) -> Description:
        """Return the description that is saved with the weights.

        Raises:
            CheckpointError: the network has no registered architecture, or the values contradict each other.
        """
        self._check_described()
        return Description(
            architecture=self.architecture,
            arguments=self.arguments,
            classes=self.classes,
            mean=self.mean,
            std=self.std,
            input_size=self.input_size,
            card=self.card,
        )

    def _check_described(self) -> None:
        if not self.architecture:
            raise CheckpointError(
                "checkpoint.no-description",
                "{name} cannot be saved: it does not say which registered architecture it is; "
                "give its classifier 'architecture' and 'arguments'",
                name=self.name or "this network",
            )

    def normalise(self, pixels: UInt8[np.ndarray, "h w 3"]) -> Float32[Tensor, "planes h w"]:
        """Scale pixels to [0, 1], subtract the mean and divide by the standard deviation of each channel.

        Args:
            pixels: uint8 RGB of the network's input size.

        Returns:
            The network's input, without a batch axis; bit-identical to torchvision's ToTensor and Normalize.
        """
        planes = torch.from_numpy(pixels.transpose(2, 0, 1).copy())  # (H, W, 3) -> (3, H, W)
        return self.normalise_batch(planes[None])[0].contiguous()

    def normalise_batch(self, images: UInt8[Tensor, "b 3 h w"]) -> Float32[Tensor, "b planes h w"]:
        """Normalise a batch of RGB images; of a network for grey ones, their brightness.

        Args:
            images: uint8 RGB of the network's input size, on any device.
        """
        if self.in_channels == 1:
            return normalise(as_grey(images), self.mean[:1], self.std[:1])
        return normalise(images, self.mean, self.std)

    @property
    def in_channels(self) -> int:
        """Channels of the network's input: 3 for RGB, 1 for grey."""
        return 1 if self.arguments.get("in_channels") == 1 else 3

    def preprocess(
        self, image: ImageSource, fit: str = "crop", *, square: tuple[float, float, float] | None = None
    ) -> Float32[Tensor, "planes h w"]:
        """Decode an image, fit it to the network's input, and normalise it.

        Args:
            image: path, bytes, PIL image, or uint8 RGB array (H, W, 3).
            fit: ``"crop"``, ``"square"``, ``"pad"`` or ``"squash"``.
            square: (left, top, side) in pixels of the original, for ``fit="square"``.

        Returns:
            The network's input, without a batch axis.

        Raises:
            ImageError: the image cannot be decoded or fitted.
        """
        fitted, _, _ = fit_image(decode(image).pixels, self.input_size, fit, square=square, fill=self.fill)
        return self.normalise(fitted)


def load_classifier(
    source: str | Path | bytes | Mapping[str, Any],
    *,
    name: str | None = None,
    weights: str | None = None,
    classes: Sequence[str] | None = None,
    normalisation: str | tuple[Sequence[float], Sequence[float]] | None = None,
    input_size: int | tuple[int, int] | None = None,
) -> Classifier:
    """Load a checkpoint, without running code from it.

    The usual values of its gates are read too, where they are kept beside the file and are of these weights.

    Args:
        source: a path, the name of a shipped checkpoint (``"cbam_cnn_cifar10"``), the bytes of a file, or what
            ``torch.load`` returned, such as a state dict. A file is a checkpoint that `save_classifier` wrote, or any
            file of `torch.save` or safetensors that holds the weights of a registered network, under whatever names and
            beside whatever else. Class names, mean, deviation and input size are read where they lie beside the
            weights; else the course's normalisation is assumed, and the classes of CIFAR-10 if there are ten, else
            numbers (its card says so).
        name: name of the network; by default the file's name without its ending.
        weights: which weights to take where a file holds several for one network, such as ``"ema"``; by default the
            plain ones.
        classes: names of the classes, in the order of the outputs; by default what the file states, or is assumed.
        normalisation: mean and deviation of the training images, three numbers each, or the name of a usual pair:
            ``"cifar10"``, ``"imagenet"``, ``"half"`` (0.5 each) or ``"none"``; by default as for classes.
        input_size: side, or width and height, in pixels; by default as for classes.

    Raises:
        CheckpointError: the file is refused, or a statement does not fit the network; the message says why in one
            sentence.
    """
    contents = _saved(source) if isinstance(source, Mapping) else source
    contents = contents if isinstance(contents, bytes) else _path(contents)
    file = open_weights(contents)
    found = find_network(file, weights)
    description = stated(found.description, classes, normalisation, input_size)
    expected = expected_tensors(description.architecture, description.arguments)
    tensors = file.load(description.architecture, expected, found.copy)
    taken = Source(file.digest, found.copy.title, found.titles)
    digest = _digest(taken, found.description, description)
    named = replace(description, classes=found.description.classes)  # names change no gate
    of_these_gates = {digest, _digest(taken, found.description, named)}
    return Classifier(
        model=assemble(description.architecture, description.arguments, tensors),
        architecture=description.architecture,
        arguments=description.arguments,
        classes=description.classes,
        mean=description.mean,
        std=description.std,
        input_size=description.input_size,
        card=description.card,
        name=name or (file.digest[:12] if isinstance(contents, bytes) else contents.stem),
        digest=digest,
        usual=None if isinstance(contents, bytes) else _usual_beside(contents, of_these_gates),
        remarks=found.remarks,
        source=taken,
    )


def state(
    classifier: Classifier,
    *,
    classes: Sequence[str] | None = None,
    normalisation: str | tuple[Sequence[float], Sequence[float]] | None = None,
    input_size: int | tuple[int, int] | None = None,
) -> Classifier:
    """Return a network with what its owner states about it, as `load_classifier` does with the same arguments.

    Args:
        classifier: a network as its file says it; it is not changed, and its weights are shared.
        classes: names of the classes, in the order of the outputs.
        normalisation: mean and deviation, or the name of a usual pair; see `load_classifier`.
        input_size: side, or width and height, in pixels.

    Raises:
        CheckpointError: a statement does not fit the network, or the network has no registered architecture.
    """
    before = classifier.description
    after = stated(before, classes, normalisation, input_size)
    digest = classifier.digest
    if classifier.source is not None and replace(after, card=before.card) != before:
        digest = _digest(classifier.source, before, after)
    named = replace(after, classes=before.classes, card=before.card)  # names change no gate
    return replace(
        classifier,
        classes=after.classes,
        mean=after.mean,
        std=after.std,
        input_size=after.input_size,
        card=after.card,
        digest=digest,
        usual=classifier.usual if named == before else None,
    )


def _digest(source: Source, in_file: Description, description: Description) -> str:
    """Return the file's digest, or another one where its owner chose other weights or stated something else."""
    as_in_file = replace(description, card=in_file.card) == in_file
    if as_in_file and source.weights == next(iter(source.known), source.weights):
        return source.digest
    stated = (source.weights, description.classes, description.mean, description.std, description.input_size)
    return hashlib.sha256(f"{source.digest} {stated}".encode()).hexdigest()


def _usual_beside(checkpoint: Path, digests: Collection[str]) -> Usual | None:
    """Read the usual gates beside a checkpoint; None where there are none for a network with one of these digests."""
    path = usual_path(checkpoint)
    try:
        if not path.is_file():
            return None
        usual = read_usual(path)
    except (DataError, OSError) as error:  # OSError: its name is too long for the file system
        log.warning("%s", error)
        return None
    if usual.digest not in digests:
        log.warning("%s belongs to other weights than those in %s", path, checkpoint)
        return None
    return usual


def _saved(value: Mapping[str, Any]) -> bytes:
    """Return the file that ``torch.save`` would write for a state dict in memory."""
    buffer = io.BytesIO()
    torch.save(dict(value), buffer)
    return buffer.getvalue()


def _path(source: str | Path) -> Path:
    if isinstance(source, Path):
        return source
    if re.match(r"[a-z][a-z0-9+.-]+://", source, re.IGNORECASE):
        raise CheckpointError(
            "checkpoint.address",
            "{address} is an address, and nothing is downloaded: save the file, and give its path",
            address=source[:200],
        )
    return shipped_checkpoints().get(source, Path(source))


def save_classifier(classifier: Classifier, path: Path) -> str:
    """Write weights and description to a ``.safetensors`` file, complete or not at all.

    The same classifier gives the same bytes. Date and versions are added to a card that has none.

    Args:
        classifier: a network of a registered architecture.
        path: path of the file.

    Returns:
        SHA-256 of the file.

    Raises:
        CheckpointError: the network has no registered architecture, or `load_classifier` would refuse the file,
            which is then not written.
        OSError: the folder cannot be written.
    """
    card = classifier.card
    card = replace(card, date=card.date or _today(), versions=card.versions or current_versions())
    text = replace(classifier.description, card=card).to_json()
    content = safetensors.torch.save(_plain_state(classifier), metadata={METADATA_KEY: text})
    digest = load_classifier(content).digest
    write_atomically(path, lambda file: file.write(content))
    return digest


def export_state_dict(classifier: Classifier, path: Path) -> None:
    """Write only the weights, as a ``.pth`` file.

    The course's own code loads that of a `CBAM_CNN` with both gates, with ``strict=True``.

    Raises:
        OSError: the folder cannot be written.
    """
    buffer = io.BytesIO()
    torch.save(_plain_state(classifier), buffer)
    write_atomically(path, lambda file: file.write(buffer.getbuffer()))


def current_versions() -> dict[str, str]:
    """Return the versions of this program and of the libraries that it computes with, by name."""
    versions = {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__}
    try:
        versions["cbam-lens"] = importlib.metadata.version("cbam-lens")
    except importlib.metadata.PackageNotFoundError:
        versions["cbam-lens"] = "not installed"
    return versions


def _plain_state(classifier: Classifier) -> OrderedDict[str, Tensor]:
    state = classifier.model.state_dict()
    expected = expected_tensors(classifier.architecture, classifier.arguments) if classifier.architecture else state
    return OrderedDict(
        (name, state[name].detach().cpu().clone(memory_format=torch.contiguous_format))
        for name in [*expected, *(name for name in state if name not in expected)]
        if name in state
    )


def _today() -> str:
    return datetime.now(UTC).date().isoformat()
