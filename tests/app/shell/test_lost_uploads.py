"""What is said of uploads that an open page showed and the server does not have."""

from streamlit.testing.v1 import AppTest

from tests.app.visiting import go_to, open_page

LOST = {"uploads-lost-on": "inspect"}


def said(app):
    return [one.value for one in app.warning if "no longer has what you uploaded" in one.value]


def test_it_is_said_on_the_page_that_showed_them_until_that_is_left():
    app = open_page("inspect", LOST)
    assert len(said(app)) == 1
    go_to(app, "model").run()
    assert not said(app)
    go_to(app, "inspect").run()
    assert not said(app)


def told():
    import streamlit as st

    from app.shell.lost_uploads import take_loss

    take_loss(st.session_state.given, "compare")


def after(given):
    app = AppTest.from_function(told)
    app.session_state["given"] = given
    app.run()
    assert not app.exception
    state = app.session_state
    return ["inspect-source" in state and state["inspect-source"], "uploads-lost-on" in state]


def test_the_visitor_is_back_where_the_lost_image_was_given():
    assert after("upload") == ["upload", True]
    assert after("camera") == ["camera", True]
    assert after("sample") == [False, True]
    assert after({"a": []}) == [False, True]
    assert after(None) == [False, False]
