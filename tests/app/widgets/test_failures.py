"""A failure stands on the page whenever it is drawn, and once a visit in the log."""

from streamlit.testing.v1 import AppTest


def _page():
    import streamlit as st

    from app.widgets.failures import say_failure
    from cbam_core.errors import CbamError

    say_failure(CbamError("test.wrong", "{name} is wrong", name=st.session_state.get("name", "this")))


def test_a_failure_is_logged_once_however_often_the_page_is_drawn(caplog):
    def logged():
        return [record.getMessage() for record in caplog.records if record.name == "cbam_lens"]

    app = AppTest.from_function(_page).run()
    assert [error.value for error in app.run().error] == ["This is wrong."]
    assert logged() == ["test.wrong: this is wrong"]
    app.session_state["name"] = "that"
    assert [error.value for error in app.run().error] == ["That is wrong."]
    assert logged() == ["test.wrong: this is wrong", "test.wrong: that is wrong"]
    AppTest.from_function(_page).run()
    assert len(logged()) == 3
