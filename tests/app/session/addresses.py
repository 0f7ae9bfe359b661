"""What an address asks for, read, visited, and written by the page."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from app.session import links
from app.session.mark import MARK
from app.shell.router import PAGES, parameters_of
from tests.app.visiting import MAIN, go_to

READERS = {**links.SHELL, **{name: reader for page in PAGES for name, reader in parameters_of(page).items()}}
"""Of every parameter that some page has."""


def read(parameters):
    return links.read(parameters, READERS)


def visit(**parameters):
    test = AppTest.from_file(str(MAIN), default_timeout=200)
    for name, value in parameters.items():
        test.query_params[name] = value
    return test.run()


def said(app):
    """What stands in the address; addresses.js takes out the mark of a step back or forth."""
    texts = {name: values[0] if isinstance(values, list) else values for name, values in app.query_params.items()}
    texts.pop(MARK, None)
    return texts


def go_back(app, number, page="inspect", **parameters):
    """Go back to an address, as a browser does; a number tells one step from another."""
    app.query_params.clear()
    app.query_params.update({**parameters, MARK: f"{number}~{page}"})
    app.run()
    assert not app.exception
    return app


def compare(**parameters):
    app = AppTest.from_file(str(MAIN), default_timeout=200)
    go_to(app, "compare")
    for name, value in parameters.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app
