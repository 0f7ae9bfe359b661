"""From a file of weights to a network, and what its owner states about it; no code is run."""

from __future__ import annotations

import hashlib
import io
import logging
import os
import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Unpack

import torch

from cbam_core.errors import CheckpointError, DataError
from cbam_core.network.classifier import Classifier, Source
from cbam_core.network.facts import numbered_classes
from cbam_core.network.statement import (
    Classes,
    Normalisation,
    OtherNames,
    Size,
    Statement,
    statement,
)
from cbam_core.nn.registry import assemble, complete_arguments, expected_tensors
from cbam_core.places import shipped_checkpoints
from cbam_core.results.usual import Usual, read_usual, usual_path
from cbam_core.weights import open_weights
from cbam_core.weights.conversion import carried
from cbam_core.weights.description import Description
from cbam_core.weights.opening import find_network
from cbam_core.weights.stating import stated

log = logging.getLogger("cbam_lens")


def load_checkpoint(
    source: str | Path | bytes | Mapping[str, Any],
    *,
    name: str | None = None,
    weights: str | None = None,
    classes: Classes | None = None,
    normalisation: Normalisation | None = None,
    input_size: Size | None = None,
    **other: Unpack[OtherNames],
) -> Classifier:
    """Load a checkpoint, without running any code from it or beside it: for untrusted files.

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
        classes: as `cbam_core.network.load_classifier`, like the others.
        normalisation: as there.
        input_size: as there.
        **other: as there.

    Raises:
        CheckpointError: the file is refused, or a statement does not fit the network; the message says why in one
            sentence.
    """
    contents = _saved(source) if isinstance(source, Mapping) else source
    contents = contents if isinstance(contents, bytes) else _path(contents)
    file, renamed = carried(open_weights(contents))
    found = find_network(file, weights)
    given = statement({"classes": classes, "normalisation": normalisation, "input_size": input_size, **other})
    names = found.description.classes if given.classes == () else given.classes  # its weights are of so many
    description = stated(found.description, names, given.normalisation, given.input_size)
    expected = expected_tensors(description.architecture, description.arguments)
    tensors = file.load(description.architecture, expected, found.copy)
    taken = Source(file.digest, found.copy.title, found.titles)
    digest = _digest(taken, found.description, description)
    named = replace(description, classes=found.description.classes)  # names change no gate
    of_these_gates = {digest, _digest(taken, found.description, named)}
    classifier = Classifier(
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
        usual=given.usual or (None if isinstance(contents, bytes) else usual_beside(contents, of_these_gates)),
        remarks=(*renamed, *found.remarks),
        source=taken,
    )
    return _without_classes(classifier) if given.classes == () else classifier


def _without_classes(classifier: Classifier) -> Classifier:
    """Return a network that its owner states to be no classifier."""
    text = f"{classifier.digest} without classes"
    return replace(classifier, classes=(), digest=classifier.digest and hashlib.sha256(text.encode()).hexdigest())


def _with_numbers(classifier: Classifier) -> Classifier:
    """Return a network of a registered architecture, with numbers for classes where its owner stated none."""
    count = max(2, int(complete_arguments(classifier.architecture, classifier.arguments)["num_classes"]))
    return replace(classifier, classes=numbered_classes(count))


def state(
    classifier: Classifier,
    *,
    classes: Classes | None = None,
    normalisation: Normalisation | None = None,
    input_size: Size | None = None,
    **other: Unpack[OtherNames],
) -> Classifier:
    """Return a network with what its owner states about it, as `load_checkpoint` does with the same arguments.

    Args:
        classifier: a network as its file says it; it is not changed, and its weights are shared.
        classes: names of the classes, in the order of the outputs.
        normalisation: mean and deviation, or the name of a usual pair; see `load_checkpoint`.
        input_size: side, or width and height, in pixels.
        **other: other names for these, as for `load_checkpoint`.

    Raises:
        CheckpointError: a statement does not fit the network, or the network has no registered architecture.
    """
    given = statement({"classes": classes, "normalisation": normalisation, "input_size": input_size, **other})
    had_none = bool(classifier.architecture) and not classifier.classes
    before = (_with_numbers(classifier) if had_none else classifier).description
    names = before.classes if given.classes == () else given.classes
    after = stated(before, names, given.normalisation, given.input_size)
    digest = classifier.digest
    if classifier.source is not None and replace(after, card=before.card) != before:
        digest = _digest(classifier.source, before, after)
    named = replace(after, classes=before.classes, card=before.card)  # names change no gate
    now = replace(
        classifier,
        classes=after.classes,
        mean=after.mean,
        std=after.std,
        input_size=after.input_size,
        card=after.card,
        digest=digest,
        usual=given.usual or (classifier.usual if named == before else None),
    )
    if had_none and given.classes is None:
        return replace(now, classes=())
    return _without_classes(now) if given.classes == () else now


def restate(classifier: Classifier, given: Statement) -> Classifier:
    """Return a network with what its owner states, also one without a registered architecture.

    Raises:
        CheckpointError: a statement does not fit the network, or weights are named, which were chosen on loading.
    """
    if given == Statement():
        return classifier
    if given.weights is not None:
        raise CheckpointError(
            "network.weights-chosen",
            "this network has its weights already: name others when it is loaded, load_classifier(..., weights=...)",
        )
    if classifier.architecture:
        now = state(classifier, classes=given.classes, normalisation=given.normalisation, input_size=given.input_size)
        return replace(now, name=given.name or now.name, usual=given.usual or now.usual)
    mean, std = given.normalisation or (classifier.mean, classifier.std)
    return replace(
        classifier,
        classes=classifier.classes if given.classes is None else given.classes,
        mean=mean,
        std=std,
        input_size=given.input_size or classifier.input_size,
        name=given.name or classifier.name,
        usual=given.usual or classifier.usual,
    )


def _digest(source: Source, in_file: Description, description: Description) -> str:
    """Return the file's digest, or another one where its owner chose other weights or stated something else."""
    as_in_file = replace(description, card=in_file.card) == in_file
    if as_in_file and source.weights == next(iter(source.known), source.weights):
        return source.digest
    stated = (source.weights, description.classes, description.mean, description.std, description.input_size)
    return hashlib.sha256(f"{source.digest} {stated}".encode()).hexdigest()


def usual_beside(checkpoint: Path, digests: Collection[str]) -> Usual | None:
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
        return _at_home(source)
    if re.match(r"[a-z][a-z0-9+.-]+://", source, re.IGNORECASE):
        raise CheckpointError(
            "checkpoint.address",
            "{address} is an address, and nothing is downloaded: save the file, and give its path",
            address=source[:200],
        )
    return shipped_checkpoints().get(source, _at_home(Path(source)))


def _at_home(path: Path) -> Path:
    """Replace the ``~`` of a path; an unknown user's, or a file named so, stays."""
    if not str(path).startswith("~") or path.exists():
        return path
    return Path(os.path.expanduser(path))  # noqa: PTH111 - leaves an unknown user's path as it is
