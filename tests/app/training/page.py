"""The Training page without a browser: opening it, and reading what is there."""

from __future__ import annotations

import shutil

from cbam_core.results.film import FILM
from cbam_core.results.history import HISTORY
from tests.app.visiting import open_page
from tests.made_runs import make_run

NETWORK = "cbam_cnn_cifar10"


def ship(checkpoints, name=NETWORK):
    made = make_run(checkpoints.parent / "made")
    for kept in (HISTORY, FILM):
        shutil.copy(made / kept, checkpoints / f"{name}.{kept}")


def open_training():
    return open_page("training")


def texts(app):
    found = [*app.markdown, *app.caption, *app.error, *app.warning, *app.code]
    return " ".join(element.value for element in found)


def metrics(app):
    return {metric.label: metric.value for metric in app.metric}


def charts(app):
    return app.get("plotly_chart")


def progress_line(app):
    return [element.proto.text for element in app.get("progress")]
