"""What a run has measured: a few figures, and curves of accuracy and loss."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app import services
from app.services.prediction import percent
from app.session.words import Words
from app.widgets.chart import as_figure
from app.widgets.duration import duration
from cbam_core.errors import CbamError
from cbam_core.render.curves import WORDS as CURVE_WORDS
from cbam_core.render.curves import Measure, describe_epochs, describe_iterations, loss_per_iteration, measure_per_epoch
from cbam_core.results.history import Epoch, History, Progress
from cbam_core.training.listing import Run
from cbam_core.weights.card import Card

WORDS = Words(
    {
        "test": "Test accuracy",
        "test_help": "Measured once, on the {count} test images, after the last epoch.",
        "validation": "Validation accuracy, epoch {epoch}",
        "validation_help": "Measured on training images that were held out and never used for learning.",
        "train": "Training accuracy",
        "train_help": "Measured during training, on cropped, mirrored or otherwise augmented images, so it can be "
        "lower than the validation accuracy.",
        "iterations": "Iterations",
        "time": "Training time",
        "no_curves": "Accuracy and loss per epoch appear after the first epoch.",
    }
)

CURVES = Words(CURVE_WORDS)

CHART = 260
# Height of a chart, pixels.

MEASURES: tuple[Measure, ...] = ("accuracy", "loss")

_CONFIG = {"displaylogo": False, "modeBarButtons": [["toImage", "resetScale2d"]]}


def draw_figures(run: Run, history: History) -> None:
    """A few numbers that sum the run up."""
    with st.container(horizontal=True, gap="medium"):
        card = readable_card(run)
        if card is not None and card.test_accuracy is not None:
            st.metric(
                WORDS["test"],
                percent(card.test_accuracy, 2),
                help=WORDS["test_help"].format(count=f"{card.test_count:,}"),
                width="content",
            )
        if not history.epochs:
            return
        last = history.epochs[-1]
        st.metric(
            WORDS["validation"].format(epoch=last.number),
            percent(last.validation_accuracy),
            help=WORDS["validation_help"],
            width="content",
        )
        st.metric(WORDS["train"], percent(last.train_accuracy), help=WORDS["train_help"], width="content")
        st.metric(WORDS["iterations"], f"{len(history.losses):,}", width="content")
        st.metric(WORDS["time"], duration(_seconds(history.epochs)), width="content")


def readable_card(run: Run) -> Card | None:
    """The card of the run's network; None where it cannot be read, which is said above."""
    try:
        return services.card_of(run)
    except CbamError:
        return None


def all_losses(history: History, progress: Progress | None) -> tuple[float, ...]:
    """Losses of all batches so far, those of the epoch that is going on included."""
    goes_on = progress is not None and progress.epoch == len(history.epochs) + 1
    return (*history.losses, *(progress.losses if progress is not None and goes_on else ()))


def draw_curves(history: History, losses: tuple[float, ...]) -> None:
    """Accuracy and loss per epoch, and the loss of every batch."""
    epochs = history.epochs
    if not epochs:
        st.caption(WORDS["no_curves"])
    charts: list[tuple[str, dict[str, Any], str]] = [
        (what, measure_per_epoch(epochs, what, ink=None, words=CURVES), describe_epochs(epochs, what, words=CURVES))
        for what in (MEASURES if epochs else ())
    ]
    if losses:
        chart = loss_per_iteration(losses, ink=None, words=CURVES)
        charts.append(("iterations", chart, describe_iterations(losses, words=CURVES)))
    for column, (name, chart, said) in zip(st.columns(3, gap="medium"), charts, strict=False):
        with column:
            st.plotly_chart(as_figure(chart), height=CHART, config=_CONFIG, alt=said, key=f"training-{name}")


def _seconds(epochs: tuple[Epoch, ...]) -> float:
    return sum(epoch.seconds for epoch in epochs)
