"""The figures that a run leaves."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from cbam_core.errors import RenderError
from cbam_core.render.charts import PAIR_COLOURS
from cbam_core.results.history import History
from cbam_core.training import figures
from cbam_core.training.figures import EPOCHS, ITERATIONS, draw_figures
from tests.made_runs import make_history


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Both figures of a run, as users get them; copied before they are replaced."""
    place = tmp_path_factory.mktemp("figures") / "new"
    assert [path.name for path in draw_figures(make_history(), place, "fast")] == [ITERATIONS, EPOCHS]
    return place


@pytest.fixture
def _coarse(monkeypatch):
    """Draw with a quarter of the pixels where their number does not matter."""
    monkeypatch.setattr(figures, "DENSITY", figures.DENSITY // 2)


def pixels_of(path):
    with Image.open(path) as file:
        return np.asarray(file.convert("RGB"))


def test_both_figures_are_png_files_with_both_curves(folder):
    for path in (folder / ITERATIONS, folder / EPOCHS):
        with Image.open(path) as file:
            assert file.format == "PNG"
            assert file.width >= 1000
            pixels = np.asarray(file.convert("RGB")).reshape(-1, 3)
        assert tuple(pixels[0]) == (255, 255, 255)
        orange = tuple(int(PAIR_COLOURS[1][place : place + 2], 16) for place in (1, 3, 5))
        assert (pixels == orange).all(axis=1).sum() > 500
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []


def test_a_run_again_replaces_them(folder, tmp_path):
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    before = (tmp_path / EPOCHS).read_bytes()
    assert draw_figures(replace(make_history(2), losses=()), tmp_path, "fast") == (tmp_path / EPOCHS,)
    assert (tmp_path / EPOCHS).read_bytes() != before


@pytest.mark.usefixtures("_coarse")
@pytest.mark.parametrize(("epochs", "steps"), [(1, 1), (300, 200)])
def test_single_epochs_and_long_runs_are_drawn(tmp_path, epochs, steps):
    for path in draw_figures(make_history(epochs, steps), tmp_path):
        assert (pixels_of(path) != 255).any(axis=2).mean() > 0.005


@pytest.mark.usefixtures("_coarse")
def test_an_odd_name_stands_in_the_title_as_it_is(tmp_path):
    history = replace(make_history(1, 1), epochs=())
    odd, plain = (pixels_of(draw_figures(history, tmp_path, name)[0]) for name in ("$x_1$ 50 %", "x1"))
    rows = np.flatnonzero((odd != plain).any(axis=(1, 2)))
    assert rows[0] > 0
    assert rows[-1] < 0.1 * len(odd), "the rest is as with any other name"


def test_what_was_not_measured_is_not_drawn(tmp_path):
    assert draw_figures(History(), tmp_path) == ()
    assert list(tmp_path.iterdir()) == []


def test_a_loss_that_is_no_number_is_one_sentence(tmp_path):
    with pytest.raises(RenderError, match="not a number"):
        draw_figures(replace(make_history(), losses=(1.0, float("nan"))), tmp_path)


def test_no_window_system_is_asked_for(interpreter):
    code = (
        "import sys, pathlib, tempfile\n"
        "from cbam_core.training.figures import draw_figures\n"
        "assert 'matplotlib' not in sys.modules\n"
        "from tests.made_runs import make_history\n"
        "draw_figures(make_history(), pathlib.Path(tempfile.mkdtemp()))\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    interpreter.succeeds(code)
