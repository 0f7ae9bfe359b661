"""The course's two figures of a run as PNG files: loss per iteration; accuracy and loss per epoch."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from cbam_core.files import write_atomically
from cbam_core.render.charts import ONE_COLOUR, PAIR_COLOURS
from cbam_core.render.curves import MARKED, WORDS, Measure, both, thin
from cbam_core.results.history import History

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ITERATIONS, EPOCHS = "loss_per_iteration.png", "accuracy_and_loss_per_epoch.png"
"""Names of the two files."""

DENSITY = 150
"""Resolution in pixels per inch."""
_INK, _GRID = "#333333", "#dddddd"


def draw_figures(history: History, folder: Path, name: str = "") -> tuple[Path, ...]:
    """Draw both figures of a run into a folder; values that were not measured are left out.

    Matplotlib's figures are used without windows, ``pyplot`` or global state.

    Args:
        history: history of the run.
        folder: folder of the files; older ones are replaced.
        name: name of the run, for the titles.

    Returns:
        Paths of the files: `ITERATIONS` and `EPOCHS`.

    Raises:
        RenderError: a value is not a number.
        OSError: the folder cannot be written.
    """
    drawn = []
    if history.losses:
        drawn.append(_save(_iterations(history, name), folder / ITERATIONS))
    if history.epochs:
        drawn.append(_save(_epochs(history, name), folder / EPOCHS))
    return tuple(drawn)


def _iterations(history: History, name: str) -> Figure:
    figure = _figure(8.0, 4.5)
    axes = figure.subplots()
    thinned = thin(history.losses)
    few = WORDS["all"] if thinned.every == 1 else WORDS["some"].format(every=thinned.every)
    axes.plot(thinned.iterations, thinned.losses, color=ONE_COLOUR, alpha=0.45, linewidth=0.8, label=few)
    mean = WORDS["mean"].format(window=thinned.window)
    axes.plot(thinned.iterations, thinned.means, color=PAIR_COLOURS[1], linewidth=1.8, label=mean)
    _dress(axes, _titled(WORDS["loss_per_iteration"], name), WORDS["iteration"], WORDS["loss"])
    return figure


def _epochs(history: History, name: str) -> Figure:
    figure = _figure(11.0, 4.5)
    measures: tuple[Measure, Measure] = ("accuracy", "loss")
    x = [epoch.number for epoch in history.epochs]
    mark = "o" if len(x) <= MARKED else ""
    for axes, measure in zip(figure.subplots(1, 2), measures, strict=True):
        train, validation = both(history.epochs, measure)
        axes.plot(
            x, train, color=PAIR_COLOURS[0], linestyle=":", marker=mark, markersize=3, linewidth=1.5,
            label=WORDS["train"],
        )  # fmt: skip
        axes.plot(
            x, validation, color=PAIR_COLOURS[1], marker=mark, markersize=3, linewidth=2, label=WORDS["validation"]
        )
        axes.xaxis.get_major_locator().set_params(integer=True)
        _dress(axes, _titled(WORDS[f"{measure}_per_epoch"], name), WORDS["epoch"], WORDS[measure])
    return figure


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=DENSITY, layout="constrained", facecolor="white")


def _dress(axes: Axes, title: str, across: str, up: str) -> None:
    axes.set_title(title, loc="left", color=_INK, fontsize=12, parse_math=False)
    axes.set_xlabel(across, color=_INK)
    axes.set_ylabel(up, color=_INK)
    axes.set_facecolor("white")
    axes.grid(axis="y", color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(_GRID)
    axes.tick_params(colors=_INK, length=0)
    axes.legend(frameon=False, labelcolor=_INK)


def _titled(what: str, name: str) -> str:
    return f"{what}: {name}" if name else what


def _save(figure: Figure, path: Path) -> Path:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    write_atomically(path, lambda file: file.write(buffer.getvalue()))
    return path
