"""Inspect without a browser: opening it, and reading what is there."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from tests.app.visiting import MAIN, go_to


def visit(source=None, **parameters):
    app = AppTest.from_file(str(MAIN), default_timeout=100)
    for name, value in parameters.items():
        app.query_params[name] = value
    app.run()
    if source:
        app.segmented_control(key="inspect-source").select(source).run()
    assert not app.exception
    return app


def texts(app):
    return " ".join(element.value for element in [*app.markdown, *app.caption, *app.info, *app.error])


def image(app):
    given = app.query_params["image"]
    return given[0] if isinstance(given, list) else given


def number(app):
    return next(box for box in app.number_input if box.label == "Number")


def elsewhere_and_back(app):
    go_to(app, "compare").run()
    go_to(app, "inspect").run()
    assert not app.exception
    return app
