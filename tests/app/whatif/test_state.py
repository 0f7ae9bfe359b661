"""What the browser tells of the edits: taken over only if it is an experiment of the page's own generation."""

import pytest
from streamlit.testing.v1 import AppTest

from app.whatif import link
from app.whatif.state import experiment_of
from cbam_core.results.gate_edits import GateEdit

TOLD = {
    "generation": 3,
    "now": {"cbam1.spatial": {"source": "usual", "factor": 1, "values": []}},
    "kept": [{"cbam2.channel": {"source": "as_is", "factor": 0.5, "values": [[3, 1]]}}],
    "opened": "cbam1.spatial",
    "all": True,
}


def test_an_experiment_is_taken_over():
    found = experiment_of(TOLD, 3)
    assert found.now == {"cbam1.spatial": GateEdit("usual")}
    assert found.kept == ({"cbam2.channel": GateEdit("as_is", 0.5, ((3, 1.0),))},)
    assert (found.opened, found.all, found.other) == ("cbam1.spatial", True, None)
    assert experiment_of({**TOLD, "other": ["test", 7]}, 3).other == ("test", 7)
    for other in (["upload", 7], ["test", -1], ["test", "7"], ["test"], 7):
        assert experiment_of({**TOLD, "other": other}, 3).other is None


@pytest.mark.parametrize(
    "change",
    [
        {"generation": 2},
        {"now": 3},
        {"now": {"a": {"source": "__import__"}}},
        {"kept": {}},
        {"kept": [{}] * 9},
        {"kept": [3]},
        {"opened": 3},
    ],
)
def test_what_a_browser_can_send_besides_is_not(change):
    assert experiment_of({**TOLD, **change}, 3) is None


@pytest.mark.parametrize("told", [None, 3, [], "told"])
def test_no_experiment_is_none(told):
    assert experiment_of(told, 3) is None


def test_an_address_names_edits_and_those_that_were_kept():
    now, kept = {"a.spatial": GateEdit("usual")}, [{"b.channel": GateEdit("off")}, {"a.spatial": GateEdit(factor=0.5)}]
    said = link.edits_as_parameters(now, kept)
    assert said == {"edits": "a.spatial:usual", "edits_a": "b.channel:off", "edits_b": "a.spatial:as_is*50"}
    assert link.edits_of(said) == (now, kept)
    assert link.fits(now, kept)
    painted = {"a.spatial": GateEdit(values=tuple((place, place % 7 / 7) for place in range(400)))}
    assert not link.fits(painted, kept)


@pytest.mark.parametrize(
    ("now", "opened"),
    [
        ({"a.channel": GateEdit(values=((3, 0.27),))}, "a.channel"),
        ({"a.channel": GateEdit("usual")}, ""),
        ({name: GateEdit(values=((3, 0.27),)) for name in ("a.channel", "b.channel")}, ""),
    ],
)
def test_an_address_that_sets_values_of_one_gate_opens_it(now, opened):
    def page(now):
        from app.whatif.state import EXPERIMENT, begin_with

        begin_with(now, (), None)
        import streamlit as st

        st.text(EXPERIMENT.get().opened)

    app = AppTest.from_function(page, args=(now,)).run()
    assert not app.exception
    assert app.text[0].value == opened
