"""Evidence without a browser: what each section shows, and what an address of it restores."""

import re
import time
from dataclasses import dataclass, replace
from importlib import import_module

import jaxtyping
import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from app import services
from app.evidence.agreement import agreement_table, beyond_controls
from app.evidence.gates import _gate, _level, _named, _on_image
from app.evidence.target import _index
from cbam_core import CBAM_CNN, explain
from cbam_core.evidence import attribute
from cbam_core.network import save_classifier
from cbam_core.results.attribution import Agreement, GateAttribution
from cbam_core.results.explanation import Gate
from tests.app.visiting import MAIN, go_to


@pytest.fixture(autouse=True)
def _as_fast_as_served(monkeypatch, one_thread):
    """A batch grows inside modules whose shapes are checked in tests, and the app computes on one thread."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    monkeypatch.setattr(services, "SOON", 1e9)  # a busy machine would offer a button instead


def visit(**query):
    test = AppTest.from_file(str(MAIN), default_timeout=60)
    test.query_params.update(query)
    return go_to(test, "evidence").run()


def finished(app):
    """The page once what it computes in the background is there."""
    until = time.monotonic() + 60
    works = [work for _, work in app.session_state["attributing"].values()]
    while not all(work.is_over for work in works):
        assert time.monotonic() < until
        time.sleep(0.05)
    assert all(work.error is None for work in works)
    return app.run()


def htmls(app):
    return " ".join(element.proto.body for element in app.get("html"))


def said(app):
    return " ".join(one.value for one in [*app.caption, *app.info, *app.markdown])


def test_maps_of_five_methods_come_one_after_another_with_their_agreement():
    app = visit(image="sample-31")
    assert not app.exception
    first = htmls(app)
    assert "Last spatial mask" in first
    assert "Being computed" in first
    app = finished(app)
    assert not app.exception
    found = htmls(app)
    assert "Being computed" not in found
    assert found.count("<figure>") == 5 + 2  # with centre and edges
    assert found.count('<th scope="row">') == 5
    assert re.search(r"<span>[\d.]+ to [\d.]+</span>", found)  # as ranges are written on every page
    assert " – " not in found
    assert "−0.62" in found  # the scale of Integrated Gradients ends at its largest value
    assert r"logit of cat \(3.07\)" in said(app)
    app.segmented_control(key="evidence-measure").select("overlap").run()
    assert "overlap" in app.query_params["measure"]
    assert htmls(app) != found


def test_an_address_names_section_and_class_and_gates_are_drawn_with_what_each_entry_adds():
    app = finished(visit(image="sample-31", section="gates", target="dog"))
    assert not app.exception
    found = htmls(app)
    assert found.count("<h4>") == 6
    assert found.count("--w: ") == 32 + 64 + 128
    assert re.search(r'alt="[^"]+\.spatial, Here: [\d.]+ to [\d.]+"', found)
    assert "logit of dog" in said(app)
    assert "gates" in app.query_params["section"]
    assert "dog" in app.query_params["target"]
    assert app.selectbox(key="evidence-target").value == "dog"


def test_without_gates_each_thing_says_so_in_one_sentence(monkeypatch, tmp_path, tiny_classifier):
    plain = replace(
        tiny_classifier, model=CBAM_CNN(gates="none").eval(), arguments={"num_classes": 10, "gates": "none"}
    )
    save_classifier(plain, tmp_path / "plain.safetensors")
    monkeypatch.setenv("CBAM_CHECKPOINT_DIR", str(tmp_path))
    app = visit()
    assert not app.exception
    assert htmls(app).count("This network has no spatial mask") == 2
    app = finished(app.segmented_control(key="evidence-section").select("gates").run())
    assert not app.exception
    assert "This network has no gates, so there is nothing to attribute to them" in said(app)


@dataclass
class Found:
    """Agreements of two maps a and b, and of each with the controls."""

    values: dict[tuple[str, str], float | None]

    def agreement(self, one, other):
        value = self.values[one, other]
        return None if value is None else Agreement(one, other, value, value, value)


@pytest.mark.parametrize(("others", "limit"), [((0.1, 0.4, -0.9, 0.3), 0.4), ((None, -0.2, -0.1, None), -0.1)])
def test_an_agreement_counts_beyond_that_with_centre_and_edges(others, limit):
    pairs = [(one, control) for one in "ab" for control in ("centre", "edges")]
    assert beyond_controls(Found(dict(zip(pairs, others, strict=True))), "a", "b", "pearson") == limit


def test_flat_maps_have_a_word_and_no_number(tiny_classifier):
    found = attribute(tiny_classifier, np.full((32, 32, 3), 9, np.uint8), methods=["mask", "mask_gradient"])
    flat = replace(found, agreements=tuple(replace(one, pearson=None) for one in found.agreements))
    assert agreement_table(flat, "pearson").count(">flat</td>") == 5


def test_gates_that_differ_along_channels_and_places_are_drawn_over_the_image_with_their_channels(tiny_classifier):
    seen = explain(tiny_classifier, np.full((32, 32, 3), 9, np.uint8))
    found = attribute(tiny_classifier, seen, methods=["mask"])
    added = np.zeros((4, 2, 3), np.float32)
    added[1], added[3, 0] = 0.25, -0.5
    for kind, axes, cells in (("full", (), (2, 3)), ("row", 2, (2, 1)), ("column", 1, (1, 3))):
        shares = added.sum(axis=axes, dtype=np.float32) if axes else added
        gate = Gate("att.gate", kind, 1, np.full(shares.shape, 0.5, np.float32))
        one = GateAttribution(gate, None, shares, exact=shares)
        assert _on_image(shares, kind).shape == cells
        np.testing.assert_allclose(_on_image(shares, kind).sum(), added.sum())
        assert (_level(gate.values, kind) == 0.5).all()
        drawn = _gate(found, one)
        assert drawn.count("<figure>") == 2
        assert "Here, mean of the channels" in drawn
        assert "Adds, all channels together" in drawn
        assert "Most for it: 1 (+1.5). Most against it: 3 (−1.5)." in drawn


def test_what_takes_long_waits_for_a_click(monkeypatch):
    monkeypatch.setattr(services, "SOON", 0.0)
    app = visit(image="sample-30")
    assert not app.exception
    assert htmls(app).count("Not computed yet") == 3
    app = finished(app.button(key="evidence-begin-maps").click().run())
    assert "Not computed yet" not in htmls(app)


def test_what_takes_long_can_be_cancelled_and_begun_again(monkeypatch):
    def endless(*_, **__):
        while True:
            time.sleep(0.01)
            yield 1

    service = import_module("app.services.attribution")
    steps = service._steps
    monkeypatch.setattr(service, "_steps", endless)
    app = visit(image="sample-29")
    [(_, work)] = app.session_state["attributing"].values()
    app.button(key="evidence-maps-cancel").click().run()
    assert not app.exception
    assert work.cancelled
    assert htmls(app).count("Not computed yet") == 3
    monkeypatch.setattr(service, "_steps", steps)
    app = finished(app.button(key="evidence-begin-maps").click().run())
    assert "Not computed yet" not in htmls(app)


def test_of_classes_that_share_a_name_the_answer_is_asked_about(tiny_classifier):
    seen = explain(tiny_classifier, np.full((32, 32, 3), 9, np.uint8))
    answer = int(seen.probabilities.argmax())
    classes = tuple("crane" if place in (0, 1, answer) else f"class {place}" for place in range(len(seen.classes)))
    named = replace(seen, classes=classes)
    assert _index(named, "") == _index(named, "crane") == answer
    assert _index(named, "class 9" if answer != 9 else "class 8") == (9 if answer != 9 else 8)


def test_channels_whose_share_is_written_as_0_are_not_named():
    gate = Gate("cbam1.channel", "channel", 1, np.full(4, 0.5, np.float32))
    shares = np.array([0.2, 0.0001, -0.0002, -0.3], np.float32)
    found = GateAttribution(gate, None, shares, exact=shares)
    assert [*_named(found)] == ["Most for it: 0 (+0.2).", "Most against it: 3 (−0.3)."]
