"""Evidence without a browser: what each section shows, and what an address of it restores."""

import pytest
from streamlit.testing.v1 import AppTest

from tests.app.visiting import MAIN, go_to


@pytest.fixture
def app():
    test = AppTest.from_file(str(MAIN), default_timeout=60).run()
    assert not test.exception
    return go_to(test, "evidence").run()


def htmls(app):
    return " ".join(element.proto.body for element in app.get("html"))


def test_the_last_mask_stands_over_the_image(app):
    assert not app.exception
    assert app.title[0].value == "Evidence"
    assert "Last spatial mask" in htmls(app)
