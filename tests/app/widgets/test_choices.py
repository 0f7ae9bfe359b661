"""Lists that keep what is chosen, whatever they are called."""

from streamlit.testing.v1 import AppTest

from app.widgets.choices import told_apart


def page():
    import streamlit as st

    from app.widgets.choices import keep_listed

    labels = [["one", "two"], ["eins", "zwei"]][st.session_state.get("language", 0)]
    keep_listed("list", labels)
    st.selectbox("List", [0, 1], format_func=labels.__getitem__, key="list")


def test_choices_of_the_same_words_are_told_apart_by_their_names():
    named = {"mine": "the samples", "shipped": "the samples", "test": "the test set"}
    assert told_apart(named) == {
        "mine": "the samples (mine)",
        "shipped": "the samples (shipped)",
        "test": "the test set",
    }


def test_a_browser_hears_of_its_choice_by_its_new_words_and_only_then():
    app = AppTest.from_function(page).run()
    app.selectbox(key="list").select_index(1).run()
    assert not app.selectbox(key="list").proto.set_value
    app.session_state["language"] = 1
    app.run()
    shown = app.selectbox(key="list")
    assert (shown.value, shown.proto.set_value, shown.proto.raw_value) == (1, True, "zwei")
    app.run()
    assert app.selectbox(key="list").value == 1
    assert not app.selectbox(key="list").proto.set_value
