"""Training curves as Plotly charts."""

from __future__ import annotations

import json

import numpy as np
import pytest
from plotly.graph_objects import Figure

from cbam_core.errors import RenderError
from cbam_core.render.curves import (
    POINTS,
    WINDOW,
    WORDS,
    describe_epochs,
    describe_iterations,
    loss_per_iteration,
    measure_per_epoch,
    thin,
)
from cbam_core.results.history import Epoch
from tests.made_runs import make_history


def test_a_short_run_is_drawn_whole_and_says_so():
    losses = [3.0, 2.0, 1.0]
    single, mean = loss_per_iteration(losses)["data"]
    assert single["x"] == [1, 2, 3]
    assert single["y"] == losses
    assert single["name"] == "each iteration"
    assert mean["y"] == [3.0, 2.5, 2.0]


@pytest.mark.parametrize("count", [POINTS, POINTS + 1, 9_775, 50_000])
def test_a_long_run_is_thinned_evenly_to_its_last_iteration_and_says_how(count):
    losses = np.random.default_rng(0).random(count)
    thinned = thin(losses.tolist())
    every = -(-count // POINTS)
    assert len(thinned.iterations) <= POINTS
    assert set(np.diff(thinned.iterations)) == {every}
    assert thinned.iterations[-1] == count
    assert np.array_equal(thinned.losses, losses[thinned.iterations - 1])
    name = loss_per_iteration(losses.tolist())["data"][0]["name"]
    assert name == ("each iteration" if every == 1 else f"one iteration in {every}")


def test_the_running_mean_is_of_all_losses_and_not_of_those_that_are_drawn():
    losses = np.random.default_rng(0).random(7_000)
    thinned = thin(losses.tolist())
    for place in (0, 1, 40, -1):
        end = thinned.iterations[place]
        assert thinned.means[place] == pytest.approx(losses[max(0, end - WINDOW) : end].mean())


def test_a_long_runs_chart_stays_light():
    chart = loss_per_iteration(np.random.default_rng(0).random(60_000).tolist())
    assert len(json.dumps(chart)) < 80_000


def test_curves_of_epochs_are_what_was_measured():
    epochs = make_history(3).epochs
    train, validation = measure_per_epoch(epochs, "accuracy")["data"]
    assert train["x"] == validation["x"] == [1, 2, 3]
    assert validation["y"] == pytest.approx([100 * epoch.validation_accuracy for epoch in epochs])
    assert train["line"]["dash"] != validation["line"].get("dash"), "told apart without colours too"
    train, validation = measure_per_epoch(epochs, "loss")["data"]
    assert train["y"] == pytest.approx([epoch.train_loss for epoch in epochs], rel=1e-4)


def test_many_epochs_have_no_dots_and_one_epoch_has():
    assert measure_per_epoch(make_history(200).epochs, "loss")["data"][0]["mode"] == "lines"
    assert "markers" in measure_per_epoch(make_history(1).epochs, "loss")["data"][0]["mode"]


@pytest.mark.parametrize("ink", ["#123456", None])
def test_ink_is_the_callers_or_the_pages(ink):
    charts = [loss_per_iteration([1.0], ink=ink), measure_per_epoch(make_history(2).epochs, "loss", ink=ink)]
    for chart in charts:
        assert chart["layout"].get("font", {}).get("color") == ink


def test_plotly_accepts_the_charts():
    epochs = make_history(3).epochs
    for chart in (loss_per_iteration([1.0, 0.5]), measure_per_epoch(epochs, "accuracy"), loss_per_iteration([])):
        assert len(Figure(chart).data) == len(chart["data"])  # Plotly takes every part


def test_axes_name_their_units():
    layout = measure_per_epoch(make_history(2).epochs, "accuracy")["layout"]
    assert layout["yaxis"]["title"]["text"] == "accuracy (%)"
    assert "nats" in loss_per_iteration([1.0])["layout"]["yaxis"]["title"]["text"]


def test_descriptions_carry_the_numbers():
    epochs = make_history(3).epochs
    said = describe_epochs(epochs, "accuracy")
    assert "70.0 %" in said
    assert "at best 85.0 % after epoch 3" in said
    assert "0.600" in describe_epochs(epochs, "loss")
    assert "2.500" in describe_iterations([3.0, 2.0])
    assert describe_epochs((), "loss") == describe_iterations([]) == WORDS["nothing"]


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_losses_that_are_no_numbers_are_refused(bad):
    with pytest.raises(RenderError, match="not a number"):
        thin([1.0, bad])


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), "1", None, [1.0]])
def test_epochs_that_hold_no_numbers_are_refused(bad):
    epochs = make_history(2).epochs
    with pytest.raises(RenderError, match="not a number"):
        measure_per_epoch([epochs[0], odd(epochs[1], bad)], "loss")


def odd(epoch, loss):
    """An epoch as a damaged file gives it; what is built is checked in tests."""
    damaged = object.__new__(Epoch)
    vars(damaged).update(vars(epoch) | {"train_loss": loss, "validation_loss": loss})
    return damaged
