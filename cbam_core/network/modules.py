"""What does any module say about itself? Facts that it carries, that its library knows, or that its owner states."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from torch import nn

from cbam_core.errors import CheckpointError, Message, ModelError
from cbam_core.network import timm_facts, torchvision_facts
from cbam_core.network.classifier import Classifier
from cbam_core.network.facts import NUMBERED, Facts
from cbam_core.network.statement import Statement
from cbam_core.nn.insertion import inserted_blocks
from cbam_core.nn.registry import ARCHITECTURES
from cbam_core.results.usual import Usual
from cbam_core.weights.assumed import assumed_description
from cbam_core.weights.description import Triple

WRAPPERS = {"DataParallel", "DistributedDataParallel"}
"""Modules of torch that hold a network as ``module``, and say nothing of it."""

UNKNOWN: tuple[Triple, Triple] = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
"""Mean and deviation where only prepared tensors are shown to a network, so that none is needed."""


@dataclass(frozen=True, eq=False)
class KnownModule:
    """A module, and what is known about it.

    Attributes:
        model: the module.
        facts: what is known.
        states_classes: whether its owner says what its classes are.
        usual: what its gates usually do; None where its owner does not say.
    """

    model: nn.Module
    facts: Facts
    states_classes: bool = False
    usual: Usual | None = None

    @property
    def without_classes(self) -> KnownModule:
        """The same, without classes that do not fit its outputs."""
        return replace(self, facts=replace(self.facts, classes=None))

    def classifier(self, size: tuple[int, int] | None = None) -> Classifier:
        """Make a network to show of the module.

        Args:
            size: (width, height) of a prepared input, for which neither size nor normalisation need be known; None
                for images.

        Raises:
            ModelError: the input size or the normalisation is not known.
        """
        facts = self.facts
        if size is None and (facts.input_size is None or facts.normalisation is None):
            if facts.unfit and facts.normalisation is None:
                raise _unfit(type(self.model).__name__, facts.unfit)
            missing = _unknown_input_and_classes if facts.classes is None else _unknown_input
            raise missing(type(self.model).__name__, facts)
        mean, std = facts.normalisation or UNKNOWN
        return Classifier(
            model=self.model,
            classes=facts.classes or (),
            mean=mean,
            std=std,
            input_size=size or facts.input_size or (0, 0),
            architecture=facts.architecture,
            arguments=facts.arguments,
            name=facts.name,
            usual=self.usual,
            remarks=facts.remarks,
            crop_share=facts.share_at(size or facts.input_size or (0, 0)),
        )


def know(model: nn.Module, given: Statement, by_name: Facts | None = None) -> KnownModule:
    """Collect what is known about a module: what its owner states, else what it or its library says.

    Args:
        model: any module.
        given: what its owner states.
        by_name: what is known by the name that it was built by, where that says more than the module.

    Raises:
        CheckpointError: the named weights of torchvision do not exist.
    """
    inner = model.module if type(model).__name__ in WRAPPERS and isinstance(model.module, nn.Module) else model
    if given.weights is not None:
        said = torchvision_facts.of_weights(inner, given.weights)
    else:
        said = by_name or _said_by(inner)
    remarks = tuple(_still_true(said, given))
    return KnownModule(
        model,
        replace(
            said,
            classes=said.classes if given.classes is None else given.classes,
            normalisation=given.normalisation or said.normalisation,
            input_size=given.input_size or said.input_size,
            name=given.name or said.name or type(inner).__name__,
            remarks=remarks,
        ),
        states_classes=given.classes is not None,
        usual=given.usual,
    )


def _said_by(model: nn.Module) -> Facts:
    """Return what a module of this program, timm or torchvision says."""
    return _registered(model) or timm_facts.of_module(model) or torchvision_facts.of_module(model) or Facts()


def _registered(model: nn.Module) -> Facts | None:
    """Return what is assumed of a network of this program, as of its weights in a file without a description."""
    known = ARCHITECTURES.get(type(model).__name__)
    if known is None or known.build is not type(model):
        return None
    added = tuple(f"{path}." for path in inserted_blocks(model))
    shapes = {name: tuple(one.shape) for name, one in model.state_dict().items() if not f"{name}.".startswith(added)}
    try:
        assumed = assumed_description(shapes)
    except (CheckpointError, ModelError):  # it was changed after it was built
        return None
    if assumed.architecture != known.name:
        return None
    return Facts(
        classes=assumed.classes,
        normalisation=(assumed.mean, assumed.std),
        input_size=assumed.input_size,
        architecture="" if added else assumed.architecture,  # a file of it could not be opened by that name
        arguments={} if added else assumed.arguments,
        remarks=tuple(_assumptions(assumed.card.assumptions)),
    )


def _assumptions(of_file: tuple[Message, ...]) -> Iterator[Message]:
    """Say of a module what is assumed of a file that states nothing."""
    codes = {message.code for message in of_file}
    if "card.assumed-cifar10" in codes:
        yield Message(
            "network.assumed-cifar10",
            "the network names no classes: its ten are assumed to be those of CIFAR-10; else give classes= or "
            "--classes",
        )
    if "card.assumed-numbers" in codes or "card.assumed-sigmoid" in codes:
        yield NUMBERED
    if codes & {"card.assumed-normalisation", "card.assumed-mean"}:
        yield Message(
            "network.assumed-mean",
            "the network names no mean and deviation: the course's for CIFAR-10 are assumed; else give mean= and std=",
        )


ON_CLASSES = {"network.assumed-cifar10", "network.assumed-numbers"}
ON_NORMALISATION = {"network.assumed-mean"}


def _still_true(said: Facts, given: Statement) -> Iterator[Message]:
    """Yield remarks on what the owner does not state."""
    for remark in said.remarks:
        settled = (remark.code in ON_CLASSES and given.classes is not None) or (
            remark.code in ON_NORMALISATION and given.normalisation is not None
        )
        if not settled:
            yield remark


def _unfit(kind: str, given: str) -> ModelError:
    """Make the error that names what a network says of its images, where they cannot be normalised with it."""
    return ModelError(
        "network.unfit-normalisation",
        "images cannot be normalised with what {kind} says, {given}: three numbers from 0 to 1 and three from 0.001 to "
        "1000 are expected; give mean= and std= of its training images, or normalisation='imagenet' or 'none', or a "
        "tensor that is prepared",
        kind=kind,
        given=given,
    )


def _unknown_input(kind: str, facts: Facts) -> ModelError:
    """Make the error that says which facts are missing, and how to give them."""
    if facts.input_size is not None:
        return ModelError(
            "network.no-normalisation",
            "it is not known how images are normalised for {kind}: give mean= and std= of its training images, or "
            "normalisation='imagenet' or 'none', or a tensor that is prepared",
            kind=kind,
        )
    if facts.normalisation is not None:
        return ModelError(
            "network.no-size",
            "it is not known which input size {kind} takes: give size= in pixels, such as size=224, or a tensor that "
            "is prepared",
            kind=kind,
        )
    return ModelError(
        "network.no-input",
        "it is not known how images are prepared for {kind}: give size= in pixels, and mean= and std= or "
        "normalisation='imagenet', or a tensor that is prepared",
        kind=kind,
    )


def _unknown_input_and_classes(kind: str, facts: Facts) -> ModelError:
    """Make the error of `_unknown_input` for a network whose classes are not known either."""
    if facts.input_size is not None:
        return ModelError(
            "network.no-normalisation",
            "it is not known how images are normalised for {kind}, nor what its classes are called: give mean= and "
            "std= of its training images, or normalisation='imagenet' or 'none', or a tensor that is prepared; and "
            "classes=, their names, if its outputs are classes",
            kind=kind,
        )
    if facts.normalisation is not None:
        return ModelError(
            "network.no-size",
            "it is not known which input size {kind} takes, nor what its classes are called: give size= in pixels, "
            "such as size=224, or a tensor that is prepared; and classes=, their names, if its outputs are classes",
            kind=kind,
        )
    return ModelError(
        "network.no-input",
        "it is not known how images are prepared for {kind}, nor what its classes are called: give size= in pixels, "
        "and mean= and std= or normalisation='imagenet', or a tensor that is prepared; and classes=, their names, "
        "if its outputs are classes",
        kind=kind,
    )
