"""Training: how a network came about, or how one comes about just now; its curves, its film, its recipe."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable

import streamlit as st

from app import services
from app.components.film import film_downloads, film_player
from app.components.recipe import recipe_table
from cbam_core.errors import CbamError
from cbam_core.render.curves import describe_epochs, describe_iterations, loss_per_iteration, measure_per_epoch
from cbam_core.render.film import film_file
from cbam_core.training.listing import Run, State, silence, state_of
from cbam_core.training.records import Progress
from cbam_core.training.watching import Epoch, History

EVERY: dict[State, float | None] = {"running": 2.0, "stalled": 15.0, "complete": None}
"""Seconds between two looks at a run, by how it stands."""

Look = tuple[State, services.Stamp | None]

CHART = 260
"""Height of a chart, pixels."""

_CONFIG = {"displaylogo": False, "modeBarButtons": [["toImage", "resetScale2d"]]}


def training(chosen: str) -> None:
    """The page below the sidebar.

    Args:
        chosen: name of the network in the sidebar; its run is offered first.
    """
    runs = services.training_runs()
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.header("Training", anchor=False, width="content")
        if runs:
            name = st.selectbox(
                "Run",
                list(runs),
                index=_first(runs, chosen),
                format_func=lambda key: _titled(runs[key]),
                label_visibility="collapsed",
                key="training-run",
                width=360,
            )
    if not runs:
        _nothing()
        return
    run = runs.get(name or "", next(iter(runs.values())))
    shown = _look(run)
    if shown[0] == "complete":  # the film is what people come for
        _measured(run, shown, lambda: _film(run))
    else:
        st.fragment(_measured, run_every=EVERY[shown[0]])(run, shown)
        _film(run)
    _recipe(run)


def _first(runs: dict[str, Run], chosen: str) -> int:
    """A run that goes on, else the chosen network's, else the first."""
    names = list(runs)
    for name in names:
        if _look(runs[name])[0] == "running":
            return names.index(name)
    return names.index(chosen) if chosen in names else 0


def _titled(run: Run) -> str:
    return f"{run.name} (ships with CBAM Lens)" if run.ships else run.name


def _nothing() -> None:
    st.markdown("No training has been recorded yet. Start one, and this page follows it:")
    st.code("cbam train --recipe fast --out runs/fast", language="bash")
    st.caption(
        "Runs are looked for in the folder runs beside the checkpoints; the environment variable CBAM_RUNS_DIR "
        "names another one."
    )


def _look(run: Run) -> Look:
    """What the page as a whole depends on: how the run stands, and which version of its film there is."""
    return state_of(run, services.run_progress(run), time.time()), services.stamp_of(run.film)


def _measured(run: Run, shown: Look, between: Callable[[], None] = lambda: None) -> None:
    """Progress, figures and curves; runs by itself again and again while the run goes on.

    Args:
        run: which.
        shown: what the whole page was drawn for; where that has changed, it is drawn again.
        between: draws what stands between figures and curves.
    """
    if _look(run) != shown:
        st.rerun()
    progress = services.run_progress(run)
    try:
        recipe, history = services.run_history(run)
    except CbamError:
        recipe, history = {}, History()
        if run.ships or run.history.exists():
            _say_damaged(run.history.name)
    if shown[0] == "stalled":
        _say_stalled(run, progress, str(recipe.get("name", "")))
    elif shown[0] == "running":
        _say_progress(progress)
    _figures(run, history)
    between()
    try:
        _curves(history)
    except CbamError:
        _say_damaged(run.history.name)


def _say_progress(progress: Progress | None) -> None:
    if progress is None:
        st.progress(0.0, text="The run begins")
        return
    share = (progress.epoch - 1 + progress.index / max(progress.steps, 1)) / max(progress.epochs, 1)
    words = [
        f"Epoch {progress.epoch} of {progress.epochs}, batch {progress.index} of {progress.steps}",
        f"loss {progress.loss:.3f}",
        f"{progress.images_per_second:,.0f} images/s",
        f"about {in_words(progress.seconds_left)} left",
    ]
    st.progress(min(max(share, 0.0), 1.0), text=" · ".join(words))


def _say_stalled(run: Run, progress: Progress | None, recipe: str) -> None:
    where = "" if progress is None else f", in epoch {progress.epoch} of {progress.epochs}"
    quiet = in_words(silence(run, progress, time.time()))
    st.warning(
        f"This run has stalled: it was last heard of {quiet} ago{where}. The same command with --resume goes on with "
        "it from the end of its last epoch.",
        icon=":material/pause_circle:",
    )
    if recipe:
        words = ["cbam", "train", "--recipe", recipe, "--out", f"runs/{run.name}", "--resume"]
        st.code(shlex.join(words), language="bash")


def _figures(run: Run, history: History) -> None:
    """A few numbers that sum the run up."""
    with st.container(horizontal=True, gap="medium"):
        card = services.card_of(run)
        if card is not None and card.test_accuracy is not None:
            st.metric(
                "Test accuracy",
                f"{100 * card.test_accuracy:.2f} %",
                help=f"On the {card.test_count:,} test images, looked at once, after the last epoch.",
                width="content",
            )
        if not history.epochs:
            return
        last = history.epochs[-1]
        st.metric(
            f"Validation accuracy, epoch {last.number}",
            f"{100 * last.validation_accuracy:.1f} %",
            help="On training images that were held out: never learnt from.",
            width="content",
        )
        st.metric("Training accuracy", f"{100 * last.train_accuracy:.1f} %", help=_WHY_LOWER, width="content")
        st.metric("Iterations", f"{len(history.losses):,}", width="content")
        st.metric("Time learning", in_words(_seconds(history.epochs)), width="content")


_WHY_LOWER = (
    "Counted while learning, on cropped, mirrored or otherwise changed images; so it can lie below the validation "
    "accuracy."
)


def _curves(history: History) -> None:
    if not history.epochs:
        st.caption("Curves appear after the first epoch.")
        return
    epochs, losses = history.epochs, history.losses
    charts = (
        ("accuracy", measure_per_epoch(epochs, "accuracy", ink=None), describe_epochs(epochs, "accuracy")),
        ("loss", measure_per_epoch(epochs, "loss", ink=None), describe_epochs(epochs, "loss")),
        ("iterations", loss_per_iteration(losses, ink=None), describe_iterations(losses)),
    )
    for place, (name, chart, said) in zip(st.columns(3, gap="medium"), charts, strict=True):
        with place:
            st.plotly_chart(chart, height=CHART, config=_CONFIG, alt=said, key=f"training-{name}")


def _film(run: Run) -> None:
    """The player, and the film as a file."""
    if services.stamp_of(run.film) is None:
        return
    try:
        data = services.film_data(run)
    except CbamError:
        _say_damaged(run.film.name)
        return
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader("Its attention while it learnt", anchor=False, width="content")
        tools = st.container(width="content")
    epochs = ", ".join(map(str, data["epochs"]))
    st.caption(
        f"Choose one of these test images, which it never learnt from, and press play. Scenes are as they were after "
        f"epochs {epochs}; nothing is interpolated between them."
    )
    chosen = film_player(data, key="training-film")
    with tools:
        film_downloads(
            data,
            chosen,
            lambda kind: film_file(
                services.run_film(run),
                chosen.image,
                network=run.name,
                format=kind,
                colours=chosen.settings.colours,
                opacity=chosen.settings.opacity,
                smooth=chosen.settings.smooth,
            ),
            key="training-film",
        )


def _recipe(run: Run) -> None:
    try:
        recipe, _ = services.run_history(run)
    except CbamError:
        return  # said above
    st.subheader("Recipe", anchor=False)
    recipe_table(recipe)
    card = services.card_of(run)
    if card is not None and card.command:
        st.code(card.command, language="bash")


def in_words(seconds: float) -> str:
    """A span of time, as exact as anybody asks."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def _seconds(epochs: tuple[Epoch, ...]) -> float:
    return sum(epoch.seconds for epoch in epochs)


def _say_damaged(file: str) -> None:
    """A file that cannot be read is named without its folder, which is no business of visitors."""
    st.error(
        f"{file.replace('_', ' ')} cannot be read: it is damaged, or no record of a training.",
        icon=":material/error:",
    )


training(st.session_state["network"].name)
