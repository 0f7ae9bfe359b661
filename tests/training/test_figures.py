"""The figures that a run leaves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from cbam_core.errors import RenderError
from cbam_core.render.charts import PAIR_COLOURS
from cbam_core.results.history import History
from cbam_core.training.figures import EPOCHS, ITERATIONS, draw_figures
from tests.made_runs import make_history


def pixels_of(path):
    with Image.open(path) as file:
        return np.asarray(file.convert("RGB"))


def test_both_figures_are_png_files_with_both_curves(tmp_path):
    drawn = draw_figures(make_history(), tmp_path / "new", "fast")
    assert [path.name for path in drawn] == [ITERATIONS, EPOCHS]
    for path in drawn:
        with Image.open(path) as file:
            assert file.format == "PNG"
            assert file.width >= 1000
            pixels = np.asarray(file.convert("RGB")).reshape(-1, 3)
        assert tuple(pixels[0]) == (255, 255, 255)
        orange = tuple(int(PAIR_COLOURS[1][place : place + 2], 16) for place in (1, 3, 5))
        assert (pixels == orange).all(axis=1).sum() > 500
    assert [path.name for path in (tmp_path / "new").iterdir() if path.name.startswith(".")] == []


def test_a_run_again_replaces_them(tmp_path):
    before = draw_figures(make_history(2), tmp_path)[1].read_bytes()
    assert draw_figures(make_history(4), tmp_path)[1].read_bytes() != before


@pytest.mark.parametrize(("epochs", "steps"), [(1, 1), (300, 200)])
def test_single_epochs_and_long_runs_are_drawn(tmp_path, epochs, steps):
    for path in draw_figures(make_history(epochs, steps), tmp_path):
        assert (pixels_of(path) != 255).any(axis=2).mean() > 0.005


def test_an_odd_name_stands_in_the_title_as_it_is(tmp_path):
    odd, plain = (pixels_of(draw_figures(make_history(1, 1), tmp_path, name)[0]) for name in ("$x_1$ 50 %", "x1"))
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
