"""Training: how a network came about, or how one comes about just now; its curves, its film, its recipe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import streamlit as st

from app import services
from app.session import links
from app.session.choices import Choice, Remembered
from app.session.words import Words, plain_name, plain_text, sentence, translated_for_files
from app.training.curves import all_losses, draw_curves, draw_figures, readable_card
from app.training.film import film_downloads, film_player
from app.training.progress import EVERY, Look, look_at, say_progress, say_stalled
from app.training.recipe import recipe_table
from app.widgets.choices import keep_listed
from cbam_core.errors import CbamError
from cbam_core.network import Classifier
from cbam_core.render.film import WORDS as FILM_WORDS
from cbam_core.render.film import film_file
from cbam_core.results.history import PROGRESS, History
from cbam_core.training.listing import Run

WORDS = Words(
    {
        "title": "Training",
        "run": "Run",
        "ships": "{name} (ships with CBAM Lens)",
        "unreadable": "{name} (cannot be read)",
        "nothing": "No training run has been recorded yet. Start one, and this page shows its progress:",
        "folder": "Training runs are read from the folder runs beside the checkpoints; set the environment variable "
        "CBAM_RUNS_DIR to use another folder.",
        "film": "Attention during training",
        "about_film": "Choose one of these images, which were not used for training, and press play. The scenes "
        "show the network after epochs {epochs}; nothing is interpolated between them.",
        "recipe": "Recipe",
        "inspect": "Inspect",
        "compare": "Compare",
        "model": "Model",
        "opens": "Opens this page with the network of this run.",
        "unfinished": "This run has not written its network yet; the sidebar shows another one, {name}.",
        "another": "The sidebar shows another network than that of this run: {name}.",
        "damaged": "{file} cannot be read: it is damaged, or is not a record of a training run.",
    }
)


@dataclass(frozen=True)
class _Shown:
    """What the page showed when it was drawn last.

    Attributes:
        run: name of the run.
        network: name of the network that it wrote; None before its end.
        sidebar: name of the network in the sidebar.
    """

    run: str
    network: str | None
    sidebar: str


_RUN = Choice("training-run")
_SHOWN: Remembered[_Shown | None] = Remembered("training-shown", lambda: None)


def page(classifier: Classifier, asked: Mapping[str, Any]) -> None:
    """The page below the sidebar.

    Args:
        classifier: the network in the sidebar; its run is offered first.
        asked: what an address asked for that the visitor came by, see `app.session.links.arrive`.
    """
    runs = services.training_runs()
    _choose_run(runs, classifier.name, asked.get("run"))
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.title(WORDS["title"], anchor=False, width="content")
        if runs:
            titles = {key: _titled(run) for key, run in runs.items()}
            keep_listed(_RUN.key, [*titles.values()])
            name = st.selectbox(
                WORDS["run"],
                [*titles],
                format_func=titles.__getitem__,
                label_visibility="collapsed",
                key=_RUN.key,
                width=360,
            )
        tools = st.container(horizontal=True, vertical_alignment="center", gap="small", width="content")
    if not runs:
        links.write(network=links.network_of(classifier))
        _nothing()
        return
    chosen = name if name in runs else next(iter(runs))
    run = runs[chosen]
    network, error = _network_of(run)
    _agree(_Shown(chosen, network, classifier.name), asked=asked.get("run") == chosen)
    links.write(network=links.network_of(classifier), run=chosen)
    with tools:
        _ways_on(network)
    if error is not None:
        st.error(sentence(error), icon=":material/error:")
    elif network != classifier.name:
        said = WORDS["unfinished" if network is None else "another"]
        st.caption(said.format(name=plain_text(classifier.name)))
    shown = look_at(run)
    if shown[0] == "complete":  # the film is what people come for
        _measured(run, shown, lambda: _film(run))
    else:
        st.fragment(_measured, run_every=EVERY[shown[0]])(run, shown)
        _film(run)
    _recipe(run)


def _choose_run(runs: dict[str, Run], network: str, asked: str | None) -> None:
    """Choose the run to begin with, and another one where an address or the sidebar says so.

    Args:
        runs: all runs.
        network: name of the network in the sidebar.
        asked: name of the run that an address asked for.
    """
    before = _SHOWN.get()
    its_run = next((key for key, run in runs.items() if services.network_of_run(run) == network), None)
    if asked in runs:
        _RUN.set(asked)
    elif before is not None and before.sidebar != network and its_run is not None:
        _RUN.set(its_run)
    _RUN.begin(_first(runs, its_run))


def _first(runs: dict[str, Run], its_run: str | None) -> str | None:
    """A run that continues, else that of the network in the sidebar, else the first."""
    for name, run in runs.items():
        if look_at(run)[0] == "running":
            return name
    return its_run or next(iter(runs), None)


def _network_of(run: Run) -> tuple[str | None, CbamError | None]:
    """Name of the network that a run wrote, or why it cannot be opened; neither before its end."""
    name = services.network_of_run(run)
    try:
        if name is not None:
            services.network(name)
    except CbamError as error:
        return None, error
    return name, None


def _agree(shown: _Shown, *, asked: bool) -> None:
    """Have the sidebar follow where another run was chosen or asked for, or where it has a network from now on."""
    before = _SHOWN.get()
    _SHOWN.set(shown)
    follows = asked or (before is not None and (before.run, before.network) != (shown.run, shown.network))
    if follows and shown.network is not None and shown.network != shown.sidebar:
        links.ask(network=shown.network, run=shown.run)
        st.rerun()


def _ways_on(network: str | None) -> None:
    """Buttons that open the run's network on the other pages."""
    if network is None:
        return
    other = next((name for name in services.networks() if name != network), network)
    asked = {"compare": {"mode": "networks", "a": network, "b": other}}
    for page, icon in (("inspect", "visibility"), ("compare", "compare"), ("model", "account_tree")):
        st.button(
            WORDS[page],
            icon=f":material/{icon}:",
            help=WORDS["opens"],
            key=f"training-to-{page}",
            on_click=partial(links.go, page, network=network, **asked.get(page, {})),
        )


def _titled(run: Run) -> str:
    if not services.is_readable(run):
        return WORDS["unreadable"].format(name=run.name)
    return WORDS["ships"].format(name=run.name) if run.ships else run.name


def _nothing() -> None:
    st.markdown(WORDS["nothing"])
    st.code("cbam train --recipe fast --out runs/fast", language="bash", wrap_lines=True)
    st.caption(WORDS["folder"])


def _measured(run: Run, shown: Look, between: Callable[[], None] = lambda: None) -> None:
    """Progress, figures and curves; runs by itself again and again while the run continues.

    Args:
        run: which.
        shown: what the whole page was drawn for; where that has changed, it is drawn again.
        between: draws what stands between figures and curves.
    """
    if look_at(run) != shown:
        st.rerun()
    progress = services.run_progress(run)
    try:
        recipe, history = services.run_history(run)
    except CbamError:
        recipe, history = {}, History()
        if run.ships or run.history.exists():
            _say_damaged(run.history.name)
    if progress is None and run.folder is not None and services.stamp_of(run.folder / PROGRESS) is not None:
        _say_damaged(PROGRESS)
    if shown[0] == "stalled":
        say_stalled(run, progress, recipe)
    elif shown[0] == "running":
        say_progress(progress)
    draw_figures(run, history)
    between()
    try:
        draw_curves(history, all_losses(history, progress))
    except CbamError:
        _say_damaged(run.history.name)


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
        st.header(WORDS["film"], anchor=False, width="content")
        tools = st.container(width="content")
    st.caption(WORDS["about_film"].format(epochs=", ".join(map(str, data["epochs"]))))
    chosen = film_player(data, key="training-film")
    words = translated_for_files(FILM_WORDS)  # looked up now: the file is made when the script has long run
    with tools:
        film_downloads(
            data,
            chosen,
            lambda kind: film_file(
                replace(services.run_film(run), classes=tuple(data["classes"])),
                chosen.image,
                network=run.name,
                format=kind,
                look=chosen.settings.look,
                words=words,
            ),
            key="training-film",
        )


def _recipe(run: Run) -> None:
    try:
        recipe, _ = services.run_history(run)
    except CbamError:
        return  # said above
    st.header(WORDS["recipe"], anchor=False)
    recipe_table(recipe, services.run_images(run))
    card = readable_card(run)
    if card is not None and card.command:
        st.code(card.command, language="bash", wrap_lines=True)


def _say_damaged(file: str) -> None:
    """A file that cannot be read is named without its folder, which is no business of visitors."""
    st.error(WORDS["damaged"].format(file=plain_name(file)), icon=":material/error:")
