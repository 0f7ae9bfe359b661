"""Two visitors of Atlas at once: each sees their own choices, and nobody waits for what was computed already."""

import pytest

from app.session import scheduling
from app.session.scheduling import FairQueue
from tests.app.atlas.test_atlas_page import address, said, visit

LINE = "pca.gAAA__AA____gA__"
"""Around the right half of the map."""


def chosen(app):
    """The choices of a visitor, by the addresses of what they see."""
    return {name: address(app, name) for name in app.query_params}


def test_neither_sees_what_the_other_chooses(two):
    cats = visit(atlas="small", section="suspects", **{"class": "cat"})
    lasso = visit(section="map", line=LINE, number="5", coloured="right")
    before = chosen(cats)
    lasso.segmented_control(key="atlas-answers-1").select("wrong").run()
    lasso.segmented_control(key="atlas-section").select("masks").run()
    cats.run()
    assert chosen(cats) == before
    assert "inside a line" not in said(cats)
    assert "inside a line" in said(lasso)
    cats.button(key="atlas-clear").click().run()
    assert "All 20 images" in said(cats)
    lasso.run()
    assert (address(lasso, "answers"), address(lasso, "line")) == ("wrong", LINE)
    assert lasso.selectbox(key="atlas-name").value == "large"


@pytest.mark.parametrize("section", ["channels", "masks", "neighbours", "map", "suspects"])
def test_a_long_step_of_another_delays_no_section_that_somebody_has_seen(two, section, monkeypatch):
    """The other one holds the only slot, as a step of t-SNE does."""
    visit(section=section, line=LINE)
    queue = FairQueue(1)
    monkeypatch.setattr(scheduling, "_queue", lambda: queue)
    with queue.slot("the other"):
        app = visit(section=section, line=LINE)
        assert queue.waiting == 0
    assert "inside a line" in said(app)
