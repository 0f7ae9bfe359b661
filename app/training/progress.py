"""How a run stands: how far it is, or that it has stalled and how to continue it."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Mapping
from typing import Any

import streamlit as st

from app import services
from app.session.words import Words
from app.widgets.duration import duration
from cbam_core.places import RUNS_VARIABLE
from cbam_core.results.history import Progress
from cbam_core.training.listing import Run, State, silence, state_of
from cbam_core.training.recipes import command_for

WORDS = Words(
    {
        "begins": "The run is starting",
        "progress": "Epoch {epoch} of {epochs}, batch {batch} of {batches} · loss {loss:.3f} · {rate} images/s · about "
        "{left} left",
        "stalled": "This run has not recorded how far it is, and wrote its last file {quiet} ago. If it has ended, run "
        "the same command with --resume to continue it from the end of its last complete epoch.",
        "stalled_in": "This run has stalled: its last update was {quiet} ago, in epoch {epoch} of {epochs}. Run the "
        "same command with --resume to continue it from the end of its last complete epoch.",
    }
)

EVERY: dict[State, float | None] = {"running": 2.0, "stalled": 15.0, "complete": None}
# Seconds between two looks at a run, by how it stands.

Look = tuple[State, services.Stamp | None]


def look_at(run: Run) -> Look:
    """What the page as a whole depends on: how the run stands, and which version of its film there is."""
    return state_of(run, services.run_progress(run), time.time()), services.stamp_of(run.film)


def say_progress(progress: Progress | None) -> None:
    """The line of a run that continues, with its bar."""
    if progress is None:
        st.progress(0.0, text=WORDS["begins"])
        return
    share = (progress.epoch - 1 + progress.index / max(progress.steps, 1)) / max(progress.epochs, 1)
    said = WORDS["progress"].format(
        epoch=progress.epoch,
        epochs=progress.epochs,
        batch=progress.index,
        batches=progress.steps,
        loss=progress.loss,
        rate=f"{progress.images_per_second:,.0f}",
        left=duration(progress.seconds_left),
    )
    st.progress(min(max(share, 0.0), 1.0), text=said)


def say_stalled(run: Run, progress: Progress | None, recipe: Mapping[str, Any]) -> None:
    """A warning that a run is silent, and the command that continues it where its recipe is known."""
    quiet = duration(silence(run, progress, time.time()))
    if progress is None:
        said = WORDS["stalled"].format(quiet=quiet)
    else:
        said = WORDS["stalled_in"].format(quiet=quiet, epoch=progress.epoch, epochs=progress.epochs)
    st.warning(said, icon=":material/pause_circle:")
    if recipe:
        st.code(f"{command_for(recipe, _out(run))} --resume", language="bash", wrap_lines=True)


def _out(run: Run) -> str:
    """A run's folder as its command names it; where it lies on the server is no business of visitors."""
    if os.environ.get(RUNS_VARIABLE):
        return f'"${RUNS_VARIABLE}"/{shlex.quote(run.name)}'
    return shlex.quote(f"runs/{run.name}")
