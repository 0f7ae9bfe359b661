"""Trained networks, those that ship, those of runs, and the visitor's own: what they are, and how good they are."""

from __future__ import annotations

import hashlib
import inspect
import os
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import streamlit as st

from app.services.file_version import Stamp, stamp_of
from app.services.operator_log import tell_operator
from app.services.surveyed import is_provisional, surveyed, surveyed_for_all
from app.services.usual import with_usual
from app.session import own_networks
from app.session.scheduling import slot
from app.session.words import Words
from cbam_core.errors import CheckpointError, ModelError, TrainingError
from cbam_core.evaluation.evaluation_file import evaluation_path, open_evaluation
from cbam_core.gates.anatomy import Summary, summarise
from cbam_core.gates.kernels import SpatialKernel, spatial_kernels
from cbam_core.network import Classifier, load_checkpoint
from cbam_core.network.opening import open_operators
from cbam_core.places import NETWORK_VARIABLE, checkpoint_folder, runs_folder, shipped_checkpoints
from cbam_core.results.evaluation import Evaluation
from cbam_core.results.usual import Usual
from cbam_core.training.listing import Run, find_runs

DEFAULT_NETWORK = "cbam_cnn_cifar10"

RUNS = "runs/"
"""What names of runs' networks begin with; no other network's name has a slash."""

WORDS = Words({"own": "Yours: {name}", "run": "Run: {name}"})

Result = TypeVar("Result")


def networks() -> tuple[str, ...]:
    """Names of the trained networks at hand: the default one first, then those of runs, the visitor's own ones last.

    Raises:
        CheckpointError: there is none; where they were looked for is the operator's affair and goes into the log.
    """
    others = (*_checkpoints_of_runs(), *own_networks.names())
    try:
        return (*shipped_networks(), *others)
    except CheckpointError as error:
        tell_operator(f"{error.code}: {error}")
        if others:
            return others
        raise CheckpointError(
            "checkpoint.none-served",
            "there is no longer a trained network here; the operator can find the reason in the log",
        ) from error


def operators_network() -> Classifier | None:
    """The network that the operator named when the app was started; None where there is none.

    Raises:
        CheckpointError: it cannot be opened; why is the operator's affair and goes into the log.
    """
    text = os.environ.get(NETWORK_VARIABLE, "")
    if not text:
        return None
    try:
        return _operators(text)
    except (CheckpointError, ModelError, ValueError) as error:
        tell_operator(f"the network of {NETWORK_VARIABLE} cannot be opened: {error}")
        raise CheckpointError(
            "checkpoint.operators",
            "the operator's network cannot be opened; the operator can find the reason in the log",
        ) from error


@st.cache_resource(max_entries=2, show_spinner=False)
def _operators(text: str) -> Classifier:
    opened = open_operators(text)
    name = opened.name if opened.name not in shipped_checkpoints() else f"{opened.name} (operator)"
    return with_usual(replace(opened, name=name.replace("/", "-")))


def shipped_networks() -> tuple[str, ...]:
    """Names of the networks that every visitor has, the default one first: the operator's, if there is one.

    Raises:
        CheckpointError: there is none.
    """
    names = sorted(shipped_checkpoints(), key=lambda name: (name != DEFAULT_NETWORK, name))
    operators = operators_network()
    if operators is not None:
        return (operators.name, *names)
    if not names:
        raise CheckpointError(
            "checkpoint.none-shipped",
            "no trained network was found in {folder}; "
            "put a .safetensors checkpoint there, or train one with 'cbam train'",
            folder=str(checkpoint_folder()),
        )
    return tuple(names)


def network(name: str) -> Classifier:
    """A trained network; one object serves every visitor, but for what a visitor uploaded.

    Raises:
        CheckpointError: it is no longer there, or its file cannot be read.
    """
    return own_networks.find(name) or _served(name)


def network_labels(names: Iterable[str]) -> dict[str, str]:
    """Networks as lists of them call them: whose they are is said first, for a long name is cut at its end."""
    own = own_networks.names()
    return {name: WORDS["own"].format(name=name) if name in own else _label(name) for name in names}


def _label(name: str) -> str:
    return WORDS["run"].format(name=name.removeprefix(RUNS)) if name.startswith(RUNS) else name


def shipped_as(content: bytes) -> str | None:
    """Name of the network that every visitor has from this very file; None where there is none."""
    for name, path in {**shipped_checkpoints(), **_checkpoints_of_runs()}.items():
        stamp = stamp_of(path)
        # Only a file of one size is read, and only an equal one opened: another may be broken.
        if stamp is not None and stamp[1] == len(content) and path.read_bytes() == content:
            return name if _served(name).digest == hashlib.sha256(content).hexdigest() else None
    return None


def gone(name: str) -> CheckpointError:
    """Make the error that says that a network is not there any more."""
    return CheckpointError("checkpoint.gone", "the network {name} is no longer there", name=_label(name))


def network_of_run(run: Run) -> str | None:
    """Name of the network that a run wrote; None before its end."""
    if run.checkpoint is None:
        return None
    return run.name if run.ships else f"{RUNS}{run.name}"


def checkpoint_in_command(name: str) -> str:
    """What a command line calls a network that every visitor has; where runs are is said by the runs folder's variable.

    Args:
        name: of the network.
    """
    file = file_of(name)
    return name if file is None or not name.startswith(RUNS) else f"{name}/{file.name}"


def _checkpoints_of_runs() -> dict[str, Path]:
    """Files of the networks that runs in the runs folder wrote, by the networks' names, the latest run first."""
    runs = find_runs(checkpoint_folder(), runs_folder()).values()
    files = ((f"{RUNS}{run.name}", run.checkpoint) for run in runs if not run.ships)
    return {name: file for name, file in files if file is not None}


def file_of(name: str) -> Path | None:
    """File of a network that every visitor has; None where there is none of that name."""
    return _checkpoints_of_runs().get(name) if name.startswith(RUNS) else shipped_checkpoints().get(name)


def _served(name: str) -> Classifier:
    operators = operators_network()
    if operators is not None and operators.name == name:
        return _with_survey(name, operators)
    path = file_of(name)
    if path is None:
        raise gone(name)
    try:
        return _network_with_survey(name, path)
    except CheckpointError as error:
        if not name.startswith(RUNS):
            raise
        says = path.with_suffix(".toml")
        if says.is_file():
            raise CheckpointError(
                "checkpoint.run-of-code",
                "the network of the run {name} is built by code of its owner; the operator shows it by "
                "cbam app --model {file}",
                name=name.removeprefix(RUNS),
                file=says.name,
            ) from error
        tell_operator(f"{error.code}: {error}")
        raise CheckpointError(
            "checkpoint.run-unreadable",
            "the network of the run {name} cannot be opened: its file is damaged, or is still being copied",
            name=name.removeprefix(RUNS),
        ) from error


def _network_with_survey(name: str, path: Path) -> Classifier:
    stamp = stamp_of(path)
    return _with_survey(name, _network(name, str(path), stamp))


def _with_survey(name: str, loaded: Classifier) -> Classifier:
    """A network with the usual gates that were found here, where its own file does not say them."""
    if not is_provisional(loaded.usual) or (found := surveyed_for_all(loaded.digest)) is None:
        return loaded
    return _knowing(name, loaded.digest, found.usual.count, found.usual.images, loaded, found.usual)


@st.cache_resource(max_entries=16, show_spinner=False)
def _knowing(name: str, digest: str, count: int, images: str, _loaded: Classifier, _usual: Usual) -> Classifier:
    return replace(_loaded, usual=_usual)


@st.cache_resource(max_entries=16, show_spinner=False)
def _network(name: str, path: str, stamp: Stamp | None) -> Classifier:
    return with_usual(load_checkpoint(Path(path), name=name))


def version_of(classifier: Classifier) -> str:
    """What distinguishes results of a network from those of others: its weights, and what is usual for its gates."""
    usual = classifier.usual
    return classifier.digest if usual is None else f"{classifier.digest} {usual.count} {usual.images}"


def key_of(classifier: Classifier) -> tuple[str, str]:
    """One file may stand under two names, and results carry the name."""
    return classifier.name, version_of(classifier)


def recall(remembered: Callable[..., Result], classifier: Classifier, *settings: Hashable) -> Result:
    """What a function made of a network, remembered for all visitors, or with a visitor's own network.

    Args:
        remembered: takes the network's key, `settings` and the network, and remembers by the former two.
        classifier: the network.
        *settings: whatever else decides about the result.
    """
    key = key_of(classifier)
    if not own_networks.is_own(classifier):
        return remembered(key, *settings, classifier)
    make: Callable[..., Result] = inspect.unwrap(remembered)
    return own_networks.recall(classifier, (make.__name__, *settings), lambda: make(key, *settings, classifier))


@dataclass(frozen=True, eq=False)
class Anatomy:
    """What a network consists of.

    Attributes:
        summary: its layers and sizes.
        kernels: of its spatial attention, block by block.
    """

    summary: Summary
    kernels: tuple[SpatialKernel, ...]


def anatomy(classifier: Classifier) -> Anatomy:
    """Layers, sizes and kernels of a network."""
    return recall(_anatomy, classifier)


def is_operators(name: str) -> bool:
    """Whether the operator named this network when the app was started."""
    operators = operators_network()
    return operators is not None and operators.name == name


def evaluation_of(classifier: Classifier) -> Evaluation:
    """What the network answered for the test set, or for the samples: kept beside its checkpoint, or found here.

    Raises:
        TrainingError: neither is there, or the kept one is damaged or of other weights; see `open_evaluation`.
    """
    try:
        return _kept_evaluation(classifier)
    except TrainingError:
        found = surveyed(classifier)
        if found is None or found.evaluation is None:
            raise
        return found.evaluation


def _kept_evaluation(classifier: Classifier) -> Evaluation:
    file = file_of(classifier.name)
    if file is None or network(classifier.name).digest != classifier.digest:  # a visitor's file may have any name
        raise TrainingError("evaluation.none", "{checkpoint} has not been evaluated yet", checkpoint=classifier.name)
    return _evaluation(str(file), stamp_of(evaluation_path(file)), classifier.digest)


@st.cache_data(max_entries=8, show_spinner=False)
def _anatomy(network: tuple[str, str], _classifier: Classifier) -> Anatomy:
    with slot():
        model, size = _classifier.model, _classifier.input_size
        return Anatomy(summarise(model, size), spatial_kernels(model, size))


@st.cache_resource(max_entries=8, show_spinner=False)  # its arrays are read-only
def _evaluation(path: str, stamp: Stamp | None, digest: str) -> Evaluation:
    return open_evaluation(Path(path), digest)
