"""Opening a network that its user names: a checkpoint, which runs no code, or a network of their own, which does."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Unpack

from cbam_core.arguments import TEXT, instance_of, takes
from cbam_core.errors import CheckpointError
from cbam_core.network.building import open_network
from cbam_core.network.classifier import Classifier
from cbam_core.network.loading import load_checkpoint
from cbam_core.network.naming import is_own, refuse_script, split_weights
from cbam_core.network.statement import Classes, Normalisation, OtherNames, Size, Statement, statement

SOURCE = instance_of(
    "a checkpoint: a path, a name, the bytes of a file or a state dict", str, Path, bytes, bytearray, Mapping
)
"""Kind of argument."""


@takes(CheckpointError, source=SOURCE, name=TEXT.or_none)
def load_classifier(
    source: str | Path | bytes | Mapping[str, Any],
    *,
    name: str | None = None,
    weights: str | Path | None = None,
    classes: Classes | None = None,
    normalisation: Normalisation | None = None,
    input_size: Size | None = None,
    **other: Unpack[OtherNames],
) -> Classifier:
    """Load a network: a checkpoint, or one of your own by its name, as on the command line.

    A checkpoint, its bytes or a state dict never run code. The name of a factory runs it, and a TOML file may name one:
    never pass a text that somebody else chose; `cbam_core.network.load_checkpoint` takes checkpoints alone. The usual
    values of the gates are read too, where `cbam usual` keeps them beside the file of the weights.

    Args:
        source: a checkpoint: a path, the name of a shipped one (``"cbam_cnn_cifar10"``), the bytes of a file, or what
            ``torch.load`` returned, such as a state dict. A file is a checkpoint that `save_classifier` wrote, or any
            file of `torch.save` or safetensors that holds the weights of a registered network, under whatever names and
            beside whatever else. Class names, mean, deviation and input size are read where they lie beside the
            weights; else the course's normalisation is assumed, and the classes of CIFAR-10 if there are ten, else
            numbers (its card says so). Or a network of your own: ``"package.module:factory"``, ``"timm:NAME"``,
            ``"torchvision:NAME"``, or a TOML file that says which, ``"net.toml"``.
        name: name of the network; by default that of the file without its ending, or of the factory.
        weights: of a network of your own, the file of its weights. Of a checkpoint that holds several for one network,
            which to take, such as ``"ema"``; by default the plain ones. For a network of your own, that name follows
            the file: ``"best.pth:ema"``.
        classes: names of the classes, in the order of the outputs, or a text file with one in each line; by default
            what the file states, or is assumed.
        normalisation: mean and deviation of the training images, three numbers each, or the name of a usual pair:
            ``"cifar10"``, ``"imagenet"``, ``"half"`` (0.5 each) or ``"none"``; by default as for classes.
        input_size: side, or width and height, in pixels; by default as for classes.
        **other: other names for these: ``mean=`` and ``std=`` for ``normalisation=``, ``size=`` for ``input_size=``,
            and the American spelling ``normalization=``; and ``usual=``, other usual values than those beside it.

    Raises:
        CheckpointError: the file is refused, or a statement does not fit the network; the message says why in one
            sentence.
        ModelError: there is no such network, or its input size or normalisation is not known.
    """
    about = {"name": name, "weights": weights, "classes": classes, "normalisation": normalisation}
    return open_stated(source, statement({**about, "input_size": input_size, **other}))


def open_stated(source: str | Path | bytes | Mapping[str, Any], given: Statement) -> Classifier:
    """Load a network with what is stated about it; see `load_classifier`.

    Raises:
        CheckpointError, ModelError: as `load_classifier`.
    """
    if isinstance(source, str | Path):
        refuse_script(str(source))
        if is_own(str(source)):
            return open_network(str(source), given)
    return load_checkpoint(
        source,
        name=given.name,
        weights=None if given.weights is None else str(given.weights),
        classes=given.classes,
        normalisation=given.normalisation,
        input_size=given.input_size,
        usual=given.usual,
    )


def open_operators(text: str) -> Classifier:
    """Open the network that the operator of the app names.

    Args:
        text: name or path of a network, or a JSON object with that as ``model`` and keyword arguments of
            `cbam_core.network.Stated`, as `operators_text` writes it.

    Raises:
        CheckpointError, ModelError: as `load_classifier`.
    """
    values = json.loads(text) if text.lstrip().startswith("{") else {"model": text}
    return open_stated(str(values.pop("model", "")), statement(values))


def operators_text(model: str, given: Statement) -> str:
    """Write what `open_operators` reads, with whole paths."""
    stated = {
        "weights": None if given.weights is None else _whole_path(given.weights),
        "classes": given.classes,
        "normalisation": given.normalisation,
        "input_size": given.input_size,
        "name": given.name,
    }
    path = Path(model).expanduser()
    named = str(path.absolute()) if path.exists() else model
    return json.dumps({"model": named, **{key: value for key, value in stated.items() if value is not None}})


def _whole_path(weights: str | Path) -> str:
    file, copy = split_weights(weights)
    return f"{file.absolute() if file.exists() else file}{'' if copy is None else f':{copy}'}"
