"""What if without a browser: rows before any click, edits of the address, and networks that lack something."""

from __future__ import annotations

from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from app import services
from app.services import what_if
from app.whatif import experiment
from app.whatif.state import Experiment
from cbam_core import CBAM_CNN, consequences, edit, explain, load_classifier
from cbam_core.data.samples import sample_sheet
from cbam_core.errors import ModelError
from cbam_core.gates import Usual
from cbam_core.network import save_classifier
from cbam_core.results.gate_edits import EditFile, GateEdit
from tests.app.visiting import MAIN, go_to

NETWORK = "cbam_cnn_cifar10"
SAMPLE = 31


@pytest.fixture
def given(monkeypatch):
    """What the table was given, each time it was drawn."""
    drawn = []
    monkeypatch.setattr(services, "samples_ahead", lambda _: "[]")
    monkeypatch.setattr(experiment, "_component", lambda: lambda data, **_: drawn.append(data))
    return drawn


def opened(**address):
    app = AppTest.from_file(str(MAIN), default_timeout=60)
    app.run()
    for name, value in address.items():
        app.query_params[name] = value
    if address:
        app.query_params["gone"] = "1~whatif"
    go_to(app, "whatif").run()
    assert not app.exception
    return app


def said(app):
    return " ".join(element.value for element in [*app.caption, *app.info, *app.error, *app.markdown])


def test_rows_are_there_before_any_click_with_the_numbers_of_the_library(given):
    app = opened()
    shown = given[-1]
    classifier = load_classifier(NETWORK)
    expected = consequences(classifier, sample_sheet().images[SAMPLE], only={"usual"})
    assert [row["name"] for row in shown["rows"]] == [row.name for row in expected.rows]
    assert [row["label"] for row in shown["groups"]] == ["all masks", "all channel weights", "all gates"]
    for row, found in zip(shown["rows"], expected.rows, strict=True):
        outcome = found.under("usual")
        assert row["changes"] == (outcome.answer != expected.as_is.answer)
        assert row["under"][0]["share"] == pytest.approx(float(outcome.probabilities.max()), abs=1e-3)
    shares = {row["name"]: row["share"] for row in shown["rows"]}
    assert (shares["cbam1.spatial"], shares["cbam2.spatial"]) == ("8.7\xa0%", "0.3\xa0%")
    assert shown["answers"]["edited"] is None
    assert "the mean over 50,000 images" in said(app)


def test_an_address_names_the_image_and_the_edits_and_is_written_again(given):
    app = opened(image="sample-40", other="sample-3", edits="cbam1.spatial:usual,cbam3.channel:other")
    shown = given[-1]
    assert [*shown["now"]] == ["cbam1.spatial", "cbam3.channel"]
    classifier, images = load_classifier(NETWORK), sample_sheet().images
    lends = {g.name: g.values for b in explain(classifier, images[3]).blocks for g in b.gates}
    with edit(classifier, {"cbam1.spatial": Usual(), "cbam3.channel": Usual(lends["cbam3.channel"])}):
        probabilities = explain(classifier, images[40]).probabilities
    best = float(probabilities.max())
    assert shown["answers"]["edited"][0]["share"] == pytest.approx(best, abs=1e-3)
    assert all(row["now"] for row in shown["rows"])
    assert app.query_params["edits"] == "cbam1.spatial:usual,cbam3.channel:other"
    assert app.query_params["other"] == "sample-3"


def test_kept_edits_and_the_replacements_of_an_open_row_have_their_answers(given, tiny_classifier):
    app = opened(
        image="sample-40", edits="cbam1.spatial:usual", edits_a="cbam2.channel:off", edits_b="cbam1.spatial:usual"
    )
    first, second = given[-1]["kept_said"]
    assert (first["letter"], first["said"]) == ("A", "cbam2.channel: off")
    edited = given[-1]["answers"]["edited"][0]
    assert second["answer"] == f"{edited['name']} {edited['percent']}"
    assert given[-1]["outcomes"] is None
    app.session_state["whatif-experiment"] = Experiment(opened="cbam1.channel")
    app.run()
    by = given[-1]["outcomes"]["by"]
    as_is = given[-1]["answers"]["as_is"][0]
    assert by["as_is"] == {"why": "", "changes": False, "answer": f"{as_is['name']} {as_is['percent']}"}
    assert by["own_mean"]["why"] == "cbam1.channel: it has no positions to take a mean over"
    assert len({one["answer"] for one in by.values()}) > 4


def test_edits_go_to_a_file_and_come_back_with_their_images(given):
    app = opened(image="sample-40", other="sample-3", edits="cbam1.spatial:other*50")
    (button,) = [one for one in app.get("download_button") if "download" in one.proto.id]
    assert not button.proto.disabled
    content = EditFile({"cbam3.channel": GateEdit("off")}, (), "other-net", "sample-12", "sample-9").as_json()
    app.file_uploader(key="whatif-file-0").set_value([("edits.json", content.encode(), "application/json")]).run()
    assert not app.exception
    shown = given[-1]
    assert shown["now"] == {"cbam3.channel": {"source": "off"}}
    assert shown["lends"] == ["sample", 9]
    assert "made on other-net" in said(app).replace("\\", "")
    assert app.query_params["image"] == "sample-12"
    app.file_uploader(key="whatif-file-0").set_value([("edits.json", b"{}", "application/json")]).run()
    assert [error.value for error in app.error] == ["This is not a file of edits as What if gives them out."]
    assert given[-1]["now"] == {"cbam3.channel": {"source": "off"}}


def test_edits_of_another_network_are_left_out_and_named(given):
    app = opened(edits="stage9.cbam.spatial:usual,cbam1.spatial:usual")
    assert "stage9.cbam.spatial: this network has no such gate" in said(app).replace("\\", "")
    assert given[-1]["answers"]["edited"] is not None


def test_a_network_without_gates_is_said_to_have_none(given, monkeypatch, tmp_path, tiny_classifier):
    model = CBAM_CNN(gates="none").eval()
    plain = replace(tiny_classifier, model=model, arguments={"num_classes": 10, "gates": "none"})
    save_classifier(plain, tmp_path / "plain.safetensors")
    monkeypatch.setenv("CBAM_CHECKPOINT_DIR", str(tmp_path))
    app = opened()
    assert "This network has no gates to edit." in said(app)
    assert not given


def test_edits_with_which_the_network_does_not_compute_are_said_and_can_be_taken_back(given, monkeypatch):
    def overflows(*_, **__):
        raise ModelError("model.not-finite", "the output is not finite")

    monkeypatch.setattr(what_if, "edited", overflows)
    app = opened(edits="cbam1.spatial:as_is~0=100000", edits_a="cbam2.spatial:off")
    assert "the network gives no answer: the output is not finite" in app.warning[0].value.replace("\\", "")
    shown = given[-1]
    assert shown["now"] == {"cbam1.spatial": {"values": [[0, 1000.0]]}}
    assert shown["answers"]["edited"] is None
    assert [one["answer"] for one in shown["kept_said"]] == ["no answer"]
