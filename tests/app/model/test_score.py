"""The scorecard on the Model page: the kept one, and one that is made here."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from app.services import scoring
from cbam_core.data.dataset import samples
from cbam_core.evidence.scoring import subset
from cbam_core.network import save_classifier
from cbam_core.places import project_folder
from cbam_core.results.score_file import read_score, score_path, write_score
from tests.app.visiting import MAIN, go_to

NETWORK = "cbam_cnn_cifar10"


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """A folder of networks of this test's own."""
    monkeypatch.setenv("CBAM_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("CBAM_RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.setenv("CBAM_CHECKPOINT_DIR", str(tmp_path / "checkpoints"))
    (tmp_path / "checkpoints").mkdir()
    st.cache_resource.clear()
    return tmp_path / "checkpoints"


def open_model():
    app = AppTest.from_file(str(MAIN), default_timeout=60)
    app.run()
    go_to(app, "model").run()
    assert not app.exception
    return app


def tables(app):
    return " ".join(element.proto.body for element in app.get("html"))


def test_the_kept_scorecard_is_shown_after_its_receipt_and_not_without(folder):
    shipped = project_folder() / "checkpoints" / f"{NETWORK}.safetensors"
    for path in (shipped, score_path(shipped)):
        shutil.copy(path, folder)
    app = open_model()
    said = tables(app)
    assert "Receipt: holds" in said
    assert (
        said.index("Receipt: holds") < said.index("6 of 6 gates") < said.index("cbam1.spatial matters: with the usual")
    )
    assert said.index("all gates matter: with") < said.index("nothing seen of cbam2.spatial")  # by their effect
    assert "trained without: −0.54 ± 0.50 points (5 pairs, recipe fast)" in said
    assert "of these 10,000 images" in said
    path = score_path(folder / shipped.name)
    score = read_score(path)
    write_score(replace(score, proof=replace(score.proof, kept=5)), path)
    app.run()
    said = tables(app)
    assert "Receipt: does not hold" in said
    assert "matters: with" not in said
    assert any("would say nothing without its receipt" in element.value for element in app.markdown)


def test_a_scorecard_is_made_here_and_kept_for_all_visitors(folder, tiny_classifier, monkeypatch):
    monkeypatch.setattr(scoring, "_images", lambda _: subset(samples(), 4))
    save_classifier(tiny_classifier, folder / "served.safetensors")
    app = open_model()
    assert any("for 4 images \\(the bundled images\\)" in element.value for element in app.caption)
    app.button(key="score-begin").click().run()
    end = time.monotonic() + 60
    while "Receipt" not in tables(app):
        assert not app.exception
        assert time.monotonic() < end
        time.sleep(0.1)
        app.run()
    assert "Receipt: does not hold" in tables(app)  # an untrained network
    assert any("neither accuracy nor loss changes with certainty" in element.value for element in app.markdown)
    st.cache_resource.clear()
    assert "Receipt: does not hold" in tables(open_model())
