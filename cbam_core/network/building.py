"""Building the network that a name means: code of its package is run, its weights are read as data.

Weights are read by the same reader as untrusted ones.
"""

from __future__ import annotations

import hashlib
import importlib
import re
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from cbam_core.errors import Message, ModelError, text_of
from cbam_core.gates.not_finite import weights_not_finite
from cbam_core.network import torchvision_facts
from cbam_core.network.classifier import Classifier, Source
from cbam_core.network.facts import NUMBERED, numbered_classes
from cbam_core.network.file_facts import completed
from cbam_core.network.loading import restate, usual_beside
from cbam_core.network.modules import know
from cbam_core.network.naming import LIBRARIES, NOTHING_STATED, NamedNetwork, read_named
from cbam_core.network.outputs import notes_on_outputs, outputs_of
from cbam_core.network.statement import Statement
from cbam_core.nn.head import head_of, outputs_of_head
from cbam_core.nn.library_networks import insert_as_asked, make_stem_small
from cbam_core.nn.registry import TensorSpec
from cbam_core.own_code import place_of_own_code
from cbam_core.weights import open_weights
from cbam_core.weights.file import WeightsFile
from cbam_core.weights.finding import choose_copy, complete, find_copies, listed

LARGEST = 8 << 30
"""Largest file of weights that is read for a network of one's own, in bytes."""


def open_network(text: str, given: Statement = NOTHING_STATED) -> Classifier:
    """Build a network by its name, load its weights, and collect what is known about it.

    This runs code of the named package: never pass a name that comes from a visitor.

    Args:
        text: see `read_named`.
        given: what is stated about it; its weights are the path of a file.

    Raises:
        CheckpointError: the weights do not fit the network, or a statement is wrong.
        ModelError: there is no such network, or its input size or normalisation is not known.
    """
    named = read_named(text, given)
    file = named.file
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # without weights it is random, and still the same each time
        model = build_named(named, len(named.given.classes or ()) or None)
        if isinstance(model, Classifier):
            return _restated(model, named)
        opened = None if file is None else open_weights(file, largest=LARGEST)
        if opened is not None and not named.given.classes:
            model = _with_outputs_of(opened, model, named)
    model.eval()
    stated, remarks = replace(named.given, weights=None), []
    if opened is not None:
        stated, beside = completed(stated, model, opened)
        remarks = [*_loaded(model, opened, named), *beside]
    made = know(model, stated, _facts_by_name(named.model, model))
    found = made.classifier()
    random = opened is None and named.model.partition(":")[0] in LIBRARIES
    remarks += _on_weights(model)
    remarks += _on_what_is_missing(random=random, unnamed=made.facts.classes is None)
    digest = _digest(found, model)
    outputs_of(found)
    remarks += notes_on_outputs(found)
    return replace(
        found,
        name=named.given.name or named.name or named.model.partition(":")[2],
        digest=digest,
        source=None if opened is None else Source(opened.digest, "", ("",)),
        usual=found.usual if file is None or found.usual else usual_beside(file, {digest}),
        remarks=(*remarks, *found.remarks),
    )


def _restated(built: Classifier, named: NamedNetwork) -> Classifier:
    """Return what a factory built with its weights and facts, with what is stated about it."""
    model = restate(built, named.given)
    return replace(model, name=model.name or named.name, digest=model.digest or _digest(model, model.model))


def _on_weights(model: nn.Module) -> Iterator[Message]:
    """Remark that weights are not finite, which the code that built the network may have set or loaded."""
    if names := weights_not_finite(model):
        yield Message(
            "network.weights-not-finite",
            "some weights of this network are NaN or infinity ({weights}), so what it gives will not be finite either: "
            "load weights from before its training went wrong",
            {"weights": listed(names)},
        )


def _on_what_is_missing(*, random: bool, unnamed: bool) -> Iterator[Message]:
    """Remark that there are no weights, or no names of classes."""
    if random:
        yield Message("network.random", "no weights were given, so they are random: nothing that it shows is learned")
    if unnamed:
        yield Message(
            "network.unnamed",
            "the network names no classes, so there is no prediction: if its outputs are classes, give their names "
            "with classes= or --classes",
        )


def _facts_by_name(name: str, model: nn.Module) -> Any:
    library, _, its_name = name.partition(":")
    if library != "torchvision":
        return None
    facts, outputs = torchvision_facts.of_name(its_name), outputs_of_head(model)
    if not facts.classes or not outputs or len(facts.classes) == outputs:
        return facts
    classes = numbered_classes(outputs) if outputs > 1 else None
    return replace(facts, classes=classes, remarks=(*facts.remarks, *((NUMBERED,) if classes else ())))


def _with_outputs_of(file: WeightsFile, model: nn.Module, named: NamedNetwork) -> nn.Module:
    """Return a network of a library with as many outputs as the weights in a file are for, and any other as it is."""
    if named.model.partition(":")[0] not in LIBRARIES or "num_classes" in named.arguments:
        return model
    copies = find_copies(file.tensors, model.state_dict().keys())
    head = choose_copy(copies, named.copy).names.get(f"{head_of(model)}.weight") if copies else None
    outputs = file.shapes[head][0] if head is not None and file.shapes[head] else outputs_of_head(model)
    built = model if outputs == outputs_of_head(model) else build_named(named, outputs)
    return built.model if isinstance(built, Classifier) else built


def build_named(named: NamedNetwork, classes: int | None) -> nn.Module | Classifier:
    """Build a network by its name, with random weights of torch's generator, and insert CBAM if that is asked for.

    Args:
        named: the network.
        classes: number of classes; None for that which it has. A factory gets it as an argument only if it was named.

    Raises:
        ModelError: there is no such function, it gives something else, or a block does not fit.
    """
    built = _built(named, classes)
    model = built.model if isinstance(built, Classifier) else built
    if named.inserted.get("stem") == "small":
        make_stem_small(model)
    insert_as_asked(model, named.inserted)
    return built if not isinstance(built, Classifier) or not named.inserted else replace(built, architecture="")


def _built(named: NamedNetwork, classes: int | None) -> nn.Module | Classifier:
    """Call the function that builds a network.

    Raises:
        ModelError: there is no such function, or it gives something else.
    """
    library, _, name = named.model.partition(":")
    arguments = dict(named.arguments)
    if library in LIBRARIES:
        if classes is not None:
            arguments.setdefault("num_classes", classes)
        return _of_library(library, name, arguments)
    factory = _factory(named.model, library, name)
    built = factory if isinstance(factory, nn.Module | Classifier) else _called(named.model, factory, arguments)
    if not isinstance(built, nn.Module | Classifier):
        raise ModelError(
            "network.no-module",
            "{model} gave {kind}, and no nn.Module: name a function that returns the network",
            model=named.model,
            kind=type(built).__name__,
        )
    return built


def _of_library(library: str, name: str, arguments: dict[str, Any]) -> nn.Module:
    try:
        with warnings.catch_warnings(category=FutureWarning, action="ignore"):  # of these libraries' own code
            if library == "timm":
                import timm

                made: nn.Module = timm.create_model(name, pretrained=False, **arguments)
            else:
                from torchvision.models import get_model

                made = get_model(name, weights=None, **_without_backbone(name), **arguments)
    except ImportError as error:
        raise ModelError(
            "network.not-installed",
            "{library} is not installed; run: pip install {library}",
            library=library,
        ) from error
    except (RuntimeError, ValueError, TypeError) as error:
        raise ModelError(
            "network.not-built",
            "{library} has no network {name} with these arguments ({reason}); see the names in its documentation",
            library=library,
            name=name,
            reason=text_of(error).partition("\n")[0][:200],
        ) from error
    return made


ON_BACKBONE = re.compile("rcnn|retinanet|fcos|ssd|fcn_|deeplab|lraspp")
"""Names of torchvision networks that stand on another one."""


def _without_backbone(name: str) -> dict[str, None]:
    """Return the argument by which networks on a backbone do not download weights of it."""
    return {"weights_backbone": None} if ON_BACKBONE.search(name) else {}


def _factory(model: str, module: str, name: str) -> Any:
    try:
        with _current_folder():
            found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (Exception, SystemExit) as error:  # code of somebody else can raise anything
        raise _not_imported(model, error) from error
    return found


def _not_imported(model: str, error: BaseException) -> ModelError:
    reason, place = _reason(error)[:200], place_of_own_code(error)
    if place is None:
        return ModelError(
            "network.no-factory",
            "{model} cannot be imported ({reason}); expected package.module:factory, found from the current folder "
            "or among the installed packages",
            model=model,
            reason=reason,
        )
    return ModelError(
        "network.no-factory",
        "{model} cannot be imported ({reason}), because of {file}, line {line}: correct it there",
        model=model,
        reason=reason,
        file=Path(place.filename).name,
        line=place.lineno,
    )


def _reason(error: BaseException) -> str:
    text = text_of(error)
    return text if isinstance(error, ImportError | AttributeError) else f"{type(error).__name__}: {text}"


@contextmanager
def _current_folder() -> Iterator[None]:
    """Have modules of the current folder found, as ``python -m`` does; after those that are installed."""
    here = str(Path.cwd())
    added = here not in sys.path and "" not in sys.path
    if added:
        sys.path.append(here)
    try:
        yield
    finally:
        if added:
            sys.path.remove(here)


def _called(model: str, factory: Any, arguments: Mapping[str, Any]) -> Any:
    if not callable(factory):
        return factory
    try:
        return factory(**arguments)
    except (Exception, SystemExit) as error:  # code of somebody else can raise anything
        raise _failed(model, error) from error


def _failed(model: str, error: BaseException) -> ModelError:
    values = {"model": model, "kind": type(error).__name__, "reason": text_of(error).partition("\n")[0][:200]}
    place = place_of_own_code(error)
    if place is None:
        return ModelError("network.factory-failed", "{model} failed: {kind}: {reason}", **values)
    return ModelError(
        "network.factory-failed",
        "{model} failed: {kind}: {reason} ({file}, line {line})",
        file=Path(place.filename).name,
        line=place.lineno,
        **values,
    )


def _loaded(model: nn.Module, file: WeightsFile, named: NamedNetwork) -> Iterator[Message]:
    """Load the weights of a file into a model, its names matched one by one under any prefix; yield remarks.

    Raises:
        CheckpointError: a tensor is missing, left over, or has another shape, or the file holds no weights of a name.
    """
    expected = {
        key: TensorSpec(tuple(one.shape), one.dtype, bool(one.isinf().any())) for key, one in model.state_dict().items()
    }
    copies = find_copies(file.tensors, expected.keys())
    chosen = choose_copy(copies, named.copy) if copies else None
    model.load_state_dict(file.load(named.model, expected, chosen), strict=True)
    others = [other.title for other in complete(copies) if other is not chosen and other.title]
    if others:
        yield Message(
            "network.other-weights",
            "the file also holds other weights of this network ({names}), which can be chosen by their name behind "
            "that of the file: FILE:{example}",
            {"names": listed(others), "example": others[0]},
        )


def _digest(found: Classifier, model: nn.Module) -> str:
    """Return a SHA-256 of the weights, and of how images are prepared for them; names of classes change no gate."""
    cut = "" if found.crop_share == 1 else f" {found.crop_share}"
    digest = hashlib.sha256(f"{found.mean} {found.std} {found.input_size}{cut}".encode())
    for name, tensor in model.state_dict().items():
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        plain = tensor.detach().cpu().contiguous().reshape(-1)
        digest.update(plain.view(torch.uint8).numpy().data if plain.numel() else b"")
    return digest.hexdigest()
