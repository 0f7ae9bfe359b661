"""Going back and forth on Atlas, and from one atlas to another: what comes back, what stays, and what is dropped."""

from app.session.mark import MARK
from cbam_core.atlas.regions import line_as_text
from tests.app.atlas.test_atlas_page import address, said, visit
from tests.app.atlas.test_atlas_sections import RIGHT_HALF


def back_to(app, **query):
    """Go back to an address, as a browser does."""
    back_to.count += 1
    app.query_params.clear()
    app.query_params.update({**query, MARK: f"{back_to.count}~atlas"})
    app.run()
    assert not app.exception
    assert app.query_params.pop(MARK) in (str(back_to.count), [str(back_to.count)])
    return app


back_to.count = 0


def test_an_address_without_section_and_atlas_is_that_of_the_usual_ones(two):
    app = visit(network="cbam_cnn_cifar10", atlas="small", section="suspects")
    assert app.selectbox(key="atlas-name").value == "small"
    app = back_to(app, network="cbam_cnn_cifar10")
    assert app.selectbox(key="atlas-name").value == "large"
    assert app.segmented_control(key="atlas-section").value == "channels"
    assert [*app.query_params] == ["network"]


def test_going_back_to_one_section_keeps_what_is_chosen_in_others(two):
    app = visit(network="cbam_cnn_cifar10", gate="one.spatial", entry="2.3")
    app.segmented_control(key="atlas-section").select("masks").run()
    app = back_to(app, network="cbam_cnn_cifar10", section="masks", show="deviation")
    app.segmented_control(key="atlas-section").select("channels").run()
    assert (address(app, "gate"), address(app, "entry")) == ("one.spatial", "2.3")


def test_another_atlas_keeps_conditions_and_the_image_by_its_name_but_no_line(two):
    line = f"pca.{line_as_text(RIGHT_HALF)}"
    app = visit(section="neighbours", number="15", line=line, answers="wrong")
    app.selectbox(key="atlas-name").select("small").run()
    assert not app.exception
    assert (address(app, "atlas"), address(app, "number"), address(app, "answers")) == ("small", "5", "wrong")
    assert "line" not in app.query_params
    assert "inside a line" not in said(app)
    app = back_to(app, section="neighbours", number="15", line=line, answers="wrong")
    assert (address(app, "line"), address(app, "number")) == (line, "15")


def test_no_address_is_bare_where_the_network_has_no_name_to_link(two, monkeypatch):
    monkeypatch.setattr("app.session.links.network_of", lambda _: None)
    assert [*visit().query_params] == ["section"]
