from streamlit.testing.v1 import AppTest


def page():
    import streamlit as st

    from app.session.choices import Choice, Generation, Remembered

    colour = Choice("colour")
    numbered = Choice("number", Generation("numbers"))
    st.button("set", key="set", on_click=colour.set, args=("blue",))
    st.button("restart", key="restart", on_click=numbered.restart)
    if st.toggle("away", key="away"):
        st.text(Remembered("visits", int).get())
    else:
        colour.resume("red")
        st.selectbox("Colour", ["red", "green", "blue"], key=colour.key)
        colour.remember()
    start = numbered.start(Remembered("first", lambda: 3).get())
    Remembered("first", lambda: 3).set(9)
    st.number_input("Number", value=start, key=numbered.key)


def test_a_choice_is_there_again_when_its_widget_was_not_drawn_for_a_while():
    app = AppTest.from_function(page).run()
    app.selectbox(key="colour").select("green").run()
    app.toggle(key="away").set_value(True).run()
    assert "colour" not in app.session_state
    app.toggle(key="away").set_value(False).run()
    assert app.selectbox(key="colour").value == "green"


def test_a_script_sets_what_a_widget_shows():
    app = AppTest.from_function(page).run()
    app.button(key="set").click().run()
    assert app.selectbox(key="colour").value == "blue"


def test_a_part_begins_with_the_same_until_a_new_generation():
    app = AppTest.from_function(page).run()
    assert app.number_input(key="number-0").value == 3
    assert app.run().number_input(key="number-0").value == 3
    app.button(key="restart").click().run()
    assert app.number_input(key="number-1").value == 9


def test_a_part_begins_anew_with_every_generation_and_keeps_to_it_in_between():
    def script():
        import streamlit as st

        from app.session.choices import Choice

        part = Choice("part")
        part.begin(0)
        asked = ((1, 0), (2, 0), (3, 1), (4, 1))
        st.text(" ".join(str(part.start(value, generation)) for value, generation in asked))

    assert AppTest.from_function(script).run().text[0].value == "1 1 3 3"


def test_what_is_remembered_begins_with_its_first_value_and_can_be_forgotten():
    def script():
        import streamlit as st

        from app.session.choices import Remembered, choices_known

        kept = Remembered("kept", list)
        kept.get().append("a")
        st.session_state["kept-too"] = 5
        st.text(f"{kept.get()} {kept.begin(['b'])} {choices_known('kept-')}")
        kept.forget()
        st.text(kept.begin(["b"]))

    texts = AppTest.from_function(script).run().text
    assert [text.value for text in texts] == ["['a'] ['a'] {'too': 5}", "['b']"]


def test_reading_the_sessions_state_ends_a_run_that_is_not_wanted_any_more():
    def script():
        import streamlit as st
        from streamlit.runtime.scriptrunner import get_script_run_ctx

        from app.session.choices import let_streamlit_stop

        st.text("before")
        get_script_run_ctx().script_requests.request_stop()
        let_streamlit_stop()
        st.session_state["went on"] = True

    app = AppTest.from_function(script).run()
    assert not app.exception
    assert "went on" not in app.session_state


def visited():
    import streamlit as st

    from app.session.choices import Choice, enter

    colour = Choice("colour")
    enter(st.session_state["at"])
    st.text(f"{colour.is_known}")
    colour.resume("red")
    st.selectbox(st.session_state["at"], ["red", "blue"], key=colour.key)
    colour.remember()


def test_what_the_script_set_on_one_page_is_forgotten_on_the_next_and_begun_anew_there():
    app = AppTest.from_function(visited)
    app.session_state["at"] = "first"
    app.run()
    app.selectbox(key="colour").select("blue").run()
    for page, known in (("second", "False"), ("second", "True"), ("first", "False"), ("second", "False")):
        app.session_state["at"] = page
        app.run()
        assert app.text[0].value == known
        assert app.selectbox(key="colour").value == "blue"
