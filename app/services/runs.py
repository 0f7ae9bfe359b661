"""Trainings that there is something to show of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import streamlit as st

from app.services.file_version import Stamp, stamp_of
from app.services.networks import network, network_of_run
from app.session.words import Words, class_name, language
from cbam_core.errors import CbamError
from cbam_core.places import checkpoint_folder, runs_folder
from cbam_core.render.curves import both
from cbam_core.results.film import Film, open_film
from cbam_core.results.history import (
    PROGRESS,
    History,
    Progress,
    read_history,
    read_image_counts,
    read_progress,
)
from cbam_core.training.listing import Run, find_runs
from cbam_core.viewer import WORDS as VIEWER_WORDS
from cbam_core.viewer.player import PLAYER_WORDS, lay_out_film
from cbam_core.weights.card import Card

FIRST_CLASS = "cat"
"""Of the image that a film shows first: an animal whose eyes and ears show where masks are high."""


def training_runs() -> dict[str, Run]:
    """The trainings that there is something to show of."""
    return find_runs(checkpoint_folder(), runs_folder())


def run_progress(run: Run) -> Progress | None:
    """Where a run is; None for one that ships, and for one that has said nothing yet."""
    return None if run.folder is None else read_progress(run.folder)


def run_history(run: Run) -> tuple[dict[str, Any], History]:
    """A run's recipe and history.

    Raises:
        CbamError: the file is missing or damaged.
    """
    return _history(str(run.history), stamp_of(run.history))


def run_images(run: Run) -> tuple[int, int] | None:
    """Number of images that a run learns from, and of those that it is watched with; None where it has not said."""
    return _images(str(run.history), stamp_of(run.history))


def is_readable(run: Run) -> bool:
    """Whether what a run recorded can be read, as far as there is something."""
    progress = None if run.folder is None else run.folder / PROGRESS
    return _is_readable(str(run.history), stamp_of(run.history)) and (
        progress is None or stamp_of(progress) is None or run_progress(run) is not None
    )


def run_film(run: Run) -> Film:
    """A run's film.

    Raises:
        TrainingError: the file is missing or damaged.
    """
    return _film(str(run.film), stamp_of(run.film))


def film_data(run: Run) -> dict[str, Any]:
    """What the film player is given.

    Raises:
        CbamError: the film is damaged.
    """
    film, history = (str(run.film), stamp_of(run.film)), (str(run.history), stamp_of(run.history))
    return _film_data(run.name, *film, *history, language())


def card_of(run: Run) -> Card | None:
    """The card of the network that a run wrote; None before its end.

    Raises:
        CheckpointError: the network's file cannot be read.
    """
    name = network_of_run(run)
    return None if name is None else network(name).card


@st.cache_data(max_entries=32, show_spinner=False)
def _history(path: str, stamp: Stamp | None) -> tuple[dict[str, Any], History]:
    recipe, history = read_history(Path(path))
    for measure in ("accuracy", "loss"):
        both(history.epochs, measure)  # raises where something is not a number
    return recipe, history


@st.cache_data(max_entries=32, show_spinner=False)
def _images(path: str, stamp: Stamp | None) -> tuple[int, int] | None:
    return read_image_counts(Path(path))


@st.cache_data(max_entries=1024, show_spinner=False)
def _is_readable(path: str, stamp: Stamp | None) -> bool:
    if stamp is None:
        return True
    try:
        read_history(Path(path))
    except CbamError:
        return False
    return True


@st.cache_data(max_entries=8, show_spinner=False)
def _film(path: str, stamp: Stamp | None) -> Film:
    return open_film(Path(path))


@st.cache_data(max_entries=8, show_spinner=False)
def _film_data(
    name: str,
    path: str,
    stamp: Stamp | None,
    history_path: str,
    history_stamp: Stamp | None,
    language: str,
) -> dict[str, Any]:
    try:
        _, history = _history(history_path, history_stamp)
        curve = [(epoch.number, epoch.validation_accuracy) for epoch in history.epochs]
    except CbamError:
        curve = []  # the film has its own accuracies
    film = _film(path, stamp)
    classes = [film.classes[label] for label in film.labels.tolist() if label in range(len(film.classes))]
    first = classes.index(FIRST_CLASS) if FIRST_CLASS in classes else 0
    return lay_out_film(
        replace(film, classes=tuple(map(class_name, film.classes))),
        name=name,
        curve=curve,
        image=first,
        words=Words(PLAYER_WORDS),
        viewer_words=Words(VIEWER_WORDS),
    )
